//go:build integration

package cli_test

import (
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// The kill switch against a real API server: it makes its namespace, says when it is on already, and is lifted.
// Who is on call needs no more than the Role in config/rbac/stopper.yaml.
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

	api.Allow(t, "oncall", "gatemend", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create"}})
	if exit, out, errOut := run(t, "stop", "--reason", "the storage moves", "--kubeconfig", kubeconfig(t, api.User(t, "oncall"))); exit != cli.ExitOK {
		t.Errorf("on call: exit %d\n%s\n%s", exit, out, errOut)
	}
	cm, err := client.CoreV1().ConfigMaps("gatemend").Get(t.Context(), "gatemend-stop", metav1.GetOptions{})
	if err != nil || cm.Data["reason"] != "the storage moves" || cm.Data["at"] == "" {
		t.Errorf("got %+v, error %v", cm, err)
	}
	exit, _, errOut := run(t, "stop", "--kubeconfig", kubeconfig(t, api.User(t, "stranger")))
	if exit != cli.ExitCouldNot || !strings.Contains(errOut, "kubectl create configmap gatemend-stop -n gatemend") {
		t.Errorf("stranger: exit %d\n%s", exit, errOut)
	}
}
