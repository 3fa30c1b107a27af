//go:build integration

package act_test

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

const (
	ns       = "default"
	waitLong = 30 * time.Second
)

func actor(t *testing.T, config *rest.Config) *act.Actor {
	t.Helper()
	c, err := kube.Connect(config)
	if err != nil {
		t.Fatal(err)
	}
	return act.New(c.Kube, c.Dynamic, c.Mapper)
}

// TestRealAPIServer runs all of it against one kube-apiserver, each case with objects of its own.
func TestRealAPIServer(t *testing.T) {
	server := apiserver.Start(t)
	server.InstallRollouts(t)
	for name, run := range map[string]func(*testing.T, *apiserver.Server){
		"a patch is applied and taken back":                     testPatch,
		"fields are given back":                                 testRelease,
		"the last key of a map comes back":                      testLastKey,
		"a dry run changes nothing":                             testDryRun,
		"an object that moved is left alone":                    testStale,
		"a value that the API server refuses is no stale one":   testRejected,
		"a lacking right is named":                              testForbidden,
		"a deleted Service comes back as it was":                testCreate,
		"a Service whose address is taken gets another":         testCreateElsewhere,
		"a deletion takes only what was created":                testDelete,
		"a rollout is waited for":                               testWaitRollout,
		"an Argo Rollout is waited for":                         testWaitArgo,
		"a resize in place is waited for":                       testWaitResize,
		"an eviction takes the pod":                             testEvict,
		"an eviction respects a PodDisruptionBudget":            testEvictBlocked,
		"an eviction takes that very pod or none":               testEvictOther,
		"an annotation with a slash in its name can be changed": testAnnotation,
	} {
		t.Run(name, func(t *testing.T) { run(t, server) })
	}
}

func newService(t *testing.T, c kubernetes.Interface, name string) *corev1.Service {
	t.Helper()
	s, err := c.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{"example.com/owner": "shop"}},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "cart"},
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func getService(t *testing.T, c kubernetes.Interface, name string) *corev1.Service {
	t.Helper()
	s, err := c.CoreV1().Services(ns).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ref(kind, name string) model.Ref {
	return model.Ref{APIVersion: "v1", Kind: kind, Namespace: ns, Name: name}
}

func newPod(t *testing.T, c kubernetes.Interface, name string, labels map[string]string) *corev1.Pod {
	t.Helper()
	p, err := c.CoreV1().Pods(ns).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/app"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.Status.Phase = corev1.PodRunning
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	p, err = c.CoreV1().Pods(ns).UpdateStatus(t.Context(), p, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
