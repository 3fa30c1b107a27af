package diagnose

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func circuitBreakerOpen() Analyzer {
	return Analyzer{
		Cause:  "circuit-breaker-open",
		Doc:    "Finds routes whose requests the proxy turns away itself, by a circuit breaker or outlier detection.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Other},
		stage:  byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.open() {
				if f, ok := v.brokenCircuit(r); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// breaker is a limit, or a rule by which backends are put aside, in some object.
type breaker struct {
	at    model.FieldRef
	why   string
	eject bool // it puts backends aside instead of counting requests
}

// brokenCircuit explains requests that the proxy did not even try to send: its counters were full, or all
// endpoints had been put aside although they are ready.
func (v *view) brokenCircuit(r *route) (finding, bool) {
	if f, ok := v.middlewareBreaker(r); ok {
		return f, true
	}
	row := circuitWords()
	said, full := v.heard(r)[row.cause]
	aside := setAside(r)
	if !full && len(aside) == 0 {
		return finding{}, false
	}
	what, kinds := "the proxy's circuit breaker turns requests for %s away: %s", said.kinds
	if !full {
		said.first, kinds, what = aside[0], []model.FailureKind{model.NoEndpoints}, "the proxy has ejected all endpoints of %s, though they are ready: %s"
	}
	for _, b := range v.breakers(r) {
		if b.eject == full {
			continue
		}
		f := find(row.cause, proven, b.at, fmt.Sprintf(what, r, b.why)).on(r).as(kinds...).since(said.first.At).
			because("object", b.why, b.at.Ref, time.Time{})
		return v.relateBackend(f, r), true
	}
	if !full {
		return finding{}, false // nothing is known to put endpoints aside
	}
	return v.told(row, r)
}

// middlewareBreaker finds a circuit breaker of Traefik, which answers 503 without asking anybody, as it does where there is no
// endpoint; but here there are (traefik/traefik, pkg/middlewares/circuitbreaker).
func (v *view) middlewareBreaker(r *route) (finding, bool) {
	alone := slices.DeleteFunc(r.hits(model.NoEndpoints, model.Overload, model.OtherFailure), func(s model.Signal) bool { return len(s.Tries) > 0 || s.Status != 503 })
	if r.Proxy != "traefik" || len(alone) == 0 || slices.ContainsFunc(r.legs, func(l path.Leg) bool { return len(l.ReadyEnds()) == 0 }) {
		return finding{}, false
	}
	for _, m := range v.middlewares(r) {
		expression, ok := dig(m.Object, "spec.circuitBreaker.expression").(string)
		if !ok {
			continue
		}
		object := at(snapshot.RefOf(m), "spec.circuitBreaker.expression")
		f := find("circuit-breaker-open", proven, object, fmt.Sprintf("the circuit breaker of %s turns requests for %s away when %s", object.Ref, r, expression)).
			on(r).as(model.NoEndpoints, model.Overload, model.OtherFailure).since(alone[0].At).
			because("object", "spec.circuitBreaker.expression is "+expression, object.Ref, time.Time{}).
			not("no-endpoints", "the Service has endpoints that are ready")
		return v.relateBackend(f, r), true
	}
	return finding{}, false
}

// circuitWords is what is said of a circuit breaker of which no object is seen.
func circuitWords() spoken {
	return spoken{
		cause: "circuit-breaker-open",
		says:  "the gateway's circuit breaker for the backend of %s is open: more connections, requests or retries than it allows", where: atRoute,
		fields: []string{"nginx.ingress.kubernetes.io/upstream-max-fails", "haproxy.org/pod-maxconn", "nginx.org/max-conns"},
		proofs: []string{"envoy-uo"},
	}
}

// setAside lists the requests for which the proxy saw no healthy endpoint, on a route that has ready ones.
func setAside(r *route) []model.Signal {
	for _, l := range r.legs {
		if len(l.ReadyEnds()) == 0 {
			return nil
		}
	}
	words := []string{"UH", "no_healthy_upstream", "no live upstreams", "failed_to_pick_backend", "ERRORINFO_UPSTREAM_NO_LIVE"}
	return slices.DeleteFunc(r.hits(model.NoEndpoints), func(s model.Signal) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s.Reason, w) })
	})
}

// breakers lists what may turn requests of a route away.
func (v *view) breakers(r *route) []breaker {
	var out []breaker
	for o := range v.s.Others().All() {
		out = append(out, v.breaks(o, r)...)
	}
	for _, l := range r.legs {
		if l.Service != nil {
			out = append(out, annotatedLimits(l.Service)...)
		}
	}
	return out
}

// breaks lists what a custom object may turn away of a route's requests.
func (v *view) breaks(o *unstructured.Unstructured, r *route) []breaker {
	var out []breaker
	switch o.GetKind() {
	case "DestinationRule":
		for _, l := range r.legs {
			if host, _, _ := unstructured.NestedString(o.Object, "spec", "host"); l.Service != nil && hostIs(host, o.GetNamespace(), l.Service) {
				out = append(out, trafficPolicies(o)...)
			}
		}
	case "BackendTrafficPolicy":
		if slices.Contains(v.under(o), r) {
			out = append(out, smallest(o, "spec.circuitBreaker", dig(o.Object, "spec.circuitBreaker"))...)
			if dig(o.Object, "spec.healthCheck.passive") != nil {
				out = append(out, breaker{at(snapshot.RefOf(o), "spec.healthCheck.passive"), fmt.Sprintf("%s ejects endpoints that answer badly", snapshot.RefOf(o)), true})
			}
		}
	case "Middleware":
		if e, ok := dig(o.Object, "spec.circuitBreaker.expression").(string); ok && v.through(r, o) {
			out = append(out, breaker{at(snapshot.RefOf(o), "spec.circuitBreaker.expression"), fmt.Sprintf("%s opens at %s", snapshot.RefOf(o), e), true})
		}
	}
	return out
}

// through reports whether a route's requests pass a Traefik Middleware.
func (v *view) through(r *route, middleware *unstructured.Unstructured) bool {
	for _, s := range r.Settings.All(proxy.Middleware) {
		if strings.Contains(s.Value, middleware.GetName()) {
			return true
		}
	}
	return false
}

// hostIs reports whether a DestinationRule's host means a Service: its name in the rule's own namespace, or
// any form with the namespace (istio.io/istio, pkg/config/host).
func hostIs(host, namespace string, svc *corev1.Service) bool {
	full := svc.Name + "." + svc.Namespace + ".svc.cluster.local"
	switch {
	case !strings.Contains(host, "."):
		return host == svc.Name && namespace == svc.Namespace
	case strings.HasPrefix(host, "*"):
		return strings.HasSuffix(full, host[1:])
	default:
		return host == full || strings.HasPrefix(full, host+".")
	}
}

// trafficPolicies lists the limits of a DestinationRule: of all, of one port, of a subset.
func trafficPolicies(o *unstructured.Unstructured) []breaker {
	places := []string{"spec.trafficPolicy"}
	for i := range listAt(o.Object, "spec.trafficPolicy.portLevelSettings") {
		places = append(places, fmt.Sprintf("spec.trafficPolicy.portLevelSettings[%d]", i))
	}
	for i := range listAt(o.Object, "spec.subsets") {
		places = append(places, fmt.Sprintf("spec.subsets[%d].trafficPolicy", i))
	}
	var out []breaker
	for _, p := range places {
		out = append(out, smallest(o, p+".connectionPool", dig(o.Object, p+".connectionPool"))...)
		if d := dig(o.Object, p+".outlierDetection"); d != nil {
			out = append(out, breaker{at(snapshot.RefOf(o), p+".outlierDetection"), fmt.Sprintf("%s ejects endpoints that answer badly", snapshot.RefOf(o)), true})
		}
	}
	return out
}

func listAt(o map[string]any, field string) []any {
	list, _ := dig(o, field).([]any)
	return list
}

// smallest names the smallest of the counters below a field; where several are as small, the field itself.
func smallest(o *unstructured.Unstructured, field string, value any) []breaker {
	counters := numbersIn(field, value)
	if len(counters) == 0 {
		return nil
	}
	best := counters[0]
	for _, c := range counters[1:] {
		switch {
		case c.n < best.n:
			best = c
		case c.n == best.n:
			best.field = field
		}
	}
	ref := snapshot.RefOf(o)
	return []breaker{{at: at(ref, best.field), why: fmt.Sprintf("%s allows %d (%s)", ref, best.n, best.name)}}
}

type counter struct {
	field, name string
	n           int64
}

// numbersIn lists the counters of a circuit breaker below a field: maxConnections, http1MaxPendingRequests,
// http2MaxRequests, maxPendingRequests, maxParallelRequests. How many requests one connection may carry, and
// how often is retried, turns no request away.
func numbersIn(field string, value any) []counter {
	var out []counter
	m, _ := value.(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		switch x := m[k].(type) {
		case map[string]any:
			out = append(out, numbersIn(field+"."+k, x)...)
		case int64:
			if (strings.Contains(strings.ToLower(k), "max")) && !strings.Contains(k, "PerConnection") && !strings.Contains(k, "Retries") {
				out = append(out, counter{field + "." + k, k, x})
			}
		}
	}
	return out
}

// annotatedLimits reads the smallest of Contour's annotations of a Service (projectcontour/contour,
// internal/annotation).
func annotatedLimits(svc *corev1.Service) []breaker {
	var out []breaker
	ref, least := snapshot.RefOf(svc), int64(0)
	for _, name := range []string{"max-pending-requests", "max-requests", "max-connections", "per-host-max-connections"} {
		key := "projectcontour.io/" + name
		if n, err := strconv.ParseInt(svc.Annotations[key], 10, 64); err == nil && (out == nil || n < least) {
			out, least = []breaker{{at: at(ref, annotation(key)), why: fmt.Sprintf("%s allows %d (%s)", ref, n, name)}}, n
		}
	}
	return out
}
