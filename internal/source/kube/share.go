package kube

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unique"
	"weak"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// sharer keeps what many objects have in common once. Pods of one controller differ in little but their names, addresses
// and times; in a cluster of 100,000 pods the rest is most of the memory.
//
// What is shared must not be written to, as nothing of an informer's cache may be.
type sharer struct {
	mu       sync.Mutex
	siblings map[types.UID]weak.Pointer[corev1.Pod] // the pod seen last of each controller
	added    int                                    // siblings since those that are gone were forgotten
	texts    map[string]*string                     // names of nodes and zones

	yes, no bool // never written to
}

// mostTexts bounds the texts that are kept: the largest clusters have 5,000 nodes
// (kubernetes.io/docs/setup/best-practices/cluster-large).
const mostTexts = 16_384

func newSharer() *sharer {
	return &sharer{siblings: map[types.UID]weak.Pointer[corev1.Pod]{}, texts: map[string]*string{}, yes: true}
}

// pod has a pod share what it can with another one of its controller.
func (s *sharer) pod(p *corev1.Pod) {
	levelTokens(&p.Spec)
	p.Namespace, p.Spec.NodeName = once(p.Namespace), once(p.Spec.NodeName)
	p.Status.HostIP = once(p.Status.HostIP)
	p.Status.Conditions = telling(p.Status.Conditions)
	for i := range p.Status.Conditions {
		c := &p.Status.Conditions[i]
		c.Type, c.Status = once(c.Type), once(c.Status)
		c.Reason = once(c.Reason)
	}
	p.Status.PodIPs = fit(p.Status.PodIPs)
	for i := range p.Status.PodIPs {
		if ip := &p.Status.PodIPs[i]; ip.IP == p.Status.PodIP {
			ip.IP = p.Status.PodIP // the same text, once
		}
	}
	p.Status.HostIPs = nil // HostIP is the first
	for _, statuses := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range statuses {
			c := &statuses[i]
			c.Name, c.Image, c.ImageID = once(c.Name), once(c.Image), once(c.ImageID)
			c.Started = s.flag(c.Started)
		}
	}
	controller := metav1.GetControllerOfNoCopy(p)
	if controller == nil {
		return
	}
	if sibling := s.sibling(controller.UID, p); sibling != nil {
		join(p, sibling)
	}
}

// telling leaves the conditions that tell something: where a pod is ready, that it was scheduled and has been started goes
// without saying.
func telling(all []corev1.PodCondition) []corev1.PodCondition {
	is := func(c corev1.PodCondition) bool { return c.Status == corev1.ConditionTrue }
	ready := slices.ContainsFunc(all, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && is(c) })
	return fit(slices.DeleteFunc(all, func(c corev1.PodCondition) bool {
		switch c.Type {
		case corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.ContainersReady, corev1.PodScheduled:
			return ready && is(c)
		default:
			return false
		}
	}))
}

// fit gives a list without room for more: those that grew while they were decoded have twice what they need.
func fit[T any](all []T) []T {
	if len(all) == cap(all) {
		return all
	}
	return append(make([]T, 0, len(all)), all...)
}

// sibling gives the pod of the same controller that was seen last, and remembers this one.
func (s *sharer) sibling(of types.UID, p *corev1.Pod) *corev1.Pod {
	const sweep = 1024 // new controllers until those are forgotten that have no pods any more
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.siblings[of]
	if !ok {
		s.added++
	}
	if s.added > sweep && s.added > len(s.siblings)/2 {
		maps.DeleteFunc(s.siblings, func(_ types.UID, w weak.Pointer[corev1.Pod]) bool { return w.Value() == nil })
		s.added = 0
	}
	s.siblings[of] = weak.Make(p)
	return known.Value()
}

// join has a pod use what is the same in its sibling.
func join(p, sibling *corev1.Pod) {
	if maps.Equal(p.Labels, sibling.Labels) {
		p.Labels = sibling.Labels
	}
	if maps.Equal(p.Annotations, sibling.Annotations) {
		p.Annotations = sibling.Annotations
	}
	if reflect.DeepEqual(p.OwnerReferences, sibling.OwnerReferences) {
		p.OwnerReferences = sibling.OwnerReferences
	}
	if p.GenerateName == sibling.GenerateName {
		p.GenerateName = sibling.GenerateName // the same text, once
	}
	spec := sibling.Spec
	spec.NodeName, spec.Hostname = p.Spec.NodeName, p.Spec.Hostname
	if reflect.DeepEqual(p.Spec, spec) {
		p.Spec = spec
	}
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

// slice has the endpoints of a slice share what they can with others.
func (s *sharer) slice(es *discoveryv1.EndpointSlice) {
	es.Namespace, es.Endpoints = once(es.Namespace), fit(es.Endpoints)
	for i := range es.Endpoints {
		e := &es.Endpoints[i]
		c := &e.Conditions
		c.Ready, c.Serving, c.Terminating = s.flag(c.Ready), s.flag(c.Serving), s.flag(c.Terminating)
		e.NodeName, e.Zone = s.text(e.NodeName), s.text(e.Zone)
		if t := e.TargetRef; t != nil {
			t.Kind, t.Namespace = once(t.Kind), once(t.Namespace)
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

// flag gives a pointer that all with its value share.
func (s *sharer) flag(b *bool) *bool {
	switch {
	case b == nil:
		return nil
	case *b:
		return &s.yes
	default:
		return &s.no
	}
}

// text gives a pointer that all with its text share.
func (s *sharer) text(t *string) *string {
	if t == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.texts[*t]; ok {
		return known
	}
	if len(s.texts) >= mostTexts {
		clear(s.texts) // who has one keeps it
	}
	s.texts[*t] = t
	return t
}
