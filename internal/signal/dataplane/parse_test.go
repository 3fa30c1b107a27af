package dataplane_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/dataplane"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRecorded reads what real proxies of the lab said.
func TestRecorded(t *testing.T) {
	clusters, err := dataplane.EnvoyClusters(read(t, "envoy-clusters.json"))
	if err != nil {
		t.Fatal(err)
	}
	servers, err := dataplane.HAProxyServers(string(read(t, "haproxy-servers-state.txt")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		got  []model.Loaded
		want []model.Loaded
	}{
		{"envoy", clusters[:1], []model.Loaded{{
			Source: "Envoy /clusters", Backend: "shop/cart/80/da39a3ee5e", Namespace: "shop", Service: "cart", Port: "80",
			Addresses: []string{"10.244.1.108:8080", "10.244.1.109:8080"},
		}}},
		{"haproxy", servers, []model.Loaded{{
			Source: "HAProxy 'show servers state'", Backend: "shop_svc_api_http", Namespace: "shop", Service: "api", Port: "http",
			Addresses: []string{"10.244.1.112:8080", "10.244.1.113:8080", "10.244.1.116:8080", "10.244.1.117:8080"},
		}}},
		{"nginx", dataplane.NginxConfig(string(read(t, "nginx.conf.txt"))), []model.Loaded{{
			Source: "nginx -T", Backend: "shop-web-80", Addresses: []string{"10.244.1.122:8080", "10.244.1.123:8080"},
		}}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestIngressNginx(t *testing.T) {
	got, err := dataplane.IngressNginx([]byte(`[{"name":"shop-web-80","service":{"metadata":{"name":"web","namespace":"shop"}},"port":80,
		"endpoints":[{"address":"10.0.0.2","port":"8080"},{"address":"10.0.0.1","port":"8080"}]},{"name":"upstream-default-backend","port":0}]`))
	want := []model.Loaded{
		{Source: "ingress-nginx /configuration/backends", Backend: "shop-web-80", Namespace: "shop", Service: "web", Port: "80", Addresses: []string{"10.0.0.1:8080", "10.0.0.2:8080"}},
		{Source: "ingress-nginx /configuration/backends", Backend: "upstream-default-backend", Port: "0"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// FuzzParsers feeds all parsers anything: a proxy that is broken may answer anything.
func FuzzParsers(f *testing.F) {
	f.Add(read(f, "envoy-clusters.json"))
	f.Add(read(f, "haproxy-servers-state.txt"))
	f.Add(read(f, "nginx.conf.txt"))
	f.Add([]byte(`[{"name":"a","endpoints":[{}]}]`))
	f.Add([]byte("# be_name srv_addr\na"))
	f.Add([]byte("upstream x { server"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = dataplane.EnvoyClusters(data)
		_, _ = dataplane.IngressNginx(data)
		_, _ = dataplane.HAProxyServers(string(data))
		dataplane.NginxConfig(string(data))
	})
}
