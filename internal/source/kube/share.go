package kube

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"unique"
	"weak"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// sharer makes objects small before they are kept: what many have in common is kept once, and the rest in a form of few
// bytes. Pods of one controller differ in little but their names, addresses and times; in a cluster of 100,000 pods the rest
// is most of the memory.
//
// What is shared must not be written to, as nothing of an informer's cache may be.
type sharer struct {
	seed maphash.Seed

	mu      sync.Mutex
	commons map[uint64]weak.Pointer[common] // by their hashes
	added   int                             // commons since those that are gone were forgotten
}

func newSharer() *sharer {
	return &sharer{seed: maphash.MakeSeed(), commons: map[uint64]weak.Pointer[common]{}}
}

// trim takes out of a pod what nobody reads.
func trim(p *corev1.Pod) {
	levelTokens(&p.Spec)
	p.Status.Conditions = telling(p.Status.Conditions)
	p.Status.HostIPs = nil // HostIP is the first
	for _, statuses := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses} {
		for i := range statuses {
			statuses[i].ContainerID = "" // the container runtime's name of it
		}
	}
}

// telling leaves the conditions that tell something: where a pod is ready, that it was scheduled and has been started goes
// without saying.
func telling(all []corev1.PodCondition) []corev1.PodCondition {
	is := func(c corev1.PodCondition) bool { return c.Status == corev1.ConditionTrue }
	ready := slices.ContainsFunc(all, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && is(c) })
	return slices.DeleteFunc(all, func(c corev1.PodCondition) bool {
		switch c.Type {
		case corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.ContainersReady, corev1.PodScheduled:
			return ready && is(c)
		default:
			return false
		}
	})
}

// levelTokens gives the volumes of service account tokens the same name in all pods. The API server makes one for each
// pod (kubernetes/kubernetes, plugin/pkg/admission/serviceaccount), and nothing else keeps pods of a controller from
// having the same containers and volumes.
func levelTokens(spec *corev1.PodSpec) {
	const prefix, level = "kube-api-access-", "kube-api-access-xxxxx"
	made := func(name string) bool { return strings.HasPrefix(name, prefix) && len(name) == len(level) }
	for i := range spec.Volumes {
		if v := &spec.Volumes[i]; v.Projected != nil && made(v.Name) {
			v.Name = level
		}
	}
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			for j := range containers[i].VolumeMounts {
				if m := &containers[i].VolumeMounts[j]; made(m.Name) {
					m.Name = level
				}
			}
		}
	}
}

// trimSlice takes out of an EndpointSlice what nobody reads.
func trimSlice(es *discoveryv1.EndpointSlice) {
	for i := range es.Endpoints {
		if t := es.Endpoints[i].TargetRef; t != nil {
			t.UID, t.ResourceVersion = "", "" // the pod has them
		}
	}
}

// once gives a string that is the same in memory as all others of its text.
func once[S ~string](s S) S {
	if s == "" {
		return s
	}
	return unique.Make(s).Value()
}
