package remedy

import (
	"encoding/json"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// templateOf is the pod template of a workload, nil if the snapshot does not hold it.
func templateOf(s *snapshot.Snapshot, workload model.Ref) *corev1.PodTemplateSpec {
	ns, name := workload.Namespace, workload.Name
	switch snapshot.Kind(workload.Kind) {
	case snapshot.Deployments:
		if d, p := s.Deployments().Get(ns, name); p == snapshot.Present {
			return &d.Spec.Template
		}
	case snapshot.StatefulSets:
		if d, p := s.StatefulSets().Get(ns, name); p == snapshot.Present {
			return &d.Spec.Template
		}
	case snapshot.DaemonSets:
		if d, p := s.DaemonSets().Get(ns, name); p == snapshot.Present {
			return &d.Spec.Template
		}
	default: // no workload
	}
	return nil
}

// replicaSetOf is the ReplicaSet that makes a pod, nil if something else does, or nothing.
func replicaSetOf(s *snapshot.Snapshot, pod *corev1.Pod) *appsv1.ReplicaSet {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != string(snapshot.ReplicaSets) {
		return nil
	}
	rs, presence := s.ReplicaSets().Get(pod.Namespace, owner.Name)
	if presence != snapshot.Present {
		return nil
	}
	return rs
}

// goodTemplate is the pod template of the last revision that worked, nil if it is not proven.
func goodTemplate(c Case) *corev1.PodTemplateSpec {
	ref, ok := c.Finding.Related["goodRevision"]
	if !ok || ref.Kind != string(snapshot.ReplicaSets) {
		return nil
	}
	rs, p := c.Snapshot.ReplicaSets().Get(ref.Namespace, ref.Name)
	if p != snapshot.Present {
		return nil
	}
	return &rs.Spec.Template
}

// goodValue is the value that a field of the workload had in the last revision that worked: of the container of that name, which
// may have stood elsewhere in the list.
func goodValue(c Case, path []string) (any, bool) {
	good := goodTemplate(c)
	if good == nil || len(path) < 3 || path[0] != "spec" || path[1] != "template" {
		return nil, false
	}
	if now := containerOf(templateOf(c.Snapshot, c.Finding.Object.Ref), path); now != nil {
		i := slices.IndexFunc(good.Spec.Containers, func(was corev1.Container) bool { return was.Name == now.Name })
		if i < 0 {
			return nil, false
		}
		path = slices.Clone(path)
		path[4] = strconv.Itoa(i)
	}
	t, err := tree(good)
	if err != nil {
		return nil, false
	}
	return lookup(t, path[2:])
}

// containerOf is the container that a field is about ("spec.template.spec.containers[i]...").
func containerOf(t *corev1.PodTemplateSpec, path []string) *corev1.Container {
	if t == nil || len(path) < 5 || path[3] != "containers" {
		return nil
	}
	i, err := strconv.Atoi(path[4])
	if err != nil || i < 0 || i >= len(t.Spec.Containers) {
		return nil
	}
	return &t.Spec.Containers[i]
}

// decodedNumber is a number as decode gives it, so that values can be compared.
func decodedNumber[N int32 | int64](n N) any { return json.Number(strconv.FormatInt(int64(n), 10)) }
