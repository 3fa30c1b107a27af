package diagnose

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// TestFaultsInARow puts faults behind the first, which hides them.
func TestFaultsInARow(t *testing.T) {
	const selector = `{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {selector: {app: carts}`
	empty := `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: cart-1, namespace: shop}, endpoints: []}`
	tests := map[string]struct {
		patch string
		want  []model.CauseID
	}{
		"a wrong port behind a wrong selector": {
			"items: [" + selector + `, ports: [{name: http, port: 80, targetPort: 9090, protocol: TCP}]}}, ` + empty + "]",
			[]model.CauseID{"selector-mismatch", "target-port-mismatch"},
		},
		"a policy behind a wrong selector": {
			"items: [" + selector + `}}, ` + empty + `, {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: shop}, spec: {podSelector: {}, policyTypes: [Ingress]}}]`,
			[]model.CauseID{"selector-mismatch", "networkpolicy-blocks-ingress"},
		},
		"a wrong port behind a wrong selector behind a wrong backend port": {
			"items: [" + selector + `, ports: [{name: http, port: 80, targetPort: 9090, protocol: TCP}]}}, ` + empty + `, {apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: shop, namespace: shop}, spec: {rules: [{host: shop.example, http: {paths: [{path: /cart, pathType: Prefix, backend: {service: {name: cart, port: {number: 81}}}}]}}]}}]`,
			[]model.CauseID{"service-port-missing", "selector-mismatch", "target-port-mismatch"},
		},
		"nothing behind it": {"items: [" + selector + `}}, ` + empty + "]", []model.CauseID{"selector-mismatch"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := build(t, patched(t, base(t), []byte(tt.patch)), nil)
			d := Diagnose(Input{Snapshot: s, Mended: func(f model.Finding, m *path.Map) (*snapshot.Snapshot, bool) {
				return plan.WithMended(f, m, plan.Memory{})
			}})
			var got []string
			for _, c := range d.Causes {
				got = append(got, string(c.ID))
			}
			var want []string
			for _, id := range tt.want {
				want = append(want, string(id))
			}
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("got %v, want %v:\n%s", got, want, show(d))
			}
			if len(want) < 2 {
				return
			}
			if p, err := plan.Make(plan.Input{Snapshot: s, Diagnosis: d}); err != nil || len(p.Faults) != len(want) {
				t.Errorf("got a plan for %d faults, %v: %s", len(p.Faults), err, p.Remedy.Summary)
			}
		})
	}
}
