// Package all lists the proxies that gatemend knows.
package all

import (
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/caddy"
	"github.com/gatemend/gatemend/internal/proxy/cloudlb"
	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/proxy/haproxy"
	"github.com/gatemend/gatemend/internal/proxy/kong"
	"github.com/gatemend/gatemend/internal/proxy/linkerd"
	"github.com/gatemend/gatemend/internal/proxy/nginx"
	"github.com/gatemend/gatemend/internal/proxy/traefik"
)

// sniffLines is how many lines Sniff looks at; the start of a log is enough to know its form.
const sniffLines = 200

// Proxies returns all proxies, in the order in which they are asked.
func Proxies() []proxy.Proxy { return slices.Clone(proxies()) }

// proxies are asked for each pod and each route, so they are made once.
var proxies = sync.OnceValue(func() []proxy.Proxy {
	return append([]proxy.Proxy{
		nginx.Proxy(), envoy.Proxy(), haproxy.Proxy(), traefik.Proxy(), kong.Proxy(), caddy.Proxy(), linkerd.Proxy(),
	}, cloudlb.Proxies()...)
})

// Named returns the proxy with the given name.
func Named(name string) (proxy.Proxy, bool) {
	for _, p := range proxies() {
		if p.Name == name {
			return p, true
		}
	}
	return proxy.Proxy{}, false
}

// ForPod returns the proxy that a pod runs as a gateway and the container that writes its log. It
// reports false for pods that are no gateways.
func ForPod(pod *corev1.Pod) (p proxy.Proxy, container string, ok bool) {
	for _, p := range proxies() {
		if container, ok := p.GatewayContainer(pod); ok {
			return p, container, true
		}
	}
	return proxy.Proxy{}, "", false
}

// ForController returns the proxy of an IngressClass's spec.controller or a GatewayClass's
// spec.controllerName.
func ForController(name string) (proxy.Proxy, bool) {
	for _, p := range proxies() {
		if p.ClaimsController(name) {
			return p, true
		}
	}
	return proxy.Proxy{}, false
}

// Sniff tells by the lines whose log it is: the proxy that reads most of them as requests. It reports false
// when no proxy reads at least a tenth of them, as with an application's log.
func Sniff(lines [][]byte) (proxy.Proxy, bool) {
	s, ok := Formats{}.Sniff(lines)
	return s.Proxy, ok
}
