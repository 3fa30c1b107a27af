package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func serviceVIPFault() Analyzer {
	return Analyzer{
		Cause: "service-vip-fault", Doc: "Finds gateways that dial a Service's virtual IP on a node whose service proxy does not forward it, though the endpoints are ready.",
		Inputs: append(podKinds(), snapshot.Nodes, snapshot.Ingresses), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if f, ok := v.deafAddress(r, l); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// deafAddress looks at the requests that were sent to a Service's virtual IP and that nobody took, though
// the Service has ready endpoints. The service proxy of the node on which the gateway runs forwards such
// connections; it is to blame for certain where it does not run there.
func (v *view) deafAddress(r *route, l path.Leg) (finding, bool) {
	if l.Service == nil || l.Port == nil || len(l.ReadyEnds()) == 0 {
		return finding{}, false
	}
	setting, told := v.m.Setting(r.Route, l, proxy.ServiceAddress)
	told = told && setting.Yes
	kinds := []model.FailureKind{model.ConnectTimeout, model.Refused}
	hits := r.hits(kinds...)
	dialled := slices.DeleteFunc(slices.Clone(hits), func(s model.Signal) bool {
		host := lastHost(&s)
		return host == "" || host != l.Service.Spec.ClusterIP && !slices.Contains(l.Service.Spec.ClusterIPs, host)
	})
	if len(dialled) == 0 && !told || slices.ContainsFunc(dialled, func(s model.Signal) bool { return v.explains(r, s.Failure) }) {
		return finding{}, false
	}
	fault, known := v.proxyFault(r)
	if !known {
		fault, known = v.oldRules(r, dialled)
	}
	if !known && (len(dialled) < 2 || len(dialled)*2 < r.failures || !v.reachable(l) || r.answeredSince(dialled[0].At)) {
		return finding{}, false // the endpoints themselves may be what does not answer
	}
	object, confidence := at(serviceRef(l), "spec.clusterIP"), likely
	why := "all its endpoints are ready, and pass their readiness probes on the same port"
	if known {
		object, confidence, why = fault.at, proven, fault.why
	}
	f := find("service-vip-fault", confidence, object,
		fmt.Sprintf("the gateway dials the virtual IP %s of %s, and nothing forwards it: %s", l.Service.Spec.ClusterIP, serviceRef(l), why)).
		on(r).as(kinds...).because("status", why, object.Ref, fault.since)
	if told {
		f = f.because("object", fmt.Sprintf("%s makes the gateway dial the Service's address", cmp.Or(setting.At.Field, "a setting")), setting.At.Ref, time.Time{})
	}
	f.dormant = len(dialled) == 0
	if !f.dormant {
		f = f.since(dialled[0].At)
	}
	return v.relateBackend(f, r), true
}

// answeredSince reports whether a request of the route has succeeded since a time.
func (r *route) answeredSince(t time.Time) bool {
	return len(r.succeeded) > 0 && r.succeeded[len(r.succeeded)-1].After(t)
}

// reachable reports whether the kubelet asks every ready endpoint of a backend on the port to which requests
// go: then something listens there.
func (v *view) reachable(l path.Leg) bool {
	for _, e := range l.ReadyEnds() {
		if e.Pod == nil || !slices.ContainsFunc(e.Pod.Spec.Containers, func(c corev1.Container) bool {
			port, _, ok := path.ProbePort(&c, c.ReadinessProbe)
			return ok && port == e.Port
		}) {
			return false
		}
	}
	return true
}

// proxyFault finds that the service proxy does not work on a node on which a gateway of the route runs: its
// pod there is not ready, or there is none though other nodes have one.
func (v *view) proxyFault(r *route) (networkFault, bool) {
	pods := v.serviceProxies()
	for _, g := range v.m.Gateways(r.Route) {
		if g.Spec.NodeName == "" {
			continue
		}
		p, here := pods[g.Spec.NodeName]
		if here && (path.Ready(p) || v.young(p) || p.DeletionTimestamp != nil) {
			continue
		}
		if verdict, _ := path.NodeReady(v.s, g.Spec.NodeName); verdict == model.Broken {
			continue // node-not-ready
		}
		if here {
			return v.unreadyProxy(p), true
		}
		if f, ok := v.missingProxy(pods, g.Spec.NodeName); ok {
			return f, true
		}
	}
	return networkFault{}, false
}

// unsyncedWords match what kube-proxy logs when it could not write its rules, so that the node goes on with those that it has (pkg/proxy
// of kubernetes/kubernetes: iptables, ipvs and nftables), or does not learn of Services and endpoints any more (client-go's reflector).
var unsyncedWords = regexp.MustCompile(`Failed to execute iptables-restore|"Sync failed" |nftables sync failed|Failed to sync endpoint for service|Failed to (?:list|watch) \*v1\.(?:Service|EndpointSlice)\b|[Ff]ailed to (?:list|watch) .*type="?\*v1\.(?:Service|EndpointSlice)"`)

// oldRules finds that the service proxy beside the gateway pods whose connections failed says that it cannot keep its rules.
func (v *view) oldRules(r *route, dialled []model.Signal) (networkFault, bool) {
	pods := v.serviceProxies()
	for _, g := range v.m.Gateways(r.Route) {
		p, here := pods[g.Spec.NodeName]
		if !here || !slices.ContainsFunc(dialled, func(s model.Signal) bool { return s.Gateway.Name == g.Name }) {
			continue
		}
		for _, log := range v.in.Logs {
			if log.Previous || log.Pod.Name != p.Name || log.Pod.Namespace != "" && log.Pod.Namespace != p.Namespace {
				continue
			}
			lines := slices.DeleteFunc(slices.Clone(log.Lines), func(l string) bool { return !unsyncedWords.MatchString(l) })
			if len(lines) >= few {
				return networkFault{at: at(v.s.WorkloadOf(p), ""), why: fmt.Sprintf("pod %s of the service proxy on node %s, where the gateway runs, cannot keep its rules: %s", p.Name, g.Spec.NodeName, strings.TrimSpace(lines[len(lines)-1]))}, true
			}
		}
	}
	return networkFault{}, false
}

// serviceProxies is the service proxy's pod of each node. While a pod is replaced a node has two, and the one
// that is ready forwards: it counts.
func (v *view) serviceProxies() map[string]*corev1.Pod {
	pods := map[string]*corev1.Pod{}
	for p := range v.s.Pods().All() {
		if !servesAddresses(p) || path.Finished(p) || p.Spec.NodeName == "" {
			continue
		}
		if other, ok := pods[p.Spec.NodeName]; !ok || !path.Ready(other) {
			pods[p.Spec.NodeName] = p
		}
	}
	return pods
}

// unreadyProxy blames what runs a service proxy's pod, and says what the pod suffers from where that is known:
// it is what has to be repaired.
func (v *view) unreadyProxy(p *corev1.Pod) networkFault {
	ref, field := v.s.WorkloadOf(p), "status.numberReady"
	if ref.Kind != "DaemonSet" {
		field = "status.conditions[type=Ready]" // a static pod
	}
	f := networkFault{at: at(ref, field), why: fmt.Sprintf("pod %s of the service proxy on node %s, where the gateway runs, is not ready", p.Name, p.Spec.NodeName)}
	if t := v.trouble(p); t.why != "" {
		f.why, f.since = fmt.Sprintf("pod %s of the service proxy on node %s, where the gateway runs: %s", p.Name, p.Spec.NodeName, t.why), t.at
	}
	return f
}

// missingProxy blames the DaemonSet that runs the service proxy on other nodes. Where no DaemonSet is seen to
// run it, or its pods are not all known, a node without one says nothing.
func (v *view) missingProxy(pods map[string]*corev1.Pod, node string) (networkFault, bool) {
	for _, other := range pods { // all are of one DaemonSet
		if ref := v.s.WorkloadOf(other); v.s.Pods().Covers(other.Namespace) && ref.Kind == "DaemonSet" {
			return networkFault{at: at(ref, "status.numberReady"), why: fmt.Sprintf("%s has no pod on node %s, where the gateway runs", ref, node)}, true
		}
	}
	return networkFault{}, false
}

// servesAddresses reports whether a pod is kube-proxy, by the label and image that kubeadm and the hosted
// clusters give it.
func servesAddresses(p *corev1.Pod) bool {
	return p.Labels["k8s-app"] == "kube-proxy" || slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool {
		return strings.Contains(c.Image, "/kube-proxy")
	})
}
