// Package gatewaytest is what the tests of the gateways have in common: tables in short form, and a
// real proxy on loopback in front of programs that fail in known ways.
package gatewaytest

import (
	"net"
	"net/http/httptest"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/lab/gateway"
	"github.com/gatemend/gatemend/lab/shop"
)

// Backend is a Service's port in the shop's namespace.
func Backend(service, port string, state gateway.State, endpoints ...string) gateway.Backend {
	return gateway.Backend{Key: gateway.BackendKey{Namespace: "shop", Service: service, Port: port}, State: state, PortName: port, Endpoints: endpoints}
}

// Rule is a rule of the Ingress web.
func Rule(path string, kind networkingv1.PathType, b gateway.Backend, annotations map[string]string) gateway.Rule {
	return gateway.Rule{Path: path, Type: kind, Backend: b.Key, Namespace: "shop", Ingress: "web", Annotations: annotations}
}

// Failing is a table with a host for every way to fail, named NAME.test: big (headers of 16 KiB),
// closing (the connection, without an answer), empty (no endpoint), failing (answers 502), refused (two
// endpoints on which nobody listens), and good, which answers at the returned address.
func Failing(t *testing.T) (table gateway.Table, good string) {
	t.Helper()
	good = upstream(t, func(*shop.Options) {})
	table.Backends = []gateway.Backend{
		Backend("big", "80", gateway.Found, upstream(t, func(o *shop.Options) { o.HeaderBytes = 16 << 10 })),
		Backend("closing", "80", gateway.Found, upstream(t, func(o *shop.Options) { o.CloseShare = 1 })),
		Backend("empty", "80", gateway.Found),
		Backend("failing", "80", gateway.Found, upstream(t, func(o *shop.Options) { o.ErrorShare = 1 })),
		Backend("good", "80", gateway.Found, good),
		Backend("refused", "80", gateway.Found, FreeAddress(t), FreeAddress(t)),
	}
	for _, b := range table.Backends {
		table.Hosts = append(table.Hosts, gateway.Host{Name: b.Key.Service + ".test", Rules: []gateway.Rule{Rule("/", networkingv1.PathTypePrefix, b, nil)}})
	}
	return table, good
}

// FreeAddress is an address on loopback on which nobody listens.
func FreeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

func upstream(t *testing.T, change func(*shop.Options)) string {
	t.Helper()
	o := shop.Defaults()
	change(&o)
	srv := httptest.NewServer(o.Handler())
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}
