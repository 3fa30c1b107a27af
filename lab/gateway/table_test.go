package gateway_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/gateway"
)

func ingress(name, class, host string, paths ...networkingv1.HTTPIngressPath) *networkingv1.Ingress {
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: networkingv1.IngressSpec{IngressClassName: &class, Rules: []networkingv1.IngressRule{{
			Host: host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: paths}},
		}}},
	}
}

func path(path string, kind networkingv1.PathType, service string, port networkingv1.ServiceBackendPort) networkingv1.HTTPIngressPath {
	return networkingv1.HTTPIngressPath{Path: path, PathType: &kind, Backend: networkingv1.IngressBackend{
		Service: &networkingv1.IngressServiceBackend{Name: service, Port: port},
	}}
}

func number(n int32) networkingv1.ServiceBackendPort {
	return networkingv1.ServiceBackendPort{Number: n}
}

func named(name string) networkingv1.ServiceBackendPort {
	return networkingv1.ServiceBackendPort{Name: name}
}

// web is the Service of that name.
func web(ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}, Spec: corev1.ServiceSpec{Ports: ports}}
}

// slice has a port named http and one address per ready flag: 10.244.0.1 and up. No port number at all when port is 0.
func slice(service string, port int32, ready ...*bool) *discoveryv1.EndpointSlice {
	portName := "http"
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: service + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: &portName}},
	}
	if port != 0 {
		s.Ports[0].Port = &port
	}
	for i, r := range ready {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{"10.244.0." + string(rune('1'+i))}, Conditions: discoveryv1.EndpointConditions{Ready: r},
		})
	}
	return s
}

func TestBackendOfAnIngress(t *testing.T) {
	yes, no := true, false
	http := corev1.ServicePort{Name: "http", Port: 80}
	cases := []struct {
		name     string
		port     networkingv1.ServiceBackendPort
		services []*corev1.Service
		slices   []*discoveryv1.EndpointSlice
		want     gateway.State
		ready    []string
	}{
		{name: "a port by number finds the slice's port by name", port: number(80), services: []*corev1.Service{web(http)},
			slices: []*discoveryv1.EndpointSlice{slice("web", 8080, &yes, &yes)}, want: gateway.Found,
			ready: []string{"10.244.0.1:8080", "10.244.0.2:8080"}},
		{name: "a port by name", port: named("http"), services: []*corev1.Service{web(http)},
			slices: []*discoveryv1.EndpointSlice{slice("web", 8080, &yes)}, want: gateway.Found, ready: []string{"10.244.0.1:8080"}},
		{name: "an endpoint that is not ready is left out, one of unknown readiness is not", port: number(80),
			services: []*corev1.Service{web(http)},
			slices:   []*discoveryv1.EndpointSlice{slice("web", 8080, &no, nil)}, want: gateway.Found, ready: []string{"10.244.0.2:8080"}},
		{name: "no Service", port: number(80), slices: []*discoveryv1.EndpointSlice{slice("web", 8080, &yes)}, want: gateway.ServiceMissing},
		{name: "the Service has another port", port: number(8080), services: []*corev1.Service{web(http)},
			slices: []*discoveryv1.EndpointSlice{slice("web", 8080, &yes)}, want: gateway.PortMissing},
		{name: "a named target port that no pod declares leaves the slice without a number", port: number(80),
			services: []*corev1.Service{web(http)},
			slices:   []*discoveryv1.EndpointSlice{slice("web", 0, &yes)}, want: gateway.Found},
		{name: "a slice of another Service", port: number(80), services: []*corev1.Service{web(http)},
			slices: []*discoveryv1.EndpointSlice{slice("cart", 8080, &yes)}, want: gateway.Found},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table := gateway.Read("nginx", gateway.Objects{
				Ingresses: []*networkingv1.Ingress{ingress("web", "nginx", "web.shop.test", path("/", networkingv1.PathTypePrefix, "web", c.port))},
				Services:  c.services, Slices: c.slices,
			})
			if len(table.Backends) != 1 {
				t.Fatalf("got %d backends, want 1", len(table.Backends))
			}
			b := table.Backends[0]
			if b.State != c.want || !slices.Equal(b.Endpoints, c.ready) {
				t.Errorf("got %s %v, want %s %v", b.State, b.Endpoints, c.want, c.ready)
			}
		})
	}
}

func TestRulesAreMergedByHostAndSortedBySpecificity(t *testing.T) {
	table := gateway.Read("nginx", gateway.Objects{Ingresses: []*networkingv1.Ingress{
		ingress("b", "nginx", "web.shop.test", path("/", networkingv1.PathTypePrefix, "web", number(80)),
			path("/cart", networkingv1.PathTypePrefix, "cart", number(80))),
		ingress("a", "nginx", "web.shop.test", path("/cart/list", networkingv1.PathTypePrefix, "list", number(80)),
			path("/cart", networkingv1.PathTypeExact, "exact", number(80)), path("/", networkingv1.PathTypePrefix, "first", number(80))),
		ingress("other", "haproxy", "web.shop.test", path("/x", networkingv1.PathTypePrefix, "x", number(80))),
	}})
	if len(table.Hosts) != 1 {
		t.Fatalf("got %d hosts, want 1: another class must not add one", len(table.Hosts))
	}
	var got []string
	for _, r := range table.Hosts[0].Rules {
		got = append(got, r.Backend.Service)
	}
	// Of the two rules for / the one of Ingress a wins.
	if want := []string{"exact", "list", "cart", "first"}; !slices.Equal(got, want) {
		t.Errorf("got order %v, want %v", got, want)
	}
}
