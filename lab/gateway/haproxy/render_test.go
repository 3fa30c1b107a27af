package haproxy_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/lab/gateway"
	"github.com/gatemend/gatemend/lab/gateway/gatewaytest"
	"github.com/gatemend/gatemend/lab/gateway/haproxy"
)

var update = flag.Bool("update", false, "write golden files")

func TestRender(t *testing.T) {
	web := gatewaytest.Backend("web", "80", gateway.Found, "10.244.0.4:8080", "10.244.0.5:8080")
	empty := gatewaytest.Backend("cart", "80", gateway.Found)
	gone := gatewaytest.Backend("gone", "80", gateway.ServiceMissing)
	rpc := gatewaytest.Backend("rpc", "grpc", gateway.Found, "10.244.0.6:9000")
	cases := map[string]gateway.Table{
		"no-routes": {},
		"shop": {
			Backends: []gateway.Backend{empty, gone, rpc, web},
			Hosts: []gateway.Host{
				{Name: "", Rules: []gateway.Rule{gatewaytest.Rule("/", networkingv1.PathTypePrefix, web, nil)}},
				{Name: "*.shop.test", Rules: []gateway.Rule{gatewaytest.Rule("/", networkingv1.PathTypePrefix, empty, nil)}},
				{Name: "api.shop.test", Rules: []gateway.Rule{
					gatewaytest.Rule("/exact", networkingv1.PathTypeExact, web, nil),
					gatewaytest.Rule("/cart", networkingv1.PathTypePrefix, empty, nil),
					gatewaytest.Rule("/gone", networkingv1.PathTypePrefix, gone, nil),
					gatewaytest.Rule("/rpc", networkingv1.PathTypeImplementationSpecific, rpc, map[string]string{
						"haproxy.org/server-proto": "h2", "haproxy.org/server-ssl": "true", "haproxy.org/check": "true",
						"haproxy.org/timeout-server": "5s",
					}),
				}},
			},
		},
	}
	for name, table := range cases {
		t.Run(name, func(t *testing.T) {
			got := haproxy.Render(table, haproxy.Options{})
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("configuration differs from %s; run with -update and read the diff. Got:\n%s", file, got)
			}
		})
	}
}
