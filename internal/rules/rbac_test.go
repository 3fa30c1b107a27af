package rules

import (
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// The ClusterRoles that the project offers give the rights for every kind of plan that gatemend carries out, its
// undo included, and what opens something that is shut is not among those of the mender.
func TestRightsAreEnoughForEveryPlan(t *testing.T) {
	roles := map[string][]rbacv1.PolicyRule{}
	for text := range strings.SplitSeq(read(t, "config/rbac/mender.yaml"), "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict([]byte(text), &role); err != nil {
			t.Fatal(err)
		}
		roles[role.Name] = role.Rules
	}
	mender, opener := roles["gatemend-mender"], roles["gatemend-opener"]
	if len(mender) == 0 || len(opener) == 0 {
		t.Fatalf("got roles %v", roles)
	}
	for _, f := range plantest.Faults() {
		c := plantest.Shop("cart", "web")
		f.Break(c)
		d := model.Diagnosis{Causes: []model.Finding{f.Finding}, Observed: f.Observed}
		p, err := plan.Make(plan.Input{Diagnosis: d, Snapshot: c.Snapshot(), Memory: plan.Memory{Deleted: f.Deleted}})
		if err != nil {
			t.Fatal(err)
		}
		if p.Remedy.Machine == model.MachineAdvise {
			continue
		}
		opens := slices.ContainsFunc(p.Guards, func(g model.GuardResult) bool { return g.Guard == "access" })
		for _, change := range slices.Concat(p.Remedy.Changes, p.Remedy.Undo) {
			group, resource, verb := rightFor(change)
			if opens && allows(mender, group, resource, verb) {
				t.Errorf("%s: the mender may %s %s without being an opener", f.Name, verb, resource)
			}
			if !allows(mender, group, resource, verb) && (!opens || !allows(opener, group, resource, verb)) {
				t.Errorf("%s: no role lets anybody %s %s of group %q", f.Name, verb, resource, group)
			}
		}
	}
}

// rightFor is the right that a change needs.
func rightFor(c model.Change) (group, resource, verb string) {
	group, _, grouped := strings.Cut(c.Target.APIVersion, "/")
	if !grouped {
		group = ""
	}
	resource = strings.ToLower(c.Target.Kind)
	switch {
	case strings.HasSuffix(resource, "cy"):
		resource = strings.TrimSuffix(resource, "y") + "ies"
	case strings.HasSuffix(resource, "ss"):
		resource += "es"
	case !strings.HasSuffix(resource, "s"):
		resource += "s"
	}
	if c.Op == model.OpEvict {
		return group, "pods/eviction", "create"
	}
	return group, resource, string(c.Op)
}

func allows(rules []rbacv1.PolicyRule, group, resource, verb string) bool {
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.APIGroups, group) && (slices.Contains(r.Resources, resource) || slices.Contains(r.Resources, "*")) && slices.Contains(r.Verbs, verb)
	})
}
