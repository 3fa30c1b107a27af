package path

import (
	"cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Front is the IP address or name at which a request's gateway takes requests, by the status of its Gateway
// (status.addresses) or Ingress (status.loadBalancer.ingress); empty if none is told.
func (m *Map) Front(req model.Request) string {
	r, ok := m.Match(req)
	if !ok {
		return ""
	}
	if gw, presence := m.s.Gateways().Get(r.Gateway.Namespace, r.Gateway.Name); presence == snapshot.Present && r.Gateway.Kind == "Gateway" {
		if len(gw.Status.Addresses) == 0 {
			return ""
		}
		return gw.Status.Addresses[0].Value
	}
	if ing, presence := m.s.Ingresses().Get(r.Object.Namespace, r.Object.Name); presence == snapshot.Present && r.Object.Kind == "Ingress" {
		if addresses := ing.Status.LoadBalancer.Ingress; len(addresses) > 0 {
			return cmp.Or(addresses[0].IP, addresses[0].Hostname)
		}
	}
	return ""
}
