package prom

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A server answers with values of two scrapes of one gateway, behind a path and a token.
const matrix = `{"status":"success","warnings":["one store did not answer"],"data":{"resultType":"matrix","result":[
 {"metric":{"__name__":"envoy_cluster_upstream_rq","envoy_cluster_name":"shop_cart_80","envoy_response_code":"200","job":"envoy","instance":"10.0.0.1:8002"},"values":[[1777883400,"10"],[1777883401,"14"]]},
 {"metric":{"__name__":"envoy_cluster_upstream_rq","envoy_cluster_name":"shop_cart_80","envoy_response_code":"503","job":"envoy","instance":"10.0.0.1:8002"},"values":[[1777883401,"2"]]},
 {"metric":{"__name__":"envoy_cluster_upstream_cx_none_healthy","envoy_cluster_name":"shop_cart_80","job":"envoy","instance":"10.0.0.1:8002"},"values":[[1777883400,"0"],[1777883401,"2"]]}]}}`

func TestQuerier(t *testing.T) {
	answer, status := matrix, http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" || !strings.HasPrefix(r.URL.Path, "/tenant/api/v1/query") {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer)) // the client sees what is missing
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1777883402, 0)
	q, err := NewQuerier(QueryOptions{URL: server.URL + "/tenant", Every: time.Second, TokenFile: file, Now: func() time.Time { return now },
		Pods: func() []*corev1.Pod { return []*corev1.Pod{gatewayPod("envoy")} }})
	if err != nil {
		t.Fatal(err)
	}
	looks, unseen := q.ask(t.Context())
	if len(looks) != 1 {
		t.Fatalf("%d looks, %v", len(looks), unseen)
	}
	if got := strings.Join(brief(looks[0]), ", "); got != "shop/ cart:80 200  4, shop/ cart:80 503 no-endpoints 2" {
		t.Errorf("counted %s", got)
	}
	if looks[0][0].Gateway.Name != "envoy" {
		t.Errorf("the gateway is %v", looks[0][0].Gateway)
	}
	if len(unseen) != 1 || unseen[0].Why != "one store did not answer" {
		t.Errorf("the warning is not said: %v", unseen)
	}
	if again, _ := q.ask(t.Context()); len(again) != 0 {
		t.Errorf("the same values are counted again: %v", again)
	}
	for _, test := range []struct {
		status       int
		answer, want string
	}{
		{http.StatusUnprocessableEntity, `{"status":"error","errorType":"execution","error":"query processing would load too many samples"}`, "too many samples"},
		{http.StatusBadGateway, "oops", "server error: 502: oops"},
		{http.StatusOK, `{"status":"success","data":{"resultType":"vector","result":[]}}`, "instead of raw values"},
		{http.StatusOK, `{"status":"success","data":{"resultType":"matrix","result":[]}}`, "no counter"},
		{http.StatusOK, `{"status":"succ`, ""},
	} {
		status, answer = test.status, test.answer
		_, unseen := q.ask(t.Context())
		if len(unseen) != 1 || !strings.Contains(unseen[0].Why, test.want) {
			t.Errorf("%s: said is %v, want %q", test.answer, unseen, test.want)
		}
	}
	if err := os.WriteFile(file, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, unseen := q.ask(t.Context()); len(unseen) != 1 || !strings.Contains(unseen[0].Why, "401: who are you? (are the token") {
		t.Errorf("a wrong token is not said: %v", unseen)
	}
}

// That a server knows more gateways than are read is said.
func TestQuerierOfTooManyGateways(t *testing.T) {
	var series []string
	for i := range maxTargets + 1 {
		series = append(series, fmt.Sprintf(`{"metric":{"__name__":"envoy_cluster_upstream_rq","instance":"10.0.0.1:%d","envoy_response_code":"200"},"values":[[1777900000,"1"]]}`, i))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[%s]}}`, strings.Join(series, ","))
	}))
	defer server.Close()
	q, err := NewQuerier(QueryOptions{URL: server.URL, Every: time.Second, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, unseen := q.ask(t.Context()); len(unseen) != 1 || !strings.HasPrefix(unseen[0].Why, "1 are not read") {
		t.Errorf("said is %v", unseen)
	}
	series = series[:1]
	if _, unseen := q.ask(t.Context()); len(unseen) != 0 {
		t.Errorf("said is still %v", unseen)
	}
}

func TestQuerierSaysWhatIsWrongWithItsFiles(t *testing.T) {
	if _, err := NewQuerier(QueryOptions{URL: "https://x", CAFile: "/absent", Now: time.Now}); err == nil || !strings.Contains(err.Error(), "/absent") {
		t.Errorf("got %v", err)
	}
}

func TestQuery(t *testing.T) {
	got := Query(90 * time.Second)
	if !strings.HasPrefix(got, `{__name__=~"`) || !strings.HasSuffix(got, `"}[90s]`) {
		t.Errorf("got %s", got)
	}
	for _, want := range []string{"envoy_cluster_upstream_rq", "nginx_ingress_controller_requests", "haproxy_backend_http_responses_total", "traefik_router_requests_total", "kong_http_requests_total"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not asked for", want)
		}
	}
}
