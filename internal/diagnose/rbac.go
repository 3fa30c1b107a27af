package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// right is what somebody may do with a resource.
type right struct{ verb, group, resource string }

// String reads "list endpointslices.discovery.k8s.io".
func (r right) String() string {
	if r.group == "" {
		return r.verb + " " + r.resource
	}
	return r.verb + " " + r.resource + "." + r.group
}

// rule is one rule of a Role or ClusterRole.
type rule struct{ verbs, groups, resources []string }

// grants reports whether a rule gives a right.
func (r rule) grants(want right) bool {
	return names(r.verbs, want.verb) && names(r.groups, want.group) && names(r.resources, want.resource)
}

// names reports whether a list of a rule names something or all.
func names(list []string, want string) bool {
	return slices.Contains(list, want) || slices.Contains(list, "*")
}

// binding is a RoleBinding or ClusterRoleBinding.
type binding struct {
	object   *unstructured.Unstructured
	kind     string // of the role
	role     string
	subjects []map[string]any
}

// rbac is what the snapshot says of rights.
type rbac struct {
	bindings []binding
	roles    map[model.Ref]*unstructured.Unstructured
}

func (v *view) rbac() rbac {
	out := rbac{roles: map[model.Ref]*unstructured.Unstructured{}}
	for o := range v.s.Others().All() {
		if !strings.HasPrefix(o.GetAPIVersion(), "rbac.authorization.k8s.io/") {
			continue
		}
		switch o.GetKind() {
		case "ClusterRole", "Role":
			out.roles[model.Ref{Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()}] = o
		case "ClusterRoleBinding", "RoleBinding":
			b := binding{object: o}
			b.kind, _, _ = unstructured.NestedString(o.Object, "roleRef", "kind")
			b.role, _, _ = unstructured.NestedString(o.Object, "roleRef", "name")
			subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
			for _, s := range subjects {
				if m, ok := s.(map[string]any); ok {
					b.subjects = append(b.subjects, m)
				}
			}
			out.bindings = append(out.bindings, b)
		}
	}
	return out
}

// ref is the role to which a binding leads.
func (b binding) ref() model.Ref {
	r := model.Ref{Kind: b.kind, Name: b.role}
	if b.kind == "Role" {
		r.Namespace = b.object.GetNamespace()
	}
	return r
}

// binds reports whether a binding is for a ServiceAccount, or for a group that it is in.
func (b binding) binds(namespace, account string) bool {
	return slices.ContainsFunc(b.subjects, func(s map[string]any) bool {
		switch s["kind"] {
		case "ServiceAccount":
			return s["name"] == account && s["namespace"] == namespace
		case "Group":
			return s["name"] == "system:serviceaccounts" || s["name"] == "system:serviceaccounts:"+namespace || s["name"] == "system:authenticated"
		}
		return false
	})
}

func rulesOf(role *unstructured.Unstructured) []rule {
	list, _, _ := unstructured.NestedSlice(role.Object, "rules")
	var out []rule
	for _, x := range list {
		m, ok := x.(map[string]any)
		if !ok {
			out = append(out, rule{})
			continue
		}
		var r rule
		r.verbs, _, _ = unstructured.NestedStringSlice(m, "verbs")
		r.groups, _, _ = unstructured.NestedStringSlice(m, "apiGroups")
		r.resources, _, _ = unstructured.NestedStringSlice(m, "resources")
		out = append(out, r)
	}
	return out
}

// lack says where a ServiceAccount's missing right would be given. had is set if it has the right after
// all, near if what is there is nearly it: the role lacks a verb, or a binding is for a neighbour.
func (c rbac) lack(namespace, account string, want right) (at model.FieldRef, why string, near, had bool) {
	best := -1
	var broken *binding
	for i := range c.bindings {
		b := &c.bindings[i]
		if !b.binds(namespace, account) {
			continue
		}
		role, ok := c.roles[b.ref()]
		if !ok {
			broken = b
			continue
		}
		for _, r := range rulesOf(role) {
			if r.grants(want) {
				return model.FieldRef{}, "", false, true
			}
		}
		if f, n := nearestRule(role, want, account); n > best {
			best, at = n, f
			why = fmt.Sprintf("%s, which is bound to ServiceAccount %s/%s, does not let it %s", at.Ref, namespace, account, want)
		}
	}
	if f, text, ok := c.misbound(namespace, account, want); ok {
		return f, text, true, false
	}
	if broken != nil && best < ruleNear {
		at.Ref, at.Field = snapshot.RefOf(broken.object), "roleRef.name"
		return at, fmt.Sprintf("%s binds ServiceAccount %s/%s to %s %s, which does not exist", at.Ref, namespace, account, broken.kind, broken.role), true, false
	}
	return at, why, best >= ruleNear, false
}

// How near a role is to giving a right: it is the account's own, it speaks of the resource's group, of the
// resource itself.
const (
	roleOwn  = 1
	ruleNear = 2
	ruleOf   = 4
)

// nearestRule is the place in a role where a right would be given: the verbs of the rule for the resource,
// the resources of one for its group, else its rules.
func nearestRule(role *unstructured.Unstructured, want right, account string) (model.FieldRef, int) {
	f, n := model.FieldRef{Ref: snapshot.RefOf(role), Field: "rules"}, 0
	for i, r := range rulesOf(role) {
		switch {
		case names(r.groups, want.group) && names(r.resources, want.resource):
			f.Field, n = fmt.Sprintf("rules[%d].verbs", i), ruleOf
		case names(r.groups, want.group) && names(r.verbs, want.verb) && n < ruleNear:
			f.Field, n = fmt.Sprintf("rules[%d].resources", i), ruleNear
		}
	}
	if strings.Contains(role.GetName(), account) {
		n += roleOwn
	}
	return f, n
}

// misbound finds a binding that would give the right, if it were for this ServiceAccount: its subject has
// another namespace or name.
func (c rbac) misbound(namespace, account string, want right) (at model.FieldRef, why string, ok bool) {
	for _, b := range c.bindings {
		role, known := c.roles[b.ref()]
		if !known || b.binds(namespace, account) || !slices.ContainsFunc(rulesOf(role), func(r rule) bool { return r.grants(want) }) {
			continue
		}
		for i, s := range b.subjects {
			field := ""
			switch {
			case s["kind"] != "ServiceAccount":
			case s["name"] == account:
				field = "namespace"
			case s["namespace"] == namespace && (strings.Contains(b.role, account) || strings.Contains(fmt.Sprint(s["name"]), account) || strings.Contains(account, fmt.Sprint(s["name"]))):
				field = "name"
			}
			if field != "" {
				at = model.FieldRef{Ref: snapshot.RefOf(b.object), Field: fmt.Sprintf("subjects[%d].%s", i, field)}
				return at, fmt.Sprintf("%s gives the right to %s to ServiceAccount %v/%v, not to %s/%s", at.Ref, want, s["namespace"], s["name"], namespace, account), true
			}
		}
	}
	return model.FieldRef{}, "", false
}
