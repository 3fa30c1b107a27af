package act

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/gatemend/gatemend/internal/model"
)

func TestGuest(t *testing.T) {
	ended := func(code int32) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error"}}
	}
	waits := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "no such host"}}
	}
	pods := schema.GroupResource{Resource: "pods"}
	for _, tt := range []struct {
		name    string
		before  []string // ephemeral containers that the pod has
		refusal error
		state   corev1.ContainerState // of the guest, once it is there
		joins   string                // the container that is added
		want    string                // in the error; empty: none
	}{
		{"it prints and ends", nil, nil, ended(0), "gatemend-look-1", ""},
		{"beside an earlier one", []string{"debugger", "gatemend-look-1"}, nil, ended(0), "gatemend-look-2", ""},
		{"too many earlier ones", []string{"gatemend-look-1", "gatemend-look-2", "gatemend-look-3"}, nil, ended(0), "", "replace the pod"},
		{"the program fails", nil, nil, ended(127), "gatemend-look-1", "exit code 127"},
		{"the image does not come", nil, nil, waits("ErrImagePull"), "gatemend-look-1", "ErrImagePull"},
		{"it never starts", nil, nil, waits("ContainerCreating"), "gatemend-look-1", "took too long"},
		{"no right", nil, apierrors.NewForbidden(pods, "cart", errors.New(`User "me" cannot patch resource "pods/ephemeralcontainers"`)), corev1.ContainerState{}, "", `resources: ["pods/ephemeralcontainers"], verbs: ["patch"]`},
		{"PodSecurity says no", nil, apierrors.NewForbidden(pods, "cart", errors.New(`violates PodSecurity "restricted:latest"`)), corev1.ContainerState{}, "", "the API server rejects it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"}}
				for _, name := range tt.before {
					pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: name}})
				}
				kube, joined := fake.NewClientset(pod), ""
				kube.PrependReactor("patch", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
					if tt.refusal != nil {
						return true, nil, tt.refusal
					}
					patch, is := action.(clienttesting.PatchAction)
					var body corev1.Pod
					if !is || action.GetSubresource() != "ephemeralcontainers" || json.Unmarshal(patch.GetPatch(), &body) != nil || len(body.Spec.EphemeralContainers) != 1 {
						t.Fatalf("patch %+v", action)
					}
					c := body.Spec.EphemeralContainers[0]
					joined = c.Name
					if c.Image != "busybox" || c.TargetContainerName != "" || c.SecurityContext == nil || !*c.SecurityContext.RunAsNonRoot || *c.SecurityContext.AllowPrivilegeEscalation {
						t.Errorf("it asks for more than it needs: %+v", c)
					}
					after := pod.DeepCopy()
					after.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: c.Name, State: tt.state}}
					return true, after, kube.Tracker().Update(corev1.SchemeGroupVersion.WithResource("pods"), after, "shop")
				})
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("it took too long"))
				defer cancel()
				out, err := New(kube, nil, nil).Guest(ctx, model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "cart"}, "busybox", []string{"cat"})
				if joined != tt.joins || (err == nil) != (tt.want == "") {
					t.Fatalf("container %q joined (%v), want %q", joined, err, tt.joins)
				}
				switch {
				case err != nil && !strings.Contains(err.Error(), tt.want):
					t.Errorf("%v; want something about %s", err, tt.want)
				case err == nil && len(out) == 0:
					t.Error("nothing was printed")
				}
			})
		})
	}
}
