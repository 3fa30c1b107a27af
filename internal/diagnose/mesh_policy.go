package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func meshPolicyDenies() Analyzer {
	return Analyzer{
		Cause: "mesh-policy-denies", Doc: "Finds policies of a mesh that refuse the requests of a route.",
		Inputs: []snapshot.Kind{snapshot.Pods, snapshot.EndpointSlices, snapshot.ConfigMaps, snapshot.Other},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				f, ok := v.istioDenies(r, l)
				if !ok {
					f, ok = v.linkerdDenies(r, l)
				}
				if ok {
					out = append(out, f.on(r).as(append(f.kinds, model.Denied, model.UpstreamStatus)...).relates("service", serviceRef(l)).showing(r, r.refused(403)))
				}
			}
			return append(out, v.outOfScope()...)
		},
	}
}

// answer is what is known of a match.
type answer uint8

const (
	no answer = iota
	maybe
	yes
)

// caller is a request at a pod, as AuthorizationPolicies see it.
type caller struct {
	request   model.Request
	port      int32
	namespace string // of the caller; empty where it is not in the mesh
	account   string
	outside   bool // it comes from a client out of the cluster
	below     bool // the path stands for all paths below it
	refused   bool // a proxy said that a policy refused
	tcp       bool // the port is one of TCP for the mesh, which knows no requests there
}

// istioDenies evaluates the AuthorizationPolicies of a leg's pods, then those of the gateway. Where the
// proxy names the policy that refused, that is the one.
func (v *view) istioDenies(r *route, l path.Leg) (finding, bool) {
	if len(v.all(istio, "AuthorizationPolicy")) == 0 {
		return finding{}, false
	}
	gateways := v.m.Gateways(r.Route)
	below := r.PathType != path.Exact && v.in.Target.Request == nil
	refused := slices.ContainsFunc(r.hits(model.Denied), func(s model.Signal) bool { return strings.Contains(s.Reason+s.Raw, "rbac_access_denied") })
	if object, why, ok := v.namedDenial(r); ok {
		return find("mesh-policy-denies", proven, object, why).because("object", why, object.Ref, time.Time{}), true
	}
	if f, ok := v.deniedBeside(r, l); ok {
		return f, true
	}
	if pod, port := meshed(v, l); pod != nil && len(gateways) > 0 {
		c := caller{request: r.trace.Request, port: port, below: below, tcp: opaque(l.Port)}
		if g := gateways[0]; v.inMesh(g) {
			c.namespace, c.account = g.Namespace, g.Spec.ServiceAccountName
		}
		if object, why, ok := v.authorize(pod, "", c); ok {
			f := find("mesh-policy-denies", proven, object, why).because("object", why, object.Ref, time.Time{})
			if c.tcp {
				f.kinds = closing()
			}
			return f, true
		}
	}
	if len(gateways) > 0 && v.inMesh(gateways[0]) {
		if object, why, ok := v.authorize(gateways[0], r.Gateway.Name, caller{request: r.trace.Request, outside: true, below: below, refused: refused}); ok {
			return find("mesh-policy-denies", proven, object, why).because("object", why, object.Ref, time.Time{}), true
		}
	}
	return finding{}, false
}

// namedDenial finds the policy in the words of the proxy that answered.
func (v *view) namedDenial(r *route) (model.FieldRef, string, bool) {
	for _, s := range r.hits(model.Denied) {
		if policy, rule, ok := v.policyIn(s.Reason + " " + s.Raw); ok && !v.asMeant(r, policy, rule) {
			return ruleAt(policy, rule), fmt.Sprintf("%s refuses the request by spec.rules[%s]", policy.ref, rule), true
		}
	}
	return model.FieldRef{}, "", false
}

// asMeant reports whether a rule does what it is for: it keeps addresses off some paths of a route of which nobody asked, and on which
// the rest succeeds; or it keeps everybody off some, and few asked for them.
func (v *view) asMeant(r *route, policy piece, rule string) bool {
	if v.in.Target.Request != nil || v.isTarget(r.Route) || len(r.succeeded) == 0 {
		return false
	}
	rules := policy.list("spec", "rules")
	i, err := strconv.Atoi(rule)
	if err != nil || i < 0 || i >= len(rules) || !ofPaths(rules[i]) {
		return false
	}
	shut := policy.text("spec", "action") == "DENY" && len(rules[i].list("from")) == 0 && len(r.hits(model.Denied))*10 < r.requests
	return shut || ofAddresses(rules[i])
}

// ofAddresses reports whether a rule tells who calls by addresses alone.
func ofAddresses(rule piece) bool {
	from := rule.list("from")
	return len(from) > 0 && !slices.ContainsFunc(from, func(f piece) bool {
		source := f.at("source").fields
		for field := range source {
			if !strings.HasSuffix(strings.ToLower(field), "ipblocks") {
				return true
			}
		}
		return len(source) == 0
	})
}

// ofPaths reports whether a rule is for some paths.
func ofPaths(rule piece) bool {
	to := rule.list("to")
	return len(to) > 0 && !slices.ContainsFunc(to, func(t piece) bool {
		paths := t.at("operation").texts("paths")
		return len(paths) == 0 || slices.Contains(paths, "*") || slices.Contains(paths, "/*")
	})
}

// policyIn finds the policy in Envoy's words: rbac_access_denied_matched_policy[ns[shop]-policy[no-cart]-rule[0]]
// (istio, pilot/pkg/security/authz/builder: policyName).
func (v *view) policyIn(words string) (policy piece, rule string, ok bool) {
	_, rest, ok := strings.Cut(words, "matched_policy[ns[")
	namespace, rest, ok2 := strings.Cut(rest, "]-policy[")
	name, rest, ok3 := strings.Cut(rest, "]-rule[")
	rule, _, _ = strings.Cut(rest, "]")
	if !ok || !ok2 || !ok3 {
		return piece{}, "", false
	}
	for _, p := range v.all(istio, "AuthorizationPolicy") {
		if p.ref.Namespace == namespace && p.ref.Name == name {
			return p, rule, true
		}
	}
	return piece{}, "", false
}

// ruleAt is the place of a rule that policyIn found.
func ruleAt(policy piece, rule string) model.FieldRef { return at(policy.ref, "spec.rules["+rule+"]") }

// authorize evaluates the policies that apply to a pod: one that denies decides, else one must allow if
// there is any that allows (istio.io, Authorization Policy). It answers only what is certain.
func (v *view) authorize(p *corev1.Pod, gateway string, c caller) (object model.FieldRef, why string, denied bool) {
	var allows []piece
	for _, a := range v.all(istio, "AuthorizationPolicy") {
		if !applies(a, p, gateway) {
			continue
		}
		switch a.text("spec", "action") {
		case "", "ALLOW":
			allows = append(allows, a)
		case "DENY":
			if object, why, denied := deniedBy(a, c); denied {
				return object, why, true
			}
		}
	}
	if len(allows) == 0 {
		return model.FieldRef{}, "", false
	}
	return noneAllows(allows, p, c)
}

// deniedBy finds the rule by which a policy denies every request of a caller: a rule that may match only some
// of them denies nothing for certain.
func deniedBy(a piece, c caller) (object model.FieldRef, why string, denied bool) {
	for i, rule := range a.list("spec", "rules") {
		if c.tcp {
			rule, _ = onlyTCP(rule)
		}
		if m, _ := ruleMatches(rule, c); m == yes {
			what := "every request for " + c.request.String()
			if c.tcp {
				what = fmt.Sprintf("every connection to port %d: it is one of TCP for the mesh, where hosts, paths, methods and headers are not known, and of a rule that denies only the rest counts", c.port)
			}
			return at(a.ref, fmt.Sprintf("spec.rules[%d]", i)), fmt.Sprintf("%s denies what its rule %d matches, and that is %s", a.ref, i, what), true
		}
	}
	return model.FieldRef{}, "", false
}

// noneAllows reports that none of the policies that allow allows a caller, and points at the first rule, which
// would have to. A rule that may match counts as one that does, unless the proxy's words say that it refused.
func noneAllows(allows []piece, p *corev1.Pod, c caller) (object model.FieldRef, why string, denied bool) {
	field := "spec.rules"
	var nearest piece
	for _, a := range allows {
		for i, rule := range a.list("spec", "rules") {
			m, missing := ruleMatches(rule, c)
			if c.tcp {
				if _, less := onlyTCP(rule); less {
					m, missing = no, ""
				}
			}
			if m == yes || m == maybe && !c.refused {
				return model.FieldRef{}, "", false
			}
			if nearest.fields == nil {
				nearest, field = a, fmt.Sprintf("spec.rules[%d]%s", i, missing)
			}
		}
	}
	if nearest.fields == nil {
		return at(allows[0].ref, field), fmt.Sprintf("%s allows nothing to pod %s", allows[0].ref, p.Name), true
	}
	return at(nearest.ref, field), fmt.Sprintf("%s allows only other requests to pod %s than %s from %s", nearest.ref, p.Name, c.request, c), true
}

// String names who calls.
func (c caller) String() string {
	switch {
	case c.outside:
		return "outside"
	case c.namespace == "":
		return "a gateway that is not in the mesh"
	default:
		return "service account " + c.namespace + "/" + c.account
	}
}

// applies reports whether a policy is for a pod: its namespace's or the mesh's, by label, or by the Gateway
// that the pod serves.
func applies(a piece, p *corev1.Pod, gateway string) bool {
	if a.ref.Namespace != p.Namespace && a.ref.Namespace != rootNamespace {
		return false
	}
	targets := a.list("spec", "targetRefs")
	if t := a.at("spec", "targetRef"); a.at("spec").has("targetRef") {
		targets = append(targets, t)
	}
	if len(targets) > 0 {
		return slices.ContainsFunc(targets, func(t piece) bool { return gateway != "" && t.text("kind") == "Gateway" && t.text("name") == gateway })
	}
	want := a.labels("spec", "selector", "matchLabels")
	return len(want) == 0 || matches(want, p.Labels)
}

// ruleMatches matches a rule; missing is the field that does not fit.
func ruleMatches(rule piece, c caller) (m answer, missing string) {
	m = yes
	for _, part := range []struct {
		list, item string
		match      func(piece, caller) (answer, string)
	}{{"from", "source", sourceMatches}, {"to", "operation", operationMatches}} {
		items := rule.list(part.list)
		if len(items) == 0 {
			continue
		}
		best, where := no, ""
		for i, x := range items {
			one, field := part.match(x.at(part.item), c)
			if one == no && where == "" {
				where = fmt.Sprintf(".%s[%d].%s.%s", part.list, i, part.item, field)
			}
			best = max(best, one)
		}
		if best == no {
			return no, where
		}
		m = min(m, best)
	}
	if len(rule.list("when")) > 0 {
		m = min(m, maybe)
	}
	return m, ""
}

func sourceMatches(s piece, c caller) (answer, string) {
	m := yes
	principal := ""
	if c.namespace != "" {
		principal = domain + "/ns/" + c.namespace + "/sa/" + c.account
	}
	for field := range s.fields {
		values := s.texts(field)
		switch one := no; field {
		case "principals", "namespaces", "notPrincipals", "notNamespaces", "serviceAccounts":
			have := map[bool]string{true: principal, false: c.namespace}[strings.HasSuffix(strings.ToLower(field), "principals")]
			if field == "serviceAccounts" {
				have = c.namespace + "/" + c.account
			}
			if anyMatches(values, have) != strings.HasPrefix(field, "not") {
				one = yes
			}
			if one == no {
				return no, field
			}
		default: // addresses and tokens: not known
			m = min(m, maybe)
		}
	}
	return m, ""
}

func operationMatches(o piece, c caller) (answer, string) {
	method := c.request.Method
	if method == "" {
		method = "GET"
	}
	have := map[string]string{"hosts": c.request.Host, "paths": c.request.Path, "methods": method, "ports": itoa(c.port)}
	m := yes
	for field := range o.fields {
		key := field
		if rest, ok := strings.CutPrefix(field, "not"); ok {
			key = strings.ToLower(rest)
		}
		value, known := have[key]
		every := key == field && slices.Contains(o.texts(field), "*")
		if !known || key == "ports" && c.port == 0 || key == "methods" && c.request.Method == "" && !every {
			m = min(m, maybe)
			continue
		}
		one := yes
		switch {
		case key == "paths":
			one = pathMatches(o.texts(field), value, c.below)
		case !anyMatches(o.texts(field), value):
			one = no
		}
		if key != field {
			one = yes - one
		}
		if one == no {
			return no, field
		}
		m = min(m, one)
	}
	return m, ""
}

// pathMatches compares a path, or with below all paths that start with it.
func pathMatches(patterns []string, path string, below bool) answer {
	if !below {
		return map[bool]answer{true: yes}[anyMatches(patterns, path)]
	}
	best := no
	for _, p := range patterns {
		stem, open := strings.CutSuffix(p, "*")
		switch {
		case open && strings.HasPrefix(path, stem):
			return yes
		case strings.HasPrefix(p, "*"), strings.HasPrefix(stem, strings.TrimSuffix(path, "/")), strings.Contains(p, "{"):
			best = maybe
		}
	}
	return best
}

// anyMatches compares as Istio does: exactly, by prefix*, by *suffix, or * for whatever is there.
func anyMatches(patterns []string, have string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		switch {
		case p == "*":
			return have != ""
		case strings.HasPrefix(p, "*"):
			return strings.HasSuffix(have, p[1:])
		case strings.HasSuffix(p, "*"):
			return strings.HasPrefix(have, p[:len(p)-1])
		default:
			return p == have
		}
	})
}

// linkerdDenies finds a Server for a leg's port to which nothing admits the gateway: without an
// authorization it refuses all (linkerd.io, Authorization Policy).
func (v *view) linkerdDenies(r *route, l path.Leg) (finding, bool) {
	for _, s := range v.all("linkerd.io", "Server") {
		for _, e := range l.ReadyEnds() {
			if e.Pod == nil || s.ref.Namespace != e.Pod.Namespace || !serves(s, e) {
				continue
			}
			if p := s.text("spec", "accessPolicy"); p != "" && p != "deny" {
				continue
			}
			object, why, denied := v.unauthorized(s, r)
			if !denied {
				continue
			}
			return find("mesh-policy-denies", proven, object, why).because("object", why, object.Ref, time.Time{}), true
		}
	}
	return finding{}, false
}

// serves reports whether a Server is about a pod's port.
func serves(s piece, e path.End) bool {
	want := s.labels("spec", "podSelector", "matchLabels")
	if len(want) > 0 && !matches(want, e.Pod.Labels) {
		return false
	}
	if name := s.text("spec", "port"); name != "" {
		return slices.ContainsFunc(e.Pod.Spec.Containers, func(c corev1.Container) bool {
			return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == name && p.ContainerPort == e.Port })
		})
	}
	return s.at("spec").number("port") == int64(e.Port)
}

// unauthorized looks at what is written for a Server: nothing, or only for clients in the mesh while the
// gateway is not.
func (v *view) unauthorized(s piece, r *route) (object model.FieldRef, why string, denied bool) {
	meshOnly, any := piece{}, false
	for _, a := range append(v.all("linkerd.io", "AuthorizationPolicy"), v.all("linkerd.io", "ServerAuthorization")...) {
		target := a.at("spec", "targetRef")
		names := target.text("name") == s.ref.Name && target.text("kind") == "Server" || target.text("kind") == "Namespace" && target.text("name") == s.ref.Namespace ||
			a.text("spec", "server", "name") == s.ref.Name || a.at("spec", "server").has("selector")
		if a.ref.Namespace != s.ref.Namespace || !names {
			continue
		}
		if any = true; slices.ContainsFunc(a.list("spec", "requiredAuthenticationRefs"), func(x piece) bool { return x.text("kind") == "MeshTLSAuthentication" }) ||
			a.at("spec", "client").has("meshTLS") {
			meshOnly = a
			continue
		}
		return model.FieldRef{}, "", false
	}
	switch gateways := v.m.Gateways(r.Route); {
	case !any:
		return at(s.ref, ""), fmt.Sprintf("%s refuses all requests to its port, as no AuthorizationPolicy is for it", s.ref), true
	case meshOnly.fields != nil && len(gateways) > 0 && !slices.ContainsFunc(gateways[0].Spec.Containers, func(c corev1.Container) bool { return c.Name == "linkerd-proxy" }) && !slices.ContainsFunc(gateways[0].Spec.InitContainers, func(c corev1.Container) bool { return c.Name == "linkerd-proxy" }):
		return at(meshOnly.ref, "spec.requiredAuthenticationRefs"), fmt.Sprintf("%s admits only clients in the mesh, and the gateway's pod %s has no linkerd-proxy", meshOnly.ref, gateways[0].Name), true
	default:
		return model.FieldRef{}, "", false
	}
}
