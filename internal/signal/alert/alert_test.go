package alert

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/admit"
)

func TestTargets(t *testing.T) {
	for name, test := range map[string]struct {
		labels map[string]string
		want   string // KIND NAMESPACE/NAME or HOST/PATH, the first first
	}{
		"an Ingress of ingress-nginx": {map[string]string{"exported_namespace": "shop", "namespace": "ingress-nginx", "ingress": "web", "exported_service": "web", "service": "metrics"}, "Ingress shop/web, Service shop/web, HTTPRoute shop/web, Namespace shop"},
		"a host and a path":           {map[string]string{"host": "A.test:443", "path": "/cart"}, "A/cart"},
		"an HTTPRoute":                {map[string]string{"httproute": "cart", "namespace": "shop"}, "HTTPRoute shop/cart, Namespace shop"},
		"Contour's cluster":           {map[string]string{"envoy_cluster_name": "shop_cart_80"}, "Service shop/cart"},
		"Envoy Gateway's cluster":     {map[string]string{"envoy_cluster_name": "httproute/shop/cart/rule/0"}, "HTTPRoute shop/cart, Ingress shop/cart"},
		"HAProxy's backend":           {map[string]string{"proxy": "shop_svc_api_http"}, "Service shop/api"},
		"Istio's service":             {map[string]string{"destination_service_namespace": "shop", "destination_service_name": "cart", "namespace": "istio-system"}, "Service shop/cart, Namespace shop"},
		"a namespace":                 {map[string]string{"namespace": "shop", "alertname": "X"}, "Namespace shop"},
		"nothing":                     {map[string]string{"alertname": "Watchdog", "severity": "none"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, target := range targets(test.labels) {
				if target.Object != nil {
					got = append(got, target.Object.Kind+" "+strings.TrimPrefix(target.Object.Namespace+"/"+target.Object.Name, "/"))
				} else {
					got = append(got, target.Request.String())
				}
			}
			want := strings.Replace(test.want, "A/cart", "a.test/cart", 1)
			if diff := cmp.Diff(want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func body(status, fingerprint string) string {
	return fmt.Sprintf(`{"version":"4","status":%q,"alerts":[{"status":%q,"labels":{"alertname":"Errors","namespace":"shop","service":"cart"},"annotations":{"summary":"many\n errors"},"startsAt":"2026-05-04T08:30:00Z","fingerprint":%q}]}`, status, status, fingerprint)
}

func TestReceiver(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 31, 0, 0, time.UTC)
	r, err := New(Options{Admit: admit.Rules{Token: "secret"}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan model.Notice, 1)
	h := r.Handler(out)
	send := func(authorization, method, text string) int {
		t.Helper()
		req := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(text))
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w.Code
	}
	const bearer, basic = "Bearer secret", "Basic YW55Ym9keTpzZWNyZXQ=" // anybody:secret
	for _, step := range []struct {
		name, authorization, method, text string
		want, notices                     int
		later                             time.Duration
	}{
		{"nobody", "", "POST", body("firing", "a"), 401, 0, 0},
		{"a wrong token", "Bearer secre", "POST", body("firing", "a"), 401, 0, 0},
		{"no POST", bearer, "GET", "", 405, 0, 0},
		{"no JSON", bearer, "POST", "{", 400, 0, 0},
		{"another version", bearer, "POST", `{"version":"3"}`, 400, 0, 0},
		{"too long", bearer, "POST", strings.Repeat(" ", maxBody+1), 413, 0, 0},
		{"an alert", bearer, "POST", body("firing", "a"), 200, 1, 0},
		{"the same again", basic, "POST", body("firing", "a"), 200, 0, 0},
		{"another one", bearer, "POST", body("firing", "b"), 200, 1, 0},
		{"resolved", bearer, "POST", body("resolved", "a"), 200, 0, 0},
		{"and firing again", bearer, "POST", body("firing", "a"), 200, 1, 0},
		{"still firing after hours", bearer, "POST", body("firing", "a"), 200, 1, repeatsIn},
	} {
		now = now.Add(step.later)
		if got := send(step.authorization, step.method, step.text); got != step.want {
			t.Errorf("%s: answered %d, want %d", step.name, got, step.want)
		}
		if len(out) != step.notices {
			t.Errorf("%s: %d notices, want %d", step.name, len(out), step.notices)
		}
		for len(out) > 0 {
			if n := <-out; n.Text != "Errors: many errors" || len(n.About) != 2 {
				t.Errorf("%s: notice %+v", step.name, n)
			}
		}
	}
	cut := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", iotest.ErrReader(io.ErrUnexpectedEOF))
	cut.Header.Set("Authorization", bearer)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, cut); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "unexpected EOF") {
		t.Errorf("a message that breaks off: %d, %s", w.Code, w.Body)
	}
	// One that finds no room is refused, and taken when it is sent again.
	send(bearer, "POST", body("firing", "c"))
	if got := send(bearer, "POST", body("firing", "d")); got != 503 {
		t.Errorf("without room: %d, want 503", got)
	}
	<-out
	if got := send(bearer, "POST", body("firing", "d")); got != 200 || len(out) != 1 {
		t.Errorf("sent again: %d with %d notices", got, len(out))
	}
}

func TestReceiverIsNeverOpen(t *testing.T) {
	if _, err := New(Options{Admit: admit.Rules{TLS: &tls.Config{MinVersion: tls.VersionTLS12}}}); err == nil {
		t.Error("a receiver that asks for nothing was made")
	}
	if _, err := New(Options{Admit: admit.Rules{TLS: &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert}}}); err != nil {
		t.Error(err)
	}
}

func TestRun(t *testing.T) {
	r, err := New(Options{Address: "127.0.0.1:0", Admit: admit.Rules{Token: "secret"}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, make(chan model.Notice)) }()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("a receiver that was told to end: %v", err)
	}
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	r.options.Address = taken.Listener.Addr().String()
	if err := r.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "listen for alerts") {
		t.Errorf("a port that is taken: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(body("firing", "a")))
	f.Add([]byte(`{"version":"4","alerts":[{"labels":{"envoy_cluster_name":"httproute/a"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		for _, a := range m.Alerts {
			n := a.Notice()
			if n.Text == "" {
				t.Fatal("a notice without words")
			}
			for _, target := range n.About {
				if target.IsZero() {
					t.Fatalf("an alert would have everything diagnosed: %+v", a)
				}
			}
		}
	})
}
