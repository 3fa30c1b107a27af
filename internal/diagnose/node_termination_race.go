package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/timeline"
)

func nodeTerminationRace() Analyzer {
	return Analyzer{
		Cause:  "node-termination-race",
		Doc:    "Finds nodes that went away while the proxies still sent to their pods.",
		Inputs: append(podKinds(), snapshot.Nodes), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				out = append(out, v.nodeRaces(w)...)
			}
			return out
		},
	}
}

// nodeRaces lines failures up with the departures of the nodes to whose pods they went. A node that is there
// and not ready is lost, not terminated: that is node-not-ready.
func (v *view) nodeRaces(w *workload) []finding {
	if v.explainedWorkload(w) {
		return nil
	}
	t := v.fatesOf(w)
	by := v.lostWith(w, t)
	var out []finding
	for _, name := range slices.Sorted(maps.Keys(by)) {
		met, d := by[name], v.departures()[name]
		n := v.published(w, name)
		if d.Field != "" && !d.Drained || n == 0 && len(met)*2 < len(t.all) {
			continue
		}
		confidence := proven
		if n == 0 && !v.lived(w, name) {
			confidence = likely // that it was this node's pod is only a matter of time and silence
		}
		if d.Forewarned() && d.Back.IsZero() {
			d.Why = fmt.Sprintf("was told to leave at %s and is not ready", clock(d.Told))
		}
		f := find("node-termination-race", confidence, at(d.Node, d.Field),
			fmt.Sprintf("%s %s, and proxies went on sending to the pods of %s on it", d.Node, strings.TrimSpace(d.Why), w.ref)).
			on(w.routes...).as(model.ConnectTimeout, model.OtherFailure, model.Reset, model.ClosedEarly, model.Refused, model.ResponseTimeout, model.NoEndpoints).
			relates("workload", w.ref).relates("service", w.service()).relates("node", d.Node).
			because("object", d.Node.String()+" "+d.Why, d.Node, d.At)
		if n > 0 {
			f = f.because("object", fmt.Sprintf("%d endpoints on it are published as ready", n), w.service(), v.s.At())
		}
		if len(met) > 0 {
			first, _ := span(met)
			f = f.covering(met).since(first).
				because("proxy-log", fmt.Sprintf("%d of %d failed requests went to pods on %s when it was gone or going", len(met), len(t.all), d.Node), d.Node, first)
			f.routes = t.routes
		}
		out = append(out, f.since(d.At))
	}
	return out
}

// lostWith are the failures of a workload that the departure of a node explains, by the node; none for one on which endpoints stayed.
func (v *view) lostWith(w *workload, t *fates) map[string][]*model.Signal {
	by := map[string][]*model.Signal{}
	for _, s := range t.by[lost] {
		node := cmp.Or(t.lives[s].Node, v.nodeOf(w, s))
		by[node] = append(by[node], s)
	}
	for _, name := range v.emptied(w) {
		by[name] = append(by[name], nil...)
	}
	for name := range by {
		for _, s := range t.by[unserved] {
			if during(v.departures()[name], s.At) && !v.readyBeside(w, name, s.At) {
				by[name] = append(by[name], s)
			}
		}
	}
	return by
}

// readyBeside reports whether a pod of a workload that is on another node was ready at a time. Where none was, the node took the last
// endpoint with it.
func (v *view) readyBeside(w *workload, node string, at time.Time) bool {
	return slices.ContainsFunc(v.podsIn(w.ref.Namespace).Of(w.ref), func(l timeline.Life) bool {
		return l.Node != node && (l.Gone || !l.Ready.IsZero() && !l.Ready.After(at))
	})
}

// lived reports whether a pod of the workload is known to have been on a node.
func (v *view) lived(w *workload, node string) bool {
	return slices.ContainsFunc(v.podsIn(w.ref.Namespace).Of(w.ref), func(l timeline.Life) bool { return l.Node == node })
}

// emptied lists the nodes that do not exist any more and on which ready endpoints of a workload are still
// published.
func (v *view) emptied(w *workload) []string {
	var out []string
	for _, l := range w.legs {
		for _, e := range l.ReadyEnds() {
			if e.Node == "" || slices.Contains(out, e.Node) {
				continue
			}
			if _, presence := v.s.Nodes().Get("", e.Node); presence == snapshot.Absent && v.s.Nodes().Len() > 0 {
				out = append(out, e.Node)
			}
		}
	}
	return out
}

// nodeOf names the departed node on which a workload had a pod when a request found nobody.
func (v *view) nodeOf(w *workload, s *model.Signal) string {
	best := timeline.Departure{}
	for _, l := range v.podsIn(w.ref.Namespace).Of(w.ref) {
		if d, going := v.departures()[l.Node]; going && during(d, s.At) && (best.Node.Name == "" || d.Node.Name < best.Node.Name) {
			best = d
		}
	}
	if best.Node.Name != "" {
		return best.Node.Name
	}
	for _, name := range slices.Sorted(maps.Keys(v.departures())) {
		if d := v.departures()[name]; d.Field == "" && d.Drained && !d.At.IsZero() && during(d, s.At) {
			return name
		}
	}
	return ""
}

// published counts a workload's ready endpoints on a node.
func (v *view) published(w *workload, node string) int {
	n := 0
	for _, l := range w.legs {
		for _, e := range l.ReadyEnds() {
			if e.Node == node {
				n++
			}
		}
	}
	return n
}

// servesOutside reports whether a pod of the workload serves on another node.
func (w *workload) servesOutside(node string) bool {
	return slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool {
		return p.Spec.NodeName != node && path.Ready(p) && p.DeletionTimestamp == nil
	})
}
