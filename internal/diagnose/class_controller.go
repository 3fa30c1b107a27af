package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// classesWithoutController finds Ingresses whose class exists, and is of a controller that is not installed.
func (v *view) classesWithoutController() []finding {
	if !v.s.Pods().Covers("") {
		return nil
	}
	var out []finding
	var installed []controllerPod
	taken := map[publishedFor]bool{}
	for _, r := range v.routes {
		ing := v.ingress(r.Route)
		if ing == nil || r.Controller == "" || !r.Served() || r.requests > 0 {
			continue
		}
		if installed == nil {
			installed = v.installed()
		}
		if len(installed) == 0 {
			return nil // controllers may run elsewhere
		}
		if why := v.unclaimed(r.Route, installed); why != "" && v.ofAnotherGateway(ing, r.Proxy, taken) {
			f := v.withoutController(r, why)
			f.dormant = !v.isTarget(r.Route) && slices.ContainsFunc(v.m.Routes(), func(by path.Route) bool {
				return by.Class != r.Class && takesOver(by, r.Route) && moved(by, r.Route) && v.unclaimed(by, installed) == ""
			})
			out = append(out, f)
		}
	}
	return out
}

func (v *view) withoutController(r *route, why string) finding {
	object := at(r.Object, "spec.ingressClassName")
	if ing := v.ingress(r.Route); ing.Spec.IngressClassName == nil {
		object = annotated(r.Object, "kubernetes.io/ingress.class")
		if ing.Annotations["kubernetes.io/ingress.class"] == "" { // it is the default one
			object = at(model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "IngressClass", Name: r.Class}, "spec.controller")
		}
	}
	f := find("ingress-class-missing", proven, object, fmt.Sprintf("%s is of class %s, and no controller serves it: %s", r.Object, r.Class, why)).
		on(r).as(model.NoRoute, model.NoEndpoints).because("object", why, r.Object, time.Time{}).
		not("proxy-not-running", "no workload of that controller is there at all")
	f.unlogged = true // those who serve other classes do not know the host
	return f
}

// publishedFor is an address that an Ingress publishes, and the proxy of its class.
type publishedFor struct{ ip, hostname, proxy string }

// ofAnotherGateway reports whether all addresses in an Ingress's status have gone to other proxies than its class's, so that
// none says that it is served; taken remembers of which that is known.
func (v *view) ofAnotherGateway(ing *networkingv1.Ingress, proxy string, taken map[publishedFor]bool) bool {
	for _, a := range ing.Status.LoadBalancer.Ingress {
		key := publishedFor{a.IP, a.Hostname, proxy}
		other, known := taken[key]
		if !known {
			other = v.leftToOther(key)
			taken[key] = other
		}
		if !other {
			return false
		}
	}
	return true
}

// leftToOther reports whether an address is only that of Services that lead to pods of other proxies: who published it is gone,
// and has left the address to another gateway. Several Services may share an address, and a node's (as k3s gives to every
// Service) is also that of gateways on its network, which need no Service: where nodes were not read, of any pod that is on
// one.
func (v *view) leftToOther(a publishedFor) bool {
	if !v.s.Services().Covers("") || !v.s.Nodes().Covers("") && v.strangersOnNodes(a.proxy) {
		return false
	}
	for n := range v.s.Nodes().All() {
		if slices.ContainsFunc(n.Status.Addresses, func(of corev1.NodeAddress) bool { return of.Address == a.ip || of.Address == a.hostname }) {
			return false
		}
	}
	left := false
	for svc := range v.s.Services().All() {
		mine := slices.ContainsFunc(svc.Status.LoadBalancer.Ingress, func(of corev1.LoadBalancerIngress) bool {
			return a.ip != "" && of.IP == a.ip || a.hostname != "" && of.Hostname == a.hostname
		})
		if !mine && (a.ip == "" || !slices.Contains(svc.Spec.ExternalIPs, a.ip)) {
			continue
		}
		if len(svc.Spec.Selector) == 0 || !v.leadsToOther(svc, a.proxy) {
			return false
		}
		left = true
	}
	return left
}

// onNode reports whether a pod takes requests at its node's address.
func onNode(p *corev1.Pod) bool {
	return p.Spec.HostNetwork || slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(port corev1.ContainerPort) bool { return port.HostPort != 0 })
	})
}

// strangersOnNodes reports whether a pod that is not known to run another proxy than one may take requests at its node's address.
func (v *view) strangersOnNodes(proxy string) bool {
	for p := range v.s.Pods().All() {
		px, _, ok := all.ForPod(p)
		if onNode(p) && (!ok || px.Name == proxy) {
			return true
		}
	}
	return false
}

// leadsToOther reports whether a Service selects pods of a gateway, and none of a proxy.
func (v *view) leadsToOther(svc *corev1.Service, proxy string) bool {
	other := false
	for p := range v.s.Pods().In(svc.Namespace) {
		if !matches(svc.Spec.Selector, p.Labels) {
			continue
		}
		px, _, ok := all.ForPod(p)
		if ok && px.Name == proxy {
			return false
		}
		other = other || ok
	}
	return other
}

// controllerPod is the template of a gateway's pods, and its proxy.
type controllerPod struct {
	proxy string
	spec  *corev1.PodSpec
}

// installed lists the gateways for which there are pods, or workloads that would make some.
func (v *view) installed() []controllerPod {
	var out []controllerPod
	for _, px := range all.Proxies() {
		for _, p := range v.m.Gateways(path.Route{Proxy: px.Name}) {
			out = append(out, controllerPod{px.Name, &p.Spec})
		}
	}
	for n := range v.s.Namespaces().All() {
		for _, t := range v.templates(n.Name) {
			p := &corev1.Pod{ObjectMeta: t.template.ObjectMeta, Spec: t.template.Spec}
			if px, _, ok := all.ForPod(p); ok {
				out = append(out, controllerPod{px.Name, &p.Spec})
			}
		}
	}
	return out
}

// unclaimed says why none of the installed gateways serves a class; empty if one may.
func (v *view) unclaimed(r path.Route, installed []controllerPod) string {
	if !inCluster(r.Proxy) {
		return ""
	}
	var same []controllerPod
	for _, c := range installed {
		if c.proxy == r.Proxy {
			same = append(same, c)
		}
	}
	if len(same) == 0 {
		return fmt.Sprintf("its controller %s is not installed", r.Controller)
	}
	if r.Proxy != "nginx" || !strings.HasPrefix(r.Controller, "k8s.io/") {
		return "" // it is of another controller than ingress-nginx, which may take any
	}
	var claims []string
	for _, c := range same {
		for _, k := range c.spec.Containers {
			switch claim := claimed(&k); {
			case claim == "":
			case claim == r.Controller, servesByName(&k, r.Class):
				return ""
			default:
				claims = append(claims, claim)
			}
		}
	}
	if len(claims) == 0 {
		return ""
	}
	slices.Sort(claims)
	return fmt.Sprintf("its controller is %s, and those that run claim %s", r.Controller, strings.Join(slices.Compact(claims), ", "))
}

// claimed is the controller that a container of ingress-nginx takes itself for; empty for other containers.
func claimed(k *corev1.Container) string {
	if !slices.ContainsFunc(append(slices.Clone(k.Args), k.Command...), func(a string) bool { return strings.Contains(a, "nginx-ingress-controller") }) {
		return ""
	}
	claim := "k8s.io/ingress-nginx" // its default (kubernetes/ingress-nginx, pkg/flags)
	for _, a := range k.Args {
		if value, ok := strings.CutPrefix(a, "--controller-class="); ok {
			claim = value
		}
	}
	return claim
}

// servesByName reports whether a container of ingress-nginx serves a class by its name, whatever its controller
// (kubernetes/ingress-nginx, docs: --ingress-class-by-name).
func servesByName(k *corev1.Container, class string) bool {
	return slices.Contains(k.Args, "--ingress-class="+class) && slices.ContainsFunc(k.Args, func(a string) bool {
		return a == "--ingress-class-by-name" || a == "--ingress-class-by-name=true"
	})
}

// inCluster reports whether a proxy is one that runs as pods, which a snapshot would show.
func inCluster(proxy string) bool {
	return slices.Contains([]string{"nginx", "traefik", "haproxy", "envoy", "kong"}, proxy)
}
