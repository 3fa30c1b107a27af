package guardrail

import (
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// writable are the kinds that actions change and of which snapshots keep who manages the fields.
func writable() []snapshot.Kind {
	return []snapshot.Kind{
		snapshot.Services, snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Gateways, snapshot.ReferenceGrants, snapshot.NetworkPolicies,
		snapshot.Deployments, snapshot.StatefulSets, snapshot.DaemonSets, snapshot.HorizontalAutoscalers,
	}
}

// written lists the changes of gatemend that the cluster itself still tells of, oldest first: of each object the last
// one, by its managed fields. It is what is left to limits where the journal was lost, or belongs to another gatemend. What
// was taken back, and pods that were evicted, have left no trace.
func written(s *snapshot.Snapshot) []Action {
	var out []Action
	for _, k := range writable() {
		for o := range s.AllOf(k) {
			var last time.Time
			for _, m := range o.GetManagedFields() {
				if m.Manager == model.OwnManager && m.Subresource != "status" && m.Time != nil && m.Time.After(last) {
					last = m.Time.UTC()
				}
			}
			if !last.IsZero() {
				out = append(out, Action{At: last, Object: snapshot.RefOf(o)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Action) int { return a.At.Compare(b.At) })
	return out
}

// skew is how far the clock of the API server, which dates managed fields to the second, may be from ours.
const skew = time.Minute

// with adds changes that the cluster tells of and the history does not.
func (h History) with(written []Action) History {
	actions := slices.Clone(h.Actions)
	for _, w := range written {
		if !slices.ContainsFunc(h.Actions, func(a Action) bool { return a.Object == w.Object && a.At.Sub(w.At).Abs() <= skew }) {
			actions = append(actions, w)
		}
	}
	slices.SortStableFunc(actions, func(a, b Action) int { return a.At.Compare(b.At) })
	h.Actions = actions
	return h
}
