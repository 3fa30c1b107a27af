package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func externalNameBad() Analyzer {
	return Analyzer{
		Cause: "externalname-bad", Doc: "Finds ExternalName Services whose name leads nowhere.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.Ingresses, snapshot.HTTPRoutes},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if !l.External() {
					continue
				}
				if f, ok := v.badName(r, l); ok {
					out = append(out, f.on(r).relates("service", serviceRef(l)))
				}
			}
			return out
		},
	}
}

// badName judges the name by its form, by the cluster's Services where it is of the cluster, and by what
// proxies say of it.
func (v *view) badName(r *route, l path.Leg) (finding, bool) {
	name := strings.TrimSuffix(l.Service.Spec.ExternalName, ".")
	f := find("externalname-bad", proven, at(serviceRef(l), "spec.externalName"), "").
		as(model.NoEndpoints, model.ConnectTimeout, model.Refused, model.NoRoute, model.ResponseTimeout)
	why := v.wrongName(name, serviceRef(l))
	words, said := unresolvedBy(r, name)
	if !said && r.failing() {
		words, said = v.lookedUpInVain(r, name)
	}
	switch {
	case why == "" && !r.works() && v.portBehindName(l, name) != "":
		why = v.portBehindName(l, name)
		f.Object.Field = fmt.Sprintf("spec.ports[%d].port", l.PortAt)
	case why != "":
	case (said || len(r.hits(model.NoEndpoints)) > 0) && v.deafGateway(r) != nil:
		return finding{}, false // whatever the name is, the gateway asks in vain
	case said:
		why = fmt.Sprintf("%s is not resolved", name)
	case len(r.hits(model.NoEndpoints)) > 0 && !r.works() && !v.unsupported(r):
		// What stands for a name has endpoints unless it is not resolved.
		why, f.Confidence = fmt.Sprintf("%s has no endpoint for it, so it is probably not resolved", r.Proxy), likely
	case v.unsupported(r):
		why = fmt.Sprintf("%s does not forward to Services of this type", r.Controller)
		f.Object = at(serviceRef(l), "spec.type")
	default:
		return finding{}, false
	}
	f.Summary = fmt.Sprintf("%s is an ExternalName for %s: %s", serviceRef(l), l.Service.Spec.ExternalName, why)
	f = f.because("object", f.Summary, serviceRef(l), time.Time{}).since(written(l.Service))
	if said {
		f.Evidence = append(f.Evidence, words)
	}
	return f, true
}

// portBehindName says that a name leads to a Service of the cluster which has not the port that is asked there.
func (v *view) portBehindName(l path.Leg, name string) string {
	service, inside := v.internal(name, "")
	if !inside || !strings.Contains(name, ".svc") || l.Port == nil {
		return ""
	}
	target, presence := v.s.Services().Get(service.Namespace, service.Name)
	if presence != snapshot.Present || target.Spec.ClusterIP == corev1.ClusterIPNone || target.Spec.Type == corev1.ServiceTypeExternalName {
		return ""
	}
	// Most proxies ask the Service's port there, ingress-nginx the target port.
	if slices.ContainsFunc(target.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == l.Port.Port || p.Port == l.Port.TargetPort.IntVal }) {
		return ""
	}
	return fmt.Sprintf("it asks port %d there, and %s has %s", l.Port.Port, service, portsOf(target))
}

// wrongName says what is wrong with a name, as far as it shows: kube-dns makes a CNAME of it, which can
// be neither an address nor have a port (kubernetes.io, Service: ExternalName).
func (v *view) wrongName(name string, self model.Ref) string {
	host, port, hasPort := strings.Cut(name, ":")
	if _, err := netip.ParseAddr(name); err == nil {
		return "it is an address, and stands where a DNS name belongs"
	}
	switch {
	case name == "":
		return "it is empty"
	case hasPort:
		return fmt.Sprintf("a name has no port: %s belongs in the Service's ports, %s alone here", port, host)
	case strings.Contains(name, "/"):
		return "it is a URL, and not a name"
	}
	service, inside := v.internal(name, "")
	if !inside || !strings.Contains(name, ".svc") {
		return ""
	}
	target, presence := v.s.Services().Get(service.Namespace, service.Name)
	switch {
	case service.Namespace == self.Namespace && service.Name == self.Name:
		return "it is its own name"
	case presence == snapshot.Absent:
		return fmt.Sprintf("there is no Service %s in namespace %s", service.Name, service.Namespace)
	case presence == snapshot.Present && strings.HasPrefix(strings.TrimSuffix(target.Spec.ExternalName, "."), self.Name+"."+self.Namespace+".svc"):
		return fmt.Sprintf("%s is an ExternalName for %s again", service, self)
	default:
		return ""
	}
}

// unresolvedBy finds that a proxy could not resolve a name: nginx, the Lua balancer of ingress-nginx and Kong,
// Go (Traefik, Caddy), Envoy, HAProxy.
func unresolvedBy(r *route, name string) (model.Evidence, bool) {
	for _, s := range r.signals {
		words := s.Reason + " " + s.Raw
		for _, part := range []string{
			"could not be resolved", "no resolver defined", "host not found", "failed to resolve", "no such host", "server misbehaving", "dns server error", "dns_resolution_failure", "DNS resolution failed", "name resolution failed",
			"dns resolution failure", "dns_failure", "error resolving",
		} {
			if strings.Contains(words, part) && (strings.Contains(words, name) || !strings.Contains(words, "lookup ")) {
				return said(s), true
			}
		}
	}
	return model.Evidence{}, false
}

// lookedUpInVain finds that a gateway's own log, in lines about no request, says that a name is not resolved: the Lua
// balancer of ingress-nginx looks names up beside the requests (rootfs/etc/nginx/lua/util/dns.lua).
func (v *view) lookedUpInVain(r *route, name string) (model.Evidence, bool) {
	for _, s := range v.sayings() {
		if s.known && strings.Contains(s.text, "failed to query the DNS server for "+name) && slices.Contains(v.governs(s), r) {
			return s.evidence(), true
		}
	}
	return model.Evidence{}, false
}

// unsupported reports whether a controller leaves ExternalName Services out: Contour does from 1.21 and
// Traefik from 2.5 on, unless told otherwise; Gateway API implementations mostly do not take them
// (CVE-2021-32783). Only where requests fail for want of an endpoint does that matter.
func (v *view) unsupported(r *route) bool {
	if len(r.hits(model.NoEndpoints, model.NoRoute, model.UpstreamStatus, model.OtherFailure)) == 0 {
		return false
	}
	enabled := map[string]string{"projectcontour.io": "enableExternalNameService", "traefik.io": "allowExternalNameServices"}
	for part, option := range enabled {
		if !strings.Contains(r.Controller, part) {
			continue
		}
		for _, p := range v.m.Gateways(r.Route) {
			for _, c := range p.Spec.Containers {
				if strings.Contains(strings.ToLower(strings.Join(append(c.Args, c.Command...), " ")), strings.ToLower(option)) {
					return false
				}
			}
		}
		return part == "traefik.io" // Contour's option is in a file that is not read
	}
	return false
}
