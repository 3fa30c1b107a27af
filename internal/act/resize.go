package act

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// judgeResize says whether the containers of a pod have the limits that its spec asks for. The kubelet tells of a
// resize that it cannot make, now or ever on its node, by a condition (Kubernetes documentation, "Resize CPU and Memory
// Resources assigned to Containers", section "Pod resize status").
func judgeResize(ref model.Ref, p *corev1.Pod) (Rollout, error) {
	r := Rollout{Object: ref, Want: 1}
	for _, c := range p.Status.Conditions {
		switch {
		case c.Status != corev1.ConditionTrue:
		case c.Type == corev1.PodResizePending && c.Reason == corev1.PodReasonInfeasible:
			return r, &StuckError{Rollout: r, Pod: p.Name, Because: "its node cannot give what it asks for: " + c.Message}
		case c.Type == corev1.PodResizeInProgress && c.Reason == corev1.PodReasonError:
			return r, &StuckError{Rollout: r, Pod: p.Name, Because: "its node could not resize it: " + c.Message}
		case c.Type == corev1.PodResizePending:
			r.Waiting = "its node has no room for it now: " + c.Message
			return r, nil
		}
	}
	limits := map[string]corev1.ResourceList{}
	for _, st := range p.Status.ContainerStatuses {
		if st.Resources != nil {
			limits[st.Name] = st.Resources.Limits
		}
	}
	for _, c := range p.Spec.Containers {
		for name, want := range c.Resources.Limits {
			if have := limits[c.Name][name]; have.Cmp(want) != 0 {
				r.Waiting = fmt.Sprintf("container %s has %s of %s, not yet %s", c.Name, have.String(), name, want.String())
				return r, nil
			}
		}
	}
	r.Updated, r.Available, r.Done = 1, 1, true
	return r, nil
}
