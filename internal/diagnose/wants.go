package diagnose

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// LogWanted names a container's log that would help to decide.
type LogWanted struct {
	Pod       model.Ref
	Container string
	Previous  bool   // of the container before the last restart
	Why       string // "the container ended with exit code 1"
}

// mostLogs bounds how many logs are asked for: they cost a request each.
const mostLogs = 6

// WantsLogs names the containers whose logs would settle what a diagnosis leaves open, the most
// useful first: containers that died, then those behind routes that fail without a proven cause.
func WantsLogs(d model.Diagnosis, s *snapshot.Snapshot) []LogWanted {
	var all []LogWanted
	for _, f := range d.Causes {
		if ref, ok := f.Related["pod"]; ok {
			all = append(all, ofUnready(s, ref)...)
		}
	}
	for _, t := range d.Traces {
		if unsettled(d, t) {
			all = append(all, ofAnswering(s, t)...)
		}
	}
	var out []LogWanted
	for _, w := range all {
		same := func(o LogWanted) bool {
			return o.Pod == w.Pod && o.Container == w.Container && o.Previous == w.Previous
		}
		if len(out) < mostLogs && !slices.ContainsFunc(out, same) {
			out = append(out, w)
		}
	}
	return out
}

// ofUnready wants the logs of a pod's containers that died or are not ready.
func ofUnready(s *snapshot.Snapshot, pod model.Ref) []LogWanted {
	p, presence := s.Pods().Get(pod.Namespace, pod.Name)
	if presence != snapshot.Present {
		return nil
	}
	var out []LogWanted
	for _, st := range p.Status.ContainerStatuses {
		if last := lastEnd(st); last != nil && !st.Ready {
			out = append(out, LogWanted{pod, st.Name, st.State.Terminated == nil, fmt.Sprintf("container %s ended with exit code %d", st.Name, last.ExitCode)})
		} else if !st.Ready && st.State.Running != nil {
			out = append(out, LogWanted{pod, st.Name, false, "container " + st.Name + " runs and is not ready"})
		}
	}
	return out
}

// ofAnswering wants the logs of the ready containers to which a route's requests go.
func ofAnswering(s *snapshot.Snapshot, t model.Trace) []LogWanted {
	var out []LogWanted
	for _, e := range t.Endpoints {
		p, presence := s.Pods().Get(e.Pod.Namespace, e.Pod.Name)
		if presence != snapshot.Present || !path.Ready(p) {
			continue
		}
		if c, ok := answering(p, e.Address); ok {
			out = append(out, LogWanted{e.Pod, c, false, fmt.Sprintf("requests to %s fail and its pod is ready", t.Request)})
		}
	}
	return out
}

// unsettled reports whether a trace's route fails without a cause that is proven.
func unsettled(d model.Diagnosis, t model.Trace) bool {
	failing := slices.ContainsFunc(d.Observed, func(o model.Observation) bool {
		return o.Object == t.Route && !stray(o)
	}) || slices.ContainsFunc(t.Hops, func(h model.Hop) bool { return h.Verdict == model.Suspect })
	return failing && !slices.ContainsFunc(d.Causes, func(f model.Finding) bool {
		return f.Confidence >= seen && slices.Contains(f.Routes, t.Route)
	})
}

// answering names the container that a request to the address should reach: the one that declares
// the port, else the first.
func answering(p *corev1.Pod, address string) (string, bool) {
	if len(p.Spec.Containers) == 0 {
		return "", false
	}
	for _, c := range p.Spec.Containers {
		for _, cp := range c.Ports {
			if fmt.Sprint(":", cp.ContainerPort) == address[max(0, len(address)-len(fmt.Sprint(":", cp.ContainerPort))):] {
				return c.Name, true
			}
		}
	}
	return cmp.Or(p.Spec.Containers[0].Name, ""), true
}
