//go:build integration

package cli_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// The kill switch against a real API server: it makes its namespace, says when it is on already, and is lifted.
func TestStopAndResume(t *testing.T) {
	api := apiserver.Start(t)
	client := api.Kube(t)
	admin := kubeconfig(t, api.Admin)
	for _, step := range []struct {
		command string
		says    string
		there   bool
	}{
		{"stop", "stopped: ", true}, {"stop", "stopped already", true}, {"resume", "may act again", false}, {"resume", "is not stopped", false},
	} {
		exit, out, errOut := run(t, step.command, "--kubeconfig", admin)
		if exit != cli.ExitOK || !strings.Contains(out, step.says) {
			t.Fatalf("%s: exit %d\n%s\n%s", step.command, exit, out, errOut)
		}
		_, err := client.CoreV1().ConfigMaps("gatemend").Get(t.Context(), "gatemend-stop", metav1.GetOptions{})
		if step.there && err != nil || !step.there && !apierrors.IsNotFound(err) {
			t.Errorf("after %s: %v", step.command, err)
		}
	}

	api.Namespace(t, "shop")
	if exit, out, errOut := run(t, "stop", "--kubeconfig", admin, "-n", "shop"); exit != cli.ExitOK || !strings.Contains(out, "in namespace shop") {
		t.Errorf("in shop: exit %d\n%s\n%s", exit, out, errOut)
	}
	if _, err := client.CoreV1().ConfigMaps("shop").Get(t.Context(), "gatemend-stop", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
	exit, _, errOut := run(t, "stop", "--kubeconfig", admin, "-n", "shpo")
	if exit != cli.ExitCouldNot || !strings.Contains(errOut, `namespaces "shpo" not found`) || !strings.Contains(errOut, "kubectl get namespaces") {
		t.Errorf("in a namespace that is not there: exit %d\n%s", exit, errOut)
	}

	exit, _, errOut = run(t, "stop", "--kubeconfig", kubeconfig(t, api.User(t, "stranger")))
	if exit != cli.ExitCouldNot || !strings.Contains(errOut, "gatemend was not stopped") || !strings.Contains(errOut, "kubectl create configmap gatemend-stop -n gatemend") {
		t.Errorf("stranger: exit %d\n%s", exit, errOut)
	}
}

// Who is on call needs the Role in config/rbac/stopper.yaml and nothing else, and it gives nothing else; whoever made the switch.
func TestStopperMayStopAndResumeAlone(t *testing.T) {
	api := apiserver.Start(t)
	client := api.Kube(t)
	api.Namespace(t, "gatemend")
	api.Namespace(t, "shop")
	api.Create(t, "../../config/rbac/stopper.yaml")
	oncall := api.User(t, "oncall")
	_, err := client.RbacV1().RoleBindings("gatemend").Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "oncall"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "gatemend-stopper"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "oncall"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	api.AwaitRight(t, "oncall", "gatemend", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create"}})

	file := kubeconfig(t, oncall)
	says := func(want, command string, args ...string) {
		t.Helper()
		exit, out, errOut := run(t, append([]string{command, "--kubeconfig", file}, args...)...)
		if exit != cli.ExitOK || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d\n%s\n%s", command, exit, out, errOut)
		}
	}
	says("is not stopped", "resume")
	says("stopped: ", "stop", "--reason", "the storage moves")
	cm, err := client.CoreV1().ConfigMaps("gatemend").Get(t.Context(), "gatemend-stop", metav1.GetOptions{})
	if err != nil || cm.Data["reason"] != "the storage moves" || cm.Data["at"] == "" {
		t.Errorf("got %+v, error %v", cm, err)
	}
	says("stopped already: gatemend was stopped (the storage moves, ", "stop", "--reason", "another")
	says("may act again", "resume")
	bare := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "gatemend-stop"}} // as by kubectl create configmap
	if _, err := client.CoreV1().ConfigMaps("gatemend").Create(t.Context(), bare, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	says("stopped already: ", "stop")
	says("may act again", "resume")
	says("is not stopped", "resume")

	own, err := kubernetes.NewForConfig(oncall)
	if err != nil {
		t.Fatal(err)
	}
	for namespace, want := range map[string][]string{
		"shop":     nil,
		"gatemend": {"create /configmaps []", "delete /configmaps [gatemend-stop]", "get /configmaps [gatemend-stop]"},
	} {
		review, err := own.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), &authorizationv1.SelfSubjectRulesReview{
			Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range review.Status.ResourceRules {
			for _, group := range r.APIGroups {
				if group == "authorization.k8s.io" || group == "authentication.k8s.io" {
					continue // everybody may ask what they may, and who they are
				}
				for _, resource := range r.Resources {
					for _, verb := range r.Verbs {
						got = append(got, fmt.Sprintf("%s %s/%s %v", verb, group, resource, r.ResourceNames))
					}
				}
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("in namespace %s it may %q, want %q", namespace, got, want)
		}
	}
	if _, err := own.CoreV1().ConfigMaps("gatemend").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("it may list ConfigMaps: %v", err)
	}
	if err := own.CoreV1().ConfigMaps("gatemend").Delete(t.Context(), "kube-root-ca.crt", metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("it may delete another ConfigMap: %v", err)
	}
}
