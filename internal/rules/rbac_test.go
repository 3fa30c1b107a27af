package rules

import (
	"maps"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/remedy"
)

// The ClusterRoles that the project offers give the rights for every kind of plan that gatemend carries out, its
// undo included, and what opens something that is shut is not among those of the mender.
func TestRightsAreEnoughForEveryPlan(t *testing.T) {
	roles := rolesIn(t, "config/rbac/mender.yaml")
	mender, opener := roles["gatemend-mender"], roles["gatemend-opener"]
	if len(mender) == 0 || len(opener) == 0 {
		t.Fatalf("got roles %v", roles)
	}
	for name, p := range plans(t) {
		opens := slices.ContainsFunc(p.Guards, func(g model.GuardResult) bool { return g.Guard == "access" })
		for _, change := range slices.Concat(p.Remedy.Changes, p.Remedy.Undo) {
			group, resource, verb := rightFor(change)
			if opens && allows(mender, group, resource, verb) {
				t.Errorf("%s: the mender may %s %s without being an opener", name, verb, resource)
			}
			if !allows(mender, group, resource, verb) && (!opens || !allows(opener, group, resource, verb)) {
				t.Errorf("%s: no role lets anybody %s %s of group %q", name, verb, resource, group)
			}
		}
	}
}

// rolesIn gives the rules of the ClusterRoles of a file by their names.
func rolesIn(t *testing.T, file string) map[string][]rbacv1.PolicyRule {
	t.Helper()
	roles := map[string][]rbacv1.PolicyRule{}
	for text := range strings.SplitSeq(read(t, file), "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict([]byte(text), &role); err != nil {
			t.Fatal(err)
		}
		roles[role.Name] = role.Rules
	}
	return roles
}

// plans are those that gatemend carries out, by the names of the faults that they mend.
func plans(t *testing.T) map[string]model.Plan {
	t.Helper()
	out := map[string]model.Plan{}
	for _, f := range plantest.Faults() {
		c := plantest.Shop("cart", "web")
		f.Break(c)
		d := model.Diagnosis{Causes: []model.Finding{f.Finding}, Observed: f.Observed}
		p, err := plan.Make(plan.Input{Diagnosis: d, Snapshot: c.Snapshot(), Memory: plan.Memory{Deleted: f.Deleted}})
		if err != nil {
			t.Fatal(err)
		}
		if p.Remedy.Machine != model.MachineAdvise {
			out[f.Name] = p
		}
	}
	return out
}

// unplanned are the rights of actions that none of the plans of the tests needs: they do the same with another kind of
// object, or in a way that only a real cluster shows.
func unplanned() []string {
	return []string{
		"rollback: patch apps/statefulsets", "patch-probe: patch apps/statefulsets", "patch-lifecycle: patch apps/statefulsets",
		"resize: patch apps/statefulsets", "scale: patch apps/statefulsets", "patch-httproute: patch gateway.networking.k8s.io/grpcroutes",
		"stop-experiment: patch networking.istio.io/virtualservices", "stop-experiment: patch litmuschaos.io/*",
	}
}

// Each action has a role of its own: with what its plans and their undo need, and nothing else. Together they are what the
// mender and the opener may.
func TestEachActionHasItsOwnRights(t *testing.T) {
	used, granted := map[string]bool{}, map[string]bool{}
	for _, p := range plans(t) {
		for _, c := range slices.Concat(p.Remedy.Changes, p.Remedy.Undo) {
			group, resource, verb := rightFor(c)
			if group == "chaos-mesh.org" {
				resource = "*" // its kinds are many
			}
			used[p.Remedy.Action+": "+verb+" "+group+"/"+resource] = true
		}
	}
	both := map[string]bool{}
	for name, rules := range rolesIn(t, "config/rbac/actions.yaml") {
		action, ok := strings.CutPrefix(name, "gatemend-action-")
		if !ok || !slices.ContainsFunc(remedy.All(), func(a remedy.Action) bool { return a.Name == action }) {
			t.Errorf("%s is the role of no action", name)
		}
		for _, right := range rightsOf(rules) {
			granted[action+": "+right], both[right] = true, true
		}
	}
	for right := range used {
		if !granted[right] {
			t.Errorf("%s is needed, and not granted", right)
		}
	}
	for right := range granted {
		if !used[right] && !slices.Contains(unplanned(), right) {
			t.Errorf("%s is granted, and not needed", right)
		}
	}
	for _, right := range unplanned() {
		if used[right] || !granted[right] {
			t.Errorf("%s is no exception any more", right)
		}
	}
	var all []string
	for _, rules := range rolesIn(t, "config/rbac/mender.yaml") {
		all = append(all, rightsOf(rules)...)
	}
	slices.Sort(all)
	if one := slices.Sorted(maps.Keys(both)); !slices.Equal(one, slices.Compact(all)) {
		t.Errorf("the actions may %v\nthe mender and the opener %v", one, all)
	}
}

// rightsOf are the rights of rules, as "verb group/resource".
func rightsOf(rules []rbacv1.PolicyRule) []string {
	var out []string
	for _, r := range rules {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					out = append(out, verb+" "+group+"/"+resource)
				}
			}
		}
	}
	return out
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
	if c.Subresource != "" {
		resource += "/" + c.Subresource
	}
	return group, resource, string(c.Op)
}

func allows(rules []rbacv1.PolicyRule, group, resource, verb string) bool {
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.APIGroups, group) && (slices.Contains(r.Resources, resource) || slices.Contains(r.Resources, "*")) && slices.Contains(r.Verbs, verb)
	})
}
