package act_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/gatemend/gatemend/internal/act"
)

// One person may stop gatemend while another resumes it: what is deleted is what was looked at.
func TestResumeDeletesThatVerySwitch(t *testing.T) {
	kube := fake.NewClientset(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "stop", UID: "u1"}})
	if deleted, err := act.NewSwitch(kube, "ns", "stop", false).Resume(t.Context()); !deleted || err != nil {
		t.Errorf("deleted %v, error %v", deleted, err)
	}
	var calls []string
	for _, a := range kube.Actions() {
		calls = append(calls, a.GetVerb())
		d, ok := a.(clienttesting.DeleteActionImpl)
		if !ok {
			continue
		}
		if p := d.GetDeleteOptions().Preconditions; p == nil || p.UID == nil || *p.UID != "u1" {
			t.Errorf("deleted with preconditions %+v", p)
		}
	}
	if len(calls) != 2 || calls[0] != "get" || calls[1] != "delete" {
		t.Errorf("calls %q", calls)
	}
}
