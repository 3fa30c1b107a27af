package path

import (
	"slices"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// That a class could not be read is told whatever the gateway's pods say: also where none is ready, and where it answers nevertheless.
func TestUnreadClassIsTold(t *testing.T) {
	for ready, want := range map[string][]model.Verdict{"True": {model.Unknown}, "False": {model.Unknown, model.Broken}} {
		m := New(world(t, []string{
			ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "cart")+`]`),
			`{apiVersion: v1, kind: Pod, metadata: {name: gw-1, namespace: edge, labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}},
			  spec: {nodeName: node-1, containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.2"}]},
			  status: {phase: Running, podIP: 10.0.0.2, conditions: [{type: Ready, status: "` + ready + `"}]}}`,
		}, snapshot.IngressClasses))
		verdicts := func(tr model.Trace) []model.Verdict {
			var out []model.Verdict
			for _, h := range tr.Hops {
				if h.Kind == model.HopGateway {
					out = append(out, h.Verdict)
				}
			}
			return out
		}
		r := m.Routes()[0]
		if got := verdicts(m.WalkRoute(r)); !slices.Equal(got, want) {
			t.Errorf("ready %s: the gateway's hops are %v, want %v", ready, got, want)
		}
		if ready == "False" {
			want = []model.Verdict{model.Unknown, model.Suspect}
		}
		if got := verdicts(m.WalkArrived(r, true)); !slices.Equal(got, want) {
			t.Errorf("ready %s, and it answers: the gateway's hops are %v, want %v", ready, got, want)
		}
	}
}
