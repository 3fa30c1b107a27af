package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// brokenListener is what is wrong with a listener, and which it is.
type brokenListener struct {
	listener model.FieldRef
	finding
}

// brokenListeners finds listeners that are not programmed while others of their Gateway are: requests to their port do
// not get as far as a log.
func (v *view) brokenListeners() []brokenListener {
	var out []brokenListener
	for gw := range v.s.Gateways().All() {
		for i := range gw.Spec.Listeners {
			if f, ok := v.brokenListener(gw, i); ok {
				out = append(out, brokenListener{at(snapshot.RefOf(gw), fmt.Sprintf("spec.listeners[%d]", i)), f})
			}
		}
	}
	return out
}

// byListeners are those of one cause.
func (v *view) byListeners(cause model.CauseID) []finding { return ofCause(v.brokenListeners(), cause) }

func ofCause(broken []brokenListener, cause model.CauseID) []finding {
	var out []finding
	for _, b := range broken {
		if b.ID == cause {
			out = append(out, b.finding)
		}
	}
	return out
}

// unprogrammed are the Gateways and listeners of which their controllers say so. Where it was found what a listener lacks, its
// controller's word for that says no more.
func (v *view) unprogrammed() []finding {
	const cause = "gateway-not-programmed"
	broken := v.brokenListeners()
	told := slices.DeleteFunc(faults(v, cause, path.NotProgrammed), func(f finding) bool {
		return slices.ContainsFunc(broken, func(b brokenListener) bool {
			return b.listener.Ref == f.Object.Ref && strings.HasPrefix(f.Object.Field, b.listener.Field) && slices.Contains(b.routes, f.routes[0])
		})
	})
	return append(told, ofCause(broken, cause)...)
}

// brokenListener says why a listener that routes ask for does not serve.
func (v *view) brokenListener(gw *gatewayv1.Gateway, i int) (finding, bool) {
	ref, l := snapshot.RefOf(gw), &gw.Spec.Listeners[i]
	cause := model.CauseID("gateway-not-programmed")
	field, why := v.listenerFault(gw, i)
	object, wanted := at(ref, field), ""
	secrets := listenerSecrets(ref, gw, i)
	if foreign := v.foreignCertificate(gw, i); foreign != "" {
		cause, object.Field = "refgrant-missing", foreign
		why = "its certificate is in another namespace, where no ReferenceGrant admits Gateways of namespace " + gw.Namespace
	} else if j := slices.IndexFunc(secrets, v.absent); j >= 0 {
		lacks := secrets[j]
		object, wanted = lacks.at, v.likeSecret(lacks.secret)
		why = fmt.Sprintf("its certificate's Secret %s/%s does not exist", lacks.secret.Namespace, lacks.secret.Name)
		if c, ok := v.certificateFor(lacks.secret); ok {
			pending, says := v.pending(c)
			cause, object, wanted, why = "tls-secret-missing", pending, "", why+says
		}
	}
	if why == "" {
		return finding{}, false
	}
	f := find(cause, proven, object, fmt.Sprintf("listener %s (port %d) of %s does not serve: %s", l.Name, l.Port, ref, why)).
		as(model.NoRoute, model.TLS, model.Refused).because("object", why, ref, time.Time{}).wants(wanted)
	f.unlogged = true
	for _, r := range v.routes {
		if r.Gateway.Namespace == gw.Namespace && r.Gateway.Name == gw.Name && (r.Served() || lacksListener(r.Route)) && v.asksFor(r.Route, string(l.Name), l.Port) {
			f = f.on(r)
		}
	}
	return f, len(f.routes) > 0
}

// lacksListener reports whether all that is wrong with a route is that a listener of its Gateway is.
func lacksListener(r path.Route) bool {
	return !slices.ContainsFunc(r.Faults, func(f path.Fault) bool {
		return f.Kind != path.NotProgrammed && (f.Kind != path.ListenerUnattached || !ofGateway.MatchString(f.Why))
	})
}

// asksFor reports whether a route asks for a listener of its Gateway, or for all of them.
func (v *view) asksFor(r path.Route, listener string, port int32) bool {
	hr, presence := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name)
	if presence != snapshot.Present || r.Object.Kind != "HTTPRoute" {
		return r.Listener == listener
	}
	for _, p := range hr.Spec.ParentRefs {
		if path.ParentOf(r.Object, p) == r.Gateway && (p.SectionName == nil || string(*p.SectionName) == listener) && (p.Port == nil || *p.Port == port) {
			return true
		}
	}
	return false
}

// absent reports whether a Secret does not exist.
func (v *view) absent(c shown) bool {
	_, presence := v.s.Secrets().Get(c.secret.Namespace, c.secret.Name)
	return presence == snapshot.Absent
}

// listenerFault says what keeps a listener from serving by its controller's word, and at which field.
func (v *view) listenerFault(gw *gatewayv1.Gateway, i int) (field, why string) {
	said := refusal(gw, &gw.Spec.Listeners[i])
	if said == nil {
		return "", ""
	}
	field = fmt.Sprintf("spec.listeners[%d]", i)
	switch gatewayv1.ListenerConditionReason(said.Reason) {
	case gatewayv1.ListenerReasonHostnameConflict:
		field += ".hostname"
	case gatewayv1.ListenerReasonProtocolConflict, gatewayv1.ListenerReasonUnsupportedProtocol:
		field += ".protocol"
	case gatewayv1.ListenerReasonPortUnavailable:
		field += ".port"
	case gatewayv1.ListenerReasonInvalidRouteKinds:
		field += ".allowedRoutes.kinds"
	default: // it is about a certificate, or the listener as a whole
		if secrets := listenerSecrets(snapshot.RefOf(gw), gw, i); said.Type == string(gatewayv1.ListenerConditionResolvedRefs) && len(secrets) > 0 {
			field = secrets[0].at.Field
		}
	}
	return field, fmt.Sprintf("%s: %s", said.Reason, said.Message)
}

// foreignCertificate is the field of a listener's certificate that is in another namespace and that no ReferenceGrant
// there admits, by the controller's own word or where the grants could be looked at.
func (v *view) foreignCertificate(gw *gatewayv1.Gateway, i int) string {
	l := &gw.Spec.Listeners[i]
	if l.TLS == nil {
		return ""
	}
	said := refusal(gw, l)
	for j, c := range l.TLS.CertificateRefs {
		if c.Namespace == nil || string(*c.Namespace) == gw.Namespace {
			continue
		}
		refused := said != nil && said.Reason == string(gatewayv1.ListenerReasonRefNotPermitted)
		if refused || v.s.ReferenceGrants().Covers(string(*c.Namespace)) && said != nil && !v.admitted(gw, c) {
			return fmt.Sprintf("spec.listeners[%d].tls.certificateRefs[%d].namespace", i, j)
		}
	}
	return ""
}

// admitted reports whether a ReferenceGrant lets a Gateway use a Secret of another namespace.
func (v *view) admitted(gw *gatewayv1.Gateway, c gatewayv1.SecretObjectReference) bool {
	for g := range v.s.ReferenceGrants().In(string(*c.Namespace)) {
		from := slices.ContainsFunc(g.Spec.From, func(f gatewayv1.ReferenceGrantFrom) bool {
			return f.Group == gatewayv1.GroupName && f.Kind == "Gateway" && string(f.Namespace) == gw.Namespace
		})
		to := slices.ContainsFunc(g.Spec.To, func(t gatewayv1.ReferenceGrantTo) bool {
			return t.Kind == "Secret" && (t.Name == nil || string(*t.Name) == string(c.Name))
		})
		if from && to {
			return true
		}
	}
	return false
}

// refusal is the condition with which a controller says that it does not serve a listener as it is now, the deepest one;
// nil if it serves it.
func refusal(gw *gatewayv1.Gateway, l *gatewayv1.Listener) *metav1.Condition {
	for i := range gw.Status.Listeners {
		ls := &gw.Status.Listeners[i]
		if ls.Name != l.Name {
			continue
		}
		for _, kind := range []gatewayv1.ListenerConditionType{gatewayv1.ListenerConditionResolvedRefs, gatewayv1.ListenerConditionConflicted, gatewayv1.ListenerConditionAccepted, gatewayv1.ListenerConditionProgrammed} {
			bad := metav1.ConditionFalse
			if kind == gatewayv1.ListenerConditionConflicted {
				bad = metav1.ConditionTrue
			}
			for j := range ls.Conditions {
				if c := &ls.Conditions[j]; c.Type == string(kind) && c.Status == bad && !path.Outdated(c.ObservedGeneration, gw.Generation) {
					return c
				}
			}
		}
	}
	return nil
}

// likeSecret is the name of the only Secret that is nearly the one that is missing, as JSON.
func (v *view) likeSecret(secret model.Ref) string {
	found := ""
	for s := range v.s.Secrets().In(secret.Namespace) {
		if alike(s.Name, secret.Name) {
			if found != "" {
				return ""
			}
			found = text(s.Name)
		}
	}
	return found
}
