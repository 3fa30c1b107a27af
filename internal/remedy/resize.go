package remedy

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/gatemend/gatemend/internal/model"
)

// The bounds of a memory limit that nobody named: below the least most runtimes do not start, and
// above the most a doubling is a leak that is fed rather than a limit that was too small.
const (
	leastMemory = "128Mi"
	mostMemory  = "8Gi"
)

// Resize raises a limit that stops a container or makes it too slow.
func Resize() Action {
	return Action{
		Name:       "resize",
		Doc:        "Raises the memory limit of a container that is killed at it, or the CPU limit of one that it makes too slow: to the value it had when it worked, else to twice as much.",
		When:       "a container is killed at its memory limit, or its CPU limit makes it answer too late",
		Reach:      "the pods of the workload: where all serve and their nodes can resize them they go on running, else they are replaced, step by step as its strategy says",
		Back:       "the former limit is set again",
		Risk:       model.RiskMedium,
		Candidates: resize,
	}
}

func resize(c Case) []model.Remedy {
	if c.Finding.ID == "cpu-throttled" {
		return resizeCPU(c)
	}
	path, err := tokens(c.Finding.Object.Field)
	if c.Finding.ID != "oom-killed" || err != nil || !slices.Contains(path, "containers") {
		return nil
	}
	container := containerOf(templateOf(c.Snapshot, c.Finding.Object.Ref), path)
	if container == nil {
		return nil
	}
	c.Finding.Object.Field = strings.Join([]string{"spec.template.spec.containers[" + path[4] + "]", "resources.limits.memory"}, ".")
	have := container.Resources.Limits[corev1.ResourceMemory]
	if want, reason, ok := formerLimit(c, have); ok {
		return resized(c, container, corev1.ResourceMemory, want, reason)
	}
	if have.IsZero() {
		return nil // killed by the node, not at a limit of its own
	}
	doubled := resource.NewQuantity(2*have.Value(), resource.BinarySI)
	reason := "twice the limit at which it was killed"
	if least := resource.MustParse(leastMemory); doubled.Cmp(least) < 0 {
		doubled, reason = &least, "few programs start with less"
	}
	if doubled.Cmp(resource.MustParse(mostMemory)) > 0 {
		return nil
	}
	return resized(c, container, corev1.ResourceMemory, doubled.String(), reason)
}

// mostCPU is the most that a CPU limit is raised to when nobody named one: what needs more is not a limit
// that was set too low.
const mostCPU = "4"

// resizeCPU raises a CPU limit: to the value that it had when it worked, else to twice as much.
func resizeCPU(c Case) []model.Remedy {
	path, err := tokens(c.Finding.Object.Field)
	container := containerOf(templateOf(c.Snapshot, c.Finding.Object.Ref), path)
	if err != nil || container == nil {
		return nil
	}
	have := container.Resources.Limits[corev1.ResourceCPU]
	if want, reason, ok := formerLimit(c, have); ok {
		return resized(c, container, corev1.ResourceCPU, want, reason)
	}
	doubled := resource.NewMilliQuantity(2*have.MilliValue(), resource.DecimalSI)
	if have.IsZero() || doubled.Cmp(resource.MustParse(mostCPU)) > 0 {
		return nil
	}
	return resized(c, container, corev1.ResourceCPU, doubled.String(), "twice the limit at which it is too slow")
}

// resized lists the ways to give a container a limit: in the pods that run, and in the template.
func resized(c Case, container *corev1.Container, of corev1.ResourceName, want, why string) []model.Remedy {
	return append(resizeInPlace(c, container.Name, of, want, why), oneField(c, "resize", model.RiskMedium, want, why)...)
}

// formerLimit is the greater limit that the finding wants or that the last good revision had.
func formerLimit(c Case, have resource.Quantity) (want, reason string, ok bool) {
	value, known := wanted(c.Finding)
	if !known {
		path, err := tokens(c.Finding.Object.Field)
		if err != nil {
			return "", "", false
		}
		value, known = goodValue(c, path)
	}
	text, isText := value.(string)
	if !known || !isText {
		return "", "", false
	}
	q, err := resource.ParseQuantity(text)
	if err != nil || q.Cmp(have) <= 0 {
		return "", "", false
	}
	return q.String(), why(c.Finding, "it needs more than its limit"), true
}
