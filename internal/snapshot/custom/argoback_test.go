package custom

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
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
	blueGreen := func(r *Rollout, active string, b BlueGreen) { // its stable revision is b
		r.Spec.Strategy.Canary, r.Spec.Strategy.BlueGreen = nil, &b
		r.Status.StableRS, r.Status.BlueGreen.ActiveSelector = "b", active
	}
	steps := &Canary{Steps: []map[string]any{{"setWeight": int64(20)}, {"pause": map[string]any{}}}}
	for name, tc := range map[string]struct {
		set  func(*Rollout)
		to   int
		want string
	}{
		"stable, in an update":       {func(r *Rollout) { r.Status.StableRS = "b" }, 1, ""},
		"stable, in an aborted one":  {func(r *Rollout) { r.Status.StableRS, r.Status.Abort = "b", true }, 1, ""},
		"stable, paused by a person": {func(r *Rollout) { r.Status.StableRS, r.Spec.Paused = "b", true }, 1, "somebody has paused it"},
		"older than stable":          {func(r *Rollout) { r.Status.StableRS = "b" }, 0, "its controller would take all 2 steps of its strategy on the way"},
		"promoted":                   {func(*Rollout) {}, 1, "its controller would take all 2 steps of its strategy on the way"},
		"promoted, within the window": {func(r *Rollout) { r.Spec.RollbackWindow.Revisions = 1 }, 1,
			"its controller would go there at once, but back again, should that not help, it would take all 2 steps of its strategy on the way"},
		"no steps, within the window": {func(r *Rollout) { r.Spec.RollbackWindow.Revisions, r.Spec.Strategy.Canary = 1, &Canary{} }, 1, ""},
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
		"blue and green, stable and active": {func(r *Rollout) {
			blueGreen(r, "b", BlueGreen{AutoPromotionEnabled: &no, PrePromotionAnalysis: map[string]any{}})
		}, 1, ""},
		"blue and green, stable, by a person": {func(r *Rollout) { blueGreen(r, "c", BlueGreen{AutoPromotionEnabled: &no}) }, 1,
			"its controller would wait for a person to promote it"},
		"blue and green, stable, analysed before": {func(r *Rollout) { blueGreen(r, "c", BlueGreen{PrePromotionAnalysis: map[string]any{}}) }, 1,
			"its controller would wait for an analysis on the way"},
		"blue and green, stable, analysed after": {func(r *Rollout) { blueGreen(r, "c", BlueGreen{PostPromotionAnalysis: map[string]any{}}) }, 1, ""},
		"nothing stable":                         {func(r *Rollout) { r.Status.StableRS = "" }, 1, "which of its revisions is stable is not known"},
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
	if len(rs.Spec.Template.Labels) != 3 {
		t.Error("the ReplicaSet itself was changed")
	}
}

// Of an affinity only the term goes that the controller has appended.
func TestTemplateAffinity(t *testing.T) {
	apart := func(key string) corev1.PodAffinityTerm {
		return corev1.PodAffinityTerm{TopologyKey: "kubernetes.io/hostname", LabelSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{"x"}}},
		}}
	}
	required := func(keys ...string) *corev1.PodAntiAffinity {
		out := &corev1.PodAntiAffinity{}
		for _, k := range keys {
			out.RequiredDuringSchedulingIgnoredDuringExecution = append(out.RequiredDuringSchedulingIgnoredDuringExecution, apart(k))
		}
		return out
	}
	preferred := &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
		{Weight: 1, PodAffinityTerm: apart(RolloutHash)},
	}}
	for name, tc := range map[string]struct{ have, want *corev1.Affinity }{
		"none":            {nil, nil},
		"own":             {&corev1.Affinity{PodAntiAffinity: required("app")}, &corev1.Affinity{PodAntiAffinity: required("app")}},
		"own and another": {&corev1.Affinity{PodAntiAffinity: required("app", RolloutHash)}, &corev1.Affinity{PodAntiAffinity: required("app")}},
		"the other":       {&corev1.Affinity{PodAntiAffinity: required(RolloutHash)}, nil},
		"preferred":       {&corev1.Affinity{PodAntiAffinity: preferred}, nil},
		"own of nodes": {
			&corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}, PodAntiAffinity: required(RolloutHash)},
			&corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}},
		},
	} {
		rs := &appsv1.ReplicaSet{}
		rs.Spec.Template.Spec.Affinity = tc.have.DeepCopy()
		if got := (&Rollout{}).Template(rs).Spec.Affinity; !equality.Semantic.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
		if !equality.Semantic.DeepEqual(rs.Spec.Template.Spec.Affinity, tc.have) {
			t.Errorf("%s: the ReplicaSet itself was changed", name)
		}
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
		"its lender never":          {"3", "", &seven, false},
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
