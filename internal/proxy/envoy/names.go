package envoy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// backend takes apart the name of an upstream cluster:
//
//	shop_cart_80                            Contour, as logged (the alternative stat name)
//	shop/cart/80/da39a3ee5e                 Contour, as configured
//	httproute/shop/cart/rule/0              Envoy Gateway: names the route
//	service/shop/cart/80                    Envoy Gateway, shared clusters
//	outbound|80||cart.shop.svc.cluster.local   Istio
//
// Underscores, slashes and bars cannot occur in names of Kubernetes objects, so all split exactly.
func (p *Parser) backend(cluster []byte, s *model.Signal) {
	if field.Unset(cluster) {
		return
	}
	if bytes.IndexByte(cluster, '|') >= 0 {
		p.istioCluster(cluster, s)
		return
	}
	first, rest, ok := bytes.Cut(cluster, []byte{'/'})
	if !ok {
		p.contourCluster(cluster, '_', s)
		return
	}
	switch string(first) {
	case "httproute", "grpcroute", "tlsroute", "tcproute", "udproute":
		p.routeName(rest, s)
	case "service":
		p.contourCluster(rest, '/', s)
	default:
		if i := bytes.LastIndexByte(cluster, '/'); bytes.Count(cluster, []byte{'/'}) == 3 {
			p.contourCluster(cluster[:i], '/', s)
		}
	}
}

// contourCluster reads NAMESPACE, SERVICE and PORT, joined by a separator.
func (p *Parser) contourCluster(b []byte, separator byte, s *model.Signal) {
	namespace, rest, ok := bytes.Cut(b, []byte{separator})
	service, port, ok2 := bytes.Cut(rest, []byte{separator})
	if !ok || !ok2 || bytes.IndexByte(port, separator) >= 0 {
		s.Service = p.names.String(b) // in a form of its own: for people to read
		return
	}
	s.RouteNamespace = p.names.String(namespace)
	s.Service = p.names.String(service)
	s.ServicePort = p.names.String(port)
}

// istioCluster reads DIRECTION|PORT|SUBSET|HOST.
func (p *Parser) istioCluster(b []byte, s *model.Signal) {
	_, rest, _ := bytes.Cut(b, []byte{'|'})
	port, rest, _ := bytes.Cut(rest, []byte{'|'})
	_, host, _ := bytes.Cut(rest, []byte{'|'})
	s.ServicePort = p.names.String(port)
	service, rest, ok := bytes.Cut(host, []byte{'.'})
	namespace, domain, ok2 := bytes.Cut(rest, []byte{'.'})
	if !ok || !ok2 || !bytes.HasPrefix(domain, []byte("svc")) {
		s.Service = p.names.String(host) // outside the cluster
		return
	}
	s.Service = p.names.String(service)
	s.RouteNamespace = p.names.String(namespace)
}

// route takes apart Envoy Gateway's route name, "httproute/shop/cart/rule/0/match/0/shop_example_com".
func (p *Parser) route(name []byte, s *model.Signal) {
	if field.Unset(name) || s.RouteName != "" {
		return
	}
	kind, rest, ok := bytes.Cut(name, []byte{'/'})
	if ok && bytes.HasSuffix(kind, []byte("route")) {
		p.routeName(rest, s)
	}
}

// routeName reads "NAMESPACE/NAME/rule/I...".
func (p *Parser) routeName(b []byte, s *model.Signal) {
	namespace, rest, ok := bytes.Cut(b, []byte{'/'})
	name, _, ok2 := bytes.Cut(rest, []byte{'/'})
	if !ok || !ok2 || len(namespace) == 0 || len(name) == 0 {
		return
	}
	s.RouteNamespace = p.names.String(namespace)
	s.RouteName = p.names.String(name)
}
