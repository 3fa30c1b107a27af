package path

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/annotation"
	"github.com/gatemend/gatemend/internal/proxy/nginx"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// nginxController is what stands for F5's controller where a VirtualServer names no class.
const nginxController = "nginx.org/ingress-controller"

// serverTree is a VirtualServer with the VirtualServerRoutes to which it leaves paths.
type serverTree struct {
	m      *Map
	byName map[[2]string]*custom.VirtualServerRoute
	root   Route
	out    []Route
}

// virtualServerRoutes walks each VirtualServer and the VirtualServerRoutes that it names, as F5's controller makes its
// locations (nginx/kubernetes-ingress, internal/configs/virtualserver.go and internal/k8s/configuration.go).
func (m *Map) virtualServerRoutes() []Route {
	tree := serverTree{m: m, byName: map[[2]string]*custom.VirtualServerRoute{}}
	for _, vsr := range m.custom.VirtualServerRoutes {
		tree.byName[[2]string{vsr.Namespace, vsr.Name}] = vsr
	}
	takers := m.nginxIncs()
	for _, vs := range m.custom.VirtualServers {
		tree.root = Route{
			Object: vs.Ref(), Host: strings.ToLower(vs.Spec.Host), Class: vs.Spec.IngressClassName, Controller: nginxController, Proxy: nginx.Name,
			Created: vs.CreationTimestamp.Time, root: vs.Ref(),
		}
		if class, ok := m.s.IngressClasses().Get("", tree.root.Class); ok == snapshot.Present {
			tree.root.Controller = class.Spec.Controller
		}
		if t := vs.Spec.TLS; t != nil && t.Redirect != nil && t.Redirect.Enable {
			tree.root.Settings = proxy.Settings{{Knob: proxy.ForceTLS, Yes: true, At: model.FieldRef{Ref: vs.Ref(), Field: "spec.tls.redirect.enable"}}}
		}
		tree.root.Faults = slices.Concat(nginxRefused(vs.Ref(), vs.Status),
			m.unclaimed(tree.root.Class, model.FieldRef{Ref: vs.Ref(), Field: "spec.ingressClassName"}, takers))
		tree.walk(vs)
	}
	return tree.out
}

func (t *serverTree) walk(vs *custom.VirtualServer) {
	seq := 0 // expressions are asked in the order of the locations: those of VirtualServerRoutes come last
	var left []*custom.VirtualServerRoute
	for i := range vs.Spec.Routes {
		route := &vs.Spec.Routes[i]
		rule := fmt.Sprintf("spec.routes[%d]", i)
		switch {
		case route.Route != "":
			vsr, fault := t.named(vs, route.Route, rule+".route")
			if vsr == nil {
				r := t.location(t.root, rule, route.Path, seq)
				r.Faults = append(slices.Clip(r.Faults), fault...)
				t.out = append(t.out, r)
			} else if !slices.Contains(left, vsr) {
				left = append(left, vsr)
			}
		case route.RouteSelector != nil:
			left = append(left, t.selected(vs, route.RouteSelector.MatchLabels, left)...)
		default:
			t.rules(t.root, rule, route, vs.Spec.Upstreams, seq)
		}
		seq++
	}
	for _, vsr := range left {
		base := t.root
		base.Object = vsr.Ref()
		base.Faults = append(slices.Clip(base.Faults), nginxRefused(vsr.Ref(), vsr.Status)...)
		for i := range vsr.Spec.Subroutes {
			t.rules(base, fmt.Sprintf("spec.subroutes[%d]", i), &vsr.Spec.Subroutes[i], vsr.Spec.Upstreams, seq)
			seq++
		}
	}
}

// named finds the VirtualServerRoute to which a VirtualServer leaves a path; nil with the fault that keeps the path from being
// served. Whether one is there that could not be looked at is not known.
func (t *serverTree) named(vs *custom.VirtualServer, name, field string) (*custom.VirtualServerRoute, []Fault) {
	namespace, name := namespaced(name, vs.Namespace)
	ref := model.Ref{APIVersion: vs.APIVersion, Kind: "VirtualServerRoute", Namespace: namespace, Name: name}
	vsr := t.byName[[2]string{namespace, name}]
	_, presence := t.m.s.Lookup(ref)
	switch {
	case vsr != nil && strings.EqualFold(vsr.Spec.Host, vs.Spec.Host):
		return vsr, nil
	case vsr != nil:
		return nil, []Fault{{Kind: RouteMissing, Object: model.FieldRef{Ref: vsr.Ref(), Field: "spec.host"}, Wanted: quote(vs.Spec.Host),
			Why: fmt.Sprintf("%s is for host %q, and %s, which leaves a path to it, for %s, so the controller ignores it", vsr.Ref(), vsr.Spec.Host, vs.Ref(), vs.Spec.Host)}}
	case presence == snapshot.Absent:
		return nil, []Fault{{Kind: RouteMissing, Object: model.FieldRef{Ref: vs.Ref(), Field: field}, Why: fmt.Sprintf("%s leaves a path to %s, which does not exist", vs.Ref(), ref)}}
	default:
		return nil, []Fault{{Kind: CannotKnow, Object: model.FieldRef{Ref: vs.Ref(), Field: field}, Why: ref.String() + " could not be looked at"}}
	}
}

// selected lists the VirtualServerRoutes for a VirtualServer's host that have some labels, but those known already.
func (t *serverTree) selected(vs *custom.VirtualServer, labels map[string]string, known []*custom.VirtualServerRoute) []*custom.VirtualServerRoute {
	var out []*custom.VirtualServerRoute
	for _, vsr := range t.m.custom.VirtualServerRoutes {
		if snapshot.Matches(labels, vsr.Labels) && strings.EqualFold(vsr.Spec.Host, vs.Spec.Host) && !slices.Contains(known, vsr) {
			out = append(out, vsr)
		}
	}
	return out
}

// rules makes a Route of each match of a path, and of what becomes of the rest.
func (t *serverTree) rules(base Route, rule string, route *custom.NginxRoute, upstreams []custom.NginxUpstream, seq int) {
	for j := range route.Matches {
		match := &route.Matches[j]
		r := t.location(base, fmt.Sprintf("%s.matches[%d]", rule, j), route.Path, seq)
		r.Pattern.Rank += len(route.Matches) - j
		if r.demand(match.Conditions) {
			r.become(&match.NginxTarget, upstreams)
			t.out = append(t.out, r)
		}
	}
	r := t.location(base, rule, route.Path, seq)
	r.become(&route.NginxTarget, upstreams)
	t.out = append(t.out, r)
}

// location makes a Route of a path as nginx compares it: an exact one first, then expressions in their order, then the longest
// prefix, which with ^~ comes before expressions (ngx_http_core_module, location). That a longer plain prefix would make expressions
// count again is left out. Between the ranks of two paths there is room for the matches of one.
func (t *serverTree) location(base Route, rule, path string, seq int) Route {
	const room = 1 << 8
	r := base
	r.Rule, r.seq = rule, seq<<16
	rest := func(modifier string) string { return strings.TrimSpace(strings.TrimPrefix(path, modifier)) }
	switch {
	case strings.HasPrefix(path, "="):
		r.Path, r.PathType = rest("="), Exact
		r.Pattern = proxy.Pattern{How: proxy.Equal, Text: r.Path, Rank: proxy.ExactFirst}
	case strings.HasPrefix(path, "^~"):
		r.Path, r.PathType = rest("^~"), Prefix
		r.Pattern = proxy.Pattern{How: proxy.Leading, Text: r.Path, Rank: proxy.RegexFirst + len(r.Path)}
	case strings.HasPrefix(path, "~*"):
		r.Path, r.PathType = rest("~*"), RegularExpression
		r.Pattern = proxy.Pattern{How: proxy.Within, Text: "(?i)" + r.Path, Rank: proxy.RegexFirst - seq}
	case strings.HasPrefix(path, "~"):
		r.Path, r.PathType = rest("~"), RegularExpression
		r.Pattern = proxy.Pattern{How: proxy.Within, Text: r.Path, Rank: proxy.RegexFirst - seq}
	default:
		r.Path, r.PathType = cmp.Or(path, "/"), Prefix
		r.Pattern = proxy.Pattern{How: proxy.Leading, Text: r.Path, Rank: len(r.Path)}
	}
	r.Pattern.Rank *= room
	return r
}

// demand adds the conditions of a match, which are maps of nginx: case does not matter to them, and nothing is the empty text. It
// is false if one asks for what no request shows.
func (r *Route) demand(conditions []custom.NginxCondition) bool {
	for _, c := range conditions {
		value, not := strings.CutPrefix(c.Value, "!")
		compare := func(name string, list *[]Condition) {
			cond := newCondition(name, Equals, value)
			if value == "" {
				cond, not = newCondition(name, IsThere, ""), !not
			}
			cond.Fold, cond.Not = true, not
			*list = append(*list, cond)
		}
		switch {
		case c.Header != "":
			compare(strings.ToLower(c.Header), &r.Headers)
		case c.Argument != "":
			compare(c.Argument, &r.Queries)
		case c.Cookie != "":
			cond := newCondition("cookie", Fits, "(?i)(?:.*; *)?"+regexp.QuoteMeta(c.Cookie+"="+value)+"(?:;.*)?")
			cond.Not = not
			r.Headers = append(r.Headers, cond)
		case c.Variable == "$request_method":
			compare(":method", &r.Headers)
		default:
			return false
		}
	}
	return true
}

// become adds what becomes of a route's requests.
func (r *Route) become(target *custom.NginxTarget, upstreams []custom.NginxUpstream) {
	if len(target.Splits) == 0 {
		r.act(target.Action, r.Rule+".action", 1, upstreams)
	}
	for i, s := range target.Splits {
		r.act(s.Action, fmt.Sprintf("%s.splits[%d].action", r.Rule, i), s.Weight, upstreams)
	}
	if len(r.Backends) > 0 {
		r.Fixed = 0 // some split answers by itself
	}
}

// act adds one action, for a share of a route's requests.
func (r *Route) act(a *custom.NginxAction, field string, weight int32, upstreams []custom.NginxUpstream) {
	set := func(of string, s proxy.Setting) {
		s.At, s.Yes = model.FieldRef{Ref: r.Object, Field: field + of}, true
		r.Settings = append(slices.Clip(r.Settings), s)
	}
	name := ""
	switch {
	case a == nil:
		return
	case a.Redirect != nil:
		r.Fixed = cmp.Or(a.Redirect.Code, 301)
		set(".redirect", proxy.Setting{Knob: proxy.Redirect, Value: a.Redirect.URL, Size: int64(r.Fixed)})
		return
	case a.Return != nil:
		r.Fixed = cmp.Or(a.Return.Code, 200)
		set(".return.code", proxy.Setting{Knob: proxy.DirectAnswer, Size: int64(r.Fixed)})
		return
	case a.Proxy != nil:
		name = a.Proxy.Upstream
		if a.Proxy.RewritePath != "" {
			set(".proxy.rewritePath", proxy.Setting{Knob: proxy.Rewrite, Value: a.Proxy.RewritePath})
		}
	default:
		name = a.Pass
	}
	if i := slices.IndexFunc(upstreams, func(u custom.NginxUpstream) bool { return u.Name == name }); i >= 0 {
		r.Backends = append(slices.Clip(r.Backends), upstream(r.Object, &upstreams[i], fmt.Sprintf("spec.upstreams[%d]", i), weight))
	}
}

func upstream(owner model.Ref, u *custom.NginxUpstream, field string, weight int32) Backend {
	namespace, name := namespaced(u.Service, owner.Namespace)
	b := Backend{
		Service: model.Ref{APIVersion: "v1", Kind: "Service", Namespace: namespace, Name: name},
		Field:   field, NameField: field + ".service", PortField: field + ".port", PortNumber: u.Port, Weight: weight,
		Settings: upstreamSettings(model.FieldRef{Ref: owner, Field: field}, u),
	}
	if len(u.Subselector) > 0 {
		at := field + ".subselector"
		b.Subset = &Subset{Name: u.Name, Field: at, Labels: u.Subselector, LabelsAt: model.FieldRef{Ref: owner, Field: at}}
	}
	return b
}

// upstreamSettings are what an upstream says, and what holds where it does not, with the place to say it
// (internal/configs/config_params.go).
func upstreamSettings(at model.FieldRef, u *custom.NginxUpstream) proxy.Settings {
	var out proxy.Settings
	say := func(knob proxy.Knob, field, value string, form annotation.Form, otherwise proxy.Setting) {
		s := otherwise
		s.Default = true
		if value != "" {
			s = form(value)
		}
		s.Knob, s.At = knob, model.FieldRef{Ref: at.Ref, Field: at.Field + field}
		out = append(out, s)
	}
	protocol, field := "", ".tls.enable"
	switch {
	case u.Type == "grpc" && u.TLS.Enable:
		protocol = "GRPCS"
	case u.Type == "grpc":
		protocol, field = "GRPC", ".type"
	case u.TLS.Enable:
		protocol = "HTTPS"
	}
	say(proxy.Protocol, field, protocol, annotation.Upper, proxy.Setting{Value: "HTTP"})
	span := annotation.Span(time.Second)
	say(proxy.ConnectTimeout, ".connect-timeout", u.ConnectTimeout, span, proxy.Setting{Time: time.Minute})
	say(proxy.ReadTimeout, ".read-timeout", u.ReadTimeout, span, proxy.Setting{Time: time.Minute})
	say(proxy.SendTimeout, ".send-timeout", u.SendTimeout, span, proxy.Setting{Time: time.Minute})
	say(proxy.HeaderBuffer, ".buffer-size", u.BufferSize, annotation.Bytes, proxy.Setting{Size: 4 << 10})
	say(proxy.BodyLimit, ".client-max-body-size", u.MaxBodySize, annotation.Bytes, proxy.Setting{Size: 1 << 20})
	if u.NextUpstream != "" {
		say(proxy.Retries, ".next-upstream", u.NextUpstream, annotation.Text, proxy.Setting{})
	}
	if u.Buffering != nil {
		say(proxy.Buffering, ".buffering", fmt.Sprint(*u.Buffering), annotation.Switch, proxy.Setting{})
	}
	if u.UseClusterIP {
		say(proxy.ServiceAddress, ".use-cluster-ip", "true", annotation.Switch, proxy.Setting{})
	}
	if u.SessionCookie != nil && u.SessionCookie.Enable {
		say(proxy.Affinity, ".sessionCookie", "cookie", annotation.Text, proxy.Setting{})
	}
	return out
}

// namespaced reads NAMESPACE/NAME, or NAME in a namespace.
func namespaced(text, namespace string) (string, string) {
	if of, name, ok := strings.Cut(text, "/"); ok {
		return of, name
	}
	return namespace, text
}

// nginxRefused takes the controller's word that it made no locations of an object. Where nginx did not take them (AddedOrUpdated
// with an error) it goes on with what it had.
func nginxRefused(ref model.Ref, status custom.NginxStatus) []Fault {
	if status.State != "Invalid" || status.Reason != "Rejected" {
		return nil
	}
	return []Fault{{Kind: Refused, Object: model.FieldRef{Ref: ref, Field: "spec"}, Why: fmt.Sprintf("F5's controller does not serve %s (%s): %s", ref, status.Reason, status.Message)}}
}

// nginxIncs are the claimants of VirtualServers: F5's controller takes those of its -ingress-class, "nginx" if it has none, and
// those that name no class (internal/k8s/controller.go, HasCorrectIngressClass).
func (m *Map) nginxIncs() []claimant {
	var out []claimant
	for _, f := range m.fleets {
		if f.product == "nginx.org" {
			out = append(out, claimant{f.Object, []string{"", cmp.Or(flag(f.Pod, "ingress-class"), "nginx")}, true})
		}
	}
	return out
}
