package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// knob is a place where a time is set that a proxy waits, and the time.
type knob struct {
	at      model.FieldRef
	set     time.Duration
	standby bool // the controller's default: nothing is written there
}

// within reports whether requests that ended after a time ended by this limit.
func (k knob) within(waited time.Duration) bool {
	d := waited - k.set
	return d < 500*time.Millisecond && d > -500*time.Millisecond
}

// responseLimits lists what limits the time for an answer on a route, the most specific first.
func (v *view) responseLimits(r *route) []knob {
	out := v.routeTimeouts(r)
	if len(r.legs) > 0 { // backends of one rule differ in what their Services say, which is rare
		s := v.m.Settings(r.Route, r.legs[0])
		for _, k := range []proxy.Knob{proxy.ReadTimeout, proxy.RequestTimeout} {
			if x, ok := s.Get(k); ok && x.Time > 0 {
				out = append(out, knob{x.At, x.Time, x.Default})
			}
		}
	}
	out = append(out, v.policyTimes(r, "BackendTrafficPolicy", "spec.timeout.http.requestTimeout", "spec.timeout.http.maxStreamDuration")...)
	out = append(out, v.policyTimes(r, "GCPBackendPolicy", "spec.default.timeoutSec")...)
	out = append(out, v.attached(r, "BackendConfig", []string{"cloud.google.com/backend-config", "beta.cloud.google.com/backend-config"}, "spec.timeoutSec")...)
	out = append(out, v.attached(r, "ServersTransport", []string{"traefik.ingress.kubernetes.io/service.serverstransport"}, "spec.forwardingTimeouts.responseHeaderTimeout")...)
	out = append(out, v.transports(r, "spec.forwardingTimeouts.responseHeaderTimeout")...)
	out = append(out, v.idleOf(r)...)
	out = append(out, v.controllerTimes(r, "proxy-read-timeout", "timeout-server", "request-timeout")...)
	// What is written comes before what only holds where nothing is.
	slices.SortStableFunc(out, func(a, b knob) int { return order(a.standby) - order(b.standby) })
	return out
}

// routeTimeouts reads the timeouts that a route's own object sets: of an HTTPRoute's rule, of a Contour
// HTTPProxy's route, of an Istio VirtualService's.
func (v *view) routeTimeouts(r *route) []knob {
	var out []knob
	if hr, ok := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name); ok == snapshot.Present && r.Object.Kind == "HTTPRoute" {
		for i, rule := range hr.Spec.Rules {
			if fmt.Sprintf("spec.rules[%d]", i) != r.Rule || rule.Timeouts == nil {
				continue
			}
			if d, ok := limit(rule.Timeouts.BackendRequest); ok {
				out = append(out, knob{at: at(r.Object, r.Rule+".timeouts.backendRequest"), set: d})
			}
			if d, ok := limit(rule.Timeouts.Request); ok {
				out = append(out, knob{at: at(r.Object, r.Rule+".timeouts.request"), set: d})
			}
		}
	}
	field := map[string]string{"HTTPProxy": ".timeoutPolicy.response", "VirtualService": ".timeout"}[r.Object.Kind]
	for o := range v.s.Others().In(r.Object.Namespace) {
		if field == "" || o.GetKind() != r.Object.Kind || o.GetName() != r.Object.Name {
			continue
		}
		if d, ok := timeIn(dig(o.Object, r.Rule+field)); ok {
			out = append(out, knob{at: at(r.Object, r.Rule+field), set: d})
		}
	}
	return out
}

// policyTimes reads times of the policies of a kind that are attached to a route.
func (v *view) policyTimes(r *route, kind string, fields ...string) []knob {
	var out []knob
	for o := range v.s.Others().All() {
		if o.GetKind() != kind || !slices.Contains(v.under(o), r) {
			continue
		}
		for _, f := range fields {
			if d, ok := timeIn(dig(o.Object, f)); ok {
				out = append(out, knob{at: at(snapshot.RefOf(o), f), set: d})
			}
		}
	}
	return out
}

// attached reads a time of the object of a kind that an annotation of a backend's Service names.
func (v *view) attached(r *route, kind string, annotations []string, field string) []knob {
	var out []knob
	for _, l := range r.legs {
		if l.Service == nil {
			continue
		}
		for _, a := range annotations {
			names := l.Service.Annotations[a]
			for o := range v.s.Others().All() {
				if names == "" || o.GetKind() != kind || !holdsWord(names, o.GetName()) && !crossProvider(names, o.GetNamespace(), o.GetName()) {
					continue
				}
				if d, ok := timeIn(dig(o.Object, field)); ok {
					out = append(out, knob{at: at(snapshot.RefOf(o), field), set: d})
				}
			}
		}
	}
	return out
}

// transports reads a time of the ServersTransports that the backends of an IngressRoute name: in its own namespace, or in another one
// by the name that other providers call it (traefik/traefik, pkg/provider/kubernetes/crd/kubernetes_http.go: makeServersTransportKey).
func (v *view) transports(r *route, field string) []knob {
	var out []knob
	for _, l := range r.legs {
		x, _ := l.Backend.Settings.Get(proxy.Extension)
		name, named := strings.CutPrefix(x.Value, "ServersTransport/")
		for o := range v.s.Others().All() {
			own := o.GetNamespace() == r.Object.Namespace && o.GetName() == name
			if !named || o.GetKind() != "ServersTransport" || !own && !crossProvider(name, o.GetNamespace(), o.GetName()) {
				continue
			}
			if d, ok := timeIn(dig(o.Object, field)); ok {
				out = append(out, knob{at: at(snapshot.RefOf(o), field), set: d})
			}
		}
	}
	return out
}

// crossProvider reports whether text is the name by which other objects call one of Traefik's custom resources
// (doc.traefik.io, routing/providers/kubernetes-ingress: service.serverstransport).
func crossProvider(text, namespace, name string) bool {
	return text == namespace+"-"+name+"@kubernetescrd"
}

// controllerTimes reads times of the ConfigMaps that configure the proxies of a route: those that their
// arguments name.
func (v *view) controllerTimes(r *route, keys ...string) []knob {
	var out []knob
	for _, f := range v.m.Fleets(r.Route) {
		for _, name := range proxy.ConfigMaps(f.Pod) {
			cm, ok := v.s.ConfigMaps().Get(f.Object.Namespace, name)
			if ok != snapshot.Present {
				continue
			}
			for _, k := range keys {
				if d, ok := seconds(cm.Data[k]); ok {
					out = append(out, knob{at: at(snapshot.RefOf(cm), "data."+k), set: d})
				}
			}
		}
	}
	return out
}

// dig finds a value in an untyped object by its field path, with list indexes.
func dig(o map[string]any, field string) any {
	var value any = o
	for _, part := range strings.Split(field, ".") {
		name, rest, _ := strings.Cut(part, "[")
		m, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = m[name]
		for rest != "" {
			index, after, _ := strings.Cut(rest, "]")
			list, ok := value.([]any)
			n, err := strconv.Atoi(index)
			if !ok || err != nil || n < 0 || n >= len(list) {
				return nil
			}
			value, rest = list[n], strings.TrimPrefix(after, "[")
		}
	}
	return value
}

// timeIn reads a time as custom objects write it: with a unit, or in seconds.
func timeIn(value any) (time.Duration, bool) {
	switch x := value.(type) {
	case string:
		return seconds(x)
	case int64:
		return time.Duration(x) * time.Second, x > 0
	case float64:
		return time.Duration(x * float64(time.Second)), x > 0
	default:
		return 0, false
	}
}

// limit reads an HTTPRoute's timeout; zero sets none.
func limit(t *gatewayv1.Duration) (time.Duration, bool) {
	if t == nil {
		return 0, false
	}
	d, err := time.ParseDuration(string(*t))
	return d, err == nil && d > 0
}

// seconds reads an annotation's duration: plain seconds, or with a unit.
func seconds(s string) (time.Duration, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(n) * time.Second, n > 0
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// timeoutPlace is where a route's timeout would be written, if nothing says it.
func timeoutPlace(r *route) model.FieldRef {
	switch {
	case r.Object.Kind == "HTTPRoute":
		return at(r.Object, r.Rule+".timeouts")
	case r.Object.Kind == "HTTPProxy":
		return at(r.Object, r.Rule+".timeoutPolicy.response")
	case r.Object.Kind == "VirtualService":
		return at(r.Object, r.Rule+".timeout")
	case virtualServer(r.Route) && len(r.Backends) > 0:
		return at(r.Object, r.Backends[0].Field+".read-timeout")
	case r.Proxy == "nginx":
		return at(r.Object, annotation(readTimeout))
	case r.Proxy == "gcp-lb" && len(r.legs) > 0 && r.legs[0].Service != nil:
		return at(serviceRef(r.legs[0]), annotation(backendConfig)) // of an Ingress it is not read
	default:
		return at(r.Object, "")
	}
}
