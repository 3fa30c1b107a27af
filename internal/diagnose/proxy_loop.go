package diagnose

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func proxyLoop() Analyzer {
	return Analyzer{
		Cause:  "proxy-loop",
		Doc:    "Finds routes whose backend is the gateway itself, so that each request comes back to it.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.Pods, snapshot.Ingresses, snapshot.Other},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if l.Presence != snapshot.Present || r.works() || v.otherHost(r) {
					continue
				}
				if l.External() {
					if f, ok := v.loopByName(r, l); ok {
						out = append(out, f)
					}
				} else if f, ok := v.loopByPods(r, l); ok {
					out = append(out, f)
				}
			}
			for _, r := range v.routes {
				if f, ok := v.loopByEntry(r); ok && !r.works() && !v.otherHost(r) {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// otherHost reports whether the request is sent on with another host, which another rule may take.
func (v *view) otherHost(r *route) bool {
	host := v.nginxSetting(r.Route, "upstream-vhost")
	if s, ok := r.Settings.Get(proxy.UpstreamHost); ok && host == "" {
		host = s.Value
	}
	return host != "" && host != r.Host
}

// loopByPods finds a Service that leads to the port of the gateway's own pods on which it takes requests.
func (v *view) loopByPods(r *route, l path.Leg) (finding, bool) {
	gateways := v.m.Gateways(r.Route)
	for _, e := range l.ReadyEnds() {
		if e.Pod == nil || !slices.Contains(gateways, e.Pod) || !entrance(e.Pod, e.Port) {
			continue
		}
		return v.loop(r, l, at(r.Object, l.Backend.Field+".name"),
			fmt.Sprintf("%s sends %s to %s, which is the gateway itself (pod %s), so each request comes back to it", r.Object, r, serviceRef(l), e.Pod.Name)), true
	}
	return finding{}, false
}

// entrance reports whether a gateway's pod takes users' requests at a port, and not its own dashboard or metrics.
func entrance(p *corev1.Pod, port int32) bool {
	for _, c := range p.Spec.Containers {
		for _, cp := range c.Ports {
			if cp.ContainerPort == port {
				return port == 80 || port == 443 || strings.HasPrefix(cp.Name, "http") || strings.HasPrefix(cp.Name, "web") || cp.Name == "proxy" || cp.Name == "proxy-tls"
			}
		}
	}
	return port == 80 || port == 443
}

// loopByName finds a Service that stands for a name which leads back to the gateway: the route's own host, or
// that of the Service in front of the gateway.
func (v *view) loopByName(r *route, l path.Leg) (finding, bool) {
	name := strings.TrimSuffix(strings.ToLower(l.Service.Spec.ExternalName), ".")
	why := ""
	service, rest, _ := strings.Cut(name, ".")
	namespace, _, _ := strings.Cut(rest, ".")
	if name == r.Host {
		why = "the host of the route itself"
	} else if v.frontsGateway(r, namespace, service) {
		why = "the Service in front of the gateway"
	}
	if why == "" {
		return finding{}, false
	}
	return v.loop(r, l, at(serviceRef(l), "spec.externalName"),
		fmt.Sprintf("%s is an ExternalName for %s, %s, so each request for %s comes back to it", serviceRef(l), name, why, r)), true
}

// loopByEntry finds a ServiceEntry that lists an address at which the Service in front of the gateway takes requests: one that a machine
// outside had before, most often. Istio keeps the host, so the same rule takes the request again.
func (v *view) loopByEntry(r *route) (finding, bool) {
	for _, b := range r.Backends {
		if b.Service.Kind != "ServiceEntry" || b.Weight == 0 {
			continue
		}
		for _, se := range v.all("networking.istio.io", "ServiceEntry") {
			if se.ref != b.Service {
				continue
			}
			for i, e := range se.list("spec", "endpoints") {
				if svc := v.frontAt(r, e.text("address")); svc != nil {
					return v.loop(r, path.Leg{Backend: b}, at(se.ref, fmt.Sprintf("spec.endpoints[%d].address", i)),
						fmt.Sprintf("%s leads %s to %s, which is the address of %s in front of the gateway, so each request comes back to it", se.ref, r, e.text("address"), snapshot.RefOf(svc))), true
				}
			}
		}
	}
	return finding{}, false
}

// frontAt is the Service in front of a route's gateway that has an address outside or in the cluster; nil if none has.
func (v *view) frontAt(r *route, address string) *corev1.Service {
	if net.ParseIP(address) == nil {
		return nil
	}
	for _, g := range v.m.Gateways(r.Route) {
		for svc := range v.s.Services().In(g.Namespace) {
			given := slices.ContainsFunc(svc.Status.LoadBalancer.Ingress, func(in corev1.LoadBalancerIngress) bool { return in.IP == address })
			if (given || slices.Contains(svc.Spec.ExternalIPs, address) || slices.Contains(svc.Spec.ClusterIPs, address)) && matches(svc.Spec.Selector, g.Labels) {
				return svc
			}
		}
	}
	return nil
}

func (v *view) frontsGateway(r *route, namespace, service string) bool {
	svc, presence := v.s.Services().Get(namespace, service)
	return presence == snapshot.Present && slices.ContainsFunc(v.m.Gateways(r.Route), func(p *corev1.Pod) bool {
		return p.Namespace == namespace && matches(svc.Spec.Selector, p.Labels)
	})
}

func (v *view) loop(r *route, l path.Leg, object model.FieldRef, summary string) finding {
	f := find("proxy-loop", proven, object, summary).on(r).
		as(model.UpstreamStatus, model.ResponseTimeout, model.NoRoute, model.Overload, model.ConnectTimeout, model.Protocol, model.ClosedEarly, model.Reset).showing(r, r.astray).
		relates("service", serviceRef(l)).because("model", summary, serviceRef(l), time.Time{}).
		not("app-error", "the answer comes from the gateway itself")
	f.covers = true
	return f
}
