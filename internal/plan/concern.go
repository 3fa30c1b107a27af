package plan

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// concerns are the Services and routes that a finding is about: those that it names, and the Services
// that select the pods of a workload that it names, before or after the change.
func concerns(before, after *snapshot.Snapshot, f model.Finding) map[model.Ref]bool {
	about := map[model.Ref]bool{}
	named := []model.Ref{f.Object.Ref}
	for role, r := range f.Related {
		if role != "goodRevision" {
			named = append(named, r)
		}
	}
	for _, r := range named {
		about[plainRef(r)] = true
		for _, s := range []*snapshot.Snapshot{before, after} {
			pods := podLabels(s, r)
			if len(pods) == 0 {
				continue
			}
			for svc := range s.Services().In(r.Namespace) {
				if snapshot.Matches(selectorOf(svc, r), pods) {
					about[plainRef(snapshot.RefOf(svc))] = true
				}
			}
		}
	}
	return about
}

// selectorOf is a Service's selector, for the pods of any revision where they are those of a Rollout: its controller puts
// the hash of one into the selectors of its Services.
func selectorOf(svc *corev1.Service, workload model.Ref) map[string]string {
	if workload.Kind != "Rollout" || svc.Spec.Selector[custom.RolloutHash] == "" {
		return svc.Spec.Selector
	}
	selector := maps.Clone(svc.Spec.Selector)
	delete(selector, custom.RolloutHash)
	return selector
}

// podLabels are the labels of a workload's pods, or of a pod.
func podLabels(s *snapshot.Snapshot, ref model.Ref) map[string]string {
	o, presence := s.Lookup(ref)
	if presence != snapshot.Present {
		return nil
	}
	switch o := o.(type) {
	case *corev1.Pod:
		return o.Labels
	case *appsv1.Deployment:
		return o.Spec.Template.Labels
	case *appsv1.ReplicaSet:
		return o.Spec.Template.Labels
	case *appsv1.StatefulSet:
		return o.Spec.Template.Labels
	case *appsv1.DaemonSet:
		return o.Spec.Template.Labels
	case *batchv1.Job:
		return o.Spec.Template.Labels
	case *unstructured.Unstructured:
		if r := custom.RolloutOf(s, ref); r != nil {
			return asDeployment(s, r).Spec.Template.Labels
		}
		found, _, err := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
		if err != nil {
			return nil // a kind whose template is none of pods
		}
		return found
	default:
		return nil
	}
}

// plainRef is a ref without its version, which a finding may have taken from another list.
func plainRef(r model.Ref) model.Ref {
	r.APIVersion = ""
	return r
}

// suffers reports whether a rule's requests fail because of the finding. Where the finding names
// routes, others do not count; of a route with several rules, those count that meet its objects.
func suffers(f model.Finding, t model.Trace, about map[model.Ref]bool) bool {
	named := len(f.Routes) == 0
	for _, r := range f.Routes {
		named = named || r.Same(t.Route)
	}
	if !named {
		return false
	}
	if catalogue.FamilyOf(f.ID) == "proxy-control-plane" {
		return true // what is wrong with a gateway, all of its routes suffer from
	}
	if f.Object.Same(t.Route) {
		return inRule(f.Object.Field, t.Rule)
	}
	if about[plainRef(t.Backend)] {
		return true
	}
	for _, h := range t.Hops {
		if h.Kind != model.HopRule && about[plainRef(h.Object)] {
			return true
		}
	}
	return false
}
