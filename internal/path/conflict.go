package path

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// oneObjectPerHost marks the rules of all objects but the oldest that name a host, where a controller gives the host to one,
// of whatever kind. Ingresses that are made to be merged are left alone, and who is not served for another reason takes no host.
func (m *Map) oneObjectPerHost(routes []Route) {
	type site struct{ proxy, controller, host string }
	at := map[site][]int{}
	for i := range routes {
		if r := &routes[i]; r.Host != "" && m.matching(r).OneObjectPerHost && served(r) == 0 {
			k := site{r.Proxy, r.Controller, r.Host}
			at[k] = append(at[k], i)
		}
	}
	for _, indexes := range at {
		taken(routes, indexes)
	}
}

// taken is the same for the routes of one host.
func taken(routes []Route, at []int) {
	first := -1
	for _, i := range at {
		r := &routes[i]
		if r.Settings.Yes(proxy.Merges) {
			return
		}
		if first < 0 || cmp.Or(r.Created.Compare(routes[first].Created), r.owner().Compare(routes[first].owner())) < 0 {
			first = i
		}
	}
	winner := routes[first].owner()
	for _, i := range at {
		if r := &routes[i]; r.owner() != winner {
			host := model.FieldRef{Ref: r.owner(), Field: strings.SplitN(r.Rule, ".http", 2)[0] + ".host"}
			if !r.root.IsZero() {
				host.Field = "spec.host"
			}
			r.Faults = append(slices.Clip(r.Faults), Fault{Kind: HostTaken, Object: host,
				Why: fmt.Sprintf("host %s belongs to %s, which is older, and the controller takes it from one object only", r.Host, winner)})
		}
	}
}

// owner is the object that has a route's host.
func (r *Route) owner() model.Ref {
	if r.root.IsZero() {
		return r.Object
	}
	return r.root
}

// dropConflicts does to the rules of Gateway API routes what Contour does: a rule of which any match,
// for any host, is that of an older rule is dropped as a whole (projectcontour/contour,
// internal/dag/gatewayapi_processor.go: hasConflictRoute). The match itself is served by the older
// rule; its other matches are not served at all.
func (m *Map) dropConflicts(routes []Route) {
	taken := map[string]model.Ref{}
	for _, rule := range m.wholeRules(routes) {
		var lost []int // its matches that nobody else has
		var winner model.Ref
		for _, i := range rule {
			if w, ok := taken[routes[i].sameness()]; ok {
				winner = w
			} else {
				lost = append(lost, i)
			}
		}
		if winner.IsZero() {
			for _, i := range rule {
				taken[routes[i].sameness()] = routes[i].Object
			}
			continue
		}
		for _, i := range lost {
			r := &routes[i]
			r.Faults = append(slices.Clip(r.Faults), Fault{Kind: RouteConflict, Object: model.FieldRef{Ref: r.Object, Field: r.Rule + ".matches"},
				Why: fmt.Sprintf("Contour drops %s of %s as a whole, because %s, which is older, has one of its matches for the same host", r.Rule, r.Object, winner)})
		}
	}
}

// wholeRules lists the rules that a controller may drop as a whole, the oldest first, as a rule loses only
// to an older one: of each the indices of its routes, one of each match and host.
func (m *Map) wholeRules(routes []Route) [][]int {
	type key struct {
		object model.Ref
		rule   string
	}
	var rules [][]int
	place := map[key]int{} // in rules
	for i := range routes {
		r := &routes[i]
		if !m.matching(r).WholeRules || served(r) != 0 {
			continue
		}
		k := key{r.Object, r.Rule}
		n, ok := place[k]
		if !ok {
			n = len(rules)
			place[k] = n
			rules = append(rules, nil)
		}
		rules[n] = append(rules[n], i)
	}
	slices.SortStableFunc(rules, func(a, b []int) int {
		x, y := &routes[a[0]], &routes[b[0]]
		return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.Object.Namespace, y.Object.Namespace), cmp.Compare(x.Object.Name, y.Object.Name), x.seq-y.seq)
	})
	return rules
}

// sameness is a text that two routes have in common if they take the same requests at the same Gateway.
func (r *Route) sameness() string {
	parts := []string{r.Object.Kind, r.Gateway.Namespace, r.Gateway.Name, r.Host, fmt.Sprint(r.Pattern.How), r.Pattern.Text, r.Method}
	for _, list := range [][]Condition{r.Headers, r.Queries} {
		var all []string
		for _, c := range list {
			all = append(all, fmt.Sprint(c.Name, c.Test, c.Value, c.Not))
		}
		slices.Sort(all)
		parts = append(parts, strings.Join(all, "\x01"))
	}
	return strings.Join(parts, "\x00")
}

// compareConditions is how Contour orders routes with equally many conditions: by name, then exact
// before expressions, then by value (internal/sorter/sorter.go).
func compareConditions(a, b []Condition) int {
	a, b = sortedConditions(a), sortedConditions(b)
	for i := range min(len(a), len(b)) {
		if c := compareCondition(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func sortedConditions(list []Condition) []Condition {
	out := slices.Clone(list)
	slices.SortStableFunc(out, compareCondition)
	return out
}

func compareCondition(a, b Condition) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), one(a.Test != Equals)-one(b.Test != Equals), cmp.Compare(a.Value, b.Value))
}
