//go:build lab

package controller_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/lab/gateway"
	"github.com/gatemend/gatemend/lab/gateway/nginx"
	"github.com/gatemend/gatemend/lab/image"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

// TestOneNamespace installs a release that may look at the shop's namespace alone, where there is a gateway, too. It mends what
// that gateway's clients suffer from, and tries nothing there that it has no right to.
func TestOneNamespace(t *testing.T) {
	b := open(t)
	b.namespace = manifest.Namespace
	b.ownGateway(t)
	b.scoped(t)
	rules := policy("auto").Object["spec"].(map[string]any)
	rules["namespaceOptIn"] = "NotRequired"
	b.installChart(t, map[string]any{
		"mode": "auto", "namespaced": true, "policies": []any{map[string]any{"name": "all", "spec": rules}},
	})
	for i, name := range []string{"wrong-selector", "loopback-only"} {
		f := b.breaks(t, name)
		at := time.Now()
		b.await(t, f, "Resolved")
		b.calm(t)
		t.Logf("%s: mended within %s", name, time.Since(at).Round(100*time.Millisecond))
		if wrote := b.wrote(t); len(wrote) != i+1 {
			t.Errorf("%s: it changed %v: not each fault once", name, wrote)
		}
	}
	// Whether it may see all namespaces is learnt by asking, kind by kind: that is refused here, and must be all that is.
	widely := func(what string) bool { return strings.HasPrefix(what, "list ") && strings.HasSuffix(what, " /") }
	if denied := slices.DeleteFunc(b.denied(t), widely); len(denied) > 0 {
		t.Errorf("it may not do what it tries to: %s", strings.Join(denied, ", "))
	}
	b.bounded(t)
}

// ownGateway has the shop's namespace run its nginx itself, and nobody else; clients ask that one.
func (b *bench) ownGateway(t *testing.T) {
	t.Helper()
	b.run.Stop()
	none := []byte(`{"spec":{"replicas":0}}`)
	if _, err := b.Client.Kube.AppsV1().Deployments(nginx.Namespace).Patch(t.Context(), nginx.Name, types.MergePatchType, none, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	own := manifest.Gateway{Name: "nginx", Namespace: manifest.Namespace, Service: nginx.Name, Container: nginx.Container}
	if err := b.Client.Apply(t.Context(), gateway.Manifest(gateway.Spec{
		Namespace: own.Namespace, Name: own.Service, Container: own.Container, Labels: nginx.Labels(), Image: image.Ref("nginx-gateway"),
		Class: nginx.Class, Controller: "k8s.io/ingress-nginx", HealthPort: 80,
	})...); err != nil {
		t.Fatal(err)
	}
	if err := b.Client.RolledOut(t.Context(), own.Namespace, own.Service); err != nil {
		t.Fatal(err)
	}
	address, err := b.Client.Address(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	host := manifest.Host(manifest.Web)
	b.run, err = load.Start(t.Context(), b.DialContext, []load.Target{{Name: host, Address: address, Host: host}}, load.Limits{Rate: requests, Count: requests * 600, Duration: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.run.Stop() })
	b.calm(t)
}

// scoped gives the release what somebody who may install CRDs gives it besides: see config/rbac/scoped.yaml.
func (b *bench) scoped(t *testing.T) {
	t.Helper()
	role, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", "scoped.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects(t, string(role)) {
		if err := b.Client.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Client.Apply(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "gatemend-shop"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "gatemend-scoped"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: b.namespace, Name: "gatemend"}},
	}); err != nil {
		t.Fatal(err)
	}
}
