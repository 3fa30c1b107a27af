package act

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/gatemend/gatemend/internal/model"
)

// guestPrefix begins the names of gatemend's ephemeral containers.
const guestPrefix = "gatemend-look-"

const (
	mostGuests = 3 // in one pod: they stay in its spec for as long as it lives
	guestEvery = 500 * time.Millisecond
	guestBytes = 1 << 20 // of what one prints
	nobody     = 65534
)

// Guest runs a program in an ephemeral container that joins a running pod, and gives what it printed. The container
// shares the pod's network and sees nothing of its processes and volumes; it has no privileges, so that it fits the
// restricted Pod Security Standard. It ends with the program, but its entry in the pod's spec cannot be taken out
// again (kubernetes.io, Ephemeral Containers): a pod is only given a few.
//
// The error is a [*ForbiddenError] if a right is lacking, a [*RejectedError] if the API server or an admission plugin,
// PodSecurity among them, says no. The context bounds how long the image may take to come and the program to end.
func (a *Actor) Guest(ctx context.Context, pod model.Ref, image string, argv []string) ([]byte, error) {
	pods := a.kube.CoreV1().Pods(pod.Namespace)
	p, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("look at %s before a container joins it: %w", pod, err)
	}
	name, err := guestName(p)
	if err != nil {
		return nil, err
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"ephemeralContainers": []corev1.EphemeralContainer{guest(name, image, argv)}}})
	if err != nil {
		return nil, fmt.Errorf("write an ephemeral container: %w", err)
	}
	_, err = pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager}, "ephemeralcontainers")
	if err != nil {
		return nil, guestRefused(pod, err)
	}
	err = wait.PollUntilContextCancel(ctx, guestEvery, true, func(ctx context.Context) (bool, error) {
		p, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			return false, fmt.Errorf("look at ephemeral container %s of %s: %w", name, pod, err)
		}
		return guestEnded(p, name)
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("ephemeral container %s with image %s in %s: %w", name, image, pod, err)
	}
	limit := int64(guestBytes)
	out, err := pods.GetLogs(pod.Name, &corev1.PodLogOptions{Container: name, LimitBytes: &limit}).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what ephemeral container %s of %s printed: %w", name, pod, err)
	}
	return out, nil
}

// guestName is the first of the names for guests that a pod does not have yet.
func guestName(p *corev1.Pod) (string, error) {
	for i := range mostGuests {
		name := fmt.Sprint(guestPrefix, i+1)
		if !slices.ContainsFunc(p.Spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool { return c.Name == name }) {
			return name, nil
		}
	}
	return "", fmt.Errorf("pod %s/%s had %d ephemeral containers of gatemend already, and they cannot be removed: replace the pod to look again", p.Namespace, p.Name, mostGuests)
}

func guest(name, image string, argv []string) corev1.EphemeralContainer {
	yes, no, user := true, false, int64(nobody)
	return corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name: name, Image: image, Command: argv, ImagePullPolicy: corev1.PullIfNotPresent,
		SecurityContext: &corev1.SecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &user, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
			Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
	}}
}

// guestRefused tells a lacking right from a refusal of the container.
func guestRefused(pod model.Ref, err error) error {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	switch {
	case ok && apierrors.IsForbidden(err) && lacksRight(status.ErrStatus):
		return &ForbiddenError{Verb: "patch", Resource: schema.GroupResource{Resource: "pods/ephemeralcontainers"}, Namespace: pod.Namespace, Words: status.ErrStatus.Message}
	case ok && (apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)):
		return &RejectedError{Object: pod, Err: err}
	default:
		return fmt.Errorf("add an ephemeral container to %s: %w", pod, err)
	}
}

// guestEnded reports whether a guest's program has ended well; the error says why it never will.
func guestEnded(p *corev1.Pod, name string) (bool, error) {
	i := slices.IndexFunc(p.Status.EphemeralContainerStatuses, func(st corev1.ContainerStatus) bool { return st.Name == name })
	if i < 0 {
		return false, nil
	}
	switch st := p.Status.EphemeralContainerStatuses[i].State; {
	case st.Terminated != nil && st.Terminated.ExitCode != 0:
		return false, fmt.Errorf("it ended with exit code %d: %s", st.Terminated.ExitCode, cmp.Or(st.Terminated.Message, st.Terminated.Reason))
	case st.Terminated != nil:
		return true, nil
	case st.Waiting != nil && (strings.HasPrefix(st.Waiting.Reason, "ErrImage") || strings.HasSuffix(st.Waiting.Reason, "BackOff") ||
		strings.HasPrefix(st.Waiting.Reason, "Create") || st.Waiting.Reason == "InvalidImageName" || st.Waiting.Reason == "RunContainerError"):
		return false, fmt.Errorf("it does not start (%s): %s", st.Waiting.Reason, st.Waiting.Message)
	default:
		return false, nil
	}
}
