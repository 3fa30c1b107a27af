package manifest

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/lab/gateway/contour"
	"github.com/gatemend/gatemend/lab/gateway/haproxy"
	"github.com/gatemend/gatemend/lab/gateway/nginx"
)

func client(t *testing.T) *Client {
	t.Helper()
	c, err := New(&rest.Config{Host: "https://127.0.0.1:1"}) // never asked
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func everything() []runtime.Object {
	objects := slices.Concat(Shop(), nginx.Objects("nginx"), haproxy.Objects("haproxy"), contour.Shared(), contour.GatewayObjects())
	for _, p := range []contour.Pair{contour.Ingress(), contour.Gateway()} {
		objects = slices.Concat(objects, p.ControlPlane("contour"), p.DataPlane("contour", "envoy"))
	}
	return objects
}

func TestObjectsHoldNothingThatBelongsToTheServer(t *testing.T) {
	c, seen := client(t), map[string]bool{}
	for _, o := range everything() {
		u, err := c.plain(o)
		if err != nil {
			t.Fatal(err)
		}
		name := title(u)
		if u.GetAPIVersion() == "" || u.GetName() == "" {
			t.Errorf("%s: has no version or no name", name)
		}
		// Two objects of the same name would overwrite each other.
		if seen[name] {
			t.Errorf("%s: twice", name)
		}
		seen[name] = true
		for _, path := range [][]string{{"status"}, {"metadata", "creationTimestamp"}, {"spec", "template", "metadata", "creationTimestamp"}} {
			if _, found, _ := unstructured.NestedFieldNoCopy(u.Object, path...); found {
				t.Errorf("%s: has %v", name, path)
			}
		}
	}
	for _, want := range []string{"Service shop/cart", "HTTPRoute shop/cart-gw", "Gateway projectcontour/shop", "IngressClass haproxy"} {
		if !seen[want] {
			t.Errorf("there is no %s", want)
		}
	}
}

func TestPodsNeverPull(t *testing.T) {
	for _, o := range everything() {
		d, ok := o.(*appsv1.Deployment)
		if !ok {
			continue
		}
		for _, c := range slices.Concat(d.Spec.Template.Spec.InitContainers, d.Spec.Template.Spec.Containers) {
			if c.ImagePullPolicy != corev1.PullNever || c.Image == "" {
				t.Errorf("deployment %s: container %s pulls %q", d.Name, c.Name, c.Image)
			}
			if c.Resources.Limits.Memory().IsZero() {
				t.Errorf("deployment %s: container %s may eat the node's memory", d.Name, c.Name)
			}
		}
	}
}

func TestMergeKeepsWhatTheServerAssigned(t *testing.T) {
	live := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{
			"name": "web", "resourceVersion": "7", "uid": "u", "labels": map[string]any{"extra": "x"},
			"annotations": map[string]any{"deployment.kubernetes.io/revision": "3", "note": "x"},
		},
		"spec":   map[string]any{"clusterIP": "10.96.0.9", "clusterIPs": []any{"10.96.0.9"}, "selector": map[string]any{"app": "website"}},
		"status": map[string]any{"loadBalancer": map[string]any{}},
	}}
	want, err := client(t).plain(Service(Web))
	if err != nil {
		t.Fatal(err)
	}
	before := want.DeepCopy()
	got := merge(live, want)
	if got.GetResourceVersion() != "7" || got.GetUID() != "u" {
		t.Errorf("got version %q, uid %q", got.GetResourceVersion(), got.GetUID())
	}
	if ip, _, _ := unstructured.NestedString(got.Object, "spec", "clusterIP"); ip != "10.96.0.9" {
		t.Errorf("got address %q", ip)
	}
	if s, _, _ := unstructured.NestedStringMap(got.Object, "spec", "selector"); s["app"] != "web" {
		t.Errorf("got selector %v", s)
	}
	if got.GetLabels()["extra"] != "" || got.GetAnnotations()["note"] != "" || got.GetAnnotations()["deployment.kubernetes.io/revision"] != "3" {
		t.Errorf("got labels %v, annotations %v", got.GetLabels(), got.GetAnnotations())
	}
	if before.GetResourceVersion() != want.GetResourceVersion() {
		t.Error("the wanted object was changed")
	}
}

func TestRollout(t *testing.T) {
	cases := []struct {
		name     string
		status   appsv1.DeploymentStatus
		finished bool
	}{
		{"all there", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, true},
		{"of the generation before", appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, false},
		{"half updated", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 1, AvailableReplicas: 3}, false},
		{"old pods left", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 2, AvailableReplicas: 3}, false},
		{"not available", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1}, false},
	}
	for _, c := range cases {
		d := Deployment(Web)
		d.Generation, d.Status = 2, c.status
		if got := rollout(d); (got == "") != c.finished {
			t.Errorf("%s: got %q", c.name, got)
		}
	}
}

func TestEveryGatewayIsDeployedAndServesARoute(t *testing.T) {
	services := map[string]bool{}
	for _, o := range everything() {
		if s, ok := o.(*corev1.Service); ok {
			services[s.Namespace+"/"+s.Name] = true
		}
	}
	for _, g := range Gateways() {
		if !services[g.Namespace+"/"+g.Service] || len(g.Hosts) == 0 {
			t.Errorf("gateway %s: service %s/%s, hosts %v", g.Name, g.Namespace, g.Service, g.Hosts)
		}
	}
}
