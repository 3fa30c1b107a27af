package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// ungrantedPolicies finds policies of Envoy Gateway that refer to what is in another namespace and that no ReferenceGrant there
// admits: it is the policy that refers, and its kind that a grant must name, whatever is granted to the routes that it is about.
// Envoy Gateway does not take such a policy and answers 500 for its routes (gateway.envoyproxy.io, SecurityPolicy;
// envoyproxy/gateway, internal/gatewayapi/securitypolicy.go).
func (v *view) ungrantedPolicies() []finding {
	var out []finding
	for _, kind := range []string{"SecurityPolicy", "EnvoyExtensionPolicy", "BackendTrafficPolicy", "ClientTrafficPolicy"} {
		for _, p := range v.all("gateway.envoyproxy.io", kind) {
			routes := v.under(p.object)
			if _, refused := invalid(p.object); !refused || len(routes) == 0 {
				continue
			}
			for _, ref := range referencesIn(p.fields["spec"], "spec") {
				near, ok := v.m.Granted(p.ref, ref.object)
				if ok || ref.object.Namespace == "" || !v.s.ReferenceGrants().Covers(ref.object.Namespace) {
					continue
				}
				f := find("refgrant-missing", proven, at(p.ref, ref.field+".namespace"), fmt.Sprintf("%s refers to %s, and %s", p.ref, ref.object, near.Why)).
					as(append(byStuckProxy(), model.OtherFailure, model.Denied)...).relates("service", ref.object).
					not("config-rejected", "the policy is valid but for what it may not refer to")
				if near.Near != "" {
					f.Object, f.Wanted = near.At, near.Wanted
					f.Summary += "; " + near.Near
				}
				f.covers = true
				out = append(out, f.on(routes...).because("object", f.Summary, p.ref, time.Time{}))
			}
		}
	}
	return out
}

// reference is one that an object makes to another, and its field.
type reference struct {
	object model.Ref
	field  string
}

// referencesIn lists what an untyped object refers to in any namespace that it names: fields whose names end in Ref or Refs, but
// for the objects that a policy is about, which are of its own namespace.
func referencesIn(value any, field string) []reference {
	var out []reference
	switch x := value.(type) {
	case []any:
		for i, item := range x {
			out = append(out, referencesIn(item, fmt.Sprintf("%s[%d]", field, i))...)
		}
	case map[string]any:
		p := piece{fields: x}
		last := field[strings.LastIndex(field, ".")+1:]
		name, _, _ := strings.Cut(last, "[")
		if kind := p.text("kind"); p.text("namespace") != "" && p.text("name") != "" && (strings.HasSuffix(name, "Ref") || strings.HasSuffix(name, "Refs")) {
			if kind == "" && strings.HasPrefix(name, "backend") {
				kind = "Service"
			}
			out = append(out, reference{model.Ref{APIVersion: "v1", Kind: cmp.Or(kind, "Secret"), Namespace: p.text("namespace"), Name: p.text("name")}, field})
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if !strings.HasPrefix(k, "targetRef") {
				out = append(out, referencesIn(x[k], field+"."+k)...)
			}
		}
	}
	return out
}
