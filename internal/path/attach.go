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
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// The groups of the Gateway API: what is settled, and what is tried out.
const (
	gatewayGroup      = "gateway.networking.k8s.io"
	experimentalGroup = "gateway.networking.x-k8s.io"
)

// asking is what the routes of the Gateway API have in common when they ask a Gateway to be taken.
type asking struct {
	ref        model.Ref
	generation int64
	created    time.Time
	hosts      []string
	parents    []gatewayv1.ParentReference
	status     []gatewayv1.RouteParentStatus
}

func askingHTTP(hr *gatewayv1.HTTPRoute) asking {
	return asking{
		ref: snapshot.RefOf(hr), generation: hr.Generation, created: hr.CreationTimestamp.Time,
		hosts: hostsOf(hr.Spec.Hostnames), parents: hr.Spec.ParentRefs, status: hr.Status.Parents,
	}
}

func askingGRPC(gr *gatewayv1.GRPCRoute) asking {
	return asking{
		ref: snapshot.RefOf(gr), generation: gr.Generation, created: gr.CreationTimestamp.Time,
		hosts: hostsOf(gr.Spec.Hostnames), parents: gr.Spec.ParentRefs, status: gr.Status.Parents,
	}
}

// hostsOf lists a route's hosts; one empty host where it has none.
func hostsOf(names []gatewayv1.Hostname) []string {
	if len(names) == 0 {
		return []string{""}
	}
	var out []string
	for _, h := range names {
		out = append(out, strings.ToLower(string(h)))
	}
	return out
}

// parent is one attachment of a route to a Gateway, over all listeners that take it.
type parent struct {
	asked                              model.Ref // what the parentRef names: the Gateway, or a ListenerSet of it
	gateway                            model.Ref
	listener, class, controller, proxy string
	hosts                              []site
	faults                             []Fault
}

// site is a host that a route gets, and the listeners at which it does.
type site struct {
	host      string
	listeners []Listener
}

// add notes that a route gets a host at a listener.
func (p *parent) add(host string, l Listener) {
	i := slices.IndexFunc(p.hosts, func(s site) bool { return s.host == host })
	if i < 0 {
		p.hosts = append(p.hosts, site{host: host})
		i = len(p.hosts) - 1
	}
	p.hosts[i].listeners = append(p.hosts[i].listeners, l)
}

// parents resolves the parentRefs of a route. A route without a Gateway that takes it still has
// parents, with the fault that says why, so that its rules are not forgotten. Several parentRefs to
// the listeners of one Gateway are one parent.
func (m *Map) parents(a asking) []parent {
	var out []parent
	for i, ref := range a.parents {
		p := parent{asked: ParentOf(a.ref, ref)}
		p.gateway = p.asked
		if group, _, _ := strings.Cut(p.asked.APIVersion, "/"); group != gatewayGroup && group != experimentalGroup {
			continue // a mesh's Service or Server as parent: no gateway is asked
		}
		m.attach(a, ref, fmt.Sprintf("spec.parentRefs[%d]", i), &p)
		if len(p.hosts) == 0 {
			for _, h := range a.hosts {
				p.hosts = append(p.hosts, site{host: h})
			}
		}
		out = join(out, p)
	}
	return out
}

// ParentOf names the object that a parentRef of a route means: a Gateway of the route's own namespace, unless it says
// otherwise.
func ParentOf(route model.Ref, ref gatewayv1.ParentReference) model.Ref {
	return model.Ref{
		APIVersion: string(valueOr(ref.Group, gatewayGroup)) + "/v1", Kind: string(valueOr(ref.Kind, "Gateway")),
		Namespace: string(valueOr(ref.Namespace, gatewayv1.Namespace(route.Namespace))), Name: string(ref.Name),
	}
}

// about reports whether a controller's word of a parent is about a parentRef of the route. Some leave out the listener and the
// port.
func (a asking) about(said, ref gatewayv1.ParentReference) bool {
	return ParentOf(a.ref, said) == ParentOf(a.ref, ref) &&
		(said.SectionName == nil || ref.SectionName != nil && *said.SectionName == *ref.SectionName) &&
		(said.Port == nil || ref.Port != nil && *said.Port == *ref.Port)
}

// join puts a parent to the others: what two parentRefs get at one Gateway is one attachment. One
// that gets nothing stays apart, since its fault is its own.
func join(out []parent, p parent) []parent {
	i := slices.IndexFunc(out, func(o parent) bool { return o.gateway == p.gateway && len(o.faults) == 0 })
	if i < 0 || len(p.faults) > 0 {
		return append(out, p)
	}
	for _, s := range p.hosts {
		for _, l := range s.listeners {
			out[i].add(s.host, l)
		}
	}
	return out
}

func (m *Map) attach(a asking, ref gatewayv1.ParentReference, field string, p *parent) {
	if p.asked.Kind != "Gateway" {
		m.attachSet(a, ref, field, p)
		return
	}
	at := model.FieldRef{Ref: a.ref, Field: field}
	gw, presence := m.s.Gateways().Get(p.gateway.Namespace, p.gateway.Name)
	switch presence {
	case snapshot.Absent:
		why := p.gateway.String() + " does not exist"
		if at.Field += ".name"; ref.Namespace == nil {
			if elsewhere := slices.Collect(m.s.Gateways().Named(p.gateway.Name)); len(elsewhere) == 1 {
				at.Field = field + ".namespace"
				why += fmt.Sprintf(", and the parentRef names no namespace: there is a Gateway %s in namespace %s", p.gateway.Name, elsewhere[0].Namespace)
			}
		}
		p.faults = append(p.faults, Fault{Kind: GatewayMissing, Object: at, Why: why})
		return
	case snapshot.Unknown:
		p.faults = append(p.faults, Fault{Kind: GatewayUnknown, Object: at, Why: "it could not be looked at"})
		return
	case snapshot.Present:
	}
	m.gatewayClass(gw, p)
	why, whyField := m.listen(a, ref, gw, p)
	if p.listener != "" {
		down(p)
		refused(a, ref, at, p)
		return
	}
	if strings.HasPrefix(whyField, "spec.listeners") {
		at = model.FieldRef{Ref: snapshot.RefOf(gw), Field: whyField}
	} else if whyField != "" {
		at.Field = whyField
		if strings.HasPrefix(whyField, ".") {
			at.Field = field + whyField
		}
	}
	if why == "" {
		why = p.gateway.String() + " has no listener"
	}
	p.faults = append(p.faults, Fault{Kind: ListenerUnattached, Object: at, Why: "no listener of " + p.gateway.String() + " takes the route: " + why})
}

// attachSet attaches a route to the listeners of a ListenerSet, which its Gateway serves like its own ones (GEP-1713).
// Nothing is said of a set that could not be looked at.
func (m *Map) attachSet(a asking, ref gatewayv1.ParentReference, field string, p *parent) {
	at := model.FieldRef{Ref: a.ref, Field: field}
	i := slices.IndexFunc(m.custom.ListenerSets, func(s *custom.ListenerSet) bool {
		return s.Kind == p.asked.Kind && s.Namespace == p.asked.Namespace && s.Name == p.asked.Name
	})
	if i < 0 {
		p.faults = append(p.faults, Fault{Kind: GatewayUnknown, Object: at, Why: p.asked.String() + " could not be looked at"})
		return
	}
	set := m.custom.ListenerSets[i]
	up := set.Spec.ParentRef
	p.gateway = ParentOf(set.Ref(), gatewayv1.ParentReference{Group: up.Group, Kind: up.Kind, Namespace: up.Namespace, Name: up.Name})
	gw, presence := m.s.Gateways().Get(p.gateway.Namespace, p.gateway.Name)
	switch presence {
	case snapshot.Absent:
		p.faults = append(p.faults, Fault{Kind: GatewayMissing, Object: model.FieldRef{Ref: set.Ref(), Field: "spec.parentRef.name"}, Why: p.gateway.String() + " does not exist"})
		return
	case snapshot.Unknown:
		p.faults = append(p.faults, Fault{Kind: GatewayUnknown, Object: at, Why: "it could not be looked at"})
		return
	case snapshot.Present:
	}
	m.gatewayClass(gw, p)
	if f, ok := m.setRefused(set, gw); ok {
		p.faults = append(p.faults, f)
		return
	}
	why, _ := m.listen(a, ref, ofSet(set), p)
	if p.listener == "" {
		p.faults = append(p.faults, Fault{Kind: ListenerUnattached, Object: at, Why: "no listener of " + p.asked.String() + " takes the route: " + why})
		return
	}
	for i := range p.hosts {
		for j := range p.hosts[i].listeners {
			p.hosts[i].listeners[j].At = "" // it is no field of the Gateway
		}
	}
	down(p)
	refused(a, ref, at, p)
}

// setRefused is the fault of a ListenerSet that its Gateway does not take: because it admits none from that namespace, as is so
// where it says nothing of them, or for another reason that the controller tells. What the controller has accepted as it is
// now, it has admitted.
func (m *Map) setRefused(set *custom.ListenerSet, gw *gatewayv1.Gateway) (Fault, bool) {
	told := ""
	if c := condition(set.Status.Conditions, string(gatewayv1.ListenerSetConditionAccepted)); c != nil && !Outdated(c.ObservedGeneration, set.Generation) {
		if c.Status == metav1.ConditionTrue {
			return Fault{}, false
		}
		if c.Status == metav1.ConditionFalse {
			told = fmt.Sprintf("%s was not accepted by %s (%s): %s", set.Ref(), snapshot.RefOf(gw), c.Reason, c.Message)
		}
	}
	none := gatewayv1.NamespacesFromNone
	allowed := &gatewayv1.AllowedRoutes{Namespaces: &gatewayv1.RouteNamespaces{From: &none}}
	if a := gw.Spec.AllowedListeners; a != nil && a.Namespaces != nil && a.Namespaces.From != nil {
		allowed.Namespaces = &gatewayv1.RouteNamespaces{From: a.Namespaces.From, Selector: a.Namespaces.Selector}
	}
	at := model.FieldRef{Ref: set.Ref(), Field: "spec.parentRef"}
	if !m.namespaceAllowed(set.Namespace, gw.Namespace, allowed) {
		at = model.FieldRef{Ref: snapshot.RefOf(gw), Field: "spec.allowedListeners.namespaces" + narrowing(allowed)}
		told = cmp.Or(told, fmt.Sprintf("%s does not admit the ListenerSets of namespace %s", at.Ref, set.Namespace))
	}
	return Fault{Kind: ListenerUnattached, Object: at, Why: told}, told != ""
}

// ofSet has the listeners of a set, and what its controller says of each, as if a Gateway of the set's name had them.
func ofSet(set *custom.ListenerSet) *gatewayv1.Gateway {
	gw := &gatewayv1.Gateway{ObjectMeta: set.ObjectMeta}
	for _, l := range set.Spec.Listeners {
		gw.Spec.Listeners = append(gw.Spec.Listeners, gatewayv1.Listener(l))
	}
	for _, l := range set.Status.Listeners {
		gw.Status.Listeners = append(gw.Status.Listeners, gatewayv1.ListenerStatus(l))
	}
	return gw
}

// listen finds the listeners of a Gateway that take the route, and the hosts that it gets there. Of
// those that do not take it, why is the reason: of the one that the parentRef means, else of one that names a field if
// there is one.
func (m *Map) listen(a asking, ref gatewayv1.ParentReference, gw *gatewayv1.Gateway, p *parent) (why, field string) {
	known := false // the reason is of a listener that the parentRef means
	for i := range gw.Spec.Listeners {
		hosts, reason, where := m.admits(a, ref, gw, i)
		if reason != "" {
			meant := (ref.SectionName != nil || ref.Port != nil) && where != ".sectionName" && where != ".port"
			if why == "" || meant || !known && where != "" && field == "" {
				why, field, known = reason, where, meant
			}
			continue
		}
		l := listenerOf(p.asked, gw, i)
		if p.listener == "" {
			p.listener = l.Name
		}
		for _, h := range hosts {
			p.add(h, l)
		}
	}
	return why, field
}

// down is a fault where no listener that takes the route is programmed.
func down(p *parent) {
	var first *Listener
	for i := range p.hosts {
		for j := range p.hosts[i].listeners {
			l := &p.hosts[i].listeners[j]
			if l.Down == "" {
				return
			}
			if first == nil {
				first = l
			}
		}
	}
	if first != nil && len(p.faults) == 0 {
		p.faults = append(p.faults, Fault{Kind: NotProgrammed, Object: model.FieldRef{Ref: p.asked, Field: first.DownAt}, Why: first.Down})
	}
}

// refused takes the controller's word where it says that it did not accept a route in which we see
// nothing wrong.
func refused(a asking, ref gatewayv1.ParentReference, at model.FieldRef, p *parent) {
	for _, st := range a.status {
		if !a.about(st.ParentRef, ref) {
			continue
		}
		c := condition(st.Conditions, string(gatewayv1.RouteConditionAccepted))
		if c != nil && c.Status == metav1.ConditionFalse && !Outdated(c.ObservedGeneration, a.generation) {
			p.faults = append(p.faults, Fault{Kind: ListenerUnattached, Object: at,
				Why: fmt.Sprintf("%s was not accepted by %s (%s): %s", at.Ref, p.asked, c.Reason, c.Message)})
			return
		}
	}
}

// Conditions are what the controller of a route's Gateway says of the route: Accepted, ResolvedRefs,
// PartiallyInvalid. None for other routes.
func (m *Map) Conditions(r Route) []metav1.Condition {
	var status []gatewayv1.RouteParentStatus
	switch r.Object.Kind {
	case string(snapshot.HTTPRoutes):
		if o, p := m.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name); p == snapshot.Present {
			status = o.Status.Parents
		}
	case string(snapshot.GRPCRoutes):
		if o, p := m.s.GRPCRoutes().Get(r.Object.Namespace, r.Object.Name); p == snapshot.Present {
			status = o.Status.Parents
		}
	}
	for _, sr := range m.custom.StreamRoutes {
		if sr.Ref() == r.Object {
			status = sr.Status.Parents
		}
	}
	for _, st := range status {
		if ParentOf(r.Object, st.ParentRef) == r.asked {
			return st.Conditions
		}
	}
	return nil
}

// Outdated reports whether a condition that was observed at one generation of its object is about a former one than the present. One
// that does not say which, as the field is optional (metav1.Condition) and the API server's own defaults leave it out, is not.
func Outdated(observed, generation int64) bool { return observed > 0 && observed < generation }

// condition finds a condition of a list; nil if it is not there.
func condition(cs []metav1.Condition, kind string) *metav1.Condition {
	for i := range cs {
		if cs[i].Type == kind {
			return &cs[i]
		}
	}
	return nil
}
