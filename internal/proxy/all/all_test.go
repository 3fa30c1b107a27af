package all

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
)

func TestForController(t *testing.T) {
	tests := map[string]string{
		"k8s.io/ingress-nginx":                          "nginx",
		"k8s.io/internal-ingress-nginx":                 "nginx",
		"nginx.org/ingress-controller":                  "nginx",
		"gateway.nginx.org/nginx-gateway-controller":    "nginx",
		"projectcontour.io/ingress-controller":          "envoy",
		"projectcontour.io/edge/contour":                "envoy",
		"gateway.envoyproxy.io/gatewayclass-controller": "envoy",
		"istio.io/gateway-controller":                   "envoy",
		"haproxy.org/ingress-controller/haproxy":        "haproxy",
		"haproxy-ingress.github.io/controller":          "haproxy",
		"traefik.io/ingress-controller":                 "traefik",
		"traefik.io/gateway-controller":                 "traefik",
		"ingress-controllers.konghq.com/kong":           "kong",
		"konghq.com/kic-gateway-controller":             "kong",
		"caddy.io/ingress-controller":                   "caddy",
		"ingress.k8s.aws/alb":                           "aws-alb",
		"gce":                                           "gcp-lb",
		"networking.gke.io/gateway":                     "gcp-lb",
		"azure/application-gateway":                     "azure-agw",
		"example.test/own":                              "",
		"":                                              "",
	}
	for controller, want := range tests {
		p, ok := ForController(controller)
		if p.Name != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v; want %q", controller, p.Name, ok, want)
		}
	}
}

func TestForPod(t *testing.T) {
	type container = corev1.Container
	tests := map[string]struct {
		labels          map[string]string
		containers      []container
		proxy, gateways string
	}{
		"ingress-nginx":          {nil, []container{{Name: "controller", Image: "registry.k8s.io/ingress-nginx/controller:v1.13.2"}}, "nginx", "controller"},
		"ingress-nginx, rebuilt": {map[string]string{"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"}, []container{{Name: "controller", Image: "own.test/lb:1"}}, "nginx", "controller"},
		"its admission job":      {map[string]string{"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "admission-webhook"}, []container{{Name: "create", Image: "ingress-nginx/kube-webhook-certgen:v1"}}, "", ""},
		"NGINX Inc.":             {nil, []container{{Name: "nginx-ingress", Image: "nginx/nginx-ingress:5.1"}}, "nginx", "nginx-ingress"},
		"an nginx web server":    {nil, []container{{Name: "nginx", Image: "nginx:1.29"}}, "", ""},
		"Contour's Envoy":        {map[string]string{"app": "envoy"}, []container{{Name: "shutdown-manager", Image: "ghcr.io/projectcontour/contour:v1.33"}, {Name: "envoy", Image: "envoyproxy/envoy:v1.35"}}, "envoy", "envoy"},
		"Contour itself":         {nil, []container{{Name: "contour", Image: "ghcr.io/projectcontour/contour:v1.33"}}, "", ""},
		"Envoy Gateway":          {map[string]string{"gateway.envoyproxy.io/owning-gateway-name": "g"}, []container{{Name: "envoy", Image: "envoyproxy/envoy:distroless-v1.35"}, {Name: "log-shipper", Image: "fluent-bit"}}, "envoy", "envoy"},
		"an Envoy sidecar":       {nil, []container{{Name: "app", Image: "shop"}, {Name: "envoy", Image: "envoyproxy/envoy:v1.35"}}, "", ""},
		"an Istio gateway":       {map[string]string{"gateway.networking.k8s.io/gateway-name": "g"}, []container{{Name: "istio-proxy", Image: "istio/proxyv2:1.27"}}, "envoy", "istio-proxy"},
		"Istio's old gateway":    {map[string]string{"istio": "ingressgateway"}, []container{{Name: "istio-proxy", Image: "auto", Args: []string{"proxy", "router"}}}, "envoy", "istio-proxy"},
		"an Istio sidecar":       {nil, []container{{Name: "app", Image: "shop"}, {Name: "istio-proxy", Image: "istio/proxyv2:1.27", Args: []string{"proxy", "sidecar"}}}, "", ""},
		"HAProxy Technologies":   {nil, []container{{Name: "kubernetes-ingress-controller", Image: "haproxytech/kubernetes-ingress:3.2"}}, "haproxy", "kubernetes-ingress-controller"},
		"haproxy-ingress with a container of its own": {nil, []container{{Name: "haproxy-ingress", Image: "quay.io/jcmoraisjr/haproxy-ingress:v0.16"}, {Name: "haproxy", Image: "haproxy:3.2"}}, "haproxy", "haproxy"},
		"a haproxy before a database":                 {nil, []container{{Name: "haproxy", Image: "haproxy:3.2"}}, "", ""},
		"Traefik":                                     {nil, []container{{Name: "traefik", Image: "docker.io/traefik:v3.5.2"}}, "traefik", "traefik"},
		"Kong":                                        {nil, []container{{Name: "proxy", Image: "kong:3.9"}, {Name: "ingress-controller", Image: "kong/kubernetes-ingress-controller:3.5"}}, "kong", "proxy"},
		"Caddy's controller":                          {nil, []container{{Name: "caddy-ingress-controller", Image: "caddy/ingress:v0.2"}}, "caddy", "caddy-ingress-controller"},
		"a Caddy web server":                          {nil, []container{{Name: "caddy", Image: "caddy:2"}}, "", ""},
		"traefik/whoami":                              {nil, []container{{Name: "whoami", Image: "traefik/whoami"}}, "", ""},
	}
	for name, test := range tests {
		p, container, ok := ForPod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: test.labels}, Spec: corev1.PodSpec{Containers: test.containers}})
		if p.Name != test.proxy || container != test.gateways || ok != (test.proxy != "") {
			t.Errorf("%s: got %q, container %q, %v; want %q, %q", name, p.Name, container, ok, test.proxy, test.gateways)
		}
	}
}

func TestSniff(t *testing.T) {
	tests := map[string]struct{ log, want string }{
		"ingress-nginx": {`I0504 08:30:15.701234       7 controller.go:228] "Backend successfully reloaded"
192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 512 "-" "curl" 80 0.012 [shop-web-http] [] 10.1.0.5:80 512 0.011 200 0af1`, "nginx"},
		"envoy":   {`[2026-05-04T08:30:15.123Z] "GET / HTTP/1.1" 200 - 0 12 5 4 "192.0.2.1" "x" "0af1" "shop.test" "10.1.0.5:80"`, "envoy"},
		"contour": {`{"@timestamp":"2026-05-04T08:30:15.123Z","authority":"shop.test","duration":0,"method":"GET","path":"/","response_code":503,"response_flags":"UH"}`, "envoy"},
		"haproxy": {`192.0.2.1:50 [04/May/2026:08:30:15.123] http a_svc_b_80/SRV_1 0/0/1/3/4 200 5 - - ---- 1/1/0/0/0 0/0 "GET shop.test/ HTTP/2.0"`, "haproxy"},
		"traefik": {`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 1 "-" "-" 7 "r@kubernetes" "http://10.1.0.5:80" 4ms`, "traefik"},
		"caddy":   {`{"level":"error","ts":1777883415.5,"logger":"http.log.error","msg":"dial tcp 10.1.0.5:80: connect: connection refused","request":{"remote_ip":"192.0.2.1","method":"GET","host":"shop.test","uri":"/"},"duration":0.001,"status":502}`, "caddy"},
		"an application": {`{"time":"2026-05-04T08:30:15Z","level":"info","msg":"listening","port":8080}
2026-05-04 08:30:15 INFO  started`, ""},
		"nothing": {"", ""},
	}
	for name, test := range tests {
		var lines [][]byte
		for line := range strings.Lines(test.log) {
			lines = append(lines, []byte(strings.TrimSuffix(line, "\n")))
		}
		if p, ok := Sniff(lines); p.Name != test.want || ok != (test.want != "") {
			t.Errorf("%s: got %q, %v; want %q", name, p.Name, ok, test.want)
		}
	}
}

// Every proxy says for every kind of failure what a client gets.
func TestAnswers(t *testing.T) {
	kinds := []model.FailureKind{
		model.Refused, model.ConnectTimeout, model.Reset, model.ClosedEarly, model.NoEndpoints, model.NoRoute, model.TLS, model.Protocol,
		model.HeaderTooBig, model.ResponseTimeout, model.Overload, model.Denied, model.UpstreamStatus, model.OtherFailure,
	}
	want := map[string][]int{
		"nginx":     {502, 504, 502, 502, 503, 404, 502, 502, 502, 504, 503, 403, 500, 502},
		"envoy":     {503, 503, 503, 503, 503, 404, 503, 502, 502, 504, 503, 403, 500, 503},
		"haproxy":   {503, 503, 502, 502, 503, 404, 503, 502, 502, 504, 503, 403, 500, 503},
		"traefik":   {502, 504, 502, 502, 503, 404, 500, 500, 500, 504, 429, 403, 500, 502},
		"kong":      {502, 504, 502, 502, 503, 404, 502, 502, 502, 504, 429, 403, 500, 502},
		"linkerd":   {502, 504, 502, 502, 503, 404, 502, 502, 502, 504, 503, 403, 500, 502},
		"caddy":     {502, 502, 502, 502, 503, 404, 502, 502, 502, 504, 503, 403, 500, 502},
		"aws-alb":   {502, 504, 502, 502, 503, 404, 502, 502, 502, 504, 503, 403, 500, 502},
		"gcp-lb":    {502, 502, 502, 502, 502, 404, 502, 502, 502, 502, 429, 403, 500, 502},
		"azure-agw": {502, 504, 502, 502, 502, 404, 502, 502, 502, 504, 503, 403, 500, 502},
	}
	for _, p := range Proxies() {
		for i, kind := range kinds {
			o := p.Answer("", kind)
			if o.Status != want[p.Name][i] || o.Failure != kind {
				t.Errorf("%s, %s: got %+v, want status %d", p.Name, kind, o, want[p.Name][i])
			}
		}
		if o := p.Answer("", model.NoFailure); o.Status != 200 || o.Failure != model.NoFailure {
			t.Errorf("%s: a success is %+v", p.Name, o)
		}
		if named, ok := Named(p.Name); !ok || named.Doc == "" || !strings.HasSuffix(p.Doc, ".") {
			t.Errorf("%s: not found by its name, or its sentence is missing", p.Name)
		}
	}
	nginx, _ := Named("nginx")
	if o := nginx.Answer("nginx.org/ingress-controller", model.NoEndpoints); o.Status != 502 {
		t.Errorf("the NGINX Ingress Controller answers %+v without endpoints, want 502", o)
	}
}
