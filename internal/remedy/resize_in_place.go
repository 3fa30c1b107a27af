package remedy

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// mostResized is how many pods are resized in place: each is waited for, and a rollout is faster than many.
const mostResized = 5

// inPlaceSince is the kubelet's version since when a limit can be raised in place and lowered again. A memory limit
// could only be raised at first (kubernetes.io/blog, "In-Place Pod Resize", 1.33 beta and 1.35 stable), and what cannot
// be taken back is not done.
func inPlaceSince(of corev1.ResourceName) *version.Version {
	if of == corev1.ResourceCPU {
		return version.MustParseGeneric("1.33")
	}
	return version.MustParseGeneric("1.35")
}

// resizeInPlace gives the pods of a workload another limit without replacing them. It fits where all of them serve:
// a container that does not come up is helped sooner by a new pod. The template keeps the former limit, which the
// reason says.
func resizeInPlace(c Case, container string, of corev1.ResourceName, want, why string) []model.Remedy {
	workload := c.Finding.Object.Ref
	var changes []model.Change
	for p := range c.Snapshot.Pods().In(workload.Namespace) {
		if c.Snapshot.WorkloadOf(p) != workload || p.DeletionTimestamp != nil {
			continue
		}
		change, ok := resizePod(c.Snapshot, p, container, of, want)
		if !ok || len(changes) == mostResized {
			return nil
		}
		changes = append(changes, change)
	}
	if len(changes) == 0 {
		return nil
	}
	old := plain(changes[0].Fields[0].Old)
	return []model.Remedy{finish(c, model.Remedy{
		Action: "resize", Risk: model.RiskLow, Changes: changes,
		Summary: fmt.Sprintf("%s limit %s -> %s in %d pods of %s, in place", of, old, want, len(changes), workload),
		Why:     fmt.Sprintf("%s; the pods go on running, and their template keeps %s: change it before the next rollout", why, old),
	})}
}

// resizePod is the change of one pod, if it serves, its node can resize it, and the limit is another one.
func resizePod(s *snapshot.Snapshot, p *corev1.Pod, container string, of corev1.ResourceName, want string) (model.Change, bool) {
	node, presence := s.Nodes().Get("", p.Spec.NodeName)
	if presence != snapshot.Present || !Serving(p) || !resizable(p, container) {
		return model.Change{}, false
	}
	kubelet, err := version.ParseGeneric(node.Status.NodeInfo.KubeletVersion)
	if err != nil || kubelet.LessThan(inPlaceSince(of)) {
		return model.Change{}, false
	}
	t, err := tree(p)
	if err != nil {
		return model.Change{}, false
	}
	at := func(i int, kind string) []string {
		return []string{"spec", "containers", strconv.Itoa(i), "resources", kind, string(of)}
	}
	for i, c := range p.Spec.Containers {
		if c.Name != container {
			continue
		}
		limit, ok := set(t, at(i, "limits"), want)
		if !ok || limit.Old == nil {
			return model.Change{}, false
		}
		fields := []model.FieldChange{limit}
		if p.Status.QOSClass == corev1.PodQOSGuaranteed { // which it must remain: requests are as limits
			request, ok := set(t, at(i, "requests"), want)
			if !ok {
				return model.Change{}, false
			}
			fields = append(fields, request)
		}
		change := patchOf(p, fields...)
		change.Subresource = model.SubresourceResize
		return change, true
	}
	return model.Change{}, false
}

// resizable reports whether a container of a pod runs, and its kubelet tells which resources it has: one that cannot
// resize it does not.
func resizable(p *corev1.Pod, container string) bool {
	for _, st := range p.Status.ContainerStatuses {
		if st.Name == container {
			return st.State.Running != nil && st.Resources != nil
		}
	}
	return false
}
