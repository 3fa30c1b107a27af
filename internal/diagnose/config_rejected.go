package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func configRejected() Analyzer {
	return Analyzer{
		Cause: "config-rejected",
		Doc:   "Finds the object whose invalid configuration a proxy refuses, so that it stays on an old one.",
		Inputs: []snapshot.Kind{
			snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services, snapshot.ConfigMaps, snapshot.Secrets, snapshot.Events, snapshot.Pods,
			snapshot.Deployments, snapshot.DaemonSets, snapshot.Other,
		},
		stage: byWords,
		run: func(v *view) []finding {
			return slices.Concat(v.refusedByProxy(), v.refusedByEvent(), v.refusedByStatus(), v.leftBehind(), v.groupConflicts())
		},
	}
}

// rejection is a proxy's answer to a configuration that it does not take.
type rejection struct {
	ownWords
	reason string // the proxy's own words
}

// configTaken matches a controller's words on a configuration that the proxy took.
var configTaken = regexp.MustCompile(`Backend successfully reloaded|Configuration changes applied|Successfully synced configuration`)

// rejectionForms lists the words on a configuration that was refused.
var rejectionForms = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?s)\[emerg\] (?:\d+#\d+: )?([^\n]+)`),
		regexp.MustCompile(`\[ALERT\].*?(?:config : |parsing )(.+)`),
		regexp.MustCompile(`gRPC config for \S+ rejected: (.+)`),
		regexp.MustCompile(`ACK ERROR \S+ (.+)`),
		regexp.MustCompile(`(failed posting new config to /config.*)`),
	}
})

// rejections finds a proxy's rejections in what it and its controller said:
//
//	nginx    [emerg] 12#12: unknown directive "x" in /tmp/nginx/nginx-cfg1:20   (nginx -t)
//	HAProxy  [ALERT] (8) : config : parsing [/etc/haproxy/haproxy.cfg:20] : ...
//	Envoy    gRPC config for TYPE rejected: Error adding/updating listener(s) ...
//	istiod   ADS:LDS: ACK ERROR NODE Internal:Error adding/updating listener(s) ...
//	Kong     failed posting new config to /config, in the controller's log
func (v *view) rejections() []rejection {
	var out []rejection
	for _, s := range v.sayings() {
		if s.at.IsZero() && configTaken.MatchString(s.text) {
			// What came later was configTaken, so what was refused before is history.
			out = slices.DeleteFunc(out, func(r rejection) bool { return r.source == s.source })
			continue
		}
		for _, form := range rejectionForms() {
			m := form.FindStringSubmatch(s.text)
			if m == nil || strings.Contains(m[1], "host not found in upstream") && !strings.Contains(m[1], "/nginx") {
				continue
			}
			r := rejection{s, strings.TrimSpace(m[1])}
			if !slices.ContainsFunc(out, func(o rejection) bool { return o.pod == r.pod && shape(o.reason) == shape(r.reason) }) {
				out = append(out, r)
			}
			break
		}
	}
	return out
}

// shape is a message without its digits: the name of nginx's temporary file differs each time.
func shape(message string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, message)
}

// refusedByProxy finds the objects behind what proxies refuse. The error of such a rejection is attached to
// whatever object the controller was working on, so names in it are not believed: the object is the one
// that holds what the proxy complains of.
func (v *view) refusedByProxy() []finding {
	var out []finding
	for _, r := range v.rejections() {
		routes := v.governs(r.ownWords)
		if len(routes) == 0 {
			continue
		}
		c, confidence := v.culprit(r)
		f := find("config-rejected", confidence, c.at, fmt.Sprintf("%s holds what the proxy refuses (%s), so it keeps its old configuration for all routes", c.at, brief(r.reason))).
			as(byStuckProxy()...)
		if c.at.Kind == "" || c.at.IsZero() {
			continue
		}
		if c.why == "" {
			f.Summary = fmt.Sprintf("the proxy refuses its configuration (%s) and keeps the old one for all routes; which object it is, the objects do not tell", brief(r.reason))
		} else {
			f = f.because("object", c.why, c.at.Ref, time.Time{})
		}
		f.Evidence = append(f.Evidence, r.evidence())
		f = f.since(r.at)
		stuck := v.stuck(routes)
		f.dormant = len(stuck) == 0
		if f.dormant {
			stuck = routes
		}
		f = f.on(stuck...)
		for _, r := range stuck {
			f = v.showingWider(f, r)
		}
		out = append(out, f)
	}
	return out
}

// showingWider adds the requests for a route that a wider rule took and did not know: the proxy has not heard of the
// route.
func (v *view) showingWider(f finding, r *route) finding {
	for _, o := range v.routes {
		if o == r || r.requests > 0 || o.Host != r.Host || len(o.Path) >= len(r.Path) {
			continue
		}
		var met []model.Signal
		for _, s := range o.astray {
			if r.Takes(s.Request.Path) {
				met = append(met, s)
			}
		}
		if len(met) > 0 {
			f = f.on(o).showing(o, met)
			f.dormant = false
		}
	}
	return f
}

// brief is the first line of a message, not too long.
func brief(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	if len(message) > 160 {
		message = message[:160] + "..."
	}
	return message
}

// refusedByEvent reads the events with which controllers name the object that they refuse itself: NGINX's
// controller ("Rejected") and Kong's ("KongConfigurationTranslationFailed", and "KongConfigurationApplyFailed"
// on what is no pod).
func (v *view) refusedByEvent() []finding {
	var out []finding
	for e := range v.s.Events().All() {
		o := e.InvolvedObject
		ref := model.Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
		switch e.Reason {
		case "Rejected", "KongConfigurationTranslationFailed", "KongConfigurationApplyFailed":
		default:
			continue
		}
		if o.Kind == "Pod" || !v.exists(ref) {
			continue
		}
		if strings.Contains(e.Message, "All hosts are taken") {
			continue // two routes for one host: nothing is invalid
		}
		routes := v.routesOf(ref)
		if strings.HasPrefix(e.Reason, "Kong") {
			routes = append(v.stuck(v.ofProxy("kong")), routes...) // one object holds all up
		}
		if len(routes) == 0 {
			continue
		}
		at := at(ref, cmp.Or(fieldIn(e.Message), v.pathIn(ref, e.Message)))
		out = append(out, find("config-rejected", seen, at, fmt.Sprintf("%s is refused by its controller: %s", ref, brief(e.Message))).
			on(routes...).as(byStuckProxy()...).since(e.FirstTimestamp.Time).
			because("event", e.Reason+": "+brief(e.Message), ref, snapshot.EventTime(e)))
	}
	return out
}

// fieldNamed finds a field in a message of validation.
var fieldNamed = regexp.MustCompile(`\b(?:spec|metadata)\.[A-Za-z0-9_.\[\]-]*[A-Za-z0-9_\]]`)

// fieldIn is the first field that a message of validation names: spec.upstreams[0].port.
func fieldIn(message string) string {
	return fieldNamed.FindString(message)
}

// routesOf lists the routes in question that an object makes.
func (v *view) routesOf(ref model.Ref) []*route {
	var out []*route
	for _, r := range v.routes {
		if r.Object.Kind == ref.Kind && r.Object.Namespace == ref.Namespace && r.Object.Name == ref.Name {
			out = append(out, r)
		}
	}
	return out
}

// ofProxy lists the routes in question that a proxy serves.
func (v *view) ofProxy(proxy string) []*route {
	var out []*route
	for _, r := range v.routes {
		if r.Proxy == proxy {
			out = append(out, r)
		}
	}
	return out
}

// exists reports whether an object is in the snapshot.
func (v *view) exists(ref model.Ref) bool {
	for _, o := range v.objectsIn(ref.Kind) {
		if o.GetNamespace() == ref.Namespace && o.GetName() == ref.Name {
			return true
		}
	}
	return false
}

// pathIn is the field of the one path of an Ingress of which a message speaks: it is in its words, or it has an empty segment,
// as Kong says of a path without naming it (kong, db/schema/typedefs.lua). Empty if there is none, or more.
func (v *view) pathIn(ref model.Ref, message string) string {
	ing, presence := v.s.Ingresses().Get(ref.Namespace, ref.Name)
	if ref.Kind != "Ingress" || presence != snapshot.Present {
		return ""
	}
	var fields []string
	for i, rule := range ing.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for j, p := range rule.HTTP.Paths {
			if len(p.Path) > 1 && strings.Contains(message, p.Path) || strings.Contains(message, "empty segment") && strings.Contains(p.Path, "//") {
				fields = append(fields, fmt.Sprintf("spec.rules[%d].http.paths[%d].path", i, j))
			}
		}
	}
	if len(fields) != 1 {
		return ""
	}
	return fields[0]
}
