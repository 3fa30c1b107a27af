package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

func sandboxFailed() Analyzer {
	return Analyzer{
		Cause: "sandbox-failed", Doc: "Finds pods whose sandbox or security context cannot be set up.", Inputs: podKinds(),
		run: func(v *view) []finding {
			found := perWorkload("sandbox-failed", func(v *view, w *workload, pods []*corev1.Pod) finding {
				t := v.trouble(pods[0])
				f := v.onWorkload(w, "sandbox-failed", seen, sandboxField(w, t.why, t.container, t.init), fmt.Sprintf("pod %s of %s %s", pods[0].Name, w.ref, t.why), pods)
				if f.Object.Field == "" {
					delete(f.Related, "goodRevision") // its pods would fare no better
				}
				return f
			})(v)
			for _, w := range v.workloads {
				if f, ok := v.turnedAway(w); ok {
					found = append(found, f)
				}
			}
			return found
		},
	}
}

// turnedAway finds pods that a kubelet did not admit: they have failed for good, and what replaces them fails as
// they did (k8s.io/kubernetes, pkg/kubelet/lifecycle, pkg/kubelet/sysctl, pkg/security/apparmor: the reasons).
func (v *view) turnedAway(w *workload) (finding, bool) {
	if w.serving > 0 || len(w.pods) > 0 {
		return finding{}, false
	}
	for p := range v.s.Pods().In(w.ref.Namespace) {
		if !slices.Contains([]string{"SysctlForbidden", "AppArmor", "UnexpectedAdmissionError", "PodOSNotSupported", "PodOSSelectorNodeLabelDoesNotMatch"}, p.Status.Reason) || v.s.WorkloadOf(p) != w.ref {
			continue
		}
		why := p.Status.Reason + ": " + p.Status.Message
		f := v.onWorkload(w, "sandbox-failed", seen, sandboxField(w, why, "", false), fmt.Sprintf("pod %s of %s was turned away by the kubelet: %s", p.Name, w.ref, why), nil)
		return f.because("status", why, snapshot.RefOf(p), time.Time{}).relates("pod", snapshot.RefOf(p)), true
	}
	return finding{}, false
}

// sandboxField is the part of the template of which the kubelet or the scheduler speaks, and for which container, if for one. It is
// empty where the node's network is not set up for a pod: no template asks for that.
func sandboxField(w *workload, why, container string, init bool) string {
	switch {
	case strings.Contains(why, "free ports"):
		for i, c := range w.template.template.Spec.Containers {
			for j, p := range c.Ports {
				if p.HostPort != 0 {
					return fmt.Sprintf("spec.template.spec.containers[%d].ports[%d].hostPort", i, j)
				}
			}
		}
	case strings.Contains(why, "sysctl"):
		return "spec.template.spec.securityContext.sysctls"
	case strings.Contains(why, "RuntimeHandler") || strings.Contains(why, "runtime handler") || strings.Contains(why, "RuntimeClass") || strings.Contains(why, "no runtime for"):
		return "spec.template.spec.runtimeClassName"
	case strings.Contains(why, "runAsNonRoot"):
		return nonRootField(w, container, init)
	case strings.Contains(why, "network for sandbox") || strings.Contains(why, "network for pod"):
		return ""
	}
	return "spec.template.spec.securityContext"
}

// nonRootField is where a template asks that a container does not run as root: the container's own word goes before the pod's.
func nonRootField(w *workload, container string, init bool) string {
	const asks = "securityContext.runAsNonRoot"
	if field, c, ok := containerField(w, container, init); ok && c.SecurityContext != nil && c.SecurityContext.RunAsNonRoot != nil {
		return field + "." + asks
	}
	return "spec.template.spec." + asks
}
