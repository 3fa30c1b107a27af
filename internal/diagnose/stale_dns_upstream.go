package diagnose

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func staleDNSUpstream() Analyzer {
	return Analyzer{
		Cause:  "stale-dns-upstream",
		Doc:    "Finds proxies that go on sending to an address for which a name stood before.",
		Inputs: append(podKinds(), snapshot.ConfigMaps), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if f, ok := v.oldAddress(r, l); ok && l.External() {
					out = append(out, f)
				}
			}
			for _, w := range v.workloads {
				if f, ok := v.oldUpstream(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// unreached are the failures of requests to an address at which nobody is any more.
func unreached() []model.FailureKind {
	return []model.FailureKind{model.ConnectTimeout, model.Refused, model.NoRoute, model.OtherFailure}
}

// oldAddress finds that a gateway sends requests for an ExternalName Service to an address for which the name does
// not stand. Of a name of the cluster that is known; of another one only that a different address does answer.
func (v *view) oldAddress(r *route, l path.Leg) (finding, bool) {
	if !l.External() || len(r.signals) == 0 {
		return finding{}, false
	}
	name := strings.TrimSuffix(l.Service.Spec.ExternalName, ".")
	service, inside := v.internal(name, "")
	inside = inside && strings.Contains(name, ".svc")
	now := v.standsFor(service)
	confidence, but := proven, strings.Join(now, ", ")
	if !inside {
		confidence = likely
		now = v.answering(r)
		but = strings.Join(now, ", ") + ", which answers"
	}
	if len(now) == 0 {
		return finding{}, false
	}
	var met []*model.Signal
	gone := map[string]bool{}
	for i := range r.signals {
		s := &r.signals[i]
		h := lastHost(s)
		if _, err := netip.ParseAddr(h); err != nil || !slices.Contains(unreached(), s.Failure) {
			continue
		}
		if !gone[h] && (slices.Contains(now, h) || inside && v.inUse(h)) {
			return finding{}, false
		}
		gone[h] = true
		met = append(met, s)
	}
	if len(met) < 2 {
		return finding{}, false
	}
	return find("stale-dns-upstream", confidence, at(serviceRef(l), "spec.externalName"),
		fmt.Sprintf("the gateway still sends requests for %s to %s, while %s resolves to %s", r, strings.Join(addresses(met), ", "), name, but)).
		on(r).as(unreached()...).covering(met).since(met[0].At).relates("service", serviceRef(l)).
		not("externalname-bad", "the name does stand for something"), true
}

// standsFor lists the addresses for which a Service's name stands now; none if they are not known.
func (v *view) standsFor(service model.Ref) []string {
	svc, presence := v.s.Services().Get(service.Namespace, service.Name)
	if presence != snapshot.Present || svc.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	if svc.Spec.ClusterIP != corev1.ClusterIPNone && svc.Spec.ClusterIP != "" {
		if len(svc.Spec.ClusterIPs) > 0 {
			return svc.Spec.ClusterIPs
		}
		return []string{svc.Spec.ClusterIP}
	}
	var out []string
	if !v.s.EndpointSlices().Covers(service.Namespace) {
		return nil
	}
	for _, es := range v.s.SlicesOf(service.Namespace, service.Name) {
		for i := range es.Endpoints {
			out = append(out, es.Endpoints[i].Addresses...)
		}
	}
	return out
}

// answering lists the addresses that answered requests of a route from when it began to fail.
func (v *view) answering(r *route) []string {
	var out []string
	for _, s := range v.in.Signals {
		h := lastHost(&s)
		if s.ErrorLog || s.Failed() || s.Status == 499 || h == "" || s.At.Before(r.signals[0].At) || slices.Contains(out, h) {
			continue
		}
		if located, ok := v.m.Locate(s); ok && keyOf(located) == keyOf(r.Route) {
			out = append(out, h)
		}
	}
	return out
}

// inUse reports whether a pod or Service has an address now.
func (v *view) inUse(ip string) bool {
	if len(v.s.PodsByIP(ip)) > 0 {
		return true
	}
	for svc := range v.s.Services().All() {
		if svc.Spec.ClusterIP == ip || slices.Contains(svc.Spec.ClusterIPs, ip) {
			return true
		}
	}
	return false
}

// requestIn finds the path of a request in a line of nginx's error log.
var requestIn = regexp.MustCompile(`request: "[A-Z]+ ([^ "?]+)`)

// outsideUnread reports whether a route is one of a load balancer out of the cluster of which no log was read: what fails behind it
// stands in the applications' logs alone.
func (r *route) outsideUnread() bool {
	px, ok := all.Named(r.Proxy)
	return ok && px.Outside && r.requests == 0
}

// oldUpstream finds a backend that is itself an nginx and does not reach an address of the cluster that no pod and
// no Service has any more. nginx resolves the names in its configuration once, when it reads it, unless they stand
// in a variable and a resolver is set (nginx.org, ngx_http_proxy_module: proxy_pass).
func (v *view) oldUpstream(w *workload) (finding, bool) {
	kinds := append(unreached(), model.UpstreamStatus, model.ResponseTimeout)
	routes := slices.DeleteFunc(slices.Clone(w.routes), func(r *route) bool { return len(r.hits(kinds...)) == 0 })
	unlogged := slices.DeleteFunc(slices.Clone(w.routes), func(r *route) bool { return !r.outsideUnread() })
	if len(routes)+len(unlogged) == 0 || len(v.in.Logs) == 0 || !v.allSeen() {
		return finding{}, false
	}
	upstream := regexp.MustCompile(`(?:while connecting to upstream|upstream timed out|[Nn]o route to host|Connection refused).*upstream: "[a-z]+://(\d+\.\d+\.\d+\.\d+):(\d+)`)
	for _, log := range v.in.Logs {
		if log.Previous || !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, line := range slices.Backward(log.Lines) {
			m := upstream.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			if v.inUse(m[1]) || !v.ofCluster(m[1]) {
				break // what it last failed to reach decides
			}
			f := v.forgot(w, m[1], portNumber(m[2])).on(routes...).as(kinds...).
				because("app-log", strings.TrimSpace(line), log.Pod, time.Time{})
			if len(routes) > 0 {
				return f, true
			}
			asked := requestIn.FindStringSubmatch(line)
			unlogged = slices.DeleteFunc(unlogged, func(r *route) bool { return asked == nil || !r.Takes(asked[1]) })
			f.unlogged = true
			return f.on(unlogged...), len(unlogged) > 0 && f.Confidence == proven
		}
	}
	return finding{}, false
}

// forgot names the setting with the name that a proxy resolved before.
func (v *view) forgot(w *workload, old string, port int32) finding {
	f := find("stale-dns-upstream", likely, at(w.ref, ""), fmt.Sprintf("%s still sends to %s, which no pod and no Service has any more", w.ref, old)).
		relates("workload", w.ref)
	for _, a := range v.addresses(w) {
		service, inside := v.home(w.ref.Namespace, a.host)
		now := v.standsFor(service)
		if !inside || len(now) == 0 || a.port != 0 && a.port != port || a.port == 0 && port != 80 || v.looksAgain(a.at) {
			continue
		}
		f.Confidence, f.Object = proven, a.at
		f.Summary = fmt.Sprintf("%s still sends to %s, while %s now resolves to %s", w.ref, old, a.host, strings.Join(now, ", "))
		return f.relates("service", service).since(v.standsSince(service, now))
	}
	return f
}

// standsSince is from when a Service's name has stood for its addresses: its own, or those of the oldest of its pods.
func (v *view) standsSince(service model.Ref, now []string) time.Time {
	svc, presence := v.s.Services().Get(service.Namespace, service.Name)
	if presence != snapshot.Present {
		return time.Time{}
	}
	if svc.Spec.ClusterIP != corev1.ClusterIPNone {
		return svc.CreationTimestamp.Time
	}
	var first time.Time
	for _, ip := range now {
		for _, p := range v.s.PodsByIP(ip) {
			if first.IsZero() || p.CreationTimestamp.Time.Before(first) {
				first = p.CreationTimestamp.Time
			}
		}
	}
	return first
}

// looksAgain reports whether a configuration sets a resolver, so that names are looked up again.
func (v *view) looksAgain(place model.FieldRef) bool {
	cm, ok := v.s.ConfigMaps().Get(place.Namespace, place.Name)
	if place.Kind != "ConfigMap" || ok != snapshot.Present {
		return false
	}
	for key, value := range cm.Data {
		if dataField(key) == place.Field && strings.Contains(value, "resolver ") {
			return true
		}
	}
	return false
}

// allSeen reports whether every pod and Service of the cluster was read, so that nobody else can have an address.
func (v *view) allSeen() bool {
	pods, _ := v.s.Coverage(snapshot.Pods)
	services, _ := v.s.Coverage(snapshot.Services)
	return pods.Whole() && services.Whole()
}

// ofCluster reports whether an address is out of a range in which pods or Services have theirs: of the same /16,
// the size of the usual ranges of clusters.
func (v *view) ofCluster(ip string) bool {
	a, err := netip.ParseAddr(ip)
	if err != nil || !a.Is4() {
		return false
	}
	block := netip.PrefixFrom(a, 16).Masked()
	within := func(s string) bool {
		b, err := netip.ParseAddr(s)
		return err == nil && block.Contains(b)
	}
	for svc := range v.s.Services().All() {
		if within(svc.Spec.ClusterIP) {
			return true
		}
	}
	for p := range v.s.Pods().All() {
		if within(p.Status.PodIP) && !p.Spec.HostNetwork {
			return true
		}
	}
	return false
}
