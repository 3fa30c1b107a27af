package path

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// Match finds the rule for a request. The host decides first, as it does in nginx's servers and
// Envoy's virtual hosts: where a rule names the request's host, rules of less specific hosts are not
// asked. Among the rules of the host the path decides (an exact match, then the longest), then
// method, headers and query parameters, as the Gateway API specifies; then names, so that the answer
// is the same each time.
func (m *Map) Match(req model.Request) (Route, bool) {
	for _, host := range hostPatterns(strings.ToLower(req.Host)) {
		best := -1
		seen := false
		for _, i := range m.byHost[host] {
			r := &m.routes[i]
			if !oneLabel(*r, req.Host) {
				continue
			}
			seen = true
			if r.matches(req) && (best < 0 || r.before(m.routes[best])) {
				best = i
			}
		}
		if best >= 0 {
			return m.routes[best], true
		}
		if seen && host != "" {
			return m.leftOver(host)
		}
	}
	return Route{}, false
}

// leftOver is the default backend of an Ingress with rules for a host: it takes what they leave.
func (m *Map) leftOver(host string) (Route, bool) {
	for _, i := range m.byHost[host] {
		for _, j := range m.byHost[""] {
			if m.routes[j].Rule == "spec.defaultBackend" && m.routes[j].Object == m.routes[i].Object {
				return m.routes[j], true
			}
		}
	}
	return Route{}, false
}

// hostPatterns lists the patterns that match a host, most specific first.
func hostPatterns(host string) []string {
	var out []string
	if host != "" {
		out = append(out, host)
		rest := host
		for {
			_, after, ok := strings.Cut(rest, ".")
			if !ok {
				break
			}
			out = append(out, "*."+after)
			rest = after
		}
	}
	return append(out, "")
}

// oneLabel enforces that an Ingress's wildcard stands for exactly one label of the host, unlike the
// Gateway API's.
func oneLabel(r Route, host string) bool {
	suffix, wild := strings.CutPrefix(r.Host, "*")
	if !wild || r.Object.Kind != "Ingress" {
		return true
	}
	label := strings.TrimSuffix(strings.ToLower(host), suffix)
	return label != "" && !strings.Contains(label, ".")
}

// matches reports whether the rule takes a request whose host fits.
func (r *Route) matches(req model.Request) bool {
	path, query, _ := strings.Cut(req.Path, "?")
	if r.Method != "" && r.Method != cmp.Or(req.Method, "GET") {
		return false
	}
	for name, want := range r.Headers {
		if header(req.Headers, name) != want {
			return false
		}
	}
	for name, want := range r.Queries {
		if !strings.Contains("&"+query+"&", "&"+name+"="+want+"&") {
			return false
		}
	}
	return r.takes(path)
}

// takes compares the path alone.
func (r *Route) takes(path string) bool {
	switch r.PathType {
	case Exact:
		return path == r.Path
	case Prefix:
		p := strings.TrimSuffix(r.Path, "/")
		return path == p || strings.HasPrefix(path, p+"/") || p == ""
	case RegularExpression:
		return fullMatch(r.Path, path)
	default:
		if strings.ContainsAny(r.Path, `(*[$^+|\`) {
			return prefixMatch(r.Path, path)
		}
		return strings.HasPrefix(path, r.Path)
	}
}

func fullMatch(pattern, path string) bool {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	return err == nil && re.MatchString(path)
}

// prefixMatch is how ingress-nginx (use-regex) and Contour take an ImplementationSpecific path that
// is an expression: from the start, open at the end.
func prefixMatch(pattern, path string) bool {
	re, err := regexp.Compile("^(?:" + pattern + ")")
	return err == nil && re.MatchString(path)
}

func header(headers map[string]string, name string) string {
	for k, v := range headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// before reports whether r is asked before o, both matching a request.
func (r *Route) before(o Route) bool {
	return cmp.Or(
		served(o)-served(*r),
		fixed(o.Rule == "spec.defaultBackend")-fixed(r.Rule == "spec.defaultBackend"),
		fixed(r.PathType == Exact)-fixed(o.PathType == Exact),
		len(r.Path)-len(o.Path),
		fixed(r.Method != "")-fixed(o.Method != ""),
		len(r.Headers)-len(o.Headers),
		len(r.Queries)-len(o.Queries),
		o.Object.Compare(r.Object),
		cmp.Compare(o.Rule, r.Rule),
	) > 0
}

// served is 1 for a rule that nothing serves: another of the same host and path then answers.
func served(r Route) int {
	for _, f := range r.Faults {
		if f.Kind != GrantMissing && f.Kind != CannotKnow {
			return 1
		}
	}
	return 0
}

func fixed(b bool) int {
	if b {
		return 1
	}
	return 0
}
