package diagnose

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// rollouts are Argo's Rollouts of a namespace as templates, and the Deployments that lend them theirs and keep no pods
// themselves.
func (v *view) rollouts(namespace string) (out []template, lent map[string]bool) {
	lent = map[string]bool{}
	for _, r := range v.m.Custom().Rollouts {
		if r.Namespace != namespace {
			continue
		}
		d := r.Deployment()
		if from := r.Spec.WorkloadRef; from != nil && from.Kind == "Deployment" {
			if lender, ok := v.s.Deployments().Get(namespace, from.Name); ok == snapshot.Present {
				lent[from.Name] = count(lender.Spec.Replicas) == 0
				d.Spec.Template, d.Spec.Selector = lender.Spec.Template, lender.Spec.Selector
			}
		}
		if d.Spec.Selector != nil {
			out = append(out, template{r.Ref(), d, &d.Spec.Template, d.Spec.Selector, count(d.Spec.Replicas)})
		}
	}
	return out, lent
}

// lent names the field of a Rollout by which it takes its template from a Deployment, where what is wrong is in that
// template: it has none of its own, and its lender, which has the field that is to be changed, is among the evidence.
func (v *view) lent(f model.Finding) model.Finding {
	const inTemplate = "spec.template"
	r := v.rollout(f.Object.Ref)
	if r == nil || r.Lender() == "" || !strings.HasPrefix(f.Object.Field, inTemplate) {
		return f
	}
	lender := model.Ref{APIVersion: r.Spec.WorkloadRef.APIVersion, Kind: r.Spec.WorkloadRef.Kind, Namespace: r.Namespace, Name: r.Lender()}
	f.Evidence = append(slices.Clone(f.Evidence), model.Evidence{
		Kind: "object", Object: &lender, Text: fmt.Sprintf("it takes its template from %s, where the field is %s", lender, f.Object.Field),
	})
	f.Object.Field = "spec.workloadRef"
	return f
}

// rollout is Argo's object behind a workload; nil if it is none.
func (v *view) rollout(ref model.Ref) *custom.Rollout {
	for _, r := range v.m.Custom().Rollouts {
		if r.Ref() == ref {
			return r
		}
	}
	return nil
}

// stable is the ReplicaSet to which a Rollout would go back, by its own word; nil if it is none, or says nothing.
func (v *view) stable(w *workload, all []*appsv1.ReplicaSet) *appsv1.ReplicaSet {
	r := v.rollout(w.ref)
	if r == nil || r.Status.StableRS == "" {
		return nil
	}
	for _, rs := range all {
		if rs.Labels[custom.RolloutHash] == r.Status.StableRS {
			return rs
		}
	}
	return nil
}

// backToStable says what a Rollout's controller would make of its former revision, and how a person takes it back there where
// that is not the plain way back: the one that it calls stable, or one that is proven to have worked.
func (v *view) backToStable(f finding, w *workload) finding {
	r := v.rollout(w.ref)
	deployment, ok := w.object.(*appsv1.Deployment)
	if r == nil || w.before == nil || !ok {
		return f
	}
	stable := w.before.Labels[custom.RolloutHash] == r.Status.StableRS
	if _, good := w.fine(); !good && !stable {
		return f
	}
	revision := snapshot.Revision(w.before)
	detour := r.Detour(w.before, v.s.Revisions(deployment))
	switch {
	case detour != "" && revision != 0:
		return f.because("object", fmt.Sprintf("the way back to revision %d is a person's, with 'kubectl argo rollouts undo %s -n %s --to-revision=%d': %s",
			revision, r.Name, r.Namespace, revision, detour), w.ref, time.Time{})
	case detour == "" && stable:
		return f.because("object", fmt.Sprintf("its controller calls revision %d stable, and goes back there at once", revision), w.ref, time.Time{})
	default:
		return f
	}
}

// makes reports whether a workload makes pods that a selector matches. The label that tells a Rollout's revisions apart is
// not in its template: its controller adds it to the pods, and to the selectors of its Services.
func (t template) makes(selector map[string]string) bool {
	if t.ref.Kind == "Rollout" && selector[custom.RolloutHash] != "" {
		selector = maps.Clone(selector)
		delete(selector, custom.RolloutHash)
	}
	return matches(selector, t.template.Labels)
}

// staleHash finds a Service of a Rollout whose selector names a revision that has no pods any more, and not the one that
// the Rollout means: somebody applied an old selector, or the Rollout's controller does not run.
func (v *view) staleHash(r *route, l path.Leg) (finding, bool) {
	have := l.Service.Spec.Selector[custom.RolloutHash]
	if have == "" || len(l.Selected) > 0 {
		return finding{}, false
	}
	for _, w := range v.workloads {
		ro := v.rollout(w.ref)
		if ro == nil || !w.makes(l.Service.Spec.Selector) || w.ref.Namespace != l.Service.Namespace {
			continue
		}
		role := ro.Role(l.Service.Name)
		want := ro.Hash(role)
		if role == "" || want == "" || want == have {
			continue
		}
		ref := serviceRef(l)
		f := find("selector-mismatch", proven, at(ref, selectorField(custom.RolloutHash)),
			fmt.Sprintf("%s selects revision %s of %s, which has no pods; its %s revision is %s", ref, have, w.ref, role, want)).
			on(r).as(model.NoEndpoints, model.NoRoute).relates("workload", w.ref).relates("service", ref).
			because("object", fmt.Sprintf("%s has selector %s", ref, pairs(l.Service.Spec.Selector)), ref, time.Time{}).
			because("object", fmt.Sprintf("%s is %s: its %s revision is %s", w.ref, ro.Status.Phase, role, want), w.ref, time.Time{})
		right := maps.Clone(l.Service.Spec.Selector)
		right[custom.RolloutHash] = want
		if data, err := json.Marshal(right); err == nil {
			f = f.wants(string(data))
		}
		return f, true
	}
	return finding{}, false
}
