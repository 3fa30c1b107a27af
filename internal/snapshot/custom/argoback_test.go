package custom

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// revisions are ReplicaSets of which each is an hour younger than the one before.
func revisions(hashes ...string) []*appsv1.ReplicaSet {
	var out []*appsv1.ReplicaSet
	for i, h := range hashes {
		rs := &appsv1.ReplicaSet{}
		rs.Labels = map[string]string{RolloutHash: h}
		rs.CreationTimestamp = metav1.NewTime(time.Date(2026, 5, 4, i, 0, 0, 0, time.UTC))
		out = append(out, rs)
	}
	return out
}

// A Rollout is only taken back where its controller goes back at once, by itself and all the way.
func TestDetour(t *testing.T) {
	no := false
	steps := &Canary{Steps: []map[string]any{{"setWeight": int64(20)}, {"pause": map[string]any{}}}}
	for name, tc := range map[string]struct {
		set  func(*Rollout)
		to   int
		want string
	}{
		"stable, in an update":        {func(r *Rollout) { r.Status.StableRS = "b" }, 1, ""},
		"stable, in an aborted one":   {func(r *Rollout) { r.Status.StableRS, r.Status.Abort = "b", true }, 1, ""},
		"stable, paused by a person":  {func(r *Rollout) { r.Status.StableRS, r.Spec.Paused = "b", true }, 1, "somebody has paused it"},
		"older than stable":           {func(r *Rollout) { r.Status.StableRS = "b" }, 0, "its controller would take all 2 steps of its strategy on the way"},
		"promoted":                    {func(*Rollout) {}, 1, "its controller would take all 2 steps of its strategy on the way"},
		"promoted, within the window": {func(r *Rollout) { r.Spec.RollbackWindow.Revisions = 1 }, 1, ""},
		"promoted, out of the window": {func(r *Rollout) { r.Spec.RollbackWindow.Revisions = 1 }, 0, "its controller would take all 2 steps of its strategy on the way"},
		"no steps":                    {func(r *Rollout) { r.Spec.Strategy.Canary = &Canary{} }, 1, ""},
		"no steps, an analysis": {func(r *Rollout) { r.Spec.Strategy.Canary = &Canary{Analysis: map[string]any{}} }, 1,
			"its controller would wait for an analysis on the way"},
		"blue and green": {func(r *Rollout) { r.Spec.Strategy.Canary, r.Spec.Strategy.BlueGreen = nil, &BlueGreen{} }, 1, ""},
		"blue and green, by a person": {func(r *Rollout) {
			r.Spec.Strategy.Canary, r.Spec.Strategy.BlueGreen = nil, &BlueGreen{AutoPromotionEnabled: &no}
		}, 1, "its controller would wait for a person to promote it"},
		"blue and green, later": {func(r *Rollout) {
			r.Spec.Strategy.Canary, r.Spec.Strategy.BlueGreen = nil, &BlueGreen{AutoPromotionSeconds: 60}
		}, 1, "its controller would wait for 60 s before it promotes it"},
		"blue and green, analysed": {func(r *Rollout) {
			r.Spec.Strategy.Canary, r.Spec.Strategy.BlueGreen = nil, &BlueGreen{PostPromotionAnalysis: map[string]any{}}
		}, 1, "its controller would wait for an analysis on the way"},
		"nothing stable": {func(r *Rollout) { r.Status.StableRS = "" }, 1, "which of its revisions is stable is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			r, all := &Rollout{}, revisions("a", "b", "c")
			r.Spec.Strategy.Canary = steps
			r.Status.StableRS, r.Status.CurrentPodHash = "c", "c"
			tc.set(r)
			if got := r.Detour(all[tc.to], all); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// What the controller has put into a ReplicaSet's template is not the person's: the rest stays.
func TestTemplate(t *testing.T) {
	rs := revisions("a")[0]
	rs.Annotations = map[string]string{metadataAnnotation: `{"labels":{"role":"canary"},"annotations":{"note":"new"}}`}
	rs.Spec.Template.Labels = map[string]string{"app": "cart", "role": "canary", RolloutHash: "a"}
	rs.Spec.Template.Annotations = map[string]string{"note": "new", "own": "yes"}
	rs.Spec.Template.Spec.Affinity = &corev1.Affinity{}
	r := &Rollout{}
	got := r.Template(rs)
	if len(got.Labels) != 1 || got.Labels["app"] != "cart" || len(got.Annotations) != 1 || got.Annotations["own"] != "yes" || got.Spec.Affinity == nil {
		t.Errorf("got %+v", got)
	}
	r.Spec.Strategy.Canary = &Canary{AntiAffinity: map[string]any{}}
	if got := r.Template(rs); got.Spec.Affinity != nil {
		t.Errorf("its rules against pods of another revision stay: %+v", got.Spec.Affinity)
	}
	if len(rs.Spec.Template.Labels) != 3 {
		t.Error("the ReplicaSet itself was changed")
	}
}

// Whether a controller has seen the last change is told by generations, of which the oldest controllers write none.
func TestObserved(t *testing.T) {
	seven := int64(7)
	for name, tc := range map[string]struct {
		own, lender string
		lent        *int64
		want        bool
	}{
		"seen":                      {"3", "", nil, true},
		"not yet":                   {"2", "", nil, false},
		"a hash":                    {"5f7c", "", nil, true},
		"its lender seen":           {"3", "7", &seven, true},
		"its lender not yet":        {"3", "6", &seven, false},
		"its lender, not by itself": {"2", "7", &seven, false},
	} {
		r := &Rollout{}
		r.Generation, r.Status.ObservedGeneration, r.Status.WorkloadObservedGeneration = 3, tc.own, tc.lender
		if got := r.Observed(tc.lent); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
