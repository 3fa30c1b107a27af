package prom

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

var began = time.Date(2026, 5, 4, 8, 30, 0, 0, time.UTC)

func metricsOf(t testing.TB, name string) proxy.Metrics {
	t.Helper()
	p, ok := all.Named(name)
	if !ok || p.Metrics == nil {
		t.Fatalf("%s has no metrics", name)
	}
	return p.Metrics()
}

// looks feeds one text of metrics a second to a tally and gives what the last one added.
func looks(t *testing.T, name string, texts ...string) []model.Count {
	t.Helper()
	tl := newTally(name, metricsOf(t, name), began)
	var counts []model.Count
	for i, text := range texts {
		samples, err := parse(strings.NewReader(text), wanted(tl.metrics))
		if err != nil {
			t.Fatal(err)
		}
		var ok bool
		if counts, ok = tl.take(look{at: began.Add(time.Duration(i) * time.Second), samples: samples}); !ok {
			t.Fatalf("look %d has no counter", i)
		}
	}
	return counts
}

// brief is a count in few words: NAMESPACE/ROUTE SERVICE:PORT STATUS FAILURE N.
func brief(counts []model.Count) []string {
	var out []string
	for _, c := range counts {
		out = append(out, fmt.Sprintf("%s/%s %s:%s %d %s %d", c.RouteNamespace, c.RouteName, c.Service, c.ServicePort, c.Signal().Status, c.Failure, c.Requests))
	}
	return out
}

func TestTally(t *testing.T) {
	envoy := func(extra string) string { return "envoy_server_uptime 100\n" + extra }
	rq := func(code, n string) string {
		return `envoy_cluster_upstream_rq{envoy_response_code="` + code + `",envoy_cluster_name="shop_cart_80"} ` + n + "\n"
	}
	for name, test := range map[string]struct {
		proxy string
		texts []string
		want  []string
	}{
		"the first look counts nothing": {"envoy", []string{envoy(rq("200", "50"))}, nil},
		"what was added":                {"envoy", []string{envoy(rq("200", "50")), envoy(rq("200", "57"))}, []string{"shop/ cart:80 200  7"}},
		"a series that is new counts from zero": {"envoy",
			[]string{envoy(rq("200", "50")), envoy(rq("200", "50") + rq("502", "3"))}, []string{"shop/ cart:80 502 upstream-status 3"}},
		"a value that fell was reset": {"envoy", []string{envoy(rq("200", "50")), envoy(rq("200", "4"))}, []string{"shop/ cart:80 200  4"}},
		"an age that is no number is no restart": {"envoy",
			[]string{envoy(rq("200", "50")), "envoy_server_uptime NaN\n" + rq("200", "57"), envoy(rq("200", "59"))}, []string{"shop/ cart:80 200  2"}},
		"nor is one without end": {"envoy",
			[]string{envoy(rq("200", "50")), "envoy_server_uptime +Inf\n" + rq("200", "57")}, []string{"shop/ cart:80 200  7"}},
		"nor one that is missing once": {"envoy",
			[]string{envoy(rq("200", "50")), rq("200", "57"), envoy(rq("200", "59"))}, []string{"shop/ cart:80 200  2"}},
		"a count that is no number counts nothing": {"envoy",
			[]string{envoy(rq("200", "50")), envoy(rq("200", "NaN")), envoy(rq("200", "+Inf")), envoy(rq("200", "-1")), envoy(rq("200", "53"))}, []string{"shop/ cart:80 200  3"}},
		"a restart shows though the value is higher": {"envoy",
			[]string{envoy(rq("200", "50")), "envoy_server_uptime 1\n" + rq("200", "60")}, []string{"shop/ cart:80 200  60"}},
		"a young process counts from its start": {"haproxy", []string{
			"haproxy_process_start_time_seconds 1.777883401e9\n" + `haproxy_backend_http_responses_total{proxy="shop_svc_api_http",code="5xx"} 4` + "\n",
		}, []string{"shop/ api:http 500 upstream-status 4"}},
		"a series that was missing for a look is the same": {"envoy",
			[]string{envoy(rq("200", "50")), envoy(""), envoy(rq("200", "51"))}, []string{"shop/ cart:80 200  1"}},
		"the reason of failures, tries counted": {"envoy", []string{
			envoy(rq("200", "50")),
			envoy(rq("503", "4") + `envoy_cluster_upstream_cx_connect_fail{envoy_cluster_name="shop_cart_80"} 12` + "\n" +
				`envoy_cluster_upstream_cx_connect_timeout{envoy_cluster_name="shop_cart_80"} 3` + "\n"),
		}, []string{"shop/ cart:80 503 connect-timeout 1", "shop/ cart:80 503 refused 3"}},
		"a reason of one backend is none of another": {"envoy", []string{
			envoy(rq("200", "50")),
			envoy(rq("503", "4") + `envoy_cluster_upstream_cx_none_healthy{envoy_cluster_name="shop_web_80"} 9` + "\n"),
		}, []string{"shop/ cart:80 503 upstream-status 4"}},
		"fewer failures of the proxy's own than errors": {"envoy", []string{
			envoy(rq("504", "1")), envoy(rq("504", "6") + `envoy_cluster_upstream_rq_timeout{envoy_cluster_name="shop_cart_80"} 2` + "\n"),
		}, []string{"shop/ cart:80 504 response-timeout 2", "shop/ cart:80 504 upstream-status 3"}},
		"Envoy Gateway names the route": {"envoy", []string{
			envoy(""), envoy(`envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="httproute/shop/cart/rule/0"} 2` + "\n"),
		}, []string{"shop/cart : 200  2"}},
		"Istio's flags tell the reason, and only the source counts": {"envoy", []string{
			"envoy_server_uptime 9\n" + `istio_requests_total{reporter="source",response_code="200",response_flags="-",destination_service_namespace="shop",destination_service_name="cart"} 1` + "\n",
			"envoy_server_uptime 10\n" + `istio_requests_total{reporter="source",response_code="503",response_flags="UH",destination_service_namespace="shop",destination_service_name="cart"} 3
istio_requests_total{reporter="destination",response_code="503",response_flags="-",destination_service_namespace="shop",destination_service_name="cart"} 9
envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="shop_cart_80"} 3
`,
		}, []string{"shop/ cart: 503 no-endpoints 3"}},
		"ingress-nginx": {"nginx", []string{
			`nginx_ingress_controller_requests{status="200",namespace="shop",ingress="web",service="web",path="/",host="a.test"} 1` + "\n",
			`nginx_ingress_controller_requests{status="502",namespace="shop",ingress="web",service="web",path="/",host="a.test"} 2` + "\n" +
				`nginx_ingress_controller_requests{status="404",namespace="",ingress="",service="",path="",host="_"} 2` + "\n",
		}, []string{"shop/web web: 502 other 2"}},
		"ingress-nginx with status classes, renamed by a server": {"nginx", []string{
			`nginx_ingress_controller_requests{status="2xx",namespace="ingress",exported_namespace="shop",ingress="web",service="m",exported_service="web"} 1` + "\n",
			`nginx_ingress_controller_requests{status="5xx",namespace="ingress",exported_namespace="shop",ingress="web",service="m",exported_service="web"} 2` + "\n",
		}, []string{"shop/web web: 500 other 2"}},
		"a series that was made anew": {"traefik", []string{
			`traefik_service_requests_total{code="200",service="shop-cart-80@kubernetes"} 5` + "\n" + `traefik_service_requests_created{code="200",service="shop-cart-80@kubernetes"} 1000` + "\n",
			`traefik_service_requests_total{code="200",service="shop-cart-80@kubernetes"} 6` + "\n" + `traefik_service_requests_created{code="200",service="shop-cart-80@kubernetes"} 2000` + "\n",
		}, []string{"/ shop-cart-80: 200  6"}},
		"Traefik's routers before its services": {"traefik", []string{
			`traefik_router_requests_total{code="503",router="web-shop-cart-a-test@kubernetes",service="shop-cart-80@kubernetes"} 0` + "\n",
			`traefik_router_requests_total{code="503",router="web-shop-cart-a-test@kubernetes",service="shop-cart-80@kubernetes"} 1` + "\n" +
				`traefik_service_requests_total{code="503",service="shop-cart-80@kubernetes"} 1` + "\n",
		}, []string{"/web-shop-cart-a-test shop-cart-80: 503 other 1"}},
		"Kong says who answered": {"kong", []string{
			`kong_http_requests_total{code="200",service="shop.cart.80",source="service"} 1` + "\n",
			`kong_http_requests_total{code="502",service="shop.cart.80",source="kong"} 1` + "\n" + `kong_http_requests_total{code="500",service="shop.cart.80",source="service"} 1` + "\n",
		}, []string{"shop/ cart:80 500 upstream-status 1", "shop/ cart:80 502 other 1"}},
		"no number": {"envoy", []string{envoy(rq("200", "1")), envoy(rq("200", "NaN") + rq("500", "-1") + rq("501", "+Inf"))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, brief(looks(t, test.proxy, test.texts...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTallyForgetsSeries(t *testing.T) {
	tl := newTally("envoy", metricsOf(t, "envoy"), began)
	for i := range forgetAfter + 3 {
		s := []sample{{name: "envoy_server_uptime", value: float64(10 + i)}}
		if i == 0 {
			s = append(s, sample{name: "envoy_cluster_upstream_rq", labels: labels{{"envoy_cluster_name", "a_b_1"}, {"envoy_response_code", "200"}}, value: 1})
		}
		tl.take(look{at: began.Add(time.Duration(i) * time.Second), samples: s})
	}
	if len(tl.series) != 0 {
		t.Errorf("%d series are remembered though they are gone", len(tl.series))
	}
}

func TestAPageOfSomethingElse(t *testing.T) {
	tl := newTally("envoy", metricsOf(t, "envoy"), began)
	if _, ok := tl.take(look{at: began, samples: []sample{{name: "go_goroutines", value: 1}}}); ok {
		t.Error("metrics of something else are taken for a gateway's")
	}
}

func TestStatus(t *testing.T) {
	for text, want := range map[string][2]int{
		"502": {502, 5}, "5xx": {0, 5}, "5XX": {0, 5}, "5": {0, 5}, "0": {0, 0}, "other": {0, 0}, "": {0, 0}, "55": {0, 0}, "-1": {0, 0}, "9999": {0, 0},
	} {
		if s, c := status(text); s != want[0] || c != want[1] {
			t.Errorf("%q: %d, %d; want %v", text, s, c, want)
		}
	}
}

// FuzzLooks feeds two texts of anything to the tallies of all proxies: nothing may panic, and no more can be
// added than the second text says.
func FuzzLooks(f *testing.F) {
	f.Add("envoy_cluster_upstream_rq{envoy_response_code=\"503\",envoy_cluster_name=\"a_b_1\"} 3\n", "envoy_cluster_upstream_rq{envoy_response_code=\"503\",envoy_cluster_name=\"a_b_1\"} 9 # {trace_id=\"x\"} 1\nenvoy_cluster_upstream_cx_connect_fail{envoy_cluster_name=\"a_b_1\"} 99\n")
	f.Add("haproxy_backend_http_responses_total{proxy=\"a_svc_b_c\",code=\"5xx\"} 1e3\n", "haproxy_backend_connection_errors_total{proxy=\"a_svc_b_c\"} 1\nhaproxy_backend_http_responses_total{proxy=\"a_svc_b_c\",code=\"5xx\"} 2e3")
	f.Add("nginx_ingress_controller_requests{status=\"\\\"}", "# HELP x\n")
	f.Fuzz(func(t *testing.T, one, two string) {
		for _, p := range all.Proxies() {
			if p.Metrics == nil {
				continue
			}
			tl := newTally(p.Name, p.Metrics(), began)
			first, err := parse(strings.NewReader(one), wanted(tl.metrics))
			if err != nil {
				continue
			}
			second, err := parse(strings.NewReader(two), wanted(tl.metrics))
			if err != nil {
				continue
			}
			tl.take(look{at: began, samples: first})
			counts, _ := tl.take(look{at: began.Add(time.Second), samples: second})
			most, got := 0.0, 0.0
			for _, s := range second {
				if s.value > 0 && s.value < 1<<53 {
					most += s.value
				}
			}
			for _, c := range counts {
				got += float64(c.Requests)
			}
			if got > most {
				t.Fatalf("%v requests are counted of %v", got, most)
			}
		}
	})
}
