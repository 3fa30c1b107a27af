package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func sidecarNotReady() Analyzer {
	return Analyzer{
		Cause: "sidecar-not-ready", Doc: "Finds pods whose mesh sidecar starts after the application, stops before it, or does not get ready beside it.",
		Inputs: append(podKinds(), snapshot.ConfigMaps), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				for _, look := range []func(*workload) (finding, bool){v.sidecarUnready, v.sidecarAwaited, v.sidecarGone, v.sidecarLate, v.sidecarMissed} {
					if f, ok := look(w); ok {
						out = append(out, f)
						break
					}
				}
			}
			return out
		},
	}
}

// warmUp is how long a sidecar that was started may need until it takes connections: it first gets its
// configuration and its certificate.
const warmUp = 5 * time.Second

// sidecar is the state of a pod's mesh proxy and of an application's container beside it.
type sidecar struct {
	proxy, app corev1.ContainerStatus
}

// sidecarOf finds the proxy of a mesh that is an ordinary container of a pod: the kubelet starts and stops
// native sidecars (init containers that restart always) around the others, so for these no order is wrong.
func sidecarOf(p *corev1.Pod) (sidecar, bool) {
	var out sidecar
	for _, st := range p.Status.ContainerStatuses {
		switch {
		case slices.Contains([]string{"istio-proxy", "linkerd-proxy", "kuma-sidecar", "consul-dataplane"}, st.Name):
			out.proxy = st
		case out.app.Name == "":
			out.app = st
		}
	}
	return out, out.proxy.Name != "" && out.app.Name != ""
}

// sidecarUnready finds that the application is ready and the proxy beside it, which has run for some time, is
// not, so that the pod as a whole gets no requests.
func (v *view) sidecarUnready(w *workload) (finding, bool) {
	if !w.hurt() || v.explainedWorkload(w) {
		return finding{}, false
	}
	var pods []*corev1.Pod
	for _, p := range v.affected(w, "pods-not-ready") {
		if s, ok := sidecarOf(p); ok && !s.proxy.Ready && s.proxy.State.Running != nil && s.app.Ready {
			pods = append(pods, p)
		}
	}
	if len(pods) == 0 {
		return finding{}, false
	}
	s, _ := sidecarOf(pods[0])
	field, _, ok := containerField(w, s.proxy.Name, false)
	if !ok {
		field = "spec.template" // it was injected
	}
	f := v.onWorkload(w, "sidecar-not-ready", proven, field,
		fmt.Sprintf("the sidecar %s of %s is not ready though the application beside it is, so %s %s no requests", s.proxy.Name, w.ref, share(len(pods), w.size()), form(len(pods), "gets", "get")), pods)
	f.Explains = nil
	return f, true
}

// sidecarGone finds that in pods that stop the proxy ended while the application still ran, and that requests
// failed there after that.
func (v *view) sidecarGone(w *workload) (finding, bool) {
	for _, p := range w.pods {
		s, ok := sidecarOf(p)
		if !ok || p.DeletionTimestamp == nil || s.proxy.State.Terminated == nil {
			continue
		}
		end := s.proxy.State.Terminated.FinishedAt.Time
		if s.app.State.Running == nil && (s.app.State.Terminated == nil || !s.app.State.Terminated.FinishedAt.After(end)) {
			continue
		}
		met := v.metAt(w, p, end.Add(-time.Second), end.Add(afterStop))
		if len(met) == 0 {
			continue
		}
		field := annotationField("proxy.istio.io/config")
		if s.proxy.Name == "linkerd-proxy" {
			field = annotationField("config.alpha.linkerd.io/proxy-wait-before-exit-seconds")
		}
		return v.besideSidecar(w, p, met, field, proven,
			fmt.Sprintf("the sidecar %s of %s stops before the application: in pod %s it ended at %s while container %s still served, and %d requests failed from then on", s.proxy.Name, w.ref, p.Name, clock(end), s.app.Name, len(met)), end), true
	}
	return finding{}, false
}

// sidecarLate finds that the application ran before the proxy did, that it says itself that its calls were
// refused, and that requests to it failed in the first moments of the pod.
func (v *view) sidecarLate(w *workload) (finding, bool) {
	for _, p := range w.pods {
		s, ok := sidecarOf(p)
		if !ok || s.app.State.Running == nil || s.proxy.State.Running == nil || v.heldBack(p, s.proxy.Name) {
			continue
		}
		began, ready := s.app.State.Running.StartedAt.Time, s.proxy.State.Running.StartedAt.Time
		if last := lastEnd(s.app); last != nil && !last.StartedAt.IsZero() {
			began = last.StartedAt.Time // it died of it, and was started again
		}
		line, source := v.refusedCall(p)
		if line == "" || began.Sub(ready) > warmUp {
			continue // it is so in every pod, and seldom hurts
		}
		met := v.metAt(w, p, began, newestOf(began, ready).Add(firstSteps/4))
		if len(met) == 0 || len(v.metAt(w, p, began, v.s.At())) > len(met) {
			continue // what goes on has another reason
		}
		confidence := likely
		if began.Before(ready) {
			confidence = proven
		}
		f := v.besideSidecar(w, p, met, holdField(s.proxy.Name), confidence,
			fmt.Sprintf("the sidecar %s of %s starts after the application: in pod %s container %s ran from %s and the sidecar from %s, and %d requests failed meanwhile", s.proxy.Name, w.ref, p.Name, s.app.Name, clock(began), clock(ready), len(met)), began)
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
		return f, true
	}
	return finding{}, false
}

// besideSidecar starts a finding about the order in which a pod's proxy and application start or stop.
func (v *view) besideSidecar(w *workload, p *corev1.Pod, met []*model.Signal, field string, confidence float64, summary string, since time.Time) finding {
	return find("sidecar-not-ready", confidence, at(w.ref, field), summary).
		on(w.routes...).as(append(raceKinds(), model.UpstreamStatus)...).covering(met).since(since).
		relates("workload", w.ref).relates("service", w.service()).relates("pod", snapshot.RefOf(p)).
		because("status", "the sidecar is an ordinary container, which the kubelet starts and stops beside the others", snapshot.RefOf(p), time.Time{})
}

// annotationField is an annotation of a workload's pods as a field.
func annotationField(name string) string {
	return "spec.template.metadata.annotations['" + name + "']"
}

// metAt lists the failed requests that were sent to a pod within some time.
func (v *view) metAt(w *workload, p *corev1.Pod, from, to time.Time) []*model.Signal {
	kinds := append(raceKinds(), model.UpstreamStatus)
	var out []*model.Signal
	for _, r := range w.routes {
		for i := range r.signals {
			s := &r.signals[i]
			if p.Status.PodIP != "" && lastHost(s) == p.Status.PodIP && slices.Contains(kinds, s.Failure) && !endOf(s).Before(from) && !endOf(s).After(to) && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// heldBack reports whether the application waits for the proxy: Istio's holdApplicationUntilProxyStarts, of the
// pod or of the mesh, and Linkerd's proxy-await, which is on unless somebody turns it off.
func (v *view) heldBack(p *corev1.Pod, proxy string) bool {
	if proxy == "linkerd-proxy" {
		return p.Annotations["config.linkerd.io/proxy-await"] != "disabled"
	}
	holds := func(text string) bool {
		return strings.Contains(strings.NewReplacer(" ", "", `"`, "").Replace(text), "holdApplicationUntilProxyStarts:true")
	}
	own := p.Annotations["proxy.istio.io/config"]
	if strings.Contains(own, "holdApplicationUntilProxyStarts") {
		return holds(own)
	}
	mesh, ok := v.s.ConfigMaps().Get(rootNamespace, "istio")
	return ok == snapshot.Present && holds(mesh.Data["mesh"])
}

// refusedCall is a line in which a pod's application says that a call of its own was refused: without its proxy
// nothing takes what is redirected to it.
func (v *view) refusedCall(p *corev1.Pod) (line, source string) {
	for _, log := range v.in.Logs {
		if log.Pod.Name != p.Name || log.Pod.Namespace != "" && log.Pod.Namespace != p.Namespace {
			continue
		}
		for _, l := range log.Lines {
			if c, ok := v.read.call(l); ok && (c.kind == model.Refused || c.kind == model.Reset) {
				return strings.TrimSpace(l), sourceOf(log)
			}
		}
	}
	return "", ""
}
