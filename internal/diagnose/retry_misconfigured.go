package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func proxyRetryMisconfigured() Analyzer {
	return Analyzer{
		Cause: "proxy-retry-misconfigured", Doc: "Finds routes that somebody told not to retry, whose requests fail at one endpoint while others serve, or to repeat what must be done once.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Ingresses, snapshot.Other},
		stage:  byRest,
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if f, ok := v.unretried(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.shed(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.repeats(r, l); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// unretried finds the requests that a second try would have saved: they got no connection to one of several
// endpoints, or lost it before an answer, while others answered. What else explains them comes first; then the
// setting is only wrong besides.
func (v *view) unretried(r *route, l path.Leg) (finding, bool) {
	s, ok := v.noRetries(r, l)
	if !ok || len(l.ReadyEnds()) < 2 {
		return finding{}, false
	}
	var saved []*model.Signal
	from := map[string]bool{}
	for i := range r.signals {
		x := &r.signals[i]
		if len(x.Tries) == 1 && s.loses(x) {
			saved = append(saved, x)
			from[lastHost(x)] = true
		}
	}
	serves := len(r.succeeded) > 0 && slices.ContainsFunc(l.ReadyEnds(), func(e path.End) bool { return !from[e.IP] })
	if len(saved) < 2 || !serves {
		return finding{}, false
	}
	first, _ := span(saved)
	f := find("proxy-retry-misconfigured", proven, s.at,
		fmt.Sprintf("%s has the proxy try once only (%s), so %d of %d requests for %s failed at %s while other endpoints answered", s.at.Ref, s.why, len(saved), r.requests, r, strings.Join(addresses(saved), ", "))).
		on(r).as(raceKinds()...).covering(saved).since(first).because("object", s.why, s.at.Ref, time.Time{})
	f.dormant = !slices.ContainsFunc(saved, func(x *model.Signal) bool { return !v.explains(r, x.Failure) })
	return v.relateBackend(f, r), true
}

// shed finds requests that the application turned away at one of several endpoints while others serve, and that began to fail when
// somebody told the proxy to try once: an application that takes no more than it can do counts on another try elsewhere. (Istio
// did try again after a 503 where nothing was written until 1.24: its release notes, Upgrade Notes.)
func (v *view) shed(r *route, l path.Leg) (finding, bool) {
	s, ok := v.noRetries(r, l)
	away := slices.DeleteFunc(r.hits(model.UpstreamStatus), func(x model.Signal) bool {
		return len(x.Tries) > 1 || x.Status < 502 || x.Status > 504 || v.explains(r, x.Failure)
	})
	if !ok || len(l.ReadyEnds()) < 2 || len(away) < few {
		return finding{}, false
	}
	told := v.lastWritten(s.at, away[0].At)
	before, _ := slices.BinarySearchFunc(r.succeeded, told.At, time.Time.Compare)
	began, _ := slices.BinarySearchFunc(r.succeeded, away[0].At, time.Time.Compare)
	// All was well before, and most is since: then another try would most probably have been answered.
	if told.At.IsZero() || before < few || len(r.succeeded)-began < len(away) || r.signals[0].At.Before(told.At) {
		return finding{}, false
	}
	f := find("proxy-retry-misconfigured", likely, s.at,
		fmt.Sprintf("%s has the proxy try once only (%s) since %s, and since then the application turned %d of %d requests for %s away that another endpoint might have taken", s.at.Ref, s.why, clock(told.At), len(away), r.requests, r)).
		on(r).as(model.UpstreamStatus).since(told.At).because("object", s.why, s.at.Ref, told.At).
		not("app-error", "before the proxy was told to try once no request failed")
	return v.relateBackend(f, r), true
}

// lastWritten is the last change of a field before a time, if that was not long before; zero if none is known.
func (v *view) lastWritten(field model.FieldRef, before time.Time) model.Changed {
	var last model.Changed
	for _, c := range v.changesOf(field.Ref) {
		if touches(c.Field, field.Field) && !c.At.After(before) && before.Sub(c.At) < showsWithin && c.At.After(last.At) {
			last = c
		}
	}
	return last
}

// showsWithin is how long after a change what follows from it shows at the latest, where requests come now and then.
const showsWithin = 10 * time.Minute

// onceOnly is a setting by which the proxy does not try again after some failures.
type onceOnly struct {
	at    model.FieldRef
	why   string
	after []model.FailureKind // empty: after none
}

// loses reports whether a request failed in a way after which another try would have been safe, or wanted, and
// is not made. What was sent on and not answered may have been done: such a POST nobody repeats.
func (o onceOnly) loses(s *model.Signal) bool {
	safe := s.Failure == model.Refused || s.Failure == model.ConnectTimeout
	again := (s.Failure == model.ClosedEarly || s.Failure == model.Reset) && !slices.Contains([]string{"POST", "PATCH", "LOCK"}, s.Request.Method)
	return (safe || again) && !slices.Contains(o.after, s.Failure)
}

// noRetries finds what tells the proxy of a route not to try again: an annotation, the route itself, the
// controller's ConfigMap. Where nothing is written proxies keep to what is safe.
func (v *view) noRetries(r *route, l path.Leg) (onceOnly, bool) {
	if v.nginxSetting(r.Route, "proxy-next-upstream-tries") == "1" {
		return onceOnly{at: annotated(r.Object, ingressNginx+"proxy-next-upstream-tries"), why: "proxy-next-upstream-tries is 1"}, true
	}
	if s, ok := v.m.Written(r.Route, l, proxy.Retries); ok {
		switch {
		case r.Proxy == "nginx":
			return nextUpstream(s.At, s.Value)
		case r.Object.Kind == "HTTPProxy":
			// Contour: 0 is as good as not written and means 1; -1 turns retries off.
			return onceOnly{at: at(s.At.Ref, s.At.Field+".count"), why: "retryPolicy.count is -1"}, s.Size < 0
		case r.Object.Kind == "VirtualService":
			return onceOnly{at: at(s.At.Ref, s.At.Field+".attempts"), why: "retries.attempts is 0"}, s.Size == 0
		}
		return onceOnly{at: s.At, why: "the number of retries is 0"}, r.Proxy == "kong" && s.Size == 0
	}
	if r.Proxy != "nginx" {
		return onceOnly{}, false
	}
	for _, f := range v.m.Fleets(r.Route) {
		for _, name := range proxy.ConfigMaps(f.Pod) {
			if cm, ok := v.s.ConfigMaps().Get(f.Object.Namespace, name); ok == snapshot.Present && cm.Data["proxy-next-upstream"] != "" {
				return nextUpstream(at(snapshot.RefOf(cm), "data.proxy-next-upstream"), cm.Data["proxy-next-upstream"])
			}
		}
	}
	return onceOnly{}, false
}

// nextUpstream reads nginx's proxy_next_upstream (nginx.org, ngx_http_proxy_module): error is a connection
// that cannot be made or is lost, timeout one that is too slow.
func nextUpstream(where model.FieldRef, value string) (onceOnly, bool) {
	words := strings.Fields(strings.ReplaceAll(value, ",", " "))
	out := onceOnly{at: where, why: "proxy-next-upstream is " + value}
	if slices.Contains(words, "off") {
		return out, true
	}
	if slices.Contains(words, "error") {
		out.after = append(out.after, model.Refused, model.ClosedEarly, model.Reset)
	}
	if slices.Contains(words, "timeout") {
		out.after = append(out.after, model.ConnectTimeout)
	}
	return out, len(words) > 0 && len(out.after) < 4
}
