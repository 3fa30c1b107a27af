package diagnose

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// sidecarAwaited finds pods whose application exits, again and again, because a call that it cannot start without is refused, each time
// before the proxy beside it takes connections: until then nothing takes what the pod's rules redirect to it, whatever is called
// (istio.io, docs: pods or containers start with network issues if istio-proxy is not ready).
func (v *view) sidecarAwaited(w *workload) (finding, bool) {
	pods := v.affected(w, "container-crashloop")
	for _, p := range pods {
		s, ok := sidecarOf(p)
		end := lastEnd(s.app)
		if !ok || end == nil || v.trouble(p).container != s.app.Name || s.proxy.State.Running == nil || v.heldBack(p, s.proxy.Name) || end.FinishedAt.After(v.sidecarUp(p, s.proxy)) {
			return finding{}, false
		}
	}
	if len(pods) == 0 {
		return finding{}, false
	}
	s, _ := sidecarOf(pods[0])
	line, source := v.lastWords(pods, s.app.Name)
	c, ok := v.read.call(line)
	if !ok || c.kind != model.Refused || slices.ContainsFunc(c.places, peer.ownPod) || !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return v.beforeSidecar(p, line) }) {
		return finding{}, false
	}
	f := v.onWorkload(w, "sidecar-not-ready", proven, holdField(s.proxy.Name),
		fmt.Sprintf("%s of %s %s before the sidecar %s takes connections: a call that container %s cannot start without is refused until then", share(len(pods), w.size()), w.ref, form(len(pods), "exits", "exit"), s.proxy.Name, s.app.Name), pods).
		not("container-crashloop", "the refused call never left the pod")
	f.Explains = nil // no revision is at fault
	delete(f.Related, "goodRevision")
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	return f.because("status", fmt.Sprintf("the sidecar of pod %s runs since %s and took none until %s", pods[0].Name, clock(s.proxy.State.Running.StartedAt.Time), clock(v.sidecarUp(pods[0], s.proxy))), w.ref, time.Time{}), true
}
