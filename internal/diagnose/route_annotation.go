package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func routeAnnotationWrong() Analyzer {
	return Analyzer{
		Cause:  "route-annotation-wrong",
		Doc:    "Finds annotations and filters that break requests: a rewrite that drops the path, a middleware that does not exist.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				if r.lost || !r.Served() {
					continue
				}
				for _, look := range []func(*route) (finding, bool){v.badRewrite, v.badStrip, v.badMiddleware, v.badFilterRewrite, v.badRedirect, v.sourcesKept} {
					if f, ok := look(r); ok {
						out = append(out, f)
						break
					}
				}
			}
			return out
		},
	}
}

// brokenBy says how requests fail that a wrong annotation breaks.
func brokenBy(f finding, r *route) finding {
	f.covers = true
	return f.on(r).as(model.UpstreamStatus, model.NoRoute, model.NoEndpoints).showing(r, r.astray).
		not("app-error", "the application is asked for another path than the user's")
}

// badRewrite reads ingress-nginx's rewrite-target against the path: a group that the path does not have, or a
// target that is the same for every path below it. An application that keeps its pages at the root may want
// that, so it counts only where requests went astray or failed.
func (v *view) badRewrite(r *route) (finding, bool) {
	name := ingressNginx + "rewrite-target"
	target := v.nginxSetting(r.Route, "rewrite-target")
	if target == "" {
		return finding{}, false
	}
	groups := captures(r.Path)
	refs := groupRefs(target)
	harmed := len(r.astray) > 0 || len(r.hits(model.UpstreamStatus)) > 0
	if harmed && len(refs) > 0 && slices.Max(refs) <= groups {
		if to := v.mangled(r, target); to != "" {
			f := find("route-annotation-wrong", proven, annotated(r.Object, name),
				fmt.Sprintf("%s rewrites different paths below %s to the same, %s: its rewrite-target %s leaves out the group that holds the rest of the path", r.Object, r, to, target))
			return brokenBy(f, r).because("object", fmt.Sprintf("path %s, rewrite-target %s", r.Path, target), r.Object, time.Time{}), true
		}
	}
	switch {
	case len(refs) > 0 && slices.Max(refs) > groups:
		f := find("route-annotation-wrong", proven, annotated(r.Object, name),
			fmt.Sprintf("%s rewrites %s to %s, and its path has %d groups to fill that with, so the rest of the path is lost", r.Object, r, target, groups))
		if !harmed && r.requests > 0 {
			return finding{}, false
		}
		if !harmed {
			f.Confidence = likely
		}
		return brokenBy(f, r).because("object", fmt.Sprintf("path %s, rewrite-target %s", r.Path, target), r.Object, time.Time{}), true
	case len(refs) == 0 && harmed && (r.deeper() || strings.Trim(target, "/") != ""):
		f := find("route-annotation-wrong", proven, annotated(r.Object, name),
			fmt.Sprintf("%s rewrites every path below %s to %s, so the application never sees the rest of it", r.Object, r, target))
		return brokenBy(f, r).because("object", fmt.Sprintf("path %s, rewrite-target %s", r.Path, target), r.Object, time.Time{}), true
	default:
		return finding{}, false
	}
}

// badStrip finds a rule whose path is cut off before the application sees the request, where the application knows none
// of the pages that it is asked for then.
func (v *view) badStrip(r *route) (finding, bool) {
	s, set := v.strips(r)
	if !set || s.Default || !s.Yes || s.Wrong != "" || len(strings.Trim(r.Path, "/")) == 0 || len(r.astray) < few || len(r.astray) < r.requests || !r.deeper() {
		return finding{}, false
	}
	f := find("route-annotation-wrong", likely, s.At, fmt.Sprintf("%s cuts %s off before the application is asked, which then knows none of the pages", r.Object, r.Path))
	f = brokenBy(f, r).because("object", fmt.Sprintf("%s is %s", s.At.Field, s.Value), s.At.Ref, time.Time{})
	if line, source := v.askedWithout(r); line != "" {
		f.Confidence = proven
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	}
	return f, true
}

// strips is the setting by which a route's path is cut off: one of the route's own, or a Middleware of Traefik.
func (v *view) strips(r *route) (proxy.Setting, bool) {
	if s, ok := r.Settings.Get(proxy.StripPrefix); ok {
		return s, true
	}
	for _, m := range v.middlewares(r) {
		prefixes, ok := dig(m.Object, "spec.stripPrefix.prefixes").([]any)
		if !ok {
			continue
		}
		for _, p := range prefixes {
			if prefix, ok := p.(string); ok && prefix != "" && strings.HasPrefix(r.Path, strings.TrimSuffix(prefix, "/")) {
				return proxy.Setting{Knob: proxy.StripPrefix, Value: prefix, Yes: true, At: at(snapshot.RefOf(m), "spec.stripPrefix.prefixes")}, true
			}
		}
	}
	return proxy.Setting{}, false
}

// askedWithout is a line in which the application says for which page it was asked: the end of a request's path without
// the rule's.
func (v *view) askedWithout(r *route) (line, source string) {
	for _, log := range v.in.Logs {
		if !v.behindRoute(r, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			for _, s := range r.astray {
				rest := strings.TrimPrefix(s.Request.Path, strings.TrimSuffix(r.Path, "/"))
				if len(rest) > 1 && rest != s.Request.Path && strings.Contains(l, rest) && !strings.Contains(l, s.Request.Path) {
					return l, sourceOf(log)
				}
			}
		}
	}
	return "", ""
}

// deeper reports whether requests that went astray or failed were for more than the rule's path itself.
func (r *route) deeper() bool {
	below := func(s model.Signal) bool {
		p, _, _ := strings.Cut(s.Request.Path, "?")
		return len(strings.Trim(p, "/")) > len(strings.Trim(r.Path, "/"))
	}
	return slices.ContainsFunc(r.astray, below) || slices.ContainsFunc(r.signals, below)
}

// captures counts the groups of a path that is a regular expression.
func captures(p string) int {
	re, err := regexp.Compile(p)
	if err != nil {
		return 0
	}
	return re.NumSubexp()
}

var groupRef = regexp.MustCompile(`\$(\d)`)

// groupRefs lists the groups that a rewrite asks for: $1, $2.
func groupRefs(target string) []int {
	var out []int
	for _, m := range groupRef.FindAllStringSubmatch(target, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// badMiddleware finds a middleware that a route names and that does not exist: Traefik then drops the router,
// and its requests meet 404 (traefik/traefik, pkg/server/router: "middleware ... does not exist").
func (v *view) badMiddleware(r *route) (finding, bool) {
	const name = "traefik.ingress.kubernetes.io/router.middlewares"
	ing := v.ingress(r.Route)
	if ing == nil || r.Proxy != "traefik" {
		return finding{}, false
	}
	for _, m := range strings.Split(ing.Annotations[name], ",") {
		full, ok := strings.CutSuffix(strings.TrimSpace(m), "@kubernetescrd")
		if !ok || full == "" || v.middleware(full) || !v.hasKind("Middleware") && r.failures == 0 && !v.missesMiddleware(full) {
			continue
		}
		f := find("route-annotation-wrong", proven, annotated(r.Object, name),
			fmt.Sprintf("%s names the middleware %s, which does not exist, so Traefik drops the route", r.Object, full)).
			on(r).as(model.NoRoute, model.NoEndpoints, model.OtherFailure).
			because("object", "no Middleware has the name "+full+" (namespace-name)", r.Object, time.Time{}).
			not("ingress-path-mismatch", "the rule would take the request")
		f.covers = true
		return f, true
	}
	return finding{}, false
}

// missesMiddleware reports whether Traefik itself says that a middleware does not exist.
func (v *view) missesMiddleware(full string) bool {
	return slices.ContainsFunc(v.sayings(), func(s ownWords) bool {
		return strings.Contains(s.text, full+"@kubernetescrd") && strings.Contains(s.text, "does not exist")
	})
}

// middleware reports whether a Middleware is there that is called namespace-name.
func (v *view) middleware(full string) bool {
	for u := range v.s.Others().All() {
		if u.GetKind() == "Middleware" && u.GetNamespace()+"-"+u.GetName() == full {
			return true
		}
	}
	return false
}

// badFilterRewrite finds an HTTPRoute's filter that replaces the whole path below a prefix by one path.
func (v *view) badFilterRewrite(r *route) (finding, bool) {
	hr, presence := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name)
	if presence != snapshot.Present || r.Object.Kind != "HTTPRoute" || len(r.astray)+len(r.hits(model.UpstreamStatus)) == 0 || !r.deeper() {
		return finding{}, false
	}
	for i, rule := range hr.Spec.Rules {
		for j, f := range rule.Filters {
			if r.Rule != fmt.Sprintf("spec.rules[%d]", i) || f.URLRewrite == nil || f.URLRewrite.Path == nil {
				continue
			}
			p, field, to := f.URLRewrite.Path, "replaceFullPath", ""
			switch {
			case p.ReplaceFullPath != nil:
				to = *p.ReplaceFullPath
			case p.ReplacePrefixMatch != nil:
				field, to = "replacePrefixMatch", *p.ReplacePrefixMatch
			}
			out := find("route-annotation-wrong", proven, at(r.Object, fmt.Sprintf("%s.filters[%d].urlRewrite.path.%s", r.Rule, j, field)),
				fmt.Sprintf("%s rewrites requests for %s to %s, which the application does not know", r.Object, r, to))
			if field == "replacePrefixMatch" {
				out.Confidence = likely
			}
			return brokenBy(out, r).because("object", field+": "+to, r.Object, time.Time{}), true
		}
	}
	return finding{}, false
}
