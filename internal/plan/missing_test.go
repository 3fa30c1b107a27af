package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// A pod has been evicted, and what is waited for is another one in its place. One that is evicted next need not be ready.
func TestMissing(t *testing.T) {
	const ready, unready = "True", "False"
	for name, tc := range map[string]struct {
		pods map[string]string // that there are by now, and whether they are ready, of two
		ends string            // the one that is being deleted
		next []string          // to be evicted
		want string
	}{
		"nothing":                           {pods: map[string]string{"p-cart-1": ready, "new": ready}},
		"it is there":                       {pods: map[string]string{"p-cart-0": unready, "p-cart-1": ready}, want: "is there still"},
		"it ends":                           {pods: map[string]string{"p-cart-0": unready, "p-cart-1": ready}, ends: "p-cart-0", want: "has 1 of 2 pods"},
		"it ends, and another one serves":   {pods: map[string]string{"p-cart-0": unready, "p-cart-1": ready, "new": ready}, ends: "p-cart-0"},
		"there is none in its place":        {pods: map[string]string{"p-cart-1": ready}, want: "has 1 of 2 pods"},
		"the one in its place begins":       {pods: map[string]string{"p-cart-1": ready, "new": unready}, want: "Pod shop/new is not ready"},
		"another one does not serve":        {pods: map[string]string{"p-cart-1": unready, "new": ready}, want: "Pod shop/p-cart-1 is not ready"},
		"another one is to be evicted":      {pods: map[string]string{"p-cart-1": unready, "new": ready}, next: []string{"p-cart-1"}},
		"the next is gone, none in a place": {pods: map[string]string{"new": ready}, next: []string{"p-cart-1"}, want: "has 1 of 2 pods"},
	} {
		c := plantest.Shop("cart", "web")
		pod := c.Document("Pod/cart-2-0")
		c.Delete("Pod/cart-2-0")
		c.Delete("Pod/cart-2-1")
		for uid, is := range tc.pods {
			meta := pod["metadata"].(map[string]any)
			meta["name"], meta["uid"], meta["deletionTimestamp"] = uid, uid, nil
			if uid == tc.ends {
				meta["deletionTimestamp"] = "2026-05-04T03:02:00Z"
			}
			data, err := json.Marshal(pod)
			if err != nil {
				t.Fatal(err)
			}
			c.Apply(string(data))
			c.Edit("Pod/"+uid, is, "status", "conditions", 0, "status")
		}
		p := model.Plan{Finding: model.Finding{Object: model.FieldRef{Ref: plantest.Ref("Deployment", "cart")}}}
		for _, uid := range append([]string{"p-cart-0"}, tc.next...) {
			p.Remedy.Changes = append(p.Remedy.Changes, model.Change{Op: model.OpEvict, Target: plantest.Ref("Pod", uid), UID: uid})
		}
		if got := Missing(p, 0, c.Snapshot()); tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
