package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// shops is a cluster of Ingresses with a Service each, whose pods are on one node, and behind them one gateway on another.
func shops(t *testing.T, n int) *path.Map {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for i := range n {
		for manifest := range strings.SplitSeq(fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: s%[1]d}
spec: {selector: {app: s%[1]d}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: i%[1]d}
spec: {ingressClassName: nginx, rules: [{host: h%[1]d.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: s%[1]d, port: {number: 80}}}}]}}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: shop, name: s%[1]d-x, labels: {kubernetes.io/service-name: s%[1]d}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.1.0.%[1]d], nodeName: n%[2]d, conditions: {ready: true}}]
`, i+1, i%2), "---") {
			data, err := yaml.YAMLToJSON([]byte(manifest))
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
	}
	return path.New(b.Seal(time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)))
}

// Forty routes, half of them on a node that died: people are told of the first alarm and of what the others have in
// common; only the first is worked on at once.
func TestOneNodeIsOneIncident(t *testing.T) {
	w := &Watcher{routes: shops(t, 40), detector: detect.New(detect.Options{}), counted: detect.New(detect.Options{}), grown: map[string]int{}, voices: voices{}}
	var printed []printer.EventDoc
	w.Print = func(e printer.EventDoc) error { printed = append(printed, e); return nil }
	alarms := newInbox()
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	dead := model.Ref{APIVersion: "v1", Kind: "Node", Name: "n0"}
	second := func(broken bool) {
		now = now.Add(time.Second)
		for i, r := range w.routes.Routes() {
			requests, errors := 1+i/2%5, 0
			if broken && slices.Contains(w.routes.Parts(r), dead) {
				errors = requests
			}
			w.detector.AddCounts(r.String(), r.Object, now, requests, errors)
		}
		if err := w.tickOne(w.detector, w.counted, now, alarms); err != nil {
			t.Fatal(err)
		}
	}
	for range 60 {
		second(false)
	}
	for range 5 {
		second(true)
	}
	var forPeople []string
	for _, e := range printed {
		if !e.Routine {
			forPeople = append(forPeople, fmt.Sprintf("%s %d", e.Type, len(e.Routes)))
		}
	}
	if d := cmp.Diff([]string{"alarm 0", "incident 12"}, forPeople); d != "" {
		t.Errorf("for people (-want +got)\n%s", d)
	}
	for _, e := range printed {
		if e.Type == printer.EventIncident && !slices.Equal(e.Shared, []model.Ref{dead}) {
			t.Errorf("incident %+v", e)
		}
	}
	cases, alone := caseload{}, 0
	for _, a := range alarms.take() {
		cases.take(a, now)
		if !a.follows {
			alone++
		}
	}
	if len(cases) != 20 || alone != 1 {
		t.Errorf("%d cases, %d of them are worked on at once", len(cases), alone)
	}
}
