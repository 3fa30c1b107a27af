package path

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// listenerOf is a listener of a Gateway, or of a ListenerSet, as routes see it. What its own status says against it is in Down.
func listenerOf(of model.Ref, gw *gatewayv1.Gateway, i int) Listener {
	spec := &gw.Spec.Listeners[i]
	l := Listener{Name: string(spec.Name), Port: spec.Port, Protocol: string(spec.Protocol), At: fmt.Sprintf("spec.listeners[%d]", i)}
	if spec.Hostname != nil {
		l.Hostname = string(*spec.Hostname)
	}
	if spec.TLS != nil && spec.TLS.Mode != nil {
		l.Passthrough = *spec.TLS.Mode == gatewayv1.TLSModePassthrough
	}
	for _, st := range gw.Status.Listeners {
		if st.Name != spec.Name {
			continue
		}
		// The reference comes first: what is not resolved is why it is not programmed.
		for _, v := range []struct{ kind, field string }{
			{string(gatewayv1.ListenerConditionResolvedRefs), ".tls.certificateRefs"},
			{string(gatewayv1.ListenerConditionConflicted), ".port"},
			{string(gatewayv1.ListenerConditionAccepted), ""},
			{string(gatewayv1.ListenerConditionProgrammed), ""},
		} {
			c := condition(st.Conditions, v.kind)
			bad := metav1.ConditionFalse
			if v.kind == string(gatewayv1.ListenerConditionConflicted) {
				bad = metav1.ConditionTrue
			}
			if c == nil || c.Status != bad || Outdated(c.ObservedGeneration, gw.Generation) || c.Reason == string(gatewayv1.ListenerReasonInvalidRouteKinds) {
				continue
			}
			l.Down = fmt.Sprintf("listener %s of %s is %s (%s): %s", l.Name, of, negative(v.kind), c.Reason, c.Message)
			l.DownAt = l.At + v.field
			break
		}
	}
	return l
}

func negative(kind string) string {
	if kind == string(gatewayv1.ListenerConditionConflicted) {
		return "in conflict with another"
	}
	if kind == string(gatewayv1.ListenerConditionResolvedRefs) {
		return "without what it refers to"
	}
	return "not " + strings.ToLower(kind)
}

// gatewayClass finds who runs a Gateway and whether it is accepted and programmed, by what its controller says of it as it is now.
// That no address was assigned keeps nobody from it who comes by another way (Istio and Envoy Gateway say so while their
// Service of type LoadBalancer waits for one): its proxy has the routes all the same.
func (m *Map) gatewayClass(gw *gatewayv1.Gateway, p *parent) {
	p.class = string(gw.Spec.GatewayClassName)
	object := model.FieldRef{Ref: snapshot.RefOf(gw), Field: "spec.gatewayClassName"}
	class, presence := m.s.GatewayClasses().Get("", p.class)
	switch presence {
	case snapshot.Present:
		p.controller = string(class.Spec.ControllerName)
		p.proxy = m.controllerProxy(p.controller)
	case snapshot.Absent:
		p.faults = append(p.faults, Fault{Kind: NotProgrammed, Object: object, Why: "GatewayClass " + p.class + " does not exist, so no controller runs " + p.gateway.String()})
		return
	default:
		p.proxy = m.controllerProxy(p.class)
	}
	if class != nil && p.classRefused(class, gw) {
		return
	}
	for _, kind := range []string{string(gatewayv1.GatewayConditionAccepted), string(gatewayv1.GatewayConditionProgrammed)} {
		c := condition(gw.Status.Conditions, kind)
		if c != nil && c.Status == metav1.ConditionFalse && !Outdated(c.ObservedGeneration, gw.Generation) && c.Reason != string(gatewayv1.GatewayReasonAddressNotAssigned) {
			object.Field = "status.conditions[type=" + kind + "]"
			p.faults = append(p.faults, Fault{Kind: NotProgrammed, Object: notProgrammedAt(gw, object), Since: c.LastTransitionTime.Time,
				Why: fmt.Sprintf("%s is not %s (%s): %s", p.gateway, strings.ToLower(kind), c.Reason, c.Message)})
			return
		}
	}
}

// classRefused is a fault where the class itself is not accepted: its parameters are wrong, or nobody
// with its controllerName has looked at it. The API server writes the condition Pending for new classes and
// Gateways; a controller that has taken the Gateway may leave that of the class as it is.
func (p *parent) classRefused(class *gatewayv1.GatewayClass, gw *gatewayv1.Gateway) bool {
	c := condition(class.Status.Conditions, string(gatewayv1.GatewayClassConditionStatusAccepted))
	if c == nil || c.Status == metav1.ConditionTrue || Outdated(c.ObservedGeneration, class.Generation) {
		return false
	}
	for _, kind := range []string{string(gatewayv1.GatewayConditionAccepted), string(gatewayv1.GatewayConditionProgrammed)} {
		own := condition(gw.Status.Conditions, kind)
		if own != nil && own.Status == metav1.ConditionTrue || own == nil && c.Status == metav1.ConditionUnknown {
			return false
		}
	}
	object := model.FieldRef{Ref: snapshot.RefOf(class), Field: "spec.controllerName"}
	why := fmt.Sprintf("GatewayClass %s is not accepted by any controller (%s): %s", class.Name, c.Reason, c.Message)
	if c.Reason == string(gatewayv1.GatewayClassReasonInvalidParameters) {
		object.Field = "spec.parametersRef"
	}
	p.faults = append(p.faults, Fault{Kind: NotProgrammed, Object: object, Why: why})
	return true
}

// notProgrammedAt points to the listener's certificate where that is what the Gateway lacks.
func notProgrammedAt(gw *gatewayv1.Gateway, object model.FieldRef) model.FieldRef {
	for _, ls := range gw.Status.Listeners {
		c := condition(ls.Conditions, string(gatewayv1.ListenerConditionResolvedRefs))
		if c == nil || c.Status != metav1.ConditionFalse || Outdated(c.ObservedGeneration, gw.Generation) {
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
func (m *Map) admits(a asking, ref gatewayv1.ParentReference, gw *gatewayv1.Gateway, i int) (hosts []string, why, field string) {
	l := &gw.Spec.Listeners[i]
	if ref.SectionName != nil && *ref.SectionName != l.Name {
		return nil, fmt.Sprintf("none is named %s", *ref.SectionName), ".sectionName"
	}
	if ref.Port != nil && *ref.Port != l.Port {
		return nil, fmt.Sprintf("none listens on port %d", *ref.Port), ".port"
	}
	if !takesKind(l, a.ref.Kind) {
		return nil, fmt.Sprintf("listener %s speaks %s", l.Name, l.Protocol), ""
	}
	at := fmt.Sprintf("spec.listeners[%d]", i)
	if !m.namespaceAllowed(a.ref.Namespace, gw.Namespace, l.AllowedRoutes) {
		return nil, fmt.Sprintf("listener %s does not allow routes of namespace %s", l.Name, a.ref.Namespace), at + ".allowedRoutes.namespaces" + narrowing(l.AllowedRoutes)
	}
	if !kindAllowed(l.AllowedRoutes, a.ref.Kind) {
		return nil, fmt.Sprintf("listener %s does not allow %ss", l.Name, a.ref.Kind), at + ".allowedRoutes.kinds"
	}
	listener := ""
	if l.Hostname != nil {
		listener = strings.ToLower(string(*l.Hostname))
	}
	for _, h := range a.hosts {
		if both, ok := intersect(listener, h); ok {
			hosts = append(hosts, both)
		}
	}
	if len(hosts) == 0 {
		return nil, fmt.Sprintf("listener %s is for host %s, the route for %s", l.Name, listener, list(a.hosts)), "spec.hostnames"
	}
	return hosts, "", ""
}

// narrowing is the field below a listener's allowed namespaces that shuts others out.
func narrowing(allowed *gatewayv1.AllowedRoutes) string {
	if allowed != nil && allowed.Namespaces != nil && allowed.Namespaces.From != nil && *allowed.Namespaces.From == gatewayv1.NamespacesFromSelector {
		return ".selector"
	}
	return ".from"
}

func (m *Map) namespaceAllowed(route, gateway string, allowed *gatewayv1.AllowedRoutes) bool {
	from := gatewayv1.NamespacesFromSame
	if allowed != nil && allowed.Namespaces != nil && allowed.Namespaces.From != nil {
		from = *allowed.Namespaces.From
	}
	switch from {
	case gatewayv1.NamespacesFromAll:
		return true
	case gatewayv1.NamespacesFromNone:
		return false
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

func kindAllowed(allowed *gatewayv1.AllowedRoutes, kind string) bool {
	if allowed == nil || len(allowed.Kinds) == 0 {
		return true
	}
	return slices.ContainsFunc(allowed.Kinds, func(k gatewayv1.RouteGroupKind) bool {
		return string(k.Kind) == kind && (k.Group == nil || cmp.Or(string(*k.Group), gatewayGroup) == gatewayGroup)
	})
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
