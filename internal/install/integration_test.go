//go:build integration

package install_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/install"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// A real API server takes all that is printed, and the controller's account may afterwards do what its mode is for,
// where it is for it, and read no Secret.
func TestAPIServerTakesManifests(t *testing.T) {
	for _, c := range []struct {
		o            install.Options
		reads, mends bool // in another namespace
	}{
		{install.Options{Mode: "observe", Namespace: "gatemend"}, true, false},
		{install.Options{Mode: "auto", Namespace: "mending"}, true, true},
		{install.Options{Mode: "auto", Namespace: "shop", Namespaced: true}, false, false},
	} {
		t.Run(fmt.Sprintf("%s in %s", c.o.Mode, c.o.Namespace), func(t *testing.T) {
			s := apiserver.Start(t)
			text, err := install.Manifests(c.o)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "manifests.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s.Create(t, file)
			s.Namespace(t, "other")
			may := func(namespace, verb, group, resource string) bool {
				resource, sub, _ := strings.Cut(resource, "/")
				review, err := s.Kube(t).AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
					Spec: authorizationv1.SubjectAccessReviewSpec{
						User: "system:serviceaccount:" + c.o.Namespace + ":gatemend", Groups: []string{"system:serviceaccounts"},
						ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: sub},
					},
				}, metav1.CreateOptions{})
				if err != nil {
					t.Fatal(err)
				}
				return review.Status.Allowed
			}
			own := c.o.Namespace
			for _, want := range []struct {
				namespace, verb, group, resource string
				allowed                          bool
			}{
				{own, "list", "", "pods", true},
				{own, "update", "gatemend.dev", "incidents/status", true},
				{own, "create", "coordination.k8s.io", "leases", true},
				{own, "patch", "", "services", c.o.Mode == "auto"},
				{"other", "get", "", "pods/log", c.reads},
				{"other", "patch", "", "services", c.mends},
				{"other", "create", "coordination.k8s.io", "leases", false},
				{"other", "patch", "networking.k8s.io", "networkpolicies", false},
				{own, "get", "", "secrets", false},
				{own, "create", "gatemend.dev", "remediationapprovals", false},
				{own, "create", "rbac.authorization.k8s.io", "rolebindings", false},
			} {
				if got := may(want.namespace, want.verb, want.group, want.resource); got != want.allowed {
					t.Errorf("%+v: allowed %v", want, got)
				}
			}
		})
	}
}
