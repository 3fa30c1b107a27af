package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func rateLimited() Analyzer {
	return Analyzer{
		Cause:  "rate-limited",
		Doc:    "Finds routes whose requests the proxy turns away because a rate limit is reached.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.ConfigMaps, snapshot.Other},
		stage:  byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.open() {
				if f, ok := v.limitedBy(r); ok {
					out = append(out, f)
				}
			}
			for _, r := range v.routes {
				if f, ok := v.limitedWith429(r); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// limitedWith429 finds a route on which an object sets a limit, and where so many requests are answered 429 that it is
// no more the few who ask too often: half of them, a fifth where the limit is one for all clients together, or one of ten where somebody
// asks about the very request, or changed the limit lately and all that come meet it. Few answers of 429 are a limit that does its work.
func (v *view) limitedWith429(r *route) (finding, bool) {
	n := len(r.limited)
	if n < few || n*10 < r.requests || v.in.Target.Request == nil && v.oneAsksTooOften(r) {
		return finding{}, false
	}
	at, why := v.rateLimit(r, false)
	if why == "" {
		return finding{}, false // the application's own, then
	}
	share := 2
	switch changed := v.changedLimit(at.Ref) && v.allMeetIt(r); {
	case v.in.Target.Request != nil, changed:
		share = 10
	case v.countsTogether(at.Ref):
		share = 5
	}
	if n*share < r.requests {
		return finding{}, false
	}
	f := find("rate-limited", proven, at, fmt.Sprintf("a rate limit answers %d of %d requests for %s with 429: %s", n, r.requests, r, why)).
		on(r).as(model.Overload).showing(r, r.limited).since(r.limited[0].At).because("object", why, at.Ref, time.Time{})
	return v.relateBackend(f, r), true
}

// changedLimit reports whether somebody wrote a setting of a limit of an object within the last hours, and not when it was made.
func (v *view) changedLimit(ref model.Ref) bool {
	const lately = 6 * time.Hour
	return slices.ContainsFunc(v.changesOf(ref), func(c model.Changed) bool {
		return strings.Contains(strings.ToLower(c.Field), "limit") && v.s.At().Sub(c.At) < lately
	})
}

// allMeetIt reports whether a limit turned away every client of a route, of several: it is lower than what users ask for.
func (v *view) allMeetIt(r *route) bool {
	met, all := map[string]bool{}, map[string]bool{}
	for _, s := range r.limited {
		met[s.Client] = true
	}
	for i := range v.in.Signals {
		if s := &v.in.Signals[i]; !s.ErrorLog && s.Request.Host == r.limited[0].Request.Host && r.Takes(s.Request.Path) {
			all[s.Client] = true
		}
	}
	return len(met) >= few && len(met) == len(all)
}

// countsTogether reports whether a limit is one for the requests of all clients together, so that it keeps off not those who ask too
// often, but whoever comes last: one of Envoy Gateway without selectors of clients (gateway.envoyproxy.io, RateLimitRule).
func (v *view) countsTogether(limit model.Ref) bool {
	o, presence := v.s.Lookup(limit)
	u, custom := o.(*unstructured.Unstructured)
	if presence != snapshot.Present || !custom || limit.Kind != "BackendTrafficPolicy" {
		return false
	}
	for _, kind := range []string{"local", "global"} {
		rules, _ := dig(u.Object, "spec.rateLimit."+kind+".rules").([]any)
		for _, r := range rules {
			if rule, ok := r.(map[string]any); ok && rule["clientSelectors"] == nil {
				return true
			}
		}
	}
	return false
}

// oneAsksTooOften reports whether a limit turned a single client away, at a public address, and others of the route got through:
// it keeps off who asks too often, as it should. At a private address many may come as one, those that a node or a
// load balancer forwards.
func (v *view) oneAsksTooOften(r *route) bool {
	client := r.limited[0].Client
	at, err := netip.ParseAddr(client)
	if err != nil || at.IsPrivate() || slices.ContainsFunc(r.limited, func(s model.Signal) bool { return s.Client != client }) {
		return false
	}
	return slices.ContainsFunc(v.in.Signals, func(s model.Signal) bool {
		return s.Client != "" && s.Client != client && !s.Failed() && s.Status < 400 && s.Request.Host == r.limited[0].Request.Host && r.Takes(s.Request.Path)
	})
}

// limitedBy finds the object that sets the limit of which the proxy speaks.
func (v *view) limitedBy(r *route) (finding, bool) {
	f, ok := v.told(limitWords(), r)
	if !ok {
		return f, false
	}
	connections := strings.Contains(v.heard(r)["rate-limited"].first.Reason, "limiting connections")
	if place, why := v.rateLimit(r, connections); why != "" {
		f.Object = place
		f.Summary += ": " + why
		f = f.because("object", why, place.Ref, time.Time{})
	}
	return f, true
}

// rateLimit is what limits a route's requests, or its connections: a setting of the route, a custom object that is
// attached to it, or a plugin of Kong.
func (v *view) rateLimit(r *route, connections bool) (model.FieldRef, string) {
	for _, s := range r.Settings.All(proxy.RateLimit) {
		if s.Wrong == "" && s.Yes && connections == strings.Contains(s.At.Field, "connections") {
			return s.At, fmt.Sprintf("%s of %s is %s", s.At.Field, s.At.Ref, s.Value)
		}
	}
	for o := range v.s.Others().All() {
		own := o.GetKind() == r.Object.Kind && o.GetName() == r.Object.Name && o.GetNamespace() == r.Object.Namespace
		if field := limits(o); field != "" && (own || slices.Contains(v.under(o), r) || v.through(r, o) || v.plugged(r, o)) {
			ref := snapshot.RefOf(o)
			return at(ref, field), fmt.Sprintf("%s limits requests (%s)", ref, field)
		}
	}
	return model.FieldRef{}, ""
}

// plugged reports whether a plugin of Kong is named by a route's object or by a Service behind it, or stands for all.
func (v *view) plugged(r *route, o *unstructured.Unstructured) bool {
	if o.GetKind() != "KongPlugin" && o.GetKind() != "KongClusterPlugin" {
		return false
	}
	if o.GetKind() == "KongClusterPlugin" && o.GetLabels()["global"] == "true" {
		return r.Proxy == "kong"
	}
	const name = "konghq.com/plugins"
	var named []string
	if ing := v.ingress(r.Route); ing != nil {
		named = append(named, ing.Annotations[name])
	}
	if hr, ok := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name); ok == snapshot.Present && r.Object.Kind == "HTTPRoute" {
		named = append(named, hr.Annotations[name])
	}
	for _, l := range r.legs {
		if l.Service != nil {
			named = append(named, l.Service.Annotations[name])
		}
	}
	if o.GetKind() == "KongPlugin" && o.GetNamespace() != r.Object.Namespace {
		return false
	}
	return slices.ContainsFunc(named, func(names string) bool { return holdsWord(names, o.GetName()) })
}

// limitWords is what is said of a rate limit of which no object is seen.
func limitWords() spoken {
	return spoken{
		cause: "rate-limited",
		says:  "a rate limit answers requests for %s", where: atRoute,
		fields: []string{
			"nginx.ingress.kubernetes.io/limit-rps", "nginx.ingress.kubernetes.io/limit-rpm", "nginx.ingress.kubernetes.io/limit-connections",
			"nginx.org/limit-req-rate", "haproxy.org/rate-limit-requests", "traefik.ingress.kubernetes.io/router.middlewares",
		},
	}
}

// limits is the field of a custom object that limits requests, empty if it does not.
func limits(o *unstructured.Unstructured) string {
	fields := map[string][]string{
		"BackendTrafficPolicy": {"spec.rateLimit.local", "spec.rateLimit.global", "spec.rateLimit"},
		"Middleware":           {"spec.rateLimit", "spec.inFlightReq"},
		"HTTPProxy":            {"spec.virtualhost.rateLimitPolicy", "spec.routes[0].rateLimitPolicy"},
		"Policy":               {"spec.rateLimit"},
	}[o.GetKind()]
	if plugin, _ := dig(o.Object, "plugin").(string); strings.Contains(plugin, "rate") && strings.Contains(plugin, "limiting") {
		for _, period := range []string{"second", "minute", "hour", "day", "limit"} {
			fields = append(fields, "config."+period)
		}
	}
	for _, f := range fields {
		if dig(o.Object, f) != nil {
			return f
		}
	}
	return ""
}
