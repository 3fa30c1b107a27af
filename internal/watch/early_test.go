package watch

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const gatewayOfOne = `
{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: k8s.io/ingress-nginx}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, namespace: shop}, spec: {ingressClassName: nginx, rules: [{host: shop.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: cart, port: {number: 80}}}}]}}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: edge, uid: d}, spec: {replicas: 1, selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.2"}]}}}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a-x, namespace: edge, uid: rs, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: a, uid: d, controller: true}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a-1, namespace: edge, labels: {app: a}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: a-x, uid: rs, controller: true}]}, spec: {containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.2"}]}, status: {phase: Running, podIP: 10.0.1.1, conditions: [{type: Ready, status: "READY"}]}}
`

// gatewayThatIs gives a cluster whose only gateway pod is ready, or is not.
func gatewayThatIs(t *testing.T, ready string) *path.Map {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for text := range strings.SplitSeq(strings.ReplaceAll(gatewayOfOne, "READY", ready), "\n---\n") {
		data, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		o, err := snapshot.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	return path.New(b.Seal(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)))
}

// The routes of a gateway that fell are known until it is up again.
func TestWhoseGatewayIsDown(t *testing.T) {
	up, down := gatewayThatIs(t, "True"), gatewayThatIs(t, "False")
	fell := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	watched := true
	f := newForesight()
	look := func(m *path.Map, at time.Time) []string {
		f.look(m, at, func(path.Route) bool { return watched })
		return slices.Sorted(maps.Keys(f.down))
	}
	if got := look(up, fell.Add(-time.Second)); len(got) > 0 {
		t.Errorf("while it is up: %q", got)
	}
	if got := look(down, fell); !slices.Equal(got, []string{"shop.example/"}) || !f.down["shop.example/"].since.Equal(fell) {
		t.Errorf("when it fell: %+v", f.down)
	}
	if got := look(up, fell.Add(time.Second)); len(got) > 0 {
		t.Errorf("when it is up again: %q", got)
	}
	watched = false
	if got := look(down, fell.Add(2*time.Second)); len(got) > 0 {
		t.Errorf("a route that is not watched: %q", got)
	}
}

// A readiness that comes and goes is told of once in ten seconds; one that then stays away is not forgotten.
func TestAGatewayThatGoesAgainIsToldOf(t *testing.T) {
	up, down := gatewayThatIs(t, "True"), gatewayThatIs(t, "False")
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		states map[int]*path.Map // by seconds
		told   []int
	}{
		"gone for good":         {map[int]*path.Map{1: down, 4: up, 8: down}, []int{1, 11}},
		"it came back in time":  {map[int]*path.Map{1: down, 4: up, 6: down, 9: up}, []int{1}},
		"it was not up at all":  {map[int]*path.Map{1: down}, []int{1}},
		"it goes after a while": {map[int]*path.Map{1: down, 4: up, 20: down}, []int{1, 20}},
		"it comes and goes":     {map[int]*path.Map{1: down, 2: up, 3: down, 4: up, 5: down, 6: up, 7: down}, []int{1, 11}},
	} {
		f, now := newForesight(), up
		var told []int
		for second := range 40 {
			if m := c.states[second]; m != nil {
				now = m
			}
			for range f.look(now, start.Add(time.Duration(second)*time.Second), func(path.Route) bool { return true }) {
				told = append(told, second)
			}
		}
		if !slices.Equal(told, c.told) {
			t.Errorf("%s: told at seconds %v, want %v", name, told, c.told)
		}
	}
}
