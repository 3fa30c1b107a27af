package detect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/model"
)

// part reads "Node a".
func part(text string) model.Ref {
	kind, name, _ := strings.Cut(text, " ")
	return model.Ref{Kind: kind, Name: name}
}

// city is a cluster of 200 routes: each has its Service on two of 20 nodes, in one of 10 namespaces with a policy, behind one of
// two gateways.
func city() []Dependencies {
	var routes []Dependencies
	for i := range 200 {
		routes = append(routes, Dependencies{
			Route: fmt.Sprintf("r%03d", i),
			Parts: []model.Ref{
				part(fmt.Sprintf("Service s%d", i/2)), part(fmt.Sprintf("Node n%d", i/2%20)), part(fmt.Sprintf("Node n%d", (i/2+7)%20)),
				part(fmt.Sprintf("NetworkPolicy p%d", i/20)), part(fmt.Sprintf("Gateway g%d", i%2)),
			},
		})
	}
	return routes
}

// failing are alarms of the routes that need a part, a second apart.
func failing(routes []Dependencies, text string, at time.Time) []Alarm {
	var alarms []Alarm
	for _, r := range routes {
		if slices.Contains(r.Parts, part(text)) {
			alarms = append(alarms, Alarm{Route: r.Route, From: at.Add(time.Duration(len(alarms)) * time.Second), Kind: Partial})
		}
	}
	return alarms
}

func TestGroup(t *testing.T) {
	routes := city()
	later := start.Add(time.Hour)
	lone := func(route int, at time.Time) Alarm { return Alarm{Route: fmt.Sprintf("r%03d", route), From: at} }
	tests := map[string]struct {
		alarms []Alarm
		want   []string // "shared: number of alarms", by first error
	}{
		"nothing":        {nil, nil},
		"one alarm":      {[]Alarm{lone(3, start)}, []string{": 1"}},
		"a backend":      {failing(routes, "Service s9", start), []string{"Service s9: 2"}},
		"a node":         {failing(routes, "Node n5", start), []string{"Node n5: 20"}},
		"a policy":       {failing(routes, "NetworkPolicy p4", start), []string{"NetworkPolicy p4: 20"}},
		"a gateway":      {failing(routes, "Gateway g1", start), []string{"Gateway g1: 100"}},
		"most of a node": {failing(routes, "Node n5", start)[:15], []string{"Node n5: 15"}},
		"a node, and a backend that failed before": {
			append(failing(routes, "Service s9", start), failing(routes, "Node n5", later)...),
			[]string{"Service s9: 2", "Node n5: 20"},
		},
		"a node, and a route that needs it not": {
			append(failing(routes, "Node n5", start), lone(4, start.Add(5*time.Second))), []string{"Node n5: 20", ": 1"},
		},
		"two nodes at once": {
			append(failing(routes, "Node n5", start), failing(routes, "Node n6", start.Add(time.Second/2))...), []string{"Node n5: 20", "Node n6: 20"},
		},
		"routes of one gateway, which works for all others": {
			[]Alarm{lone(10, start), lone(50, start), lone(90, start.Add(time.Second))}, []string{": 1", ": 1", ": 1"},
		},
		"routes of one backend, hours apart": {[]Alarm{lone(18, start), lone(19, later)}, []string{": 1", ": 1"}},
		"a route that is not known":          {[]Alarm{{Route: "x", From: start}, {Route: "y", From: start}}, []string{": 1", ": 1"}},
	}
	for name, test := range tests {
		var got []string
		for _, i := range Group(test.alarms, routes) {
			shared := ""
			if len(i.Shared) > 0 {
				shared = i.Shared[0].String()
			}
			got = append(got, fmt.Sprintf("%s: %d", shared, len(i.Alarms)))
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
	}
}

// Explanations that cannot be told apart are all said, the most specific first.
func TestGroupTellsEquals(t *testing.T) {
	routes := []Dependencies{
		{Route: "a", Parts: []model.Ref{part("Gateway g"), part("Node n"), part("Service s")}},
		{Route: "b", Parts: []model.Ref{part("Gateway g"), part("Node n"), part("Service s")}},
		{Route: "b", Parts: []model.Ref{part("Node n")}}, // another rule of the same route
	}
	got := Group([]Alarm{{Route: "a", From: start}, {Route: "b", From: start}}, routes)
	want := []model.Ref{part("Service s"), part("Node n"), part("Gateway g")}
	if len(got) != 1 || !cmp.Equal(got[0].Shared, want) {
		t.Errorf("got %+v, want one incident of %v", got, want)
	}
}

// Each alarm is in one incident, whatever the alarms; the order in which they come does not matter.
func TestGroupLosesNothing(t *testing.T) {
	routes := city()
	rapid.Check(t, func(t *rapid.T) {
		var alarms []Alarm
		for _, i := range rapid.SliceOfDistinct(rapid.IntRange(0, 220), rapid.ID[int]).Draw(t, "routes") {
			alarms = append(alarms, Alarm{Route: fmt.Sprintf("r%03d", i), From: start.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "second")) * time.Second)})
		}
		incidents := Group(alarms, routes)
		count := map[string]int{}
		for _, i := range incidents {
			for _, a := range i.Alarms {
				count[a.Route]++
			}
			if (len(i.Alarms) > 1) != (len(i.Shared) > 0) {
				t.Fatalf("%d alarms share %v", len(i.Alarms), i.Shared)
			}
		}
		for _, a := range alarms {
			if count[a.Route] != 1 {
				t.Fatalf("%s is in %d incidents", a.Route, count[a.Route])
			}
		}
		shuffled := rapid.Permutation(alarms).Draw(t, "order")
		if d := cmp.Diff(incidents, Group(shuffled, routes)); d != "" {
			t.Fatalf("in another order (-before +now)\n%s", d)
		}
	})
}
