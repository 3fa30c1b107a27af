//go:build lab

package routing_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/manifest"
	"github.com/gatemend/gatemend/lab/routing"
	"github.com/gatemend/gatemend/lab/shop"
)

// ownCluster is made for this test and removed after it.
const ownCluster = "routing"

var (
	name     = flag.String("cluster", ownCluster, "name of the lab cluster; any other than the default is left up")
	rounds   = flag.Int("rounds", 8, "random sets for each proxy")
	requests = flag.Int("requests", 300, "requests for each set")
	seed     = flag.Uint64("seed", 1, "of the random sets")
)

// under is one proxy under test, and the routes that are made for it.
type under struct {
	gateway string // in manifest.Gateways
	kind    routing.Kind
}

func all() []under {
	return []under{
		{"envoy", routing.Kind{Class: "contour", Regex: true}},
		{"envoy-json", routing.Kind{Regex: true, Shared: true}},
		{"nginx", routing.Kind{Class: "nginx", Regex: true, Shared: true}},
		{"haproxy", routing.Kind{Class: "haproxy"}},
	}
}

type lab struct {
	*labtest.Lab
	live *kube.Clients
	http *http.Client
}

func open(t *testing.T) *lab {
	t.Helper()
	in := labtest.Open(t, ownCluster, cluster.Options{Name: *name})
	in.Install(t)
	config, err := in.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	live, err := kube.Connect(config)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{Lab: in, live: live, http: &http.Client{
		// A kept connection may still lead to a worker that has the set before: a reload lets it finish.
		Transport:     &http.Transport{DialContext: in.DialContext, DisableKeepAlives: true},
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	l.backends(t)
	return l
}

// backends are one pod and one Service each.
func (l *lab) backends(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	objects := []runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: routing.Namespace}}}
	one := int32(1)
	for _, b := range routing.Backends() {
		d, s := manifest.Deployment(b), manifest.Service(b)
		d.Namespace, s.Namespace, d.Spec.Replicas = routing.Namespace, routing.Namespace, &one
		objects = append(objects, d, s)
	}
	if err := l.Client.Apply(ctx, objects...); err != nil {
		t.Fatal(err)
	}
	for _, b := range routing.Backends() {
		if err := l.Client.RolledOut(ctx, routing.Namespace, b); err != nil {
			t.Fatal(err)
		}
	}
}

// clear removes the routes of a set.
func (l *lab) clear(t *testing.T, k routing.Kind) {
	t.Helper()
	resource := schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"}
	if k.Class == "" {
		resource = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}
	}
	api := l.Client.Dynamic.Resource(resource).Namespace(routing.Namespace)
	if err := api.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: routing.Label}); err != nil {
		t.Fatal(err)
	}
}

// ask gives the Service that answered, empty for 404.
func (l *lab) ask(ctx context.Context, address string, r routing.Request) (service string, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, "http://"+address+r.Path, http.NoBody)
	if err != nil {
		return "", 0, err
	}
	req.Host = r.Host
	for k, v := range r.Headers {
		req.Header.Set(k, v)
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return "", 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.Header.Get(shop.RoleHeader), resp.StatusCode, err
}

// model reads the cluster as gatemend does, and keeps of the routes those of one proxy.
func (l *lab) model(t *testing.T, k routing.Kind) *path.Map {
	t.Helper()
	s, err := kube.Read(t.Context(), l.live, kube.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	var drop []model.Ref
	for ing := range s.Ingresses().All() {
		if k.Class == "" || ing.Spec.IngressClassName == nil || *ing.Spec.IngressClassName != k.Class {
			drop = append(drop, snapshot.RefOf(ing))
		}
	}
	for hr := range s.HTTPRoutes().All() {
		if k.Class != "" {
			drop = append(drop, snapshot.RefOf(hr))
		}
	}
	return path.New(s.WithObjects(nil, drop))
}

// says is the Service that the model chooses, and the rule.
func says(m *path.Map, r routing.Request) (service, rule string) {
	route, ok := m.Match(model.Request{Method: r.Method, Host: r.Host, Path: r.Path, Headers: r.Headers})
	if !ok || !route.Served() {
		return "", "no rule"
	}
	return route.Backends[0].Service.Name, fmt.Sprintf("%s %s (%s)", route.Object, route.Rule, route)
}

// TestModelAgreesWithProxies asks real proxies what becomes of requests under random routes.
func TestModelAgreesWithProxies(t *testing.T) {
	l := open(t)
	for _, u := range all() {
		t.Run(u.gateway, func(t *testing.T) {
			address := l.Address(t, u.gateway)
			asked, matched, differ := 0, 0, 0
			for round := range *rounds {
				n, hit, bad := l.round(t, u, address, uint64(round)) //nolint:gosec // not negative
				asked, matched, differ = asked+n, matched+hit, differ+bad
			}
			l.clear(t, u.kind)
			t.Logf("%s: %d requests, %d taken by a rule, %d answered otherwise than the model says", u.gateway, asked, matched, differ)
		})
	}
}

// round applies one set and asks.
func (l *lab) round(t *testing.T, u under, address string, round uint64) (asked, matched, differ int) {
	t.Helper()
	g := routing.New(u.kind, *seed, round)
	l.clear(t, u.kind)
	marker := fmt.Sprintf("marker-%d-%d.test", *seed, round)
	objects := append(g.Objects(), g.Marker(marker))
	if err := l.Client.Apply(t.Context(), objects...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := manifest.Until(ctx, "the proxy to have the routes", func(ctx context.Context) (string, error) {
		service, status, _ := l.ask(ctx, address, routing.Request{Method: http.MethodGet, Host: marker, Path: "/"})
		if service != "ash" {
			return fmt.Sprintf("%s answers %d", marker, status), nil
		}
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m := l.model(t, u.kind)
	for _, r := range g.Requests(*requests) {
		want, rule := says(m, r)
		got, status, err := l.agree(t.Context(), address, r, want)
		asked++
		if want != "" {
			matched++
		}
		if err != nil || got != want || want == "" && status != http.StatusNotFound {
			differ++
			t.Errorf("round %d: %s: %s answers %q (%d, %v), the model says %q by %s", round, r, u.gateway, got, status, err, want, rule)
		}
	}
	return asked, matched, differ
}

// agree asks again if the answer is not the one wanted: a proxy may still be about to take a set in.
func (l *lab) agree(ctx context.Context, address string, r routing.Request, want string) (got string, status int, err error) {
	for try := range 3 {
		if try > 0 {
			time.Sleep(700 * time.Millisecond)
		}
		got, status, err = l.ask(ctx, address, r)
		if err == nil && got == want {
			break
		}
	}
	return got, status, err
}
