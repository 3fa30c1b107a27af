package path

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
)

// Ready reports whether a pod's Ready condition is true.
func Ready(p *corev1.Pod) bool {
	c := PodCondition(p, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

// Unseen reports whether nothing is known of how a pod is: it has no status. A dump may have left it out
// (manifests instead of objects); a pod of a cluster has a phase from its first moment on.
func Unseen(p *corev1.Pod) bool {
	return p.Status.Phase == "" && len(p.Status.Conditions) == 0 && len(p.Status.ContainerStatuses) == 0
}

// PodCondition finds a condition of a pod; nil if it is not there.
func PodCondition(p *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// Finished reports whether a pod has ended and will not run again: completed, failed or evicted.
func Finished(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// Listening says what is known of a port of a pod.
type Listening struct {
	// Verdict is OK for a port that a passing probe or a declaration speaks for, and for pods of
	// which nothing is known; Suspect where all that is known points to other ports.
	Verdict model.Verdict
	Why     string
	// Proven lists ports on which a passing probe shows that something listens, Declared those that
	// containers declare.
	Proven, Declared []int32
}

// Listens says what is known of a port of a pod. Declaring ports is optional in Kubernetes, so an
// undeclared port is only suspect if what is declared or proven is elsewhere.
func Listens(p *corev1.Pod, port int32) Listening {
	l := Listening{Verdict: model.OK, Proven: Proven(p), Declared: Declared(p)}
	switch {
	case slices.Contains(l.Proven, port):
		l.Why = fmt.Sprintf("its probe passes on port %d", port)
	case slices.Contains(l.Declared, port):
		l.Why = fmt.Sprintf("it declares port %d", port)
	case len(l.Proven) > 0:
		l.Verdict = model.Suspect
		l.Why = fmt.Sprintf("it does not declare port %d, and its probe passes on %s", port, numbers(l.Proven))
	case len(l.Declared) > 0:
		l.Verdict = model.Suspect
		l.Why = fmt.Sprintf("it declares %s, not %d", numbers(l.Declared), port)
	default:
		l.Why = "nothing says on which ports it listens"
	}
	return l
}

// Proven lists the ports of a pod on which the readiness probe of a ready container passes.
func Proven(p *corev1.Pod) []int32 {
	var out []int32
	for _, st := range p.Status.ContainerStatuses {
		if !st.Ready {
			continue
		}
		for i := range p.Spec.Containers {
			c := &p.Spec.Containers[i]
			if c.Name != st.Name {
				continue
			}
			if n, _, ok := ProbePort(c, c.ReadinessProbe); ok && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// Declared lists the TCP ports that a pod's containers declare.
func Declared(p *corev1.Pod) []int32 {
	var out []int32
	for _, c := range serving(&p.Spec) {
		for _, cp := range c.Ports {
			if (cp.Protocol == "" || cp.Protocol == corev1.ProtocolTCP) && !slices.Contains(out, cp.ContainerPort) {
				out = append(out, cp.ContainerPort)
			}
		}
	}
	return out
}

// serving lists the containers that run beside each other: the main ones and native sidecars.
func serving(spec *corev1.PodSpec) []corev1.Container {
	out := slices.Clip(spec.Containers)
	for _, c := range spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			out = append(out, c)
		}
	}
	return out
}

// ProbePort gives the port and field of a probe over the network; ok is false for other probes and
// for a name that the container does not declare.
func ProbePort(c *corev1.Container, probe *corev1.Probe) (port int32, field string, ok bool) {
	if probe == nil {
		return 0, "", false
	}
	var at intstr.IntOrString
	switch {
	case probe.HTTPGet != nil:
		if probe.HTTPGet.Host != "" {
			return 0, "", false // asks somebody else
		}
		at, field = probe.HTTPGet.Port, "httpGet.port"
	case probe.TCPSocket != nil:
		at, field = probe.TCPSocket.Port, "tcpSocket.port"
	case probe.GRPC != nil:
		return probe.GRPC.Port, "grpc.port", true
	default:
		return 0, "", false
	}
	if at.Type == intstr.Int {
		return at.IntVal, field, true
	}
	for _, p := range c.Ports {
		if p.Name == at.StrVal {
			return p.ContainerPort, field, true
		}
	}
	return 0, field, false
}

// TargetPort resolves a Service port's target on a pod, as the endpoints controller does; ok is
// false where the pod declares no port of that name.
func TargetPort(sp corev1.ServicePort, spec *corev1.PodSpec) (int32, bool) {
	if sp.TargetPort.Type == intstr.Int {
		if sp.TargetPort.IntVal == 0 {
			return sp.Port, true
		}
		return sp.TargetPort.IntVal, true
	}
	for _, c := range serving(spec) {
		for _, p := range c.Ports {
			if p.Name == sp.TargetPort.StrVal && (p.Protocol == sp.Protocol || p.Protocol == "" || sp.Protocol == "") {
				return p.ContainerPort, true
			}
		}
	}
	return 0, false
}

func numbers(ports []int32) string {
	var out []string
	for _, p := range ports {
		out = append(out, fmt.Sprint(p))
	}
	if len(out) == 1 {
		return "port " + out[0]
	}
	return "ports " + strings.Join(out, ", ")
}

// podState says in a few words why a pod is not ready.
func podState(p *corev1.Pod) string {
	if Unseen(p) {
		return "has no status that could be looked at"
	}
	if p.DeletionTimestamp != nil {
		return "is terminating"
	}
	if p.Status.Reason != "" {
		return "is " + p.Status.Reason
	}
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, st := range list {
			switch {
			case st.State.Waiting != nil && st.State.Waiting.Reason != "" && st.State.Waiting.Reason != "PodInitializing":
				return fmt.Sprintf("container %s is in %s", st.Name, st.State.Waiting.Reason)
			case st.State.Terminated != nil && st.State.Terminated.ExitCode != 0:
				return fmt.Sprintf("container %s ended with exit code %d", st.Name, st.State.Terminated.ExitCode)
			}
		}
	}
	if c := PodCondition(p, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionFalse {
		return "is not scheduled"
	}
	for _, st := range p.Status.ContainerStatuses {
		if !st.Ready && st.State.Running != nil {
			return fmt.Sprintf("container %s runs and is not ready", st.Name)
		}
	}
	return "is not ready"
}
