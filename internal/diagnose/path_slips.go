package diagnose

import (
	"fmt"
	"iter"
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
	var quarters map[quarter]*neighbours
	for _, r := range v.routes {
		if r.requests > 0 || r.Direct() || len(r.From) > 0 {
			continue
		}
		if quarters == nil {
			quarters = v.quarters()
		}
		near := quarters[quarterOf(&r.Route)]
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

// quarter is where rules are neighbours: in one namespace, behind one gateway.
type quarter struct {
	namespace, class string
	gateway          model.Ref
}

func quarterOf(r *path.Route) quarter { return quarter{r.Object.Namespace, r.Class, r.Gateway} }

// neighbours are the rules of a quarter.
type neighbours struct {
	rules []*path.Route
	hosts map[string]bool
}

// quarters gathers all rules into theirs.
func (v *view) quarters() map[quarter]*neighbours {
	all, out := v.m.Routes(), map[quarter]*neighbours{}
	for i := range all {
		q := quarterOf(&all[i])
		if out[q] == nil {
			out[q] = &neighbours{hosts: map[string]bool{}}
		}
		out[q].rules = append(out[q].rules, &all[i])
		out[q].hosts[all[i].Host] = true
	}
	return out
}

// but yields the neighbours of a rule.
func (n *neighbours) but(r *route) iter.Seq[*path.Route] {
	return func(yield func(*path.Route) bool) {
		for _, o := range n.rules {
			if (o.Host != r.Host || o.Path != r.Path || keyOf(*o) != keyOf(r.Route)) && !yield(o) {
				return
			}
		}
	}
}

// enoughAlike is how many neighbours must agree with each other before one that does not counts as mistaken.
const enoughAlike = 3

// usualHost is the host of a rule's neighbours, if all of them have the same one and the rule's is nearly it.
func usualHost(r *route, near *neighbours) (host, why string) {
	if r.Host == "" || len(near.hosts) != 2 { // its own, and theirs
		return "", ""
	}
	alike := 0
	for o := range near.but(r) {
		if alike > 0 && o.Host != host {
			return "", ""
		}
		host = o.Host
		alike++
	}
	if alike < enoughAlike || !slipOf(r.Host, host) {
		return "", ""
	}
	return host, fmt.Sprintf("it is for host %s, and its %d neighbours are for %s", r.Host, alike, host)
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
func lowerPath(r *route, near *neighbours) (lower, why string) {
	lower = strings.ToLower(r.Path)
	if lower == r.Path || r.PathType == path.RegularExpression || isPattern(r.Path) || len(r.Backends) == 0 {
		return "", ""
	}
	alike := 0
	for o := range near.but(r) {
		if o.Host != r.Host || len(o.Path) < 2 {
			continue
		}
		if o.Path != strings.ToLower(o.Path) {
			return "", ""
		}
		alike++
	}
	if alike < enoughAlike || resemblance(r.Backends[0].Service.Name, wordsOf(r.Route)) == noWord {
		return "", ""
	}
	return lower, fmt.Sprintf("path %s has capital letters, and %d other paths of host %s have none; paths are compared letter by letter", r.Path, alike, r.Host)
}
