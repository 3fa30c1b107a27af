package timeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Departure is a node that left, or is leaving: its pods do not answer any more, or will not.
type Departure struct {
	Node model.Ref
	// At is the earliest time known at which it was going; zero if nothing tells.
	At    time.Time
	Field string // of the Node, that shows it; empty if the Node is gone
	Why   string // "was deleted", "has not reported since 12:00:01", ...
	// Drained is set if its pods were told to leave before: by a drain, an autoscaler, a notice.
	Drained bool
	// Told is when it was first told to leave, Lost when it was found not to be ready, and Back when it was ready again after it had
	// gone; zero each if nothing tells.
	Told, Lost, Back time.Time
}

// Forewarned reports whether a node was told to leave before it fell silent: it did not fail, somebody took it away.
func (d Departure) Forewarned() bool {
	return !d.Told.IsZero() && !d.Lost.IsZero() && !d.Told.After(d.Lost)
}

// Nodes lists the nodes that left or are leaving, by name, each once. Those that pods run on and that are
// not in a complete list of nodes are gone. One that came back after it was started anew had left, too.
func Nodes(s *snapshot.Snapshot) map[string]Departure {
	out := map[string]Departure{}
	add := func(d Departure) {
		old, ok := out[d.Node.Name]
		if !ok {
			out[d.Node.Name] = d
			return
		}
		switch {
		case old.Back.IsZero() && !d.Back.IsZero():
			return // it has gone again since
		case !old.Back.IsZero() && d.Back.IsZero():
			out[d.Node.Name] = d
			return
		}
		old.At, old.Told, old.Lost, old.Back = earlier(old.At, d.At), earlier(old.Told, d.Told), earlier(old.Lost, d.Lost), later(old.Back, d.Back)
		old.Field, old.Why, old.Drained = cmp.Or(old.Field, d.Field), cmp.Or(old.Why, d.Why), old.Drained || d.Drained
		out[d.Node.Name] = old
	}
	for n := range s.Nodes().All() {
		if d, ok := leaving(n); ok {
			add(d)
		}
	}
	for _, name := range absent(s) {
		add(Departure{Node: nodeRef(name), Why: "does not exist any more"})
	}
	back := returns(s)
	for e := range s.Events().All() {
		if d, ok := toldOf(s, e, back); ok {
			add(d)
		}
	}
	all := reboots(s)
	maps.Copy(all, out) // a node that is away now is so in the first place
	return all
}

// reboots lists the nodes of which the kubelet said that they were started anew (Rebooted: it compares boot ids), from when the
// controller missed their reports, or from then.
func reboots(s *snapshot.Snapshot) map[string]Departure {
	const boot = 15 * time.Minute // takes no longer, if it is to be about the same
	out := map[string]Departure{}
	for e := range s.Events().All() {
		if o := e.InvolvedObject; o.Kind == "Node" && e.Reason == "Rebooted" {
			back := snapshot.EventTime(e)
			out[o.Name] = Departure{Node: nodeRef(o.Name), At: back, Back: back, Why: "was rebooted"}
		}
	}
	for e := range s.Events().All() {
		at := snapshot.EventTime(e)
		if d, ok := out[e.InvolvedObject.Name]; ok && e.InvolvedObject.Kind == "Node" && e.Reason == "NodeNotReady" && at.Before(d.At) && d.Back.Sub(at) < boot {
			d.At = at
			out[e.InvolvedObject.Name] = d
		}
	}
	return out
}

// toldOf reads an event that says that a node leaves. One that came back counts only where its machine was stopped.
func toldOf(s *snapshot.Snapshot, e *corev1.Event, back map[string]time.Time) (Departure, bool) {
	at, name := snapshot.EventTime(e), e.InvolvedObject.Name
	if e.InvolvedObject.Kind != "Node" || !parts(e.Reason) || at.IsZero() {
		return Departure{}, false
	}
	what := fmt.Sprintf("(%s: %s)", e.Reason, strings.TrimSpace(e.Message))
	d := Departure{Node: nodeRef(name), At: at, Why: "is gone or going " + what, Drained: e.Reason != "NodeNotReady"}
	if d.Drained {
		d.Told = at
	} else {
		d.Lost = at
	}
	n, presence := s.Nodes().Get("", name)
	if came := back[name]; !at.After(came) {
		d.Back = came
	}
	if presence == snapshot.Present && settledSince(n, at) {
		d.Back = later(later(d.Back, readySince(n)), n.CreationTimestamp.Time) // it came back, or is another node of that name
	}
	if d.Back.IsZero() {
		return d, true
	}
	d.Field, d.Why = "status.conditions[type=Ready]", fmt.Sprintf("was taken away until %s %s", d.Back.UTC().Format("15:04:05"), what)
	return d, presence == snapshot.Present && ends(e.Reason)
}

// returns is when each node last came, or came back, as events tell.
func returns(s *snapshot.Snapshot) map[string]time.Time {
	out := map[string]time.Time{}
	for e := range s.Events().All() {
		if o := e.InvolvedObject; o.Kind == "Node" && slices.Contains([]string{"NodeReady", "RegisteredNode", "Starting"}, e.Reason) {
			out[o.Name] = later(out[o.Name], snapshot.EventTime(e))
		}
	}
	return out
}

// absent lists the nodes that pods run on and that a complete list of nodes does not have.
func absent(s *snapshot.Snapshot) []string {
	if c, _ := s.Coverage(snapshot.Nodes); !c.Whole() || s.Nodes().Len() == 0 {
		return nil
	}
	var out []string
	for p := range s.Pods().All() {
		node := p.Spec.NodeName
		if node == "" || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || slices.Contains(out, node) {
			continue
		}
		if _, presence := s.Nodes().Get("", node); presence == snapshot.Absent {
			out = append(out, node)
		}
	}
	return out
}

func nodeRef(name string) model.Ref { return model.Ref{APIVersion: "v1", Kind: "Node", Name: name} }

// parts reports whether an event on a Node says that it leaves: those of the node lifecycle controller,
// the cluster autoscaler, Karpenter, kubectl drain and the interruption handlers of clouds.
func parts(reason string) bool {
	return slices.Contains([]string{
		"NodeNotReady", "RemovingNode", "DeletingNode", "NodeShutdown", "Shutdown", "ScaleDown", "ScaleDownEmpty", "Drain", "Draining", "Drained",
		"DisruptionTerminating", "Disrupted", "TerminatingOnInterruption", "SpotInterrupted", "SpotInterruption", "InstanceTerminating",
		"PreemptScheduled", "TerminateScheduled", "NodeDraining", "TerminationGracePeriodExpiring",
	}, reason)
}

// ends reports whether an event on a Node says that its machine stops, or that its cloud takes it back: its kubelet ends the pods
// then without asking anybody, and their endpoints go when it has told of it.
func ends(reason string) bool {
	return slices.Contains([]string{
		"NodeShutdown", "Shutdown", "TerminatingOnInterruption", "SpotInterrupted", "SpotInterruption", "InstanceTerminating", "PreemptScheduled", "TerminateScheduled",
	}, reason)
}

// readySince is since when a node is ready; zero if it is not.
func readySince(n *corev1.Node) time.Time {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

// settledSince reports whether a node became ready after a time and takes pods.
func settledSince(n *corev1.Node, at time.Time) bool {
	if n.CreationTimestamp.After(at) {
		return true
	}
	if n.Spec.Unschedulable || n.DeletionTimestamp != nil {
		return false
	}
	return readySince(n).After(at)
}

// leaving reads a Node that is there. A cordon alone does not count: pods go on there.
func leaving(n *corev1.Node) (Departure, bool) {
	d := Departure{Node: snapshot.RefOf(n)}
	for _, c := range n.Status.Conditions {
		if c.Type != corev1.NodeReady || c.Status == corev1.ConditionTrue {
			continue
		}
		d.At, d.Field, d.Lost = c.LastTransitionTime.Time, "status.conditions[type=Ready]", c.LastTransitionTime.Time
		d.Why = "is not ready: " + cmp.Or(c.Reason, string(c.Status))
		// It was silent since its last heartbeat; the controller waits most of a minute before it says so.
		if h := c.LastHeartbeatTime.Time; c.Status == corev1.ConditionUnknown && !h.IsZero() && h.Before(d.At) {
			d.At, d.Why = h, "has not reported since "+h.UTC().Format("15:04:05")
		}
	}
	for _, t := range n.Spec.Taints {
		if !slices.Contains([]string{
			"ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "karpenter.sh/disruption", "node.kubernetes.io/out-of-service",
			"aws-node-termination-handler/spot-itn", "aws-node-termination-handler/scheduled-maintenance", "cloud.google.com/impending-node-termination",
			"node.cloudprovider.kubernetes.io/shutdown", "kubernetes.azure.com/scalesetpriority-eviction",
		}, t.Key) {
			continue
		}
		d.Field, d.Drained = cmp.Or(d.Field, "spec.taints"), true
		d.Why = cmp.Or(d.Why, "carries the taint "+t.Key)
		if t.TimeAdded != nil {
			d.At, d.Told = earlier(d.At, t.TimeAdded.Time), earlier(d.Told, t.TimeAdded.Time)
		}
	}
	if n.DeletionTimestamp != nil {
		d.Why, d.Drained = cmp.Or(d.Why, "is being deleted"), true
		d.At, d.Told = earlier(d.At, n.DeletionTimestamp.Time), earlier(d.Told, n.DeletionTimestamp.Time)
	}
	return d, d.Why != ""
}
