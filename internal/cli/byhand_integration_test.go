//go:build integration

package cli_test

import (
	"os"
	"os/exec"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// A printed command does what it says, and nothing to an object whose fields have changed since.
func TestByHand(t *testing.T) {
	api := apiserver.Start(t)
	config := kubeconfig(t, api.Admin)
	services := api.Kube(t).CoreV1().Services("default")
	for name, tc := range map[string]struct {
		field     model.FieldChange
		meanwhile string // a merge patch that somebody else makes before
		refused   bool
	}{
		"replace":                     {model.FieldChange{Path: "/spec/selector/app", Old: []byte(`"a"`), New: []byte(`"b"`)}, `{"metadata":{"labels":{"x":"y"}}}`, false},
		"replace what changed":        {model.FieldChange{Path: "/spec/selector/app", Old: []byte(`"a"`), New: []byte(`"b"`)}, `{"spec":{"selector":{"app":"c"}}}`, true},
		"remove":                      {model.FieldChange{Path: "/spec/selector/old", Old: []byte(`"x"`)}, `{"metadata":{"labels":{"x":"y"}}}`, false},
		"remove what changed":         {model.FieldChange{Path: "/spec/selector/old", Old: []byte(`"x"`)}, `{"spec":{"selector":{"old":"z"}}}`, true},
		"add":                         {model.FieldChange{Path: "/spec/selector/new", New: []byte(`"x"`)}, `{"metadata":{"labels":{"x":"y"}}}`, false},
		"add what is there meanwhile": {model.FieldChange{Path: "/spec/selector/new", New: []byte(`"x"`)}, `{"spec":{"selector":{"new":"z"}}}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := services.Create(t.Context(), &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "cart-"},
				Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "a", "old": "x"}, Ports: []corev1.ServicePort{{Port: 80}}},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			target := model.Ref{APIVersion: "v1", Kind: "Service", Namespace: s.Namespace, Name: s.Name}
			command := remedy.Kubectl([]model.Change{{Op: model.OpPatch, Target: target, ResourceVersion: s.ResourceVersion, Fields: []model.FieldChange{tc.field}}})
			before, err := services.Patch(t.Context(), s.Name, types.MergePatchType, []byte(tc.meanwhile), metav1.PatchOptions{})
			if err != nil {
				t.Fatal(err)
			}
			shell := exec.CommandContext(t.Context(), "sh", "-c", command)
			shell.Env = []string{"PATH=" + os.Getenv("KUBEBUILDER_ASSETS") + ":" + os.Getenv("PATH"), "KUBECONFIG=" + config, "HOME=" + t.TempDir()}
			out, err := shell.CombinedOutput()
			after, getErr := services.Get(t.Context(), s.Name, metav1.GetOptions{})
			if getErr != nil {
				t.Fatal(getErr)
			}
			if changed := after.ResourceVersion != before.ResourceVersion; changed == tc.refused || (err != nil) != tc.refused {
				t.Errorf("%s\n%s%v: changed %v, want it refused: %v", command, out, err, changed, tc.refused)
			}
		})
	}
}
