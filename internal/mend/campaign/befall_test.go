package campaign

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// befall breaks applications, and makes noise around them.
func (r *round) befall(begin time.Time, total happenings) {
	rng := rand.New(rand.NewPCG(r.rng.Uint64(), 1))
	type happening struct {
		at   time.Duration
		what func()
	}
	var all []happening
	add := func(name string, at time.Duration, what func()) {
		all = append(all, happening{at, func() { total[name]++; what() }})
	}
	at := time.Duration(5+rng.IntN(20)) * time.Second
	kinds := faults()
	app := r.apps[rng.IntN(2)]
	hidden := rng.IntN(5) == 0 // something that no object shows, beside the first fault
	different := 1 + rng.IntN(3)
	forgotten := rng.IntN(3) == 0 // nobody knows of a revision that worked
	if rng.IntN(5) == 0 {         // whoever deploys it brings the same mistake again and again
		again, good := kinds[0], r.current(app)
		r.api.Do(func() { r.injuries = append(r.injuries, injury{again, app, good}) })
		for i := range 6 {
			add("the same fault again", at+time.Duration(100*i+rng.IntN(60))*time.Second, func() { again.breaks(r.world, app) })
		}
		different = 0
	}
	for range different {
		f := kinds[rng.IntN(len(kinds))]
		to := app
		if hidden {
			add("hidden fault", at, func() { r.api.Do(func() { r.jinxed[to] = true }) })
			hidden = false
		}
		add("fault "+f.name, at, func() {
			good := model.Ref{}
			if !forgotten {
				good = r.current(to)
			}
			f.breaks(r.world, to)
			r.api.Do(func() { r.injuries = append(r.injuries, injury{f, to, good}) })
		})
		if rng.IntN(2) == 0 { // the next one elsewhere, at another time; else it hides behind this one
			app = r.apps[rng.IntN(2)]
			if app != to {
				at += time.Duration(rng.IntN(60)) * time.Second
			}
		}
	}
	for range rng.IntN(6) {
		name, what := r.noise(rng)
		add(name, at+time.Duration(rng.IntN([]int{60, 400}[rng.IntN(2)]))*time.Second, what)
	}
	slices.SortStableFunc(all, func(a, b happening) int { return int(a.at - b.at) })
	for _, h := range all {
		time.Sleep(time.Until(begin.Add(h.at + time.Duration(rng.IntN(1000))*time.Microsecond)))
		h.what()
	}
}

// noise is something that happens in clusters all the time, and breaks nothing by itself.
func (r *round) noise(rng *rand.Rand) (string, func()) {
	app := r.apps[rng.IntN(2)]
	while := time.Duration(10+rng.IntN(200)) * time.Second
	switch rng.IntN(9) {
	case 0:
		return "rollout", func() {
			r.edit("Deployment", app, func(o map[string]any) {
				set(o, time.Now().UTC().Format(time.RFC3339), "spec", "template", "metadata", "annotations", "rolled")
			})
		}
	case 1:
		return "autoscaler", func() { r.autoscale(app, while) }
	case 2:
		return "node cordoned", func() {
			r.edit("Node", "n1", func(o map[string]any) { set(o, true, "spec", "unschedulable") })
			time.Sleep(while)
			r.edit("Node", "n1", func(o map[string]any) { set(o, nil, "spec", "unschedulable") })
		}
	case 3:
		return "label on a Service", func() {
			r.edit("Service", app, func(o map[string]any) { set(o, "shop", "metadata", "labels", "team") })
		}
	case 4:
		return "kill switch", func() { r.stop(while) }
	case 5:
		return "namespace opts out", func() {
			r.edit("Namespace", plantest.Namespace, func(o map[string]any) { set(o, "disabled", "metadata", "labels", optIn) })
			time.Sleep(while)
			r.edit("Namespace", plantest.Namespace, func(o map[string]any) { set(o, "enabled", "metadata", "labels", optIn) })
		}
	case 6:
		return "API server away", func() {
			r.setDown(true)
			time.Sleep(while / 5)
			r.setDown(false)
		}
	case 7:
		return "somebody mends it by hand", func() {
			r.edit("Service", app, func(o map[string]any) {
				set(o, int64(8080), "spec", "ports", "0", "targetPort")
				set(o, map[string]any{"app": app}, "spec", "selector")
			})
		}
	default:
		return "pod deleted", func() {
			name := ""
			r.api.Do(func() {
				for _, o := range r.api.All("Pod") {
					if strings.HasPrefix(o.GetName(), app+"-") {
						name = o.GetName()
					}
				}
			})
			r.erase("Pod", name)
		}
	}
}

// autoscale has an autoscaler keep more replicas of an application for a while than it has.
func (r *round) autoscale(app string, while time.Duration) {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": map[string]any{"name": app, "namespace": plantest.Namespace},
		"spec": map[string]any{
			"minReplicas": int64(3), "maxReplicas": int64(5), "scaleTargetRef": map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": app},
		},
	}}
	if _, err := r.resource(o).Create(r.t.Context(), o, metav1.CreateOptions{}); err != nil {
		if !gone(err) {
			r.t.Error(err)
		}
		return // there is one already
	}
	time.Sleep(while)
	r.erase("HorizontalPodAutoscaler", app)
}

// stop throws the kill switch for a while.
func (r *round) stop(while time.Duration) {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": guardrail.StopName, "namespace": guardrail.StopNamespace}}}
	if _, err := r.resource(o).Create(r.t.Context(), o, metav1.CreateOptions{}); err != nil {
		if !gone(err) {
			r.t.Error(err)
		}
		return // somebody else has thrown it, and will turn it back
	}
	time.Sleep(while)
	r.erase("ConfigMap", guardrail.StopName)
}

func (r *round) isDown() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.down
}

func (r *round) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}
