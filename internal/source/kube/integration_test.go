//go:build integration

package kube_test

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

const waitLong = 30 * time.Second

func connect(t *testing.T, config *rest.Config) *kube.Clients {
	t.Helper()
	c, err := kube.Connect(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRealAPIServer runs in order: the Gateway API is installed half-way.
func TestRealAPIServer(t *testing.T) {
	server := apiserver.Start(t)
	admin := server.Kube(t)
	for _, name := range []string{"shop", "other"} {
		if _, err := admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		newService(t, server, name, "cart")
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "database"}, StringData: map[string]string{"password": "hunter2"}}
		if _, err := admin.CoreV1().Secrets(name).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("with all rights everything but Secrets is read", func(t *testing.T) { testReadAll(t, server) })
	t.Run("who may list one namespace gets that one", func(t *testing.T) { testReadSome(t, server) })
	t.Run("who may list nothing gets an error", func(t *testing.T) { testReadNothing(t, server) })
	t.Run("who is not known gets an error", func(t *testing.T) { testUnknownUser(t, server) })
	t.Run("a server that does not answer gives an error", testUnreachable)
	t.Run("a watch follows, remembers what went, and finds what is installed", func(t *testing.T) { testWatch(t, server) })
	t.Run("a watch with few rights follows what it may", func(t *testing.T) { testWatchSome(t, server) })
	t.Run("the Gateway API is read when it is installed", func(t *testing.T) { testGatewayAPI(t, server) })
}

func newService(t *testing.T, server *apiserver.Server, namespace, name string) {
	t.Helper()
	_, err := server.Kube(t).CoreV1().Services(namespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func coverage(t *testing.T, s *snapshot.Snapshot, k snapshot.Kind, want snapshot.Coverage) {
	t.Helper()
	if got, why := s.Coverage(k); got != want {
		t.Errorf("coverage of %s is %q (%s), want %q", k, got, why, want)
	}
}

func testReadAll(t *testing.T, server *apiserver.Server) {
	before := time.Now()
	s, err := kube.Read(t.Context(), connect(t, server.Admin), kube.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if s.At().Before(before) {
		t.Errorf("read at %v, before the read began", s.At())
	}
	for _, k := range snapshot.Kinds() {
		switch k {
		case snapshot.Secrets, snapshot.Other:
			coverage(t, s, k, snapshot.NotRead)
		case snapshot.GatewayClasses, snapshot.Gateways, snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.ReferenceGrants:
			coverage(t, s, k, snapshot.NotServed)
		default:
			coverage(t, s, k, snapshot.Complete)
		}
	}
	for _, name := range []string{"shop", "other"} {
		if _, p := s.Services().Get(name, "cart"); p != snapshot.Present {
			t.Errorf("Service %s/cart is %v, want present", name, p)
		}
	}
	if _, p := s.Services().Get("shop", "basket"); p != snapshot.Absent {
		t.Errorf("Service shop/basket is %v, want absent", p)
	}
	if n := s.Secrets().Len(); n != 0 {
		t.Errorf("%d Secrets were read", n)
	}
	if len(s.Notes()) != 0 {
		t.Errorf("notes %v, want none", s.Notes())
	}
}

// readers are the rights of somebody who may look at a namespace's Services and pods.
func readers() rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"services", "pods"}, Verbs: []string{"list", "watch", "get"}}
}

func testReadSome(t *testing.T, server *apiserver.Server) {
	config := server.User(t, "developer")
	server.Allow(t, "developer", "shop", readers())
	var s *snapshot.Snapshot
	eventually(t, func() (err error) {
		s, err = kube.Read(t.Context(), connect(t, config), kube.Options{Namespace: "shop", Now: time.Now})
		return err
	})
	coverage(t, s, snapshot.Services, snapshot.Partial)
	coverage(t, s, snapshot.Pods, snapshot.Partial)
	coverage(t, s, snapshot.Deployments, snapshot.Denied)
	coverage(t, s, snapshot.Nodes, snapshot.Denied)
	coverage(t, s, snapshot.HTTPRoutes, snapshot.NotServed)
	if _, why := s.Coverage(snapshot.Nodes); why == "" {
		t.Error("the API server's words are lost")
	}
	for _, tc := range []struct {
		namespace, name string
		want            snapshot.Presence
	}{
		{"shop", "cart", snapshot.Present},
		{"shop", "basket", snapshot.Absent},
		{"other", "cart", snapshot.Unknown},
	} {
		if _, p := s.Services().Get(tc.namespace, tc.name); p != tc.want {
			t.Errorf("Service %s/%s is %v, want %v", tc.namespace, tc.name, p, tc.want)
		}
	}
	if _, p := s.Deployments().Get("shop", "cart"); p != snapshot.Unknown {
		t.Errorf("a Deployment that nobody may list is %v, want unknown", p)
	}
}

func testReadNothing(t *testing.T, server *apiserver.Server) {
	_, err := kube.Read(t.Context(), connect(t, server.User(t, "nobody")), kube.Options{Namespace: "shop", Now: time.Now})
	accessError(t, err, kube.ErrForbidden)
}

func testUnknownUser(t *testing.T, server *apiserver.Server) {
	config := rest.AnonymousClientConfig(server.Admin)
	config.BearerToken = "not-a-token"
	_, err := kube.Read(t.Context(), connect(t, config), kube.Options{Now: time.Now})
	accessError(t, err, kube.ErrUnauthorized)
}

func testUnreachable(t *testing.T) {
	_, err := kube.Read(t.Context(), connect(t, &rest.Config{Host: "https://127.0.0.1:1"}), kube.Options{Now: time.Now})
	accessError(t, err, kube.ErrUnreachable)
	_, err = kube.Watch(t.Context(), connect(t, &rest.Config{Host: "https://127.0.0.1:1"}), kube.Options{Now: time.Now})
	accessError(t, err, kube.ErrUnreachable)
}

func accessError(t *testing.T, err, want error) {
	t.Helper()
	access, ok := errors.AsType[*kube.AccessError](err)
	if !ok || !errors.Is(err, want) {
		t.Fatalf("got %v (%T), want an AccessError that is %v", err, err, want)
	}
	if access.Hint() == "" {
		t.Error("it should say what to do next")
	}
}

// eventually tries until there is no error: RBAC takes a moment to see new roles.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), waitLong)
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still: %v", err)
		}
	}
}

func testWatch(t *testing.T, server *apiserver.Server) {
	w, err := kube.Watch(t.Context(), connect(t, server.Admin), kube.Options{Now: time.Now, LookAgain: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	first := w.Snapshot()
	coverage(t, first, snapshot.Services, snapshot.Complete)
	coverage(t, first, snapshot.HTTPRoutes, snapshot.NotServed)
	coverage(t, first, snapshot.Secrets, snapshot.NotRead)
	if _, p := first.Services().Get("shop", "cart"); p != snapshot.Present {
		t.Fatalf("Service shop/cart is %v, want present", p)
	}
	services := server.Kube(t).CoreV1().Services("shop")
	before, err := services.Get(t.Context(), "cart", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := services.Delete(t.Context(), "cart", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, w, "the Service is gone", func() bool {
		_, p := w.Snapshot().Services().Get("shop", "cart")
		return p == snapshot.Absent && len(w.Deleted()) == 1
	})
	if _, p := first.Services().Get("shop", "cart"); p != snapshot.Present {
		t.Error("an older snapshot has changed")
	}
	gone, ok := w.Deleted()[0].(*corev1.Service)
	if !ok || gone.Spec.ClusterIP != before.Spec.ClusterIP || gone.UID != before.UID {
		t.Errorf("remembered %+v, want %+v", w.Deleted()[0], before)
	}
	if d := w.Deletions()[0]; d.At.IsZero() {
		t.Error("when it went is not known")
	}
	newService(t, server, "shop", "cart")
	until(t, w, "the Service is back", func() bool {
		_, p := w.Snapshot().Services().Get("shop", "cart")
		return p == snapshot.Present && len(w.Deleted()) == 0
	})
	server.InstallGatewayAPI(t)
	until(t, w, "the Gateway API is seen", func() bool {
		c, _ := w.Snapshot().Coverage(snapshot.HTTPRoutes)
		return c == snapshot.Complete
	})
	newRoute(t, server)
	until(t, w, "the route is seen", func() bool {
		_, p := w.Snapshot().HTTPRoutes().Get("shop", "cart")
		return p == snapshot.Present
	})
}

// until waits for changes until the condition holds.
func until(t *testing.T, w *kube.Watcher, what string, holds func() bool) {
	t.Helper()
	limit := time.NewTimer(waitLong)
	defer limit.Stop()
	for !holds() {
		select {
		case <-w.Changed():
		case <-limit.C:
			t.Fatalf("not seen: %s", what)
		}
	}
}

func newRoute(t *testing.T, server *apiserver.Server) {
	t.Helper()
	c, err := dynamic.NewForConfig(server.Admin)
	if err != nil {
		t.Fatal(err)
	}
	route := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
		"metadata": map[string]any{"name": "cart", "namespace": "shop"},
		"spec": map[string]any{"rules": []any{map[string]any{
			"backendRefs": []any{map[string]any{"name": "cart", "port": int64(80)}},
		}}},
	}}
	api := c.Resource(schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"})
	eventually(t, func() error {
		_, err := api.Namespace("shop").Create(t.Context(), route, metav1.CreateOptions{})
		return err
	})
}

func testWatchSome(t *testing.T, server *apiserver.Server) {
	config := server.User(t, "watcher")
	server.Allow(t, "watcher", "shop", readers())
	var w *kube.Watcher
	eventually(t, func() (err error) {
		w, err = kube.Watch(t.Context(), connect(t, config), kube.Options{Namespace: "shop", Now: time.Now})
		return err
	})
	defer w.Stop()
	s := w.Snapshot()
	coverage(t, s, snapshot.Services, snapshot.Partial)
	coverage(t, s, snapshot.Ingresses, snapshot.Denied)
	if _, p := s.Services().Get("shop", "basket"); p != snapshot.Absent {
		t.Errorf("Service shop/basket is %v, want absent", p)
	}
	if _, p := s.Services().Get("other", "basket"); p != snapshot.Unknown {
		t.Errorf("Service other/basket is %v, want unknown", p)
	}
	newService(t, server, "shop", "late")
	until(t, w, "a new Service", func() bool {
		_, p := w.Snapshot().Services().Get("shop", "late")
		return p == snapshot.Present
	})
}

func testGatewayAPI(t *testing.T, server *apiserver.Server) {
	s, err := kube.Read(t.Context(), connect(t, server.Admin), kube.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []snapshot.Kind{snapshot.GatewayClasses, snapshot.Gateways, snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.ReferenceGrants} {
		coverage(t, s, k, snapshot.Complete)
	}
	o, p := s.Lookup(model.Ref{APIVersion: "gateway.networking.k8s.io/v1", Kind: "HTTPRoute", Namespace: "shop", Name: "cart"})
	if p != snapshot.Present || snapshot.KindOf(o) != snapshot.HTTPRoutes {
		t.Errorf("HTTPRoute shop/cart is %v (%T), want present and typed", p, o)
	}
}
