//go:build integration

// Package apiserver gives tests a real kube-apiserver with its etcd: nothing else runs, so objects
// do what tests tell them and nothing more.
package apiserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Server is an API server that lives as long as a test.
type Server struct {
	Admin *rest.Config // may do everything
	env   *envtest.Environment
}

// starting is held while a server starts, for which it takes all processors there are: several at once would keep each other
// from having their first namespace within the five seconds that envtest waits for it (Environment.waitForDefaultNamespace).
var starting sync.Mutex //nolint:gochecknoglobals // tests share the machine, and nothing else

// Start starts an API server. It never skips: a test that nobody runs proves nothing.
func Start(t *testing.T) *Server {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set: run 'make test-integration', or " +
			`export KUBEBUILDER_ASSETS="$(cd lab && go run ./cmd/lab binaries --print-dir)"`)
	}
	env := &envtest.Environment{ControlPlaneStartTimeout: 2 * time.Minute, ControlPlaneStopTimeout: 20 * time.Second}
	starting.Lock()
	config, err := env.Start()
	starting.Unlock()
	if err != nil {
		t.Fatalf("start API server: %v", err)
	}
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Errorf("stop API server: %v", err)
		}
	})
	config.QPS = -1 // no limit: tests make many objects
	return &Server{Admin: config, env: env}
}

// Kube is a client that may do everything.
func (s *Server) Kube(t *testing.T) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(s.Admin)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// User makes a user, known by a client certificate, who may do nothing yet.
func (s *Server) User(t *testing.T, name string) *rest.Config {
	t.Helper()
	u, err := s.env.AddUser(envtest.User{Name: name}, &rest.Config{QPS: -1})
	if err != nil {
		t.Fatalf("add user %s: %v", name, err)
	}
	return u.Config()
}

// Allow lets a user do something in one namespace, and returns when the server goes by it.
func (s *Server) Allow(t *testing.T, user, namespace string, rules ...rbacv1.PolicyRule) {
	t.Helper()
	ctx, kube := context.Background(), s.Kube(t)
	meta := metav1.ObjectMeta{Namespace: namespace, Name: user}
	if _, err := kube.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := kube.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: user}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		s.AwaitRight(t, user, namespace, r)
	}
}

// AwaitRight waits until the server goes by a rule that was given to a user.
func (s *Server) AwaitRight(t *testing.T, user, namespace string, r rbacv1.PolicyRule) {
	t.Helper()
	s.awaitRight(t, user, authorizationv1.ResourceAttributes{Namespace: namespace, Verb: r.Verbs[0], Group: r.APIGroups[0], Resource: r.Resources[0]})
}

// AwaitNoRight waits until the server goes by that a user has a right no longer.
func (s *Server) AwaitNoRight(t *testing.T, user, namespace string, r rbacv1.PolicyRule) {
	t.Helper()
	s.awaitAnswer(t, user, authorizationv1.ResourceAttributes{Namespace: namespace, Verb: r.Verbs[0], Group: r.APIGroups[0], Resource: r.Resources[0]}, false)
}

// awaitRight waits until a user has a right.
func (s *Server) awaitRight(t *testing.T, user string, what authorizationv1.ResourceAttributes) {
	t.Helper()
	s.awaitAnswer(t, user, what, true)
}

// awaitAnswer waits until the server's authorizer, which watches roles as everybody does, has seen whether a user has a right.
func (s *Server) awaitAnswer(t *testing.T, user string, what authorizationv1.ResourceAttributes, want bool) {
	t.Helper()
	what.Resource, what.Subresource, _ = strings.Cut(what.Resource, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &what}}
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		answer, err := s.Kube(t).AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err == nil && answer.Status.Allowed == want, err
	})
	if err != nil {
		t.Fatalf("until it is %v that %s may %s %s: %v", want, user, what.Verb, what.Resource, err)
	}
}

// InstallGatewayAPI installs the Gateway API's standard resources.
func (s *Server) InstallGatewayAPI(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatalf("find the Gateway API's module: %v", err)
	}
	_, err = envtest.InstallCRDs(s.Admin, envtest.CRDInstallOptions{
		Paths:              []string{filepath.Join(strings.TrimSpace(string(out)), "config", "crd", "standard")},
		ErrorIfPathMissing: true,
	})
	if err != nil {
		t.Fatalf("install the Gateway API: %v", err)
	}
}

// InstallRollouts installs Argo's Rollouts, as their repository publishes them (Apache 2.0): argoproj/argo-rollouts,
// manifests/crds/rollout-crd.yaml at 9f8d111d8.
func (s *Server) InstallRollouts(t *testing.T) {
	t.Helper()
	packed, err := os.Open(filepath.Join(moduleRoot(t), "internal", "testkit", "apiserver", "testdata", "rollout-crd.yaml.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatalf("unpack Argo's Rollouts: %v", err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.NewYAMLOrJSONDecoder(plain, 4096).Decode(crd); err != nil {
		t.Fatalf("read Argo's Rollouts: %v", err)
	}
	if _, err := envtest.InstallCRDs(s.Admin, envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{crd}}); err != nil {
		t.Fatalf("install Argo's Rollouts: %v", err)
	}
}

// InstallCustom installs a namespaced custom resource whose fields are whatever they are.
func (s *Server) InstallCustom(t *testing.T, group, version, kind, plural string) {
	t.Helper()
	anything := true
	_, err := envtest.InstallCRDs(s.Admin, envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{{
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, Plural: plural},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: version, Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &anything}},
			}},
		},
	}}})
	if err != nil {
		t.Fatalf("install %s: %v", kind, err)
	}
}

// InstallGatemend installs gatemend's own resources and the policy that vouches for approvals.
func (s *Server) InstallGatemend(t *testing.T) {
	t.Helper()
	root := moduleRoot(t)
	if _, err := envtest.InstallCRDs(s.Admin, envtest.CRDInstallOptions{Paths: []string{filepath.Join(root, "config", "crd")}, ErrorIfPathMissing: true}); err != nil {
		t.Fatalf("install gatemend's resources: %v", err)
	}
	s.Create(t, filepath.Join(root, "config", "admission", "approvals.yaml"))
}

// Create creates the objects of a file of manifests.
func (s *Server) Create(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(s.Admin, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096); ; {
		var o unstructured.Unstructured
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil && o.Object != nil {
			err = c.Create(context.Background(), &o)
		}
		if err != nil {
			t.Fatalf("create what is in %s: %v", file, err)
		}
	}
}

// Namespace makes a namespace.
func (s *Server) Namespace(t *testing.T, name string) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := s.Kube(t).CoreV1().Namespaces().Create(context.Background(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// Table is what kubectl is shown of a path.
func (s *Server) Table(t *testing.T, path string) metav1.Table {
	t.Helper()
	data, err := s.Kube(t).Discovery().RESTClient().Get().AbsPath(path).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var table metav1.Table
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	return table
}

// moduleRoot is the folder of go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("find the module: %v", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}
