package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// podOwner is what pods belong to.
type podOwner interface {
	metav1.Object
	runtime.Object
}

func controllerRef(apiVersion, kind string, o metav1.Object) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: o.GetName(), UID: o.GetUID(), Controller: &yes}
}

// podsFor makes the pods of a workload as its template describes them.
func podsFor(o podOwner, n int, t corev1.PodTemplateSpec, ready bool) []metav1.Object {
	kind := "ReplicaSet"
	if _, ok := o.(*appsv1.StatefulSet); ok {
		kind = "StatefulSet"
	}
	var out []metav1.Object
	for i := range n {
		p := newPod(o.GetNamespace(), fmt.Sprintf("%s-%d", o.GetName(), i), i, t)
		p.OwnerReferences = []metav1.OwnerReference{controllerRef("apps/v1", kind, o)}
		if !ready {
			unready(p)
		}
		out = append(out, p)
	}
	return out
}

// newPod is a ready pod. Its address is from 198.18.0.0/15, which is set aside for tests of
// networks (RFC 2544), so that it is nobody's.
func newPod(namespace, name string, n int, t corev1.PodTemplateSpec) *corev1.Pod {
	p := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, Spec: *t.Spec.DeepCopy()}
	p.Namespace, p.Name, p.UID = namespace, name, types.UID("whatif-"+namespace+"-"+name)
	p.Labels, p.Annotations = t.Labels, t.Annotations
	p.Spec.NodeName = "" // wherever there is room
	ip := fmt.Sprintf("198.%d.%d.%d", 18+n/65025%2, n/255%255, n%255+1)
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}}
	for _, c := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: c, Status: corev1.ConditionTrue})
	}
	started := true
	for _, c := range t.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, Ready: true, Started: &started,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		})
	}
	return p
}

// unready marks a pod that would not come up.
func unready(p *corev1.Pod) {
	for i := range p.Status.Conditions {
		if t := p.Status.Conditions[i].Type; t == corev1.PodReady || t == corev1.ContainersReady {
			p.Status.Conditions[i].Status = corev1.ConditionFalse
		}
	}
	for i := range p.Status.ContainerStatuses {
		p.Status.ContainerStatuses[i].Ready = false
	}
}

// blamedChanged reports whether new pods of a workload may be expected to be well: either what the
// finding blames lies elsewhere, or the change touches the very field that it blames. New pods of
// an unchanged broken template are as broken as the old ones.
func blamedChanged(f model.Finding, before, after metav1.Object) bool {
	if !f.Object.Same(snapshot.RefOf(after)) {
		return true
	}
	field := f.Object.Field
	if field == "" || !strings.HasPrefix(field, "spec.") {
		field = "spec.template"
	}
	if f.ID == "startup-too-slow" { // a startupProbe keeps the livenessProbe, which is blamed, from asking too early
		field = strings.TrimSuffix(field, ".livenessProbe")
	}
	steps := strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	return !reflect.DeepEqual(at(before, steps), at(after, steps))
}

// at is the value of a field, nil where it is not set. An item of a list that is not named by an index
// that exists is the list.
func at(o any, steps []string) any {
	v, _ := asJSON(o)
	for _, s := range steps {
		switch t := v.(type) {
		case map[string]any:
			v = t[s]
		case []any:
			var i int
			if _, err := fmt.Sscan(s, &i); err != nil || i < 0 || i >= len(t) {
				return t // an item that is named in another way: the list stands for it
			}
			v = t[i]
		default:
			return nil
		}
	}
	return v
}

// asJSON is an object as maps and lists.
func asJSON(o any) (v any, ok bool) {
	data, err := json.Marshal(o)
	if err != nil || json.Unmarshal(data, &v) != nil {
		return nil, false
	}
	return v, true
}

// runnable reports whether a template's readiness probes can succeed as far as the template itself
// tells: a probe of a port by a name that the container does not declare never does.
func runnable(t *corev1.PodTemplateSpec) bool {
	for _, c := range t.Spec.Containers {
		if c.ReadinessProbe == nil {
			continue
		}
		var port intstr.IntOrString
		switch {
		case c.ReadinessProbe.HTTPGet != nil:
			port = c.ReadinessProbe.HTTPGet.Port
		case c.ReadinessProbe.TCPSocket != nil:
			port = c.ReadinessProbe.TCPSocket.Port
		default:
			continue
		}
		if port.Type == intstr.String && !declares(c, port.StrVal) {
			return false
		}
	}
	return true
}

func declares(c corev1.Container, name string) bool {
	for _, p := range c.Ports {
		if p.Name == name {
			return true
		}
	}
	return false
}
