//go:build integration && unix

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/app"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
	"github.com/gatemend/gatemend/internal/testkit/postgres"
	"github.com/gatemend/gatemend/internal/testkit/prometheus"
)

// counting is a gateway that only counts: twenty requests a second, which fail when it is told so.
type counting struct {
	mu         sync.Mutex
	good, bad  int
	fails      bool
	since      time.Time
	perSecond  int
	unanswered time.Duration // that did not make a whole request yet
}

func (c *counting) fail(fails bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	c.fails = fails
}

// count lets the requests come that came since the last look.
func (c *counting) count() {
	now := time.Now()
	c.unanswered += now.Sub(c.since)
	c.since = now
	n := int(c.unanswered.Seconds() * float64(c.perSecond))
	c.unanswered -= time.Duration(n) * time.Second / time.Duration(c.perSecond)
	if c.fails {
		c.bad += n
	} else {
		c.good += n
	}
}

// ServeHTTP serves the page that ingress-nginx has, kubernetes/ingress-nginx, internal/ingress/metric/collectors/socket.go.
func (c *counting) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	const series = `nginx_ingress_controller_requests{controller_class="k8s.io/ingress-nginx",namespace="shop",ingress="shop",service="cart",host="shop.example.com",path="/",method="GET",status="%s"} %d` + "\n"
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "# TYPE nginx_ingress_controller_requests counter\n"+series+series, "200", c.good, "502", c.bad)
}

// program is a gatemend that runs beside the test.
type program struct {
	mu  sync.Mutex
	err bytes.Buffer
}

func (p *program) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err.Write(data)
}

func (p *program) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err.String()
}

// start runs the whole program until the test ends.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{}
	app.Quiet()
	env := app.Env("gatemend", os.Stdin, p, p, func(string) string { return "" })
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan cli.Exit, 1)
	go func() { done <- cli.Main(ctx, env, args) }()
	t.Cleanup(func() {
		cancel()
		if exit := <-done; exit != cli.ExitOK {
			t.Errorf("it ended with %d", exit)
		}
		if t.Failed() {
			t.Logf("its log:\n%s", p.logged())
		}
	})
	return p
}

// A controller that hears of requests from a real Prometheus alone, and keeps its history in a real PostgreSQL. While that is
// away incidents go on, what is to be written waits, and people are told; when it is back it is written, and that is told.
func TestCountedByPrometheusKeptInPostgres(t *testing.T) {
	api := apiserver.Start(t)
	api.InstallGatemend(t)
	for _, ns := range []string{"shop", "gatemend"} {
		api.Namespace(t, ns)
	}
	kube := api.Kube(t)
	class := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}}
	if _, err := kube.NetworkingV1().IngressClasses().Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := kube.NetworkingV1().Ingresses("shop").Create(t.Context(), ingress(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "cart"}, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	if _, err := kube.CoreV1().Services("shop").Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	gateway := &counting{since: time.Now(), perSecond: 20}
	page := httptest.NewServer(gateway)
	t.Cleanup(page.Close)
	store := prometheus.Start(t, strings.TrimPrefix(page.URL, "http://"))
	db := postgres.Start(t)
	dsn := db.Database(t, "history")

	p := start(t, "controller", "--kubeconfig", kubeconfig(t, api.Admin), "--mode", "propose", "--signals", "prometheus="+store, "--prometheus-every", "1s",
		"--history", dsn, "--cluster-name", "eu-1", "--health-addr", "")
	history := func() string {
		_, out, errOut := run(t, "history", "list", "--store", dsn, "--cluster-name", "eu-1")
		return out + errOut
	}
	eventually := func(what string, holds func() (bool, string)) {
		t.Helper()
		var got string
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
			ok, now := holds()
			if got = now; ok {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: it is\n%s", what, got)
			}
		}
	}
	told := func(reason string) func() (bool, string) {
		return func() (bool, string) {
			events, err := kube.EventsV1().Events("").List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, e := range events.Items {
				all = append(all, fmt.Sprintf("%s/%s %s %s", e.Regarding.Kind, e.Regarding.Name, e.Reason, e.Note))
			}
			text := strings.Join(all, "\n")
			return strings.Contains(text, "Lease/gatemend-controller "+reason), text
		}
	}

	eventually("it leads", func() (bool, string) {
		log := p.logged()
		return strings.Contains(log, "this controller leads"), log
	})
	gateway.fail(true)
	eventually("the incident is in the history", func() (bool, string) {
		text := history()
		return strings.Contains(text, "shop.example.com") && strings.Contains(text, "no-endpoints"), text
	})

	db.Stop(t)
	gateway.fail(false)
	eventually("people are told that the history is not written", told("HistoryNotWritten"))
	db.Run(t)
	eventually("people are told that it is again", told("HistoryWritten"))
	eventually("the end is in the history", func() (bool, string) {
		text := history()
		return strings.Contains(text, "Resolved"), text
	})
}
