package path

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// parent is one attachment of an HTTPRoute to a Gateway, over all listeners that take it.
type parent struct {
	gateway                            model.Ref
	listener, class, controller, proxy string
	hosts                              []string
	faults                             []Fault
}

// parents resolves the parentRefs of a route. A route without a Gateway that takes it still has
// parents, with the fault that says why, so that its rules are not forgotten.
func (m *Map) parents(hr *gatewayv1.HTTPRoute) []parent {
	var out []parent
	for i, ref := range hr.Spec.ParentRefs {
		if ref.Kind != nil && *ref.Kind != "Gateway" {
			continue // a mesh's Service as parent: no gateway is asked
		}
		p := parent{gateway: model.Ref{APIVersion: gatewayGroup + "/v1", Kind: "Gateway", Namespace: hr.Namespace, Name: string(ref.Name)}}
		if ref.Namespace != nil {
			p.gateway.Namespace = string(*ref.Namespace)
		}
		m.attach(hr, ref, fmt.Sprintf("spec.parentRefs[%d]", i), &p)
		if len(p.hosts) == 0 {
			p.hosts = hostsOf(hr)
		}
		out = append(out, p)
	}
	return out
}

func (m *Map) attach(hr *gatewayv1.HTTPRoute, ref gatewayv1.ParentReference, field string, p *parent) {
	at := model.FieldRef{Ref: snapshot.RefOf(hr), Field: field}
	gw, presence := m.s.Gateways().Get(p.gateway.Namespace, p.gateway.Name)
	switch presence {
	case snapshot.Absent:
		at.Field += ".name"
		p.faults = append(p.faults, Fault{Kind: GatewayMissing, Object: at, Why: p.gateway.String() + " does not exist"})
		return
	case snapshot.Unknown:
		p.faults = append(p.faults, Fault{Kind: CannotKnow, Object: at, Why: p.gateway.String() + " could not be looked at"})
		return
	case snapshot.Present:
	}
	m.gatewayClass(gw, p)
	why, whyField := m.listen(hr, ref, gw, p)
	if p.listener != "" {
		m.refused(hr, ref, at, p)
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

// listen finds the listeners of a Gateway that take the route, and the hosts that it gets there. Of
// those that do not take it, why is the reason, of one that names a field if there is one.
func (m *Map) listen(hr *gatewayv1.HTTPRoute, ref gatewayv1.ParentReference, gw *gatewayv1.Gateway, p *parent) (why, field string) {
	for _, l := range gw.Spec.Listeners {
		hosts, reason, where := m.admits(hr, ref, gw, l)
		if reason != "" {
			if why == "" || where != "" && field == "" {
				why, field = reason, where
			}
			continue
		}
		if p.listener == "" {
			p.listener = string(l.Name)
		}
		for _, h := range hosts {
			if !slices.Contains(p.hosts, h) {
				p.hosts = append(p.hosts, h)
			}
		}
	}
	return why, field
}

// refused takes the controller's word where it says that it did not accept a route in which we see
// nothing wrong.
func (m *Map) refused(hr *gatewayv1.HTTPRoute, ref gatewayv1.ParentReference, at model.FieldRef, p *parent) {
	for _, st := range hr.Status.Parents {
		if st.ParentRef.Name != ref.Name {
			continue
		}
		c := condition(st.Conditions, string(gatewayv1.RouteConditionAccepted))
		if c != nil && c.Status == metav1.ConditionFalse && c.ObservedGeneration >= hr.Generation {
			p.faults = append(p.faults, Fault{Kind: ListenerUnattached, Object: at,
				Why: fmt.Sprintf("%s was not accepted by %s (%s): %s", at.Ref, p.gateway, c.Reason, c.Message)})
			return
		}
	}
}

// gatewayClass finds who runs a Gateway and whether it is accepted and programmed.
func (m *Map) gatewayClass(gw *gatewayv1.Gateway, p *parent) {
	p.class = string(gw.Spec.GatewayClassName)
	object := model.FieldRef{Ref: snapshot.RefOf(gw), Field: "spec.gatewayClassName"}
	class, presence := m.s.GatewayClasses().Get("", p.class)
	switch presence {
	case snapshot.Present:
		p.controller = string(class.Spec.ControllerName)
		p.proxy = controllerProxy(p.controller)
	case snapshot.Absent:
		p.faults = append(p.faults, Fault{Kind: NotProgrammed, Object: object, Why: "GatewayClass " + p.class + " does not exist, so no controller runs " + p.gateway.String()})
		return
	default:
		p.proxy = controllerProxy(p.class)
	}
	for _, kind := range []string{string(gatewayv1.GatewayConditionAccepted), string(gatewayv1.GatewayConditionProgrammed)} {
		c := condition(gw.Status.Conditions, kind)
		if c != nil && c.Status == metav1.ConditionFalse {
			object.Field = "status.conditions[type=" + kind + "]"
			p.faults = append(p.faults, Fault{Kind: NotProgrammed, Object: notProgrammedAt(gw, object),
				Why: fmt.Sprintf("%s is not %s (%s): %s", p.gateway, strings.ToLower(kind), c.Reason, c.Message)})
			return
		}
	}
}

// notProgrammedAt points to the listener's certificate where that is what the Gateway lacks.
func notProgrammedAt(gw *gatewayv1.Gateway, object model.FieldRef) model.FieldRef {
	for _, ls := range gw.Status.Listeners {
		c := condition(ls.Conditions, string(gatewayv1.ListenerConditionResolvedRefs))
		if c == nil || c.Status != metav1.ConditionFalse {
			continue
		}
		for i, l := range gw.Spec.Listeners {
			if l.Name == ls.Name {
				object.Field = fmt.Sprintf("spec.listeners[%d].tls.certificateRefs", i)
				return object
			}
		}
	}
	return object
}

// admits gives the hosts for which a listener takes a route, or why it does not and the field to
// mend: of the Gateway if it starts with "spec.listeners", of the parentRef if it starts with a dot,
// else of the route.
func (m *Map) admits(hr *gatewayv1.HTTPRoute, ref gatewayv1.ParentReference, gw *gatewayv1.Gateway, l gatewayv1.Listener) (hosts []string, why, field string) {
	if ref.SectionName != nil && *ref.SectionName != l.Name {
		return nil, fmt.Sprintf("none is named %s", *ref.SectionName), ".sectionName"
	}
	if ref.Port != nil && *ref.Port != l.Port {
		return nil, fmt.Sprintf("none listens on port %d", *ref.Port), ".port"
	}
	if l.Protocol != gatewayv1.HTTPProtocolType && l.Protocol != gatewayv1.HTTPSProtocolType {
		return nil, fmt.Sprintf("listener %s speaks %s", l.Name, l.Protocol), ""
	}
	at := "spec.listeners[0]"
	for i := range gw.Spec.Listeners {
		if gw.Spec.Listeners[i].Name == l.Name {
			at = fmt.Sprintf("spec.listeners[%d]", i)
		}
	}
	if !m.namespaceAllowed(hr.Namespace, gw.Namespace, l.AllowedRoutes) {
		return nil, fmt.Sprintf("listener %s does not allow routes of namespace %s", l.Name, hr.Namespace), at + ".allowedRoutes.namespaces"
	}
	if !kindAllowed(l.AllowedRoutes) {
		return nil, fmt.Sprintf("listener %s does not allow HTTPRoutes", l.Name), at + ".allowedRoutes.kinds"
	}
	listener := ""
	if l.Hostname != nil {
		listener = string(*l.Hostname)
	}
	for _, h := range hostsOf(hr) {
		if both, ok := intersect(listener, h); ok {
			hosts = append(hosts, both)
		}
	}
	if len(hosts) == 0 {
		return nil, fmt.Sprintf("listener %s is for host %s, the route for %s", l.Name, listener, list(hostsOf(hr))), "spec.hostnames"
	}
	return hosts, "", ""
}

func (m *Map) namespaceAllowed(route, gateway string, allowed *gatewayv1.AllowedRoutes) bool {
	from := gatewayv1.NamespacesFromSame
	if allowed != nil && allowed.Namespaces != nil && allowed.Namespaces.From != nil {
		from = *allowed.Namespaces.From
	}
	switch from {
	case gatewayv1.NamespacesFromAll:
		return true
	case gatewayv1.NamespacesFromSelector:
		if _, p := m.s.Namespaces().Get("", route); p == snapshot.Unknown {
			return true // its labels could not be read; the route's own status says whether it was taken
		}
		selector, err := metav1.LabelSelectorAsSelector(allowed.Namespaces.Selector)
		return err == nil && selector.Matches(labels.Set(m.s.NamespaceLabels(route)))
	default:
		return route == gateway
	}
}

func kindAllowed(allowed *gatewayv1.AllowedRoutes) bool {
	if allowed == nil || len(allowed.Kinds) == 0 {
		return true
	}
	return slices.ContainsFunc(allowed.Kinds, func(k gatewayv1.RouteGroupKind) bool { return k.Kind == "HTTPRoute" })
}

// hostsOf lists a route's hosts; one empty host where it has none.
func hostsOf(hr *gatewayv1.HTTPRoute) []string {
	if len(hr.Spec.Hostnames) == 0 {
		return []string{""}
	}
	var out []string
	for _, h := range hr.Spec.Hostnames {
		out = append(out, string(h))
	}
	return out
}

// intersect gives the more specific of two host patterns if they have hosts in common.
func intersect(a, b string) (string, bool) {
	switch {
	case a == "" || a == b:
		return b, true
	case b == "":
		return a, true
	case strings.HasPrefix(a, "*.") && strings.HasSuffix(b, a[1:]):
		return b, true
	case strings.HasPrefix(b, "*.") && strings.HasSuffix(a, b[1:]):
		return a, true
	default:
		return "", false
	}
}
