package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// sidecarMissed finds that an application called something before the proxy beside it took connections, was refused, and
// did not ask again: these pods answer with errors from then on, while what they called works, and other pods too. It
// says so itself, in a line with a time.
func (v *view) sidecarMissed(w *workload) (finding, bool) {
	var met []*model.Signal
	var first *corev1.Pod
	var said call
	for _, p := range w.pods {
		failed := v.metAt(w, p, p.CreationTimestamp.Time, v.s.At())
		if len(failed) == 0 {
			continue
		}
		met = append(met, failed...)
		if !slices.ContainsFunc(v.in.Logs, func(log model.LogExcerpt) bool { return isLogOf(log, p) }) {
			continue // it started as the others did, and nobody read what it says
		}
		c, ok := v.unheard(p)
		if !ok {
			return finding{}, false // it fails without that, so there is another reason
		}
		if first == nil {
			first, said = p, c
		}
	}
	if len(met) < 2 || first == nil {
		return finding{}, false
	}
	slices.SortStableFunc(met, func(a, b *model.Signal) int { return a.At.Compare(b.At) })
	s, _ := sidecarOf(first)
	if s.app.State.Running == nil {
		return finding{}, false // it ended since, which is what to explain
	}
	began, ready := s.app.State.Running.StartedAt.Time, s.proxy.State.Running.StartedAt.Time
	f := v.besideSidecar(w, first, met, holdField(s.proxy.Name), proven,
		fmt.Sprintf("the sidecar %s of %s starts after the application: in pod %s container %s ran from %s and the sidecar from %s, a call was refused in between and is not made again, and %d requests failed since",
			s.proxy.Name, w.ref, first.Name, s.app.Name, clock(began), clock(ready), len(met)), began)
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: strings.TrimSpace(said.line), Source: said.source})
	return f.not("dependency-unavailable", "the refused call never left the pod"), true
}

// unheard is the last call that a pod's application says was refused, if that was before the proxy beside it took
// connections.
func (v *view) unheard(p *corev1.Pod) (last call, ok bool) {
	for _, log := range v.in.Logs {
		if !isLogOf(log, p) {
			continue
		}
		for _, l := range log.Lines {
			if c, is := v.read.call(l); is && c.kind == model.Refused {
				c.source = sourceOf(log)
				last, ok = c, v.beforeSidecar(p, l)
			}
		}
	}
	return last, ok
}

// beforeSidecar reports whether a line was written before the proxy in its pod took connections: what the application
// calls is redirected to it, and nothing takes it there. A call that was refused then tells nothing of what was called.
func (v *view) beforeSidecar(p *corev1.Pod, line string) bool {
	s, ok := sidecarOf(p)
	began := lastStart(s.app)
	if !ok || began.IsZero() || s.proxy.State.Running == nil || v.heldBack(p, s.proxy.Name) {
		return false
	}
	at, err := time.Parse(time.RFC3339, stamp.FindString(line))
	return err == nil && !at.Before(began.Add(-time.Second)) && !at.After(v.sidecarUp(p, s.proxy))
}

// lastStart is when a container was started the last time; zero if it was not yet.
func lastStart(st corev1.ContainerStatus) time.Time {
	if st.State.Running != nil {
		return st.State.Running.StartedAt.Time
	}
	if end := lastEnd(st); end != nil {
		return end.StartedAt.Time
	}
	return time.Time{}
}

// sidecarProbe matches the kubelet's words on a probe of a mesh proxy: Istio's (15021) and Linkerd's (4191) are asked on ports of their own.
var sidecarProbe = regexp.MustCompile(`:(?:15021|4191)/`)

// sidecarUp is until when the proxy of a pod that runs did not take connections, as far as is known: a moment from its start, and
// longer where the kubelet's probes of it failed. What fails later than a start takes is another matter.
func (v *view) sidecarUp(p *corev1.Pod, proxy corev1.ContainerStatus) time.Time {
	began := proxy.State.Running.StartedAt.Time
	up := began.Add(warmUp)
	for _, e := range v.s.EventsOf(snapshot.RefOf(p)) {
		its := e.InvolvedObject.FieldPath == "spec.containers{"+proxy.Name+"}" || e.InvolvedObject.FieldPath == "" && sidecarProbe.MatchString(e.Message)
		if at := snapshot.EventTime(e); e.Reason == "Unhealthy" && its && at.After(began) && at.Before(began.Add(firstSteps)) {
			up = newestOf(up, at)
		}
	}
	return up
}

// holdField is where a pod is told to start the application after the proxy.
func holdField(proxy string) string {
	if proxy == "linkerd-proxy" {
		return annotationField("config.linkerd.io/proxy-await")
	}
	return annotationField("proxy.istio.io/config")
}

// saidBeforeSidecar is beforeSidecar of a workload's pod by its name.
func (v *view) saidBeforeSidecar(w *workload, pod model.Ref, line string) bool {
	return slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool { return p.Name == pod.Name && v.beforeSidecar(p, line) })
}
