package path

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// Match finds the rule for a request. The host decides first, as it does in nginx's servers and
// Envoy's virtual hosts: where a rule names the request's host, rules of less specific hosts are not
// asked, except by proxies that know no virtual hosts. Among the rules of the host the path decides,
// then method, headers and query parameters, as the Gateway API specifies; then age and names.
func (m *Map) Match(req model.Request) (Route, bool) {
	best := -1
	for host, at := range m.byPattern(strings.ToLower(req.Host)) {
		seen, through := false, true
		for _, i := range at {
			r := &m.routes[i]
			if !m.oneLabel(r, req.Host) || !r.listens(req) {
				continue
			}
			seen = true
			through = through && m.matching(r).FallsThrough
			if r.matches(req) && (best < 0 || r.before(&m.routes[best])) {
				best = i
			}
		}
		if best >= 0 && !m.matching(&m.routes[best]).FallsThrough {
			break
		}
		if best < 0 && seen && host != "" && !through {
			return m.leftOver(host)
		}
	}
	if best < 0 {
		return Route{}, false
	}
	return m.routes[best], true
}

// Matching says how the route's proxy chooses among hosts.
func (m *Map) matching(r *Route) proxy.Matching { return m.hosts[[2]string{r.Controller, r.Proxy}] }

// learn remembers how a route's proxy chooses among hosts.
func (m *Map) learn(r *Route) {
	k := [2]string{r.Controller, r.Proxy}
	if _, ok := m.hosts[k]; ok {
		return
	}
	px, _ := all.Named(r.Proxy)
	m.hosts[k] = px.Of(r.Controller)
}

// leftOver is the default backend that takes what the rules of a host leave: that of an Ingress with
// rules for the host, or any one, as the proxy has it.
func (m *Map) leftOver(host string) (Route, bool) {
	for _, i := range m.byHost[host] {
		own := &m.routes[i]
		rest := m.matching(own).Rest
		for _, j := range m.byHost[""] {
			r := &m.routes[j]
			if r.Rule == defaultRule && r.Proxy == own.Proxy && rest != proxy.RestUnserved && (rest == proxy.RestToAny || r.Object == own.Object) {
				return *r, true
			}
		}
	}
	return Route{}, false
}

const defaultRule = "spec.defaultBackend"

// byPattern yields the patterns that match a host and have rules, most specific first, with their rules. Every request
// comes by here, so that of a pattern without rules no string is made.
func (m *Map) byPattern(host string) iter.Seq2[string, []int] {
	return func(yield func(string, []int) bool) {
		if at := m.byHost[host]; host != "" && len(at) > 0 && !yield(host, at) {
			return
		}
		var room [256]byte // a host name is no longer
		_, rest, more := strings.Cut(host, ".")
		for more {
			wild := append(append(room[:0], "*."...), rest...)
			if at := m.byHost[string(wild)]; len(at) > 0 && !yield(string(wild), at) {
				return
			}
			_, rest, more = strings.Cut(rest, ".")
		}
		if at := m.byHost[""]; len(at) > 0 {
			yield("", at)
		}
	}
}

// oneLabel enforces that an Ingress's wildcard stands for exactly one label of the host, unlike the
// Gateway API's.
func (m *Map) oneLabel(r *Route, host string) bool {
	suffix, wild := strings.CutPrefix(r.Host, "*")
	if !wild || r.Object.Kind != "Ingress" || m.matching(r).DeepWildcard {
		return true
	}
	label := strings.TrimSuffix(strings.ToLower(host), suffix)
	return label != "" && !strings.Contains(label, ".")
}

// listens reports whether the route is taken at the request's port and scheme.
func (r *Route) listens(req model.Request) bool {
	if r.Object.Kind != "TCPRoute" && (len(r.Listeners) == 0 || req.Port == 0 && req.Scheme == "") {
		return true
	}
	return slices.ContainsFunc(r.Listeners, func(l Listener) bool {
		secure := l.Protocol == "HTTPS" || l.Protocol == "TLS"
		switch {
		case l.Protocol == "TCP": // without a host or a scheme the port is all that tells
			return cmp.Or(req.Port, defaultPort(req.Scheme)) == l.Port
		case req.Port != 0 && l.Port != 0 && req.Port != l.Port:
			return false
		case req.Scheme != "":
			return secure == (req.Scheme == "https")
		default:
			return true
		}
	})
}

// defaultPort is that of a scheme, 0 where none is named.
func defaultPort(scheme string) int32 {
	switch scheme {
	case "http":
		return 80
	case "https":
		return 443
	default:
		return 0
	}
}

// matches reports whether the rule takes a request whose host fits.
func (r *Route) matches(req model.Request) bool {
	path, query, _ := strings.Cut(req.Path, "?")
	if r.Method != "" && r.Method != method(req) {
		return false
	}
	return r.takes(path) && headersTake(r.Headers, req) && queriesTake(r.Queries, query)
}

// takes compares the path alone.
func (r *Route) takes(path string) bool {
	if r.broken {
		return false
	}
	if r.expr != nil {
		return r.expr.MatchString(path)
	}
	text := r.Pattern.Text
	switch r.Pattern.How {
	case proxy.Equal:
		return path == text
	case proxy.Leading:
		return strings.HasPrefix(path, text)
	case proxy.LeadingFold:
		return len(path) >= len(text) && strings.EqualFold(path[:len(text)], text)
	case proxy.Glob:
		return glob(text, path)
	default:
		p := strings.TrimSuffix(text, "/")
		return p == "" || strings.HasPrefix(path, p) && (len(path) == len(p) || path[len(p)] == '/')
	}
}

// glob compares with a pattern in which * is any text and ? any character.
func glob(pattern, text string) bool {
	star, mark, i, j := -1, 0, 0, 0
	for j < len(text) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == text[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// before reports whether r is asked before o, both matching a request: by the rank of the path, and
// then as the Gateway API has it, method, headers, query parameters, the older object, its name, and
// the order within it.
func (r *Route) before(o *Route) bool {
	return cmp.Or(
		served(o)-served(r),
		one(o.Rule == defaultRule)-one(r.Rule == defaultRule),
		one(o.Stream())-one(r.Stream()), // where the port does not tell, somebody asks for a path
		canaryRank(r)-canaryRank(o),
		r.Pattern.Rank-o.Pattern.Rank,
		one(r.Method != "")-one(o.Method != ""),
		len(r.Headers)-len(o.Headers),
		len(r.Queries)-len(o.Queries),
		r.byPlace(o),
		o.Created.Compare(r.Created),
		o.Object.Compare(r.Object),
		o.seq-r.seq,
	) > 0
}

// Literal reports whether a path is compared as a whole though it is not called Exact, as AWS and Google Cloud compare what is
// ImplementationSpecific and has no star.
func (r Route) Literal() bool {
	return r.Pattern.How == proxy.Glob && !strings.ContainsAny(r.Pattern.Text, "*?")
}

// Precedes reports whether a rule is asked before another one that takes the same request.
func (r Route) Precedes(o Route) bool { return r.before(&o) }

// canaryRank puts a canary behind the rule that it stands beside, unless it takes every request.
func canaryRank(r *Route) int {
	if !r.Settings.Yes(proxy.Canary) {
		return 0
	}
	weight, _ := r.Settings.Get(proxy.CanaryWeight)
	all := int64(100)
	if total, ok := r.Settings.Get(proxy.CanaryTotal); ok && total.Size > 0 {
		all = total.Size
	}
	if weight.Size >= all {
		return 1
	}
	return -1
}

// byPlace is Contour's order of routes that weigh the same.
func (r *Route) byPlace(o *Route) int {
	if !r.places || !o.places {
		return 0
	}
	return cmp.Or(o.seq>>16-r.seq>>16, compareConditions(o.Headers, r.Headers), compareConditions(o.Queries, r.Queries))
}

// served is 1 for a rule that nothing serves: another of the same host and path then answers.
func served(r *Route) int {
	for _, f := range r.Faults {
		if f.Kind != GrantMissing && f.Kind != BackendInvalid && !f.Kind.Unknown() {
			return 1
		}
	}
	return 0
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
