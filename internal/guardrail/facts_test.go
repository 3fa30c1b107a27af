package guardrail

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// TestLook: how many ready pods of the cart, which has two, a change may take away at once.
func TestLook(t *testing.T) {
	deployment, pod := plantest.Ref("Deployment", "cart"), plantest.Ref("Pod", "cart-2-0")
	template := model.Change{Op: model.OpPatch, Target: deployment, Fields: []model.FieldChange{{Path: "/spec/template/spec/containers/0/image", New: json.RawMessage(`"x"`)}}}
	for name, tc := range map[string]struct {
		edit   func(*plantest.Cluster)
		change model.Change
		takes  int
		about  model.Ref
	}{
		"a port of a Service": {nil, model.Change{Op: model.OpPatch, Target: plantest.Ref("Service", "cart"), Fields: []model.FieldChange{{Path: "/spec/ports/0/targetPort"}}}, 0, plantest.Ref("Service", "cart")},
		"a ready pod":         {nil, model.Change{Op: model.OpEvict, Target: pod}, 1, deployment},
		"a pod that is not ready": {func(c *plantest.Cluster) { c.Edit("Pod/cart-2-0", "False", "status", "conditions", 0, "status") },
			model.Change{Op: model.OpEvict, Target: pod}, 0, deployment},
		"a label of a pod": {nil, model.Change{Op: model.OpPatch, Target: pod, Fields: []model.FieldChange{{Path: "/metadata/labels/app"}}}, 1, deployment},
		"a rollout":        {func(c *plantest.Cluster) { c.Edit("Deployment/cart", map[string]any{}, "spec", "strategy") }, template, 0, deployment}, // 25% of 2, rounded down
		"a rollout of half": {func(c *plantest.Cluster) {
			c.Edit("Deployment/cart", map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": "50%"}}, "spec", "strategy")
		}, template, 1, deployment},
		"a rollout of all": {func(c *plantest.Cluster) {
			c.Edit("Deployment/cart", map[string]any{"type": "Recreate"}, "spec", "strategy")
		}, template, 2, deployment},
		"fewer replicas":          {nil, model.Change{Op: model.OpPatch, Target: deployment, Fields: []model.FieldChange{{Path: "/spec/replicas", Old: json.RawMessage("2"), New: json.RawMessage("1")}}}, 1, deployment},
		"more replicas":           {nil, model.Change{Op: model.OpPatch, Target: deployment, Fields: []model.FieldChange{{Path: "/spec/replicas", Old: json.RawMessage("2"), New: json.RawMessage("3")}}}, 0, deployment},
		"a pod that is not there": {nil, model.Change{Op: model.OpEvict, Target: plantest.Ref("Pod", "none")}, 1, deployment},
	} {
		t.Run(name, func(t *testing.T) {
			c := plantest.Shop("cart", "web")
			if tc.edit != nil {
				tc.edit(c)
			}
			p := model.Plan{Finding: model.Finding{Object: model.FieldRef{Ref: plantest.Ref("Service", "cart")}, Related: map[string]model.Ref{"workload": deployment}}, Remedy: model.Remedy{Changes: []model.Change{tc.change}}}
			f := Look(c.Snapshot(), p)
			if len(f.Targets) != 1 || f.Targets[0].Takes != tc.takes || f.Targets[0].Counted != tc.about {
				t.Errorf("got %+v", f.Targets)
			}
		})
	}
}

// What is created has the labels that it will have, and a plan that nothing is known of the cluster for has none.
func TestLookAtWhatIsNotThere(t *testing.T) {
	made := model.Change{Op: model.OpCreate, Target: plantest.Ref("Service", "new"), Object: json.RawMessage(`{"metadata":{"labels":{"a":"b"}}}`)}
	p := model.Plan{Remedy: model.Remedy{Changes: []model.Change{made}}}
	if got := Look(plantest.Shop("cart").Snapshot(), p).Targets[0]; !got.Known || got.Labels["a"] != "b" {
		t.Errorf("got %+v", got)
	}
	if got := Look(nil, p).Targets[0]; got.Known || got.NamespaceKnown {
		t.Errorf("got %+v", got)
	}
}

// The switches that hold for a plan about shop: the cluster's and the namespace's. One that was installed for shop alone, and cannot
// look elsewhere, goes by the latter; whatever could not be looked at is never off.
func TestStopOf(t *testing.T) {
	shop := model.Plan{Remedy: model.Remedy{Changes: []model.Change{{Target: plantest.Ref("Service", "cart")}}}}
	node := model.Plan{Remedy: model.Remedy{Changes: []model.Change{{Target: model.Ref{APIVersion: "v1", Kind: "Node", Name: "n"}}}}}
	both := model.Plan{Remedy: model.Remedy{Changes: []model.Change{shop.Remedy.Changes[0], {Target: model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "pay", Name: "x"}}}}}
	const off, unknown = "", "not known"
	for name, tc := range map[string]struct {
		stopped  []string // namespaces that have a switch
		coverage snapshot.Coverage
		scope    string
		plan     model.Plan
		alone    string
		want     string // what it says; empty: nothing
	}{
		"nobody":                              {nil, snapshot.Complete, "", shop, "", off},
		"the cluster":                         {[]string{"gatemend"}, snapshot.Complete, "", shop, "", "gatemend was stopped (why); 'gatemend resume' lets"},
		"the namespace":                       {[]string{"shop"}, snapshot.Complete, "", shop, "", "gatemend was stopped in namespace shop (why); 'gatemend resume -n shop' lets"},
		"another namespace":                   {[]string{"pay"}, snapshot.Complete, "", shop, "", off},
		"one of the plan's namespaces":        {[]string{"pay"}, snapshot.Complete, "", both, "", "in namespace pay"},
		"no namespace":                        {[]string{"shop"}, snapshot.Complete, "", node, "", off},
		"forbidden":                           {nil, snapshot.Denied, "", shop, "", unknown},
		"forbidden, alone":                    {nil, snapshot.Denied, "", shop, "shop", unknown},
		"failed, alone":                       {nil, snapshot.Failed, "", shop, "shop", unknown},
		"nobody looked, alone":                {nil, snapshot.NotRead, "", shop, "shop", unknown},
		"only shop is seen":                   {nil, snapshot.Partial, "shop", shop, "", unknown},
		"only shop is seen, alone":            {nil, snapshot.Partial, "shop", shop, "shop", off},
		"only shop is seen and stopped":       {[]string{"shop"}, snapshot.Partial, "shop", shop, "", "in namespace shop"},
		"only shop is seen, alone, stopped":   {[]string{"shop"}, snapshot.Partial, "shop", shop, "shop", "in namespace shop"},
		"only pay is seen, alone in shop":     {nil, snapshot.Partial, "pay", shop, "shop", unknown},
		"only shop is seen, alone, a node":    {nil, snapshot.Partial, "shop", node, "shop", unknown},
		"only shop is seen, alone, and pay":   {nil, snapshot.Partial, "shop", both, "shop", unknown},
		"only shop is seen, alone, no change": {nil, snapshot.Partial, "shop", model.Plan{}, "shop", unknown},
		"alone, all is seen, the cluster":     {[]string{"gatemend"}, snapshot.Complete, "", shop, "shop", "gatemend was stopped (why)"},
		"alone in gatemend, not seen":         {nil, snapshot.Denied, "", model.Plan{}, "gatemend", unknown},
	} {
		t.Run(name, func(t *testing.T) {
			b := snapshot.NewBuilder()
			b.Cover(snapshot.ConfigMaps, tc.coverage, tc.scope, "")
			for _, ns := range tc.stopped {
				if err := b.Add(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: StopName}, Data: map[string]string{"reason": "why"}}); err != nil {
					t.Fatal(err)
				}
			}
			got := StopOf(b.Seal(time.Unix(0, 0)), tc.plan, tc.alone)
			says := got.Objection(false)
			if (says == "") != (tc.want == off) || !strings.Contains(says, tc.want) || got.Stopped == (got.Unknown != "") && tc.want != off {
				t.Errorf("got %+v: %q, want %q", got, says, tc.want)
			}
			if held := got.Objection(true) != ""; held != got.Stopped {
				t.Errorf("what a person has agreed to is held back: %v", held)
			}
		})
	}
	if got := StopOf(nil, shop, ""); got != (Stop{}) {
		t.Errorf("of no cluster: %+v", got)
	}
}
