package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// nearMiss says why a rule does not take a request for which it was probably made.
type nearMiss struct {
	path.Route
	field string
	why   string
	want  string // the value that would take the request, as JSON
	far   int    // 0: nothing but that differs; higher is less likely
	// hidden is set where the rule took such requests until another one came that is asked first.
	hidden bool
}

// guess is how far a miss may be and still count as meant.
const guess = 3

// nearest finds the rule that was probably meant for a request that no rule takes.
func (v *view) nearest(req model.Request) (nearMiss, bool) {
	var all []nearMiss
	for _, r := range v.m.Routes() {
		if m, ok := v.miss(r, req); ok {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return nearMiss{}, false
	}
	return slices.MinFunc(all, func(a, b nearMiss) int {
		return cmp.Or(cmp.Compare(a.far, b.far), -cmp.Compare(len(a.Path), len(b.Path)), a.Object.Compare(b.Object), cmp.Compare(a.Rule, b.Rule))
	}), true
}

// miss compares a request with a rule, its host first.
func (v *view) miss(r path.Route, req model.Request) (nearMiss, bool) {
	p, _, _ := strings.Cut(req.Path, "?")
	host := strings.ToLower(req.Host)
	if host == "" || hostFits(r, host) {
		if r.Takes(p) {
			if o, hidden := v.hiddenBy(r, host); hidden {
				return nearMiss{Route: r, field: v.hostField(r), want: text(host), hidden: o.Created.After(r.Created),
					why: fmt.Sprintf("%s has rules for host %s, and then those for %s are not asked", o.Object, o.Host, cmp.Or(r.Host, "every host"))}, true
			}
		}
		return v.missesPath(r, p)
	}
	m, ok := v.missesHost(r, host)
	if !ok {
		return m, false
	}
	if !r.Takes(p) {
		m.far += guess // two things differ
	}
	return m, true
}

// hiddenBy finds a rule of the same gateway whose host fits better: gateways choose the host first, and ask none of the
// rules for wider ones when no rule for it takes the path.
func (v *view) hiddenBy(r path.Route, host string) (path.Route, bool) {
	if host == "" {
		return path.Route{}, false
	}
	for _, o := range v.m.Routes() {
		if o.Gateway == r.Gateway && o.Proxy == r.Proxy && o.Class == r.Class && len(o.Host) > len(r.Host) && o.Served() && hostFits(o, host) {
			return o, true
		}
	}
	return path.Route{}, false
}

func hostFits(r path.Route, host string) bool {
	suffix, wild := strings.CutPrefix(r.Host, "*")
	label := strings.TrimSuffix(host, suffix)
	return r.Host == "" || strings.EqualFold(r.Host, host) ||
		wild && strings.HasSuffix(host, suffix) && label != "" && (r.Object.Kind != "Ingress" || !strings.Contains(label, "."))
}

// missesHost says how a rule's host differs from a request's.
func (v *view) missesHost(r path.Route, host string) (nearMiss, bool) {
	m := nearMiss{Route: r, field: v.hostField(r), want: text(host)}
	suffix, wild := strings.CutPrefix(r.Host, "*.")
	first, rest, _ := strings.Cut(host, ".")
	ruleFirst, ruleRest, _ := strings.Cut(r.Host, ".")
	switch {
	case wild && strings.HasSuffix(host, "."+suffix):
		m.why = fmt.Sprintf("host %s takes one label in front of %s, and %s has more", r.Host, suffix, host)
	case wild && host == suffix:
		m.why = fmt.Sprintf("host %s does not take %s itself", r.Host, host)
	case r.Host == "www."+host || host == "www."+r.Host:
		m.why, m.far = fmt.Sprintf("it is for host %s, not for %s", r.Host, host), 1
	case distance(r.Host, host, 2) <= 2:
		m.why, m.far = fmt.Sprintf("it is for host %s, which is nearly %s", r.Host, host), 1
	case first == ruleFirst && !common(first), rest == ruleRest && alike(first, ruleFirst):
		m.why, m.far = fmt.Sprintf("it is for host %s, not for %s", r.Host, host), 2
	default:
		return nearMiss{}, false
	}
	return m, true
}

// missesPath says how a rule's path, or the way in which it is compared, differs from a request's.
func (v *view) missesPath(r path.Route, p string) (nearMiss, bool) {
	base := strings.TrimSuffix(r.Path, "/")
	m := nearMiss{Route: r}
	switch {
	case r.Takes(p):
		if r.Method == "" && len(r.Headers) == 0 && len(r.Queries) == 0 {
			return m, false
		}
		m.field, m.far = v.conditionField(r), 2
		m.why = fmt.Sprintf("%s takes %s with another method, header or query only", r.Rule, p)
	case base == "":
		return m, false
	case (r.PathType == path.Exact || r.Literal()) && (p == base || strings.HasPrefix(p, base+"/")):
		m.field, m.want = v.pathField(r, true), text(prefixType(r))
		m.why = fmt.Sprintf("path %s is compared as %s, which does not take %s", r.Path, r.PathType, p)
	case r.PathType != path.Exact && p == base: // ImplementationSpecific /a/ does not take /a
		m.field, m.want = v.pathField(r, false), text(base)
		m.why = fmt.Sprintf("path %s does not take %s", r.Path, p)
	case isPattern(r.Path) && r.PathType != path.RegularExpression && r.Pattern.How != proxy.Glob && patternTakes(r.Path, p):
		m.field, m.want = v.pathField(r, true), text(expressionType(r))
		m.why = fmt.Sprintf("path %s is a regular expression and is compared as %s", r.Path, r.PathType)
	case strings.HasPrefix(strings.ToLower(p)+"/", strings.ToLower(base)+"/"):
		m.field, m.want = v.pathField(r, false), text(p[:len(base)])
		m.why = fmt.Sprintf("path %s differs from %s in upper and lower case", r.Path, p)
	default:
		return v.missesSegment(r, p)
	}
	return m, true
}

// missesSegment compares segment by segment: one is misspelt, missing, or too many.
func (v *view) missesSegment(r path.Route, p string) (nearMiss, bool) {
	have, want := strings.Split(strings.Trim(r.Path, "/"), "/"), strings.Split(strings.Trim(p, "/"), "/")
	m := nearMiss{Route: r, field: v.pathField(r, false), far: 1}
	if len(want) >= len(have) {
		if typo(have, want[:len(have)]) {
			m.want = text("/" + strings.Join(want[:len(have)], "/"))
			m.why = fmt.Sprintf("path %s is nearly %s", r.Path, "/"+strings.Join(want[:len(have)], "/"))
			return m, true
		}
	}
	for extra := 1; extra <= 2; extra++ {
		if n := len(have) - extra; n > 0 && len(want) >= n && slices.Equal(have[extra:], want[:n]) {
			m.far, m.want = 2, text("/"+strings.Join(want[:n], "/"))
			m.why = fmt.Sprintf("path %s begins with /%s, and %s does not", r.Path, strings.Join(have[:extra], "/"), p)
			return m, true
		}
		if len(want) >= len(have)+extra && slices.Equal(have, want[extra:extra+len(have)]) && !common(have[0]) {
			m.far, m.want = 2, text("/"+strings.Join(want[:extra+len(have)], "/"))
			m.why = fmt.Sprintf("path %s lacks the /%s with which %s begins", r.Path, strings.Join(want[:extra], "/"), p)
			return m, true
		}
	}
	return v.missesName(r, p)
}

// missesName takes a rule for the one that was meant if its Service bears a name that the request's path has and
// the rule's path has not.
func (v *view) missesName(r path.Route, p string) (nearMiss, bool) {
	if len(r.Backends) == 0 {
		return nearMiss{}, false
	}
	service := r.Backends[0].Service.Name
	if resemblance(service, wordsOf(path.Route{Path: p})) < sameWord || resemblance(service, wordsOf(r)) > noWord {
		return nearMiss{}, false
	}
	return nearMiss{Route: r, field: v.pathField(r, false), far: 2, why: fmt.Sprintf("it leads to Service %s from path %s, which does not take %s", service, r.Path, p)}, true
}

// typo reports whether two lists of segments differ by slips of the pen only.
func typo(have, want []string) bool {
	slips := 0
	for i := range have {
		if have[i] == want[i] {
			continue
		}
		limit := min(2, max(len(have[i]), len(want[i]))/3)
		n := distance(have[i], want[i], limit)
		if n > limit || digitsOnly(have[i], want[i]) {
			return false
		}
		slips += n
	}
	return slips > 0 && slips <= 2
}

// digitsOnly reports whether two words differ in digits only, as versions do, which are no slip.
func digitsOnly(a, b string) bool {
	bare := func(s string) string { return strings.Trim(s, "0123456789") }
	return bare(a) == bare(b)
}

// prefixType is how a kind of route calls a comparison by prefix. A VirtualServer's path says it itself.
func prefixType(r path.Route) string {
	switch {
	case r.Object.Kind == "Ingress":
		return string(path.Prefix)
	case virtualServer(r):
		return r.Path
	default:
		return "PathPrefix"
	}
}

// expressionType is the same for one by a regular expression.
func expressionType(r path.Route) string {
	if virtualServer(r) {
		return "~^" + r.Path
	}
	return string(path.ImplementationSpecific)
}

// virtualServer reports whether a rule is of one of F5's own kinds.
func virtualServer(r path.Route) bool {
	return r.Object.Kind == "VirtualServer" || r.Object.Kind == "VirtualServerRoute"
}

func isPattern(p string) bool { return strings.ContainsAny(p, `(*[$^+|\`) }

// patternTakes reports whether a path would be taken if it were compared as an expression.
func patternTakes(pattern, p string) bool {
	expression, err := regexp.Compile("^(?:" + pattern + ")")
	return err == nil && expression.MatchString(p)
}

// pathField is the field of a rule's path, or of the way in which it is compared.
func (v *view) pathField(r path.Route, kind bool) string {
	if r.Object.Kind == "Ingress" {
		if kind {
			return r.Rule + ".pathType"
		}
		return r.Rule + ".path"
	}
	if virtualServer(r) {
		rule, _, _ := strings.Cut(r.Rule, ".matches")
		return rule + ".path"
	}
	if kind {
		return v.matchField(r) + ".path.type"
	}
	return v.matchField(r) + ".path.value"
}

// matchField is the match of an HTTPRoute's rule that has its path.
func (v *view) matchField(r path.Route) string {
	field := r.Rule + ".matches[0]"
	hr, presence := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name)
	if presence != snapshot.Present || r.Object.Kind != "HTTPRoute" {
		return field
	}
	for i := range hr.Spec.Rules {
		for j, m := range hr.Spec.Rules[i].Matches {
			if r.Rule == fmt.Sprintf("spec.rules[%d]", i) && m.Path != nil && m.Path.Value != nil && *m.Path.Value == r.Path {
				field = fmt.Sprintf("%s.matches[%d]", r.Rule, j)
			}
		}
	}
	return field
}

// conditionField is the condition besides the path that a request must meet.
func (v *view) conditionField(r path.Route) string {
	switch {
	case virtualServer(r):
		return r.Rule + ".conditions"
	case len(r.Headers) > 0:
		return v.matchField(r) + ".headers"
	case r.Method != "":
		return v.matchField(r) + ".method"
	default:
		return v.matchField(r) + ".queryParams"
	}
}

// hostField is the field of a rule's host.
func (v *view) hostField(r path.Route) string {
	if r.Object.Kind == "Ingress" {
		rule, _, _ := strings.Cut(r.Rule, ".http")
		return rule + ".host"
	}
	hr, presence := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name)
	if presence == snapshot.Present && r.Object.Kind == "HTTPRoute" {
		for i, h := range hr.Spec.Hostnames {
			if string(h) == r.Host {
				return fmt.Sprintf("spec.hostnames[%d]", i)
			}
		}
	}
	switch {
	case r.Object.Kind == "VirtualService":
		return "spec.hosts"
	case virtualServer(r):
		return "spec.host"
	}
	return "spec.hostnames"
}
