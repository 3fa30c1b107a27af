package plan

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// A change is not to blame for what would become of the endpoints of a Service that it is not about: its controller has not
// made that of them, as of a pod whose readiness it has yet to hear of.
func TestOtherEndpointsStay(t *testing.T) {
	c := plantest.Shop("cart", "web")
	c.Edit("Service/cart", 9999, "spec", "ports", 0, "targetPort")
	c.Edit("EndpointSlice/cart-x", 9999, "ports", 0, "port")
	for _, pod := range []string{"Pod/web-2-0", "Pod/web-2-1"} {
		c.Edit(pod, "False", "status", "conditions", 0, "status")
	}
	s := c.Snapshot()
	p, err := Make(Input{Snapshot: s, Diagnosis: model.Diagnosis{At: s.At(), Causes: []model.Finding{port()}}})
	if err != nil || p.Remedy.Action != "patch-service" {
		t.Fatalf("got %q and %v, want the Service patched", p.Remedy.Summary, err)
	}
	after, err := Expect(s, p.Finding, p.Remedy.Changes)
	if err != nil {
		t.Fatal(err)
	}
	for app, same := range map[string]bool{"cart": false, "web": true} {
		if got := after.SlicesOf("shop", app)[0] == s.SlicesOf("shop", app)[0]; got != same {
			t.Errorf("the endpoints of %s are the same: %v, want %v", app, got, same)
		}
	}
}
