package diagnose

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// mangled is the one path that ingress-nginx makes of all that fails below a route's, where the rewrite is filled with another group
// than the one that holds the rest of the path: with /crm(/|$)(.*) and /$1 everything becomes //. It does so with
// rewrite "(?i)PATH" TARGET break (ingress-nginx, internal/ingress/controller/template: buildProxyPass). Empty if requests stay apart,
// or one that becomes the same is answered well: then it is meant. An application may answer an error for its own reasons, so that only
// a path that nobody asks for (//) is blamed for it; for any other, the application must say that it does not know it.
func (v *view) mangled(r *route, target string) string {
	re, err := regexp.Compile("(?i)" + r.Path)
	if err != nil {
		return ""
	}
	from, most := map[string]map[string]bool{}, ""
	for _, s := range slices.Concat(r.astray, r.hits(model.UpstreamStatus)) {
		asked, _, _ := strings.Cut(s.Request.Path, "?")
		to := rewritten(re, asked, target)
		doubled := strings.Contains(to, "//") && !strings.Contains(asked, "//")
		if to == "" || !doubled && s.Failed() {
			continue
		}
		if from[to] == nil {
			from[to] = map[string]bool{}
		}
		from[to][asked] = true
		if len(from[to]) > len(from[most]) {
			most = to
		}
	}
	if len(from[most]) < 2 || slices.ContainsFunc(v.in.Signals, func(s model.Signal) bool {
		asked, _, _ := strings.Cut(s.Request.Path, "?")
		return !s.Failed() && s.Status < 400 && s.Request.Host == r.Host && r.Takes(asked) && rewritten(re, asked, target) == most
	}) {
		return ""
	}
	return most
}

// rewritten is what nginx's rewrite makes of a path; empty if the expression does not match.
func rewritten(re *regexp.Regexp, asked, target string) string {
	m := re.FindStringSubmatchIndex(asked)
	if m == nil {
		return ""
	}
	return string(re.ExpandString(nil, groupRef.ReplaceAllString(target, "$${$1}"), asked, m))
}
