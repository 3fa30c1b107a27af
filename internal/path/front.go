package path

import (
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
		for _, a := range gw.Status.Addresses {
			return a.Value
		}
		return ""
	}
	if ing, presence := m.s.Ingresses().Get(r.Object.Namespace, r.Object.Name); presence == snapshot.Present && r.Object.Kind == "Ingress" {
		for _, a := range ing.Status.LoadBalancer.Ingress {
			if a.IP != "" {
				return a.IP
			}
			return a.Hostname
		}
	}
	return ""
}
