package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// slips finds rules that nobody was seen to ask for and whose host or path differs by a slip of the pen from what their
// neighbours make likely. No request shows it, so that it is no more than a supposition.
func (v *view) slips() []finding {
	if v.in.Target.Request != nil {
		return nil // the walk of that request tells which rule misses it
	}
	var out []finding
	for _, r := range v.routes {
		if r.requests > 0 || r.Direct() || len(r.From) > 0 {
			continue
		}
		near := v.neighbours(r)
		right, why := usualHost(r, near)
		field := v.hostField(r.Route)
		if right == "" {
			right, why = lowerPath(r, near)
			field = v.pathField(r.Route, false)
		}
		if right == "" {
			continue
		}
		f := find("ingress-path-mismatch", possible, at(r.Object, field), fmt.Sprintf("%s of %s is probably misspelt: %s", field, r.Object, why)).
			on(r).as(model.NoRoute).wants(text(right)).because("object", why, r.Object, time.Time{})
		f.atRest = true
		out = append(out, f)
	}
	return out
}

// neighbours are the other rules of a namespace behind the same gateway.
func (v *view) neighbours(r *route) []path.Route {
	var out []path.Route
	for _, o := range v.m.Routes() {
		if o.Object.Namespace == r.Object.Namespace && o.Gateway == r.Gateway && o.Class == r.Class && keyOf(o) != keyOf(r.Route) {
			out = append(out, o)
		}
	}
	return out
}

// enoughAlike is how many neighbours must agree with each other before one that does not counts as mistaken.
const enoughAlike = 3

// usualHost is the host of a rule's neighbours, if all of them have the same one and the rule's is nearly it.
func usualHost(r *route, near []path.Route) (host, why string) {
	if len(near) < enoughAlike || r.Host == "" {
		return "", ""
	}
	host = near[0].Host
	if slices.ContainsFunc(near, func(o path.Route) bool { return o.Host != host }) || !slipOf(r.Host, host) {
		return "", ""
	}
	return host, fmt.Sprintf("it is for host %s, and its %d neighbours are for %s", r.Host, len(near), host)
}

// slipOf reports whether a host is nearly another one by a slip of the pen in a longer word: not by a number, a plural
// or another ending after a dash, which tell names apart.
func slipOf(have, want string) bool {
	x := strings.FieldsFunc(have, func(c rune) bool { return c == '.' || c == '-' })
	y := strings.FieldsFunc(want, func(c rune) bool { return c == '.' || c == '-' })
	if len(x) != len(y) || !typo(x, y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] && (min(len(x[i]), len(y[i])) < 6 || x[i] == y[i]+"s" || x[i]+"s" == y[i]) {
			return false
		}
	}
	return true
}

// lowerPath is a rule's path in lower case, if all of its host's other paths are written so and so is the name of the
// Service to which it leads.
func lowerPath(r *route, near []path.Route) (lower, why string) {
	lower = strings.ToLower(r.Path)
	if lower == r.Path || r.PathType == path.RegularExpression || isPattern(r.Path) || len(r.Backends) == 0 {
		return "", ""
	}
	alike := 0
	for _, o := range near {
		if o.Host != r.Host || len(o.Path) < 2 {
			continue
		}
		if o.Path != strings.ToLower(o.Path) {
			return "", ""
		}
		alike++
	}
	if alike < enoughAlike || resemblance(r.Backends[0].Service.Name, wordsOf(r.Route)) == 0 {
		return "", ""
	}
	return lower, fmt.Sprintf("path %s has capital letters, and %d other paths of host %s have none; paths are compared letter by letter", r.Path, alike, r.Host)
}
