package remedy

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// Whatever kind of route asks for a Service that is gone, it gets one with the port that the route names.
func TestCreateServiceForAnyRoute(t *testing.T) {
	const (
		gatewayAPI = "apiVersion: gateway.networking.k8s.io/v1\nkind: %KIND\nmetadata: {name: r, namespace: shop}\nspec: {rules: [{backendRefs: [%BACKEND]}]}\n"
		secured    = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: p, namespace: shop}\nspec: {targetRefs: [{group: '', kind: Service, name: cart}]}\n"
		traefik    = "apiVersion: traefik.io/v1alpha1\nkind: %KIND\nmetadata: {name: r, namespace: shop}\nspec: {routes: [{match: Host(`a`), services: [%BACKEND]}]}\n"
	)
	udp := []any{map[string]any{"name": "http", "containerPort": 53, "protocol": "UDP"}}
	two := []any{map[string]any{"name": "http", "containerPort": 9000, "protocol": "UDP"}, map[string]any{"name": "grpc", "containerPort": 9000}}
	for name, test := range map[string]struct {
		kind, object, backend string
		ports                 []any // of the container; nil: as they are
		want                  string
	}{
		"HTTPRoute":                 {"HTTPRoute", gatewayAPI, "{name: cart, port: 9090}", nil, "port 9090 to 8080"},
		"GRPCRoute":                 {"GRPCRoute", gatewayAPI, "{name: cart, port: 9000}", two, "port 9000 to 9000"},
		"its namespace is written":  {"GRPCRoute", gatewayAPI, "{name: cart, namespace: shop, port: 9000}", two, "port 9000 to 9000"},
		"another namespace's":       {"GRPCRoute", gatewayAPI, "{name: cart, namespace: other, port: 9000}", two, ""},
		"no Service":                {"GRPCRoute", gatewayAPI, "{group: x, kind: Other, name: cart, port: 9000}", two, ""},
		"IngressRoute, by name":     {"IngressRoute", traefik, "{name: cart, port: grpc}", two, "port 9000 to 9000"},
		"beside an Ingress":         {"GRPCRoute", gatewayAPI, "{name: cart, port: 9000}", two, "port 9000 to 9000"},
		"beside a BackendTLSPolicy": {"GRPCRoute", gatewayAPI + secured, "{name: cart, port: 9000}", two, "port 9000 to 9000"},
		"only a port for datagrams": {"GRPCRoute", gatewayAPI, "{name: cart, port: 53}", udp, ""},
	} {
		c := plantest.Shop("cart", "web")
		c.Delete("Service/cart")
		if name != "beside an Ingress" {
			c.Delete("Ingress/cart")
		}
		c.Apply(strings.NewReplacer("%KIND", test.kind, "%BACKEND", test.backend).Replace(test.object))
		if test.ports != nil {
			c.Edit("Deployment/cart", test.ports, "spec", "template", "spec", "containers", 0, "ports")
		}
		f := plantest.Finding("service-missing", "Service", "cart", "metadata.name (object missing)", "")
		route := plantest.Ref("HTTPRoute", "r")
		route.Kind = test.kind
		if test.kind == "IngressRoute" {
			route.APIVersion = "traefik.io/v1alpha1"
		}
		f.Routes = []model.Ref{route}
		got := ""
		for _, r := range createService(Case{Snapshot: c.Snapshot(), Finding: f}) {
			got += r.Summary + string(r.Change.Object)
		}
		if h2c := strings.Contains(got, "kubernetes.io/h2c"); h2c != (test.want != "" && test.kind == "GRPCRoute" && !strings.Contains(name, "beside")) {
			t.Errorf("%s: it is told to speak HTTP/2: %v", name, h2c)
		}
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q in it", name, got, test.want)
		}
	}
}
