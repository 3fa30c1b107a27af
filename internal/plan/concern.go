package plan

import (
	"k8s.io/apimachinery/pkg/labels"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
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
			for svc := range s.Services().In(r.Namespace) {
				selector := labels.SelectorFromSet(svc.Spec.Selector)
				if len(pods) > 0 && len(svc.Spec.Selector) > 0 && selector.Matches(pods) {
					about[plainRef(snapshot.RefOf(svc))] = true
				}
			}
		}
	}
	return about
}

// podLabels are the labels of a workload's pods, or of a pod.
func podLabels(s *snapshot.Snapshot, ref model.Ref) labels.Set {
	o, presence := s.Lookup(ref)
	if presence != snapshot.Present {
		return nil
	}
	if ref.Kind == string(snapshot.Pods) {
		return o.GetLabels()
	}
	l, _ := at(o, []string{"spec", "template", "metadata", "labels"}).(map[string]any)
	set := labels.Set{}
	for k, v := range l {
		set[k], _ = v.(string)
	}
	return set
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
		named = named || plainRef(r) == plainRef(t.Route)
	}
	if !named {
		return false
	}
	if catalogue.FamilyOf(f.ID) == "proxy-control-plane" {
		return true // what is wrong with a gateway, all of its routes suffer from
	}
	if plainRef(f.Object.Ref) == plainRef(t.Route) {
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
