package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func ingressPathMismatch() Analyzer {
	return Analyzer{
		Cause:  "ingress-path-mismatch",
		Doc:    "Finds rules that miss the requests that they were made for, by their host, path or path type.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				if r.lost {
					out = append(out, v.lostRequest(r))
				}
			}
			out = append(out, v.missedRequests()...)
			out = append(out, v.absentRules()...)
			return append(out, v.certificateHosts()...)
		},
	}
}

// nearMiss says why a rule does not take a request for which it was probably made.
type nearMiss struct {
	path.Route
	field string
	why   string
	want  string // the value that would take the request, as JSON
	far   int    // 0: nothing but that differs; higher is less likely
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
	case r.PathType == path.Exact && (p == base || strings.HasPrefix(p, base+"/")):
		m.field, m.want = v.pathField(r, true), text(prefixType(r))
		m.why = fmt.Sprintf("path %s is compared as %s, which does not take %s", r.Path, r.PathType, p)
	case r.PathType != path.Exact && p == base: // ImplementationSpecific /a/ does not take /a
		m.field, m.want = v.pathField(r, false), text(base)
		m.why = fmt.Sprintf("path %s does not take %s", r.Path, p)
	case isPattern(r.Path) && r.PathType != path.RegularExpression && patternTakes(r.Path, p):
		m.field, m.want = v.pathField(r, true), text(string(path.ImplementationSpecific))
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
	if resemblance(service, wordsOf(path.Route{Path: p})) < 2 || resemblance(service, wordsOf(r)) > 0 {
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

// prefixType is how a kind of route calls a comparison by prefix.
func prefixType(r path.Route) string {
	if r.Object.Kind == "Ingress" {
		return string(path.Prefix)
	}
	return "PathPrefix"
}

func isPattern(p string) bool { return strings.ContainsAny(p, `(*[$^+|\`) }

// patternTakes reports whether a path would be taken if it were compared as an expression.
func patternTakes(pattern, p string) bool {
	r := path.Route{Path: pattern, PathType: path.ImplementationSpecific}
	return r.Takes(p)
}

// pathField is the field of a rule's path, or of the way in which it is compared.
func (v *view) pathField(r path.Route, kind bool) string {
	if r.Object.Kind == "Ingress" {
		if kind {
			return r.Rule + ".pathType"
		}
		return r.Rule + ".path"
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
	return "spec.hostnames"
}

// lostRequest is the finding for the target's request, which no rule takes.
func (v *view) lostRequest(r *route) finding {
	req := *v.in.Target.Request
	m, ok := v.miss(r.Route, req)
	if !ok {
		m = nearMiss{Route: r.Route, field: v.pathField(r.Route, false), why: "it is the nearest rule", far: guess}
	}
	f := v.missFinding(r, m, fmt.Sprintf("no rule takes %s; %s of %s would, but %s", req, r.Rule, r.Object, m.why))
	return f.showing(r, v.unroutedWhere(func(s model.Signal) bool {
		return (s.Request.Host == "" || s.Request.Host == req.Host) && strings.HasPrefix(s.Request.Path, strings.TrimSuffix(req.Path, "/"))
	}))
}

func (v *view) missFinding(r *route, m nearMiss, summary string) finding {
	confidence := proven
	switch {
	case m.far >= guess:
		confidence = possible
	case m.far > 1:
		confidence = likely
	}
	return find("ingress-path-mismatch", confidence, at(m.Object, m.field), summary).
		on(r).as(model.NoRoute, model.UpstreamStatus).wants(m.want).
		because("model", m.why, m.Object, time.Time{}).
		not("no-endpoints", "the request does not get as far as a Service")
}

// unroutedWhere lists the requests that no rule took and of which something is true.
func (v *view) unroutedWhere(is func(model.Signal) bool) []model.Signal {
	var out []model.Signal
	for _, s := range v.unrouted {
		if s.Failure == model.NoRoute && is(s) {
			out = append(out, s)
		}
	}
	return out
}

// missedRequests finds rules that miss requests which then fall to a wider rule, whose application does not
// know them, or to none.
func (v *view) missedRequests() []finding {
	type key struct {
		rule  routeKey
		field string
	}
	var order []key
	misses, seen, by := map[key]nearMiss{}, map[key][]model.Signal{}, map[key]*route{}
	note := func(r *route, s model.Signal) {
		m, ok := v.closest(r, s.Request)
		if !ok {
			return
		}
		k := key{keyOf(m.Route), m.field}
		if _, known := misses[k]; !known {
			order = append(order, k)
			misses[k], by[k] = m, r
		}
		seen[k] = append(seen[k], s)
	}
	for _, r := range v.routes {
		for _, s := range r.astray {
			note(r, s)
		}
	}
	if v.in.Target.Request == nil {
		for _, s := range v.commonUnrouted() {
			note(nil, s)
		}
	}
	var out []finding
	for _, k := range order {
		m, r := misses[k], by[k]
		if r == nil {
			r = v.missedBy(m)
		}
		if r == nil || len(seen[k]) < few && (v.in.Target.Request == nil || m.far > 1) {
			continue
		}
		req := seen[k][0].Request
		out = append(out, v.missFinding(r, m, fmt.Sprintf("%s of %s does not take %s: %s", m.Rule, m.Object, req.Path, m.why)).showing(r, seen[k]))
	}
	return out
}

// missedBy is the rule for which requests were made that no rule took, nil if it is none of those in question, or has users
// of its own host: those who ask for another one are strays.
func (v *view) missedBy(m nearMiss) *route {
	r := v.route(m.Route)
	if r != nil && m.field == v.hostField(m.Route) && len(r.succeeded) > 0 {
		return nil
	}
	return r
}

// mostUnrouted bounds how many different requests that no rule took are compared with all rules: scanners ask for
// thousands.
const mostUnrouted = 100

// commonUnrouted lists the requests that no rule took, those of the first different paths below which several were
// asked for.
func (v *view) commonUnrouted() []model.Signal {
	type place struct{ host, path string }
	at := func(s *model.Signal) place {
		p := strings.SplitN(strings.Trim(s.Request.Path, "/"), "/", 3)
		return place{s.Request.Host, strings.Join(p[:min(2, len(p))], "/")}
	}
	times := map[place]int{}
	for i := range v.unrouted {
		times[at(&v.unrouted[i])]++
	}
	taken := map[place]bool{}
	var out []model.Signal
	for i := range v.unrouted {
		s := &v.unrouted[i]
		p := at(s)
		if s.Failure != model.NoRoute || times[p] < few || !taken[p] && len(taken) >= mostUnrouted {
			continue
		}
		taken[p] = true
		out = append(out, *s)
	}
	return out
}

// route finds a rule among those in question, nil if it is none of them.
func (v *view) route(r path.Route) *route {
	i := slices.IndexFunc(v.routes, func(o *route) bool { return keyOf(o.Route) == keyOf(r) })
	if i < 0 {
		return nil
	}
	return v.routes[i]
}

// closest is the more specific rule of the same host that was probably meant for a request which a wider
// one took, or none.
func (v *view) closest(taken *route, req model.Request) (nearMiss, bool) {
	k := nearKey{taken, req.Host, req.Path}
	if m, known := v.nearby[k]; known {
		return m, m.field != ""
	}
	m, _ := v.findClosest(taken, req)
	if v.nearby == nil {
		v.nearby = map[nearKey]nearMiss{}
	}
	v.nearby[k] = m
	return m, m.field != ""
}

// nearKey is a request, and the rule that took it.
type nearKey struct {
	taken      *route
	host, path string
}

func (v *view) findClosest(taken *route, req model.Request) (nearMiss, bool) {
	best, found := nearMiss{far: guess}, false
	all := v.m.Routes()
	if slices.ContainsFunc(all, func(r path.Route) bool { return unservedFor(r, taken, req) }) {
		return best, false // no need to guess which rule was meant
	}
	for i := range all {
		if taken != nil && all[i].Host != taken.Host {
			best, found = v.nearer(best, found, taken, &all[i], req)
			continue
		}
		r := all[i]
		if r.Path == "/" || taken != nil && (r.Host != taken.Host || len(r.Path) <= len(taken.Path) || r.Gateway != taken.Gateway) {
			continue
		}
		m, ok := nearMiss{}, false
		switch {
		case taken != nil:
			m, ok = v.missesPath(r, req.Path)
		case req.Host == "" && r.Takes(req.Path): // the log does not say the host
			m, ok = nearMiss{Route: r, field: v.hostField(r), why: fmt.Sprintf("requests for %s come with another host than %s", r.Path, r.Host), far: 2}, r.Host != ""
		default:
			m, ok = v.miss(r, req)
		}
		if ok && m.far < best.far && (m.far == 0 || m.far > 0 && !v.busy(r)) {
			best, found = m, true
		}
	}
	return best, found
}

// nearer gives a rule for another host that was rather meant than the best one so far, else that one.
func (v *view) nearer(best nearMiss, found bool, taken *route, r *path.Route, req model.Request) (nearMiss, bool) {
	if m, ok := v.meantForHost(taken, r, req); ok && m.far < best.far {
		return m, true
	}
	return best, found
}

// meantForHost compares a request that a wider rule took with a rule for another host that has its very path: of the
// same namespace, for a host that is nearly the request's, and without a request of its own.
func (v *view) meantForHost(taken *route, r *path.Route, req model.Request) (nearMiss, bool) {
	if len(r.Path) <= len(taken.Path) || len(r.Path) == 1 || r.Gateway != taken.Gateway || r.Object.Namespace != taken.Object.Namespace || !r.Takes(req.Path) || v.busy(*r) {
		return nearMiss{}, false
	}
	host := strings.ToLower(cmp.Or(req.Host, taken.Host)) // nginx does not log it
	if m, ok := v.missesHost(*r, host); ok {
		return m, true
	}
	first, _, _ := strings.Cut(host, ".")
	if ruleFirst, _, _ := strings.Cut(r.Host, "."); first != ruleFirst {
		return nearMiss{}, false
	}
	return nearMiss{Route: *r, field: v.hostField(*r), want: text(host), far: 2, why: fmt.Sprintf("it is for host %s, not for %s", r.Host, host)}, true
}

// busy reports whether requests were seen on a rule.
func (v *view) busy(r path.Route) bool {
	o := v.route(r)
	return o != nil && o.requests > 0
}
