package remedy

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	podresource "k8s.io/component-helpers/resource"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Turnover is what the controller of one workload does to its pods after a change.
type Turnover struct {
	// Come are the pods that it makes, as their template describes them, and Go those that it takes away.
	Come, Go []*corev1.Pod
	// Before is how many of Go, from the first on, go before the first of Come is made.
	Before int
}

// OverQuota names the ResourceQuota that would refuse pods of a turnover, with what it counts; empty: none is known to.
// It is asked twice: for the first pod, while most of the former ones are still there, and for all of them. A quota is
// taken at its status, as admission does (kubernetes, plugin/resourcequota: CheckRequest).
func OverQuota(s *snapshot.Snapshot, t Turnover) string {
	if len(t.Come) == 0 {
		return ""
	}
	for quota := range s.ResourceQuotas().In(t.Come[0].Namespace) {
		come, goes := quotaUse(s, quota, t.Come), quotaUse(s, quota, t.Go)
		first, before := quotaUse(s, quota, t.Come[:1]), quotaUse(s, quota, t.Go[:min(t.Before, len(t.Go))])
		for _, name := range slices.Sorted(maps.Keys(quota.Status.Hard)) {
			if all := come[name]; all.IsZero() {
				continue // it does not count what these pods ask for
			}
			hard, used := quota.Status.Hard[name], quota.Status.Used[name]
			why := exceeds(hard, used, goes[name], come[name])
			if at := exceeds(hard, used, before[name], first[name]); why == "" && at != "" {
				why = "for the first of them, " + at
			}
			if why != "" {
				return fmt.Sprintf("%s would refuse its new pods: %s: %s", snapshot.RefOf(quota), name, why)
			}
		}
	}
	return ""
}

// exceeds says in numbers that what is used, without what goes and with what comes, is more than is allowed; empty: it is not.
func exceeds(hard, used, goes, comes resource.Quantity) string {
	sum := used.DeepCopy()
	sum.Sub(goes)
	sum.Add(comes)
	if sum.Cmp(hard) <= 0 {
		return ""
	}
	return fmt.Sprintf("%s in use, of which %s would go, and %s more, where %s is the most", used.String(), goes.String(), comes.String(), hard.String())
}

// underQuota says how many more pods of a workload the namespace's quotas let in.
func underQuota(s *snapshot.Snapshot, workload model.Ref) int {
	n := math.MaxInt32
	t := templateOf(s, workload)
	if t == nil {
		return n
	}
	pod := &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
	pod.Namespace = workload.Namespace
	for quota := range s.ResourceQuotas().In(pod.Namespace) {
		one := quotaUse(s, quota, []*corev1.Pod{pod})
		for name, hard := range quota.Status.Hard {
			left := hard.DeepCopy()
			left.Sub(quota.Status.Used[name])
			n = min(n, howOften(corev1.ResourceList{name: left}, corev1.ResourceList{name: one[name]}))
		}
	}
	return n
}

// quotaUse is what a quota counts of pods, by its own names for it.
func quotaUse(s *snapshot.Snapshot, quota *corev1.ResourceQuota, pods []*corev1.Pod) corev1.ResourceList {
	sum := corev1.ResourceList{}
	for _, p := range pods {
		p = admitted(s, p)
		if ended(p, s.At()) || !inScope(quota, p) {
			continue
		}
		one := resource.NewQuantity(1, resource.DecimalSI)
		use := corev1.ResourceList{corev1.ResourcePods: *one, "count/pods": *one}
		for name, q := range podresource.PodRequests(p, podresource.PodResourcesOptions{}) {
			use[corev1.DefaultResourceRequestsPrefix+name], use[name] = q, q // "cpu" in a quota means requests.cpu
		}
		for name, q := range podresource.PodLimits(p, podresource.PodResourcesOptions{}) {
			use["limits."+name] = q
		}
		addTo(sum, use)
	}
	return sum
}

// ended reports whether a pod counts no more: it has finished, or should have been gone by now (kubernetes, quota/v1: QuotaV1Pod).
func ended(p *corev1.Pod, now time.Time) bool {
	grace := p.DeletionGracePeriodSeconds
	return path.Finished(p) || p.DeletionTimestamp != nil && grace != nil && now.After(p.DeletionTimestamp.Add(time.Duration(*grace)*time.Second))
}

// admitted is a pod as the API server would store it, as far as quotas count it: requests that are not set are the limits, and
// what is set in neither way is what a LimitRange says (kubernetes, limitranger: mergeContainerResources).
func admitted(s *snapshot.Snapshot, pod *corev1.Pod) *corev1.Pod {
	out := pod.DeepCopy()
	for _, containers := range [][]corev1.Container{out.Spec.Containers, out.Spec.InitContainers} {
		for i := range containers {
			r := &containers[i].Resources
			r.Requests = orElse(r.Requests, r.Limits)
			for lr := range s.LimitRanges().In(pod.Namespace) {
				for _, item := range lr.Spec.Limits {
					if item.Type == corev1.LimitTypeContainer {
						r.Requests, r.Limits = orElse(r.Requests, item.DefaultRequest), orElse(r.Limits, item.Default)
					}
				}
			}
		}
	}
	return out
}

// orElse gives what is set, and of what is not, what is set otherwise.
func orElse(set, otherwise corev1.ResourceList) corev1.ResourceList {
	out := maps.Clone(otherwise)
	if out == nil {
		out = corev1.ResourceList{}
	}
	maps.Copy(out, set)
	return out
}

// inScope reports whether a quota counts a pod at all: all of its scopes must match. One that is for a kind of pod that is not
// told apart here is left out: what is not known refuses nothing.
func inScope(quota *corev1.ResourceQuota, p *corev1.Pod) bool {
	scopes := make([]corev1.ScopedResourceSelectorRequirement, 0, len(quota.Spec.Scopes))
	for _, name := range quota.Spec.Scopes {
		scopes = append(scopes, corev1.ScopedResourceSelectorRequirement{ScopeName: name, Operator: corev1.ScopeSelectorOpExists})
	}
	if quota.Spec.ScopeSelector != nil {
		scopes = append(scopes, quota.Spec.ScopeSelector.MatchExpressions...)
	}
	return !slices.ContainsFunc(scopes, func(scope corev1.ScopedResourceSelectorRequirement) bool { return !matchesScope(scope, p) })
}

func matchesScope(scope corev1.ScopedResourceSelectorRequirement, p *corev1.Pod) bool {
	deadline := p.Spec.ActiveDeadlineSeconds != nil
	class := p.Spec.PriorityClassName
	switch scope.ScopeName {
	case corev1.ResourceQuotaScopeTerminating:
		return deadline
	case corev1.ResourceQuotaScopeNotTerminating:
		return !deadline
	case corev1.ResourceQuotaScopeBestEffort:
		return bestEffort(p)
	case corev1.ResourceQuotaScopeNotBestEffort:
		return !bestEffort(p)
	case corev1.ResourceQuotaScopePriorityClass:
		switch scope.Operator {
		case corev1.ScopeSelectorOpExists:
			return class != ""
		case corev1.ScopeSelectorOpDoesNotExist:
			return class == ""
		case corev1.ScopeSelectorOpIn:
			return slices.Contains(scope.Values, class)
		case corev1.ScopeSelectorOpNotIn:
			return !slices.Contains(scope.Values, class)
		}
	case corev1.ResourceQuotaScopeCrossNamespacePodAffinity:
		return acrossNamespaces(p.Spec.Affinity)
	default: // of what comes after Kubernetes 1.36
	}
	return false
}

// acrossNamespaces reports whether a pod is drawn to, or kept from, pods of namespaces that it names or selects (kubernetes,
// quota/v1: usesCrossNamespacePodAffinity).
func acrossNamespaces(a *corev1.Affinity) bool {
	if a == nil {
		return false
	}
	var terms []corev1.PodAffinityTerm
	var preferred []corev1.WeightedPodAffinityTerm
	if to := a.PodAffinity; to != nil {
		terms, preferred = to.RequiredDuringSchedulingIgnoredDuringExecution, to.PreferredDuringSchedulingIgnoredDuringExecution
	}
	if from := a.PodAntiAffinity; from != nil {
		terms = slices.Concat(terms, from.RequiredDuringSchedulingIgnoredDuringExecution)
		preferred = slices.Concat(preferred, from.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	for _, t := range preferred {
		terms = append(slices.Clip(terms), t.PodAffinityTerm)
	}
	return slices.ContainsFunc(terms, func(t corev1.PodAffinityTerm) bool { return len(t.Namespaces) > 0 || t.NamespaceSelector != nil })
}

// bestEffort reports whether no container of a pod asks for CPU or memory.
func bestEffort(p *corev1.Pod) bool {
	return !slices.ContainsFunc(slices.Concat(p.Spec.Containers, p.Spec.InitContainers), func(c corev1.Container) bool {
		asks := func(of corev1.ResourceList) bool {
			cpu, memory := of[corev1.ResourceCPU], of[corev1.ResourceMemory]
			return !cpu.IsZero() || !memory.IsZero()
		}
		return asks(c.Resources.Requests) || asks(c.Resources.Limits)
	})
}
