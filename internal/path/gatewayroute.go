package path

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// base is what the Routes of one rule of a Gateway API route have in common.
func (p parent) base(a asking, i int) Route {
	return Route{
		Object: a.ref, Rule: fmt.Sprintf("spec.rules[%d]", i), Created: a.created, seq: i << 16,
		Class: p.class, Controller: p.controller, Proxy: p.proxy, Gateway: p.gateway, Listener: p.listener, asked: p.asked,
		Faults: slices.Clone(p.faults),
	}
}

// spread makes a Route of each host and match of a rule.
func (p parent) spread(base Route, matches []Route) []Route {
	var out []Route
	for _, s := range p.hosts {
		for j, r := range matches {
			r.Host, r.Listeners, r.seq = s.host, s.listeners, base.seq|j
			if len(s.listeners) > 0 {
				r.Listener = s.listeners[0].Name
			}
			out = append(out, r)
		}
	}
	return out
}

// gatewayPattern is how the Gateway API compares a path: exact first, then the longest prefix. Where
// expressions stand is left to implementations: Contour (internal/sorter/sorter.go) and Envoy Gateway
// (internal/gatewayapi/sort.go) ask them before prefixes.
func gatewayPattern(kind Comparison, path string) proxy.Pattern {
	if kind == RegularExpression {
		return proxy.Pattern{How: proxy.Matches, Text: path, Rank: proxy.RegexFirst + len(path)}
	}
	return proxy.PlainPattern(proxy.PathRule{Path: path, Type: string(kind)}, proxy.Elements)
}

// backends adds the backendRefs of a rule, with what stands against them.
func (m *Map) backends(a asking, r *Route, refs []gatewayv1.BackendRef) {
	if len(refs) > 0 {
		a.status = a.saidFor(r.asked)
	}
	for j, ref := range refs {
		b := gatewayBackend(a.ref.Namespace, ref, fmt.Sprintf("%s.backendRefs[%d]", r.Rule, j))
		r.Backends = append(r.Backends, b)
		if f, ok := m.usable(a, ref, b); !ok {
			f.Backend = b.Field
			r.Faults = append(r.Faults, f)
		}
	}
}

func gatewayBackend(namespace string, ref gatewayv1.BackendRef, field string) Backend {
	b := Backend{
		Service:   model.Ref{APIVersion: "v1", Kind: "Service", Namespace: namespace, Name: string(ref.Name)},
		Field:     field,
		PortField: field + ".port",
		Weight:    1,
	}
	if ref.Kind != nil && *ref.Kind != "Service" {
		b.Service.Kind, b.Service.APIVersion = string(*ref.Kind), ""
	}
	if ref.Group != nil && *ref.Group != "" && *ref.Group != "core" {
		b.Service.APIVersion = string(*ref.Group)
	}
	if ref.Namespace != nil {
		b.Service.Namespace = string(*ref.Namespace)
	}
	if ref.Port != nil {
		b.PortNumber = *ref.Port
	}
	if ref.Weight != nil {
		b.Weight = *ref.Weight
	}
	return b
}

// usable says what stands against a backendRef: the Gateway API knows Services, which need a port, and
// leaves other groups to implementations, whose word is in the status.
func (m *Map) usable(a asking, ref gatewayv1.BackendRef, b Backend) (Fault, bool) {
	at := func(field string) model.FieldRef { return model.FieldRef{Ref: a.ref, Field: b.Field + field} }
	group := ""
	if ref.Group != nil {
		group = string(*ref.Group)
	}
	core := group == "" || group == "core"
	switch {
	case core && b.Service.Kind != "Service":
		return Fault{Kind: BackendInvalid, Object: at(".kind"), Why: fmt.Sprintf("%s refers to a backend of kind %s, to which no gateway can send requests", a.ref, b.Service.Kind), Wanted: quote("Service")}, false
	case !core && b.Service.Kind == "Service":
		return Fault{Kind: BackendInvalid, Object: at(".group"), Why: fmt.Sprintf("%s refers to a Service of group %s; Services are of the core group", a.ref, group), Wanted: quote("")}, false
	case core && ref.Port == nil:
		return Fault{Kind: BackendInvalid, Object: at(".port"), Why: fmt.Sprintf("%s refers to %s without a port", a.ref, b.Service)}, false
	case !core:
		if c := unresolved(a); c != nil && c.Reason == string(gatewayv1.RouteReasonInvalidKind) {
			return Fault{Kind: BackendInvalid, Object: at(".kind"), Why: fmt.Sprintf("the controller does not know the backend's kind %s (%s): %s", b.Service.Kind, c.Reason, c.Message)}, false
		}
	}
	return m.grant(a, b)
}

// saidFor is what the controller of one parent says of the route.
func (a asking) saidFor(parent model.Ref) []gatewayv1.RouteParentStatus {
	other := func(st gatewayv1.RouteParentStatus) bool { return ParentOf(a.ref, st.ParentRef) != parent }
	if !slices.ContainsFunc(a.status, other) {
		return a.status
	}
	return slices.DeleteFunc(slices.Clone(a.status), other)
}

// unresolved is the condition with which a controller says that it could not resolve a reference.
func unresolved(a asking) *metav1.Condition {
	for _, st := range a.status {
		c := condition(st.Conditions, string(gatewayv1.RouteConditionResolvedRefs))
		if c != nil && c.Status == metav1.ConditionFalse && !Outdated(c.ObservedGeneration, a.generation) {
			return c
		}
	}
	return nil
}

// grant reports whether a backend may be referred to: it is in the route's own namespace, or a
// ReferenceGrant beside it admits the route.
func (m *Map) grant(a asking, b Backend) (Fault, bool) {
	near, ok := m.Granted(a.ref, b.Service)
	if ok {
		return Fault{}, true
	}
	if !m.s.ReferenceGrants().Covers(b.Service.Namespace) && a.notPermitted() == "" {
		object := model.Ref{APIVersion: gatewayGroup + "/v1beta1", Kind: "ReferenceGrant", Namespace: b.Service.Namespace, Name: "(missing)"}
		return Fault{Kind: CannotKnow, Object: model.FieldRef{Ref: object}, Why: "the ReferenceGrants of namespace " + b.Service.Namespace + " could not be looked at"}, false
	}
	f := Fault{Kind: GrantMissing, Object: model.FieldRef{Ref: a.ref, Field: b.Field + ".namespace"}, Why: fmt.Sprintf("%s refers to %s, and %s", a.ref, b.Service, near.Why)}
	if said := a.notPermitted(); said != "" {
		f.Why += "; its controller says so: " + said
	}
	if near.Near != "" {
		f.Object, f.Wanted = near.At, near.Wanted
		f.Why += "; " + near.Near
	} else if g, i := m.grantsNobody(a, b); g != nil {
		f.Object, f.Wanted = model.FieldRef{Ref: snapshot.RefOf(g), Field: fmt.Sprintf("spec.to[%d].name", i)}, quote(b.Service.Name)
		f.Why += fmt.Sprintf("; ReferenceGrant %s admits them to Service %s, which does not exist", g.Name, *g.Spec.To[i].Name)
	}
	return f, false
}

// NearGrant says why no ReferenceGrant admits a reference, and where one nearly does: At is zero if none does. Wanted is the
// value, as JSON, with which it would.
type NearGrant struct {
	Why, Near string
	At        model.FieldRef
	Wanted    string
}

// Granted reports whether an object may refer to one of another namespace: a ReferenceGrant there names the namespace, the group and
// the kind of the object that refers (Gateway API, ReferenceGrant). Of those that do not, one that names the kind and another
// namespace is the nearest, first of all one that does not exist: others serve those who are there. Then comes one that names the
// namespace and another kind or group.
func (m *Map) Granted(from, to model.Ref) (NearGrant, bool) {
	if from.Namespace == to.Namespace {
		return NearGrant{}, true
	}
	near := NearGrant{Why: fmt.Sprintf("no ReferenceGrant in namespace %s admits %s of namespace %s", to.Namespace, plural(from.Kind), from.Namespace)}
	group, _, _ := strings.Cut(from.APIVersion, "/")
	kinds, gone := 0, false
	for g := range m.s.ReferenceGrants().In(to.Namespace) {
		if !admitsTo(g, to) {
			continue
		}
		for i, f := range g.Spec.From {
			kind, namespace := string(f.Group) == group && string(f.Kind) == from.Kind, string(f.Namespace) == from.Namespace
			field := func(name string) model.FieldRef {
				return model.FieldRef{Ref: snapshot.RefOf(g), Field: fmt.Sprintf("spec.from[%d].%s", i, name)}
			}
			switch {
			case kind && namespace:
				return NearGrant{}, true
			case kind:
				kinds++
				_, presence := m.s.Namespaces().Get("", string(f.Namespace))
				if gone && presence != snapshot.Absent {
					continue
				}
				gone = presence == snapshot.Absent
				near.At, near.Wanted, near.Near = field("namespace"), quote(from.Namespace), fmt.Sprintf("ReferenceGrant %s admits those of %s", g.Name, f.Namespace)
			case namespace && kinds == 0 && string(f.Kind) == from.Kind:
				near.At, near.Wanted, near.Near = field("group"), quote(group), fmt.Sprintf("ReferenceGrant %s admits those of group %q", g.Name, f.Group)
			case namespace && kinds == 0:
				near.At, near.Wanted, near.Near = field("kind"), quote(from.Kind), fmt.Sprintf("ReferenceGrant %s admits %s of it", g.Name, plural(string(f.Kind)))
			}
		}
	}
	return near, false
}

// plural is the name of several objects of a kind.
func plural(kind string) string {
	if stem, ok := strings.CutSuffix(kind, "y"); ok {
		return stem + "ies"
	}
	return kind + "s"
}

// admitsTo reports whether a ReferenceGrant lets somebody refer to an object of the core group.
func admitsTo(g *gatewayv1.ReferenceGrant, to model.Ref) bool {
	return slices.ContainsFunc(g.Spec.To, func(t gatewayv1.ReferenceGrantTo) bool {
		return cmp.Or(string(t.Group), "core") == "core" && string(t.Kind) == to.Kind && (t.Name == nil || string(*t.Name) == to.Name)
	})
}

// grantsNobody finds a ReferenceGrant that admits a route to a Service of a name that no Service has.
func (m *Map) grantsNobody(a asking, b Backend) (grant *gatewayv1.ReferenceGrant, to int) {
	for g := range m.s.ReferenceGrants().In(b.Service.Namespace) {
		if !slices.ContainsFunc(g.Spec.From, func(f gatewayv1.ReferenceGrantFrom) bool {
			return f.Group == gatewayGroup && string(f.Kind) == a.ref.Kind && string(f.Namespace) == a.ref.Namespace
		}) {
			continue
		}
		for i, t := range g.Spec.To {
			if string(t.Kind) != "Service" || t.Name == nil {
				continue
			}
			if _, presence := m.s.Services().Get(b.Service.Namespace, string(*t.Name)); presence == snapshot.Absent {
				return g, i
			}
		}
	}
	return nil, 0
}

// notPermitted is what a controller says of a route that refers to what no ReferenceGrant admits; empty if none
// says that. Where the grants were not read, that is as good as having looked.
func (a asking) notPermitted() string {
	for _, st := range a.status {
		c := condition(st.Conditions, string(gatewayv1.RouteConditionResolvedRefs))
		if c != nil && c.Status == metav1.ConditionFalse && c.Reason == string(gatewayv1.RouteReasonRefNotPermitted) && !Outdated(c.ObservedGeneration, a.generation) {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}

// timing is a setting of a time in the form of GEP-2257, which Go reads too.
func timing(knob proxy.Knob, d *gatewayv1.Duration, at model.FieldRef) proxy.Settings {
	if d == nil {
		return nil
	}
	s := proxy.Setting{Knob: knob, Value: string(*d), At: at}
	t, err := time.ParseDuration(string(*d))
	if err != nil {
		s.Wrong = fmt.Sprintf("%q is not a time", *d)
	}
	s.Time, s.Yes = t, t != 0
	return proxy.Settings{s}
}
