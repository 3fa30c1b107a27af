package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func timeoutMisaligned() Analyzer {
	return Analyzer{
		Cause:  "timeout-misaligned",
		Doc:    "Finds routes on which an outer hop gives up before the limit that an inner one is told to keep.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services, snapshot.Deployments, snapshot.Pods, snapshot.ConfigMaps, snapshot.Other},
		run: func(v *view) []finding {
			var out []finding
			left := v.abandoned()
			for _, r := range v.routes {
				if f, ok := v.outerFirst(r); ok {
					out = append(out, f)
				} else if f, ok := v.hungUp(r, left[keyOf(r.Route)]); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// outerFirst explains requests that the gateway gave up on: by its limit, where something further in was told to
// try for longer. One limit alone is upstream-timeout.
func (v *view) outerFirst(r *route) (finding, bool) {
	hits := r.hits(model.ResponseTimeout)
	if len(hits) == 0 {
		return finding{}, false
	}
	waited := waits(hits)
	outer, ends := v.endedBy(r, waited)
	if !ends || outer.at.IsZero() {
		return finding{}, false
	}
	for _, inner := range v.innerLimits(r) {
		if inner.set < outer.set+time.Second || inner.at == outer.at {
			continue
		}
		return v.misaligned(r, outer, inner).as(model.ResponseTimeout).since(hits[0].At).
			because("model", fmt.Sprintf("requests fail after %s, which is the outer limit", waited.Round(time.Millisecond)), r.Object, time.Time{}), true
	}
	return finding{}, false
}

func (v *view) misaligned(r *route, outer, inner knob) finding {
	lets := inner.at.Ref.String() + " lets it take"
	if inner.at.Ref == outer.at.Ref {
		lets = inner.at.Field + " lets one try take"
	}
	f := find("timeout-misaligned", proven, outer.at,
		fmt.Sprintf("%s gives up on %s after %s, and %s %s", outer.at.Ref, r, outer.set, lets, inner.set)).on(r).
		because("object", fmt.Sprintf("%s is %s", inner.at.Field, inner.set), inner.at.Ref, time.Time{})
	if !outer.standby {
		f = f.because("object", fmt.Sprintf("%s is %s", outer.at.Field, outer.set), outer.at.Ref, time.Time{}).wants(longer(outer.at, inner.set))
	}
	return v.relateBackend(f, r).not("upstream-timeout", "the backend's own limit is longer than the one that ended the request")
}

// longer is a value for the outer limit with which the inner one comes first.
func longer(place model.FieldRef, inner time.Duration) string {
	n := strconv.Itoa(int((inner + 5*time.Second).Round(time.Second) / time.Second))
	switch {
	case strings.HasSuffix(place.Field, "timeoutSec"):
		return n
	case place.Kind == "HTTPRoute", place.Kind == "VirtualService", place.Kind == "HTTPProxy":
		return text(n + "s")
	case strings.HasPrefix(place.Field, "metadata.annotations['nginx."):
		return text(n)
	default:
		return ""
	}
}

// innerLimits lists what the hops behind the limit of a route are told: each try of the proxy itself, a gateway
// or a mesh behind it, the application.
func (v *view) innerLimits(r *route) []knob {
	var out []knob
	for _, l := range r.legs {
		if x, ok := v.m.Written(r.Route, l, proxy.TryTimeout); ok && x.Time > 0 {
			out = append(out, knob{at: x.At, set: x.Time})
		}
		out = append(out, v.meshLimits(r, l)...)
		for _, ref := range v.behind(l) {
			if w := v.workload(ref); w != nil {
				out = append(out, v.ownLimits(w)...)
			}
		}
	}
	for _, o := range v.beside(r, func(o path.Route) (outer path.Route, inner path.Route) { return r.Route, o }) {
		for _, k := range v.responseLimits(o) {
			if !k.standby {
				out = append(out, k)
			}
		}
	}
	return out
}

// beside lists the rules of other objects that stand before or behind a route: the pods that serve the inner one
// are backends of the outer one.
func (v *view) beside(r *route, pair func(path.Route) (outer, inner path.Route)) []*route {
	var out []*route
	for _, o := range v.m.Routes() {
		if o.Object == r.Object || o.Host != "" && r.Host != "" && o.Host != r.Host || !o.Takes(r.Path) && !r.Takes(o.Path) {
			continue
		}
		outer, inner := pair(o)
		if outer.Proxy == inner.Proxy && outer.Class == inner.Class {
			continue // the same gateway
		}
		pods := v.m.Gateways(inner)
		if len(pods) > 0 && slices.ContainsFunc(v.m.Legs(outer), func(l path.Leg) bool {
			return slices.ContainsFunc(l.Selected, func(p *corev1.Pod) bool { return slices.Contains(pods, p) })
		}) {
			out = append(out, &route{Route: o, legs: v.m.Legs(o)})
		}
	}
	return out
}

// meshLimits reads the timeouts that VirtualServices set for a backend, which the mesh keeps behind the gateway.
func (v *view) meshLimits(r *route, l path.Leg) []knob {
	var out []knob
	for o := range v.s.Others().All() {
		if o.GetKind() != "VirtualService" || l.Service == nil || snapshot.RefOf(o) == r.Object {
			continue
		}
		hosts, _ := dig(o.Object, "spec.hosts").([]any)
		if !slices.ContainsFunc(hosts, func(h any) bool {
			host, _ := h.(string)
			return hostIs(host, o.GetNamespace(), l.Service)
		}) {
			continue
		}
		rules, _ := dig(o.Object, "spec.http").([]any)
		for i := range rules {
			field := fmt.Sprintf("spec.http[%d].timeout", i)
			if d, ok := timeIn(dig(o.Object, field)); ok {
				out = append(out, knob{at: at(snapshot.RefOf(o), field), set: d})
			}
		}
	}
	return out
}

// ownLimits reads how long an application is told to work on a request: variables whose name says so
// (REQUEST_TIMEOUT, GUNICORN_TIMEOUT, SERVER_RESPONSE_TIMEOUT_MS), and --timeout of gunicorn and the like.
func (v *view) ownLimits(w *workload) []knob {
	spec := &w.template.template.Spec
	flag := regexp.MustCompile(`(?:^|\s)--(?:request-|response-|server-)?timeout[= ](\d+(?:ms|s|m)?)(?:\s|$)`)
	var out []knob
	for i := range spec.Containers {
		c := &spec.Containers[i]
		prefix := fmt.Sprintf("spec.template.spec.containers[%d]", i)
		for _, e := range v.environment(w, c, prefix) {
			if d, ok := requestTime(e.name, e.value); ok {
				out = append(out, knob{at: e.at, set: d})
			} else if m := flag.FindStringSubmatch(e.value); m != nil {
				if d, ok := seconds(m[1]); ok {
					out = append(out, knob{at: e.at, set: d})
				}
			}
		}
		for _, list := range []struct {
			field string
			words []string
		}{{"command", c.Command}, {"args", c.Args}} {
			if m := flag.FindStringSubmatch(strings.Join(list.words, " ")); m != nil {
				if d, ok := seconds(m[1]); ok {
					out = append(out, knob{at: at(w.ref, prefix+"."+list.field), set: d})
				}
			}
		}
	}
	return out
}

// requestTime reads a variable that limits the time for one request. Bare numbers of thousands are milliseconds.
func requestTime(name, value string) (time.Duration, bool) {
	name = strings.ToUpper(name)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
	}
	if !has("TIMEOUT") || !has("REQUEST", "RESPONSE", "SERVER", "WORKER", "GUNICORN", "HANDLER", "HTTP", "UPSTREAM") ||
		has("CONNECT", "IDLE", "KEEP", "SHUTDOWN", "GRACE", "SESSION", "DB", "DATABASE", "REDIS", "PROBE", "LOCK") {
		return 0, false
	}
	d, ok := seconds(strings.TrimSpace(value))
	if _, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && d >= 1000*time.Second {
		d /= 1000
	}
	return d, ok
}

// hungUp explains requests of which the gateway logs that its client went away, all after the same time: the load
// balancer or gateway in front has a shorter limit than this one.
func (v *view) hungUp(r *route, cut []model.Signal) (finding, bool) {
	if len(cut) < 2 || len(v.m.Gateways(r.Route)) == 0 {
		return finding{}, false
	}
	limits := v.responseLimits(r)
	if len(limits) == 0 {
		return finding{}, false
	}
	for _, outer := range v.outerLimits(r) {
		if limits[0].set < outer.set+time.Second {
			continue
		}
		met := slices.DeleteFunc(slices.Clone(cut), func(s model.Signal) bool { return (s.Duration - outer.set).Abs() > time.Second })
		if len(met) < 2 || len(met)*2 < len(cut) {
			continue
		}
		inner := limits[0]
		if inner.at.IsZero() {
			inner.at = timeoutPlace(r)
		}
		f := v.misaligned(r, outer, inner).showing(r, met).since(met[0].At)
		f.Evidence = append(f.Evidence, said(met[0]))
		return f.because("model", fmt.Sprintf("the client of the gateway went away from %d requests after %s", len(met), outer.set), r.Object, time.Time{}), true
	}
	return finding{}, false
}

// abandoned lists, route by route, the requests whose client went away before the answer: nginx, Traefik and
// others log 499 then, HAProxy -1 and Envoy 0.
func (v *view) abandoned() map[routeKey][]model.Signal {
	out := map[routeKey][]model.Signal{}
	for _, s := range v.in.Signals {
		if s.ErrorLog || s.Status > 0 && s.Status != 499 || s.Duration < time.Second {
			continue
		}
		if r, ok := v.m.Locate(s); ok {
			out[keyOf(r)] = append(out[keyOf(r)], s)
		}
	}
	return out
}

// outerLimits lists what limits a request in front of the gateway that serves a route, the shortest first: it is
// the one that ends the request.
func (v *view) outerLimits(r *route) []knob {
	out := v.balancerLimits(r)
	for _, o := range v.beside(r, func(o path.Route) (outer path.Route, inner path.Route) { return o, r.Route }) {
		for _, k := range v.responseLimits(o) {
			if !k.standby {
				out = append(out, k)
			}
		}
	}
	slices.SortFunc(out, func(a, b knob) int { return int(a.set - b.set) })
	return out
}

// balancerLimits reads the annotations of a gateway's Service by which clouds set the idle timeout of their load
// balancer: nothing else in the cluster tells of that limit.
func (v *view) balancerLimits(r *route) []knob {
	var out []knob
	for _, f := range v.m.Fleets(r.Route) {
		for svc := range v.s.Services().In(f.Object.Namespace) {
			if len(svc.Spec.Selector) == 0 || !matches(svc.Spec.Selector, f.Pod.Labels) {
				continue
			}
			for name, unit := range idleAnnotations() {
				if n, err := strconv.Atoi(svc.Annotations[name]); err == nil && n > 0 {
					out = append(out, knob{at: at(snapshot.RefOf(svc), annotation(name)), set: time.Duration(n) * unit})
				}
			}
		}
	}
	return out
}

// idleAnnotations are those of a Service that set how long a load balancer waits without a byte (the AWS, Azure and
// Oracle cloud providers).
func idleAnnotations() map[string]time.Duration {
	return map[string]time.Duration{
		"service.beta.kubernetes.io/aws-load-balancer-connection-idle-timeout": time.Second,
		"service.beta.kubernetes.io/azure-load-balancer-tcp-idle-timeout":      time.Minute,
		"service.beta.kubernetes.io/oci-load-balancer-connection-idle-timeout": time.Second,
	}
}

const albAttributes = "alb.ingress.kubernetes.io/load-balancer-attributes"

// idleOf reads how long AWS's application load balancer waits without a byte, where its Ingress says so.
func (v *view) idleOf(r *route) []knob {
	ing, ok := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name)
	if ok != snapshot.Present || r.Object.Kind != "Ingress" {
		return nil
	}
	for _, part := range strings.Split(ing.Annotations[albAttributes], ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if d, ok := seconds(value); ok && name == "idle_timeout.timeout_seconds" {
			return []knob{{at: at(r.Object, annotation(albAttributes)), set: d}}
		}
	}
	return nil
}
