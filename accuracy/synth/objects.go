package synth

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// gateway is the proxy in front, and how it is told what to do.
type gateway struct {
	name       string // of the scenario: nginx, contour, envoy-gateway, istio, traefik, haproxy
	namespace  string
	api        string // ingress or gateway
	class      string
	controller string
	image      string
	container  string
	labels     map[string]string
}

// Gateways are the gateways in front of which each recipe can be put.
func Gateways() []gateway {
	return []gateway{
		{"nginx", "ingress-nginx", "ingress", "nginx", "k8s.io/ingress-nginx", "registry.k8s.io/ingress-nginx/controller:v1.13.2", "controller", map[string]string{"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"}},
		{"contour", "projectcontour", "ingress", "contour", "projectcontour.io/ingress-controller", "docker.io/envoyproxy/envoy:v1.35.2", "envoy", map[string]string{"app": "envoy"}},
		{"envoy-gateway", "envoy-gateway-system", "gateway", "eg", "gateway.envoyproxy.io/gatewayclass-controller", "docker.io/envoyproxy/envoy:distroless-v1.35.2", "envoy", map[string]string{"app.kubernetes.io/name": "envoy", "gateway.envoyproxy.io/owning-gateway-name": "public", "gateway.envoyproxy.io/owning-gateway-namespace": "envoy-gateway-system"}},
		{"istio", "edge", "gateway", "istio", "istio.io/gateway-controller", "docker.io/istio/proxyv2:1.27.1", "istio-proxy", map[string]string{"gateway.networking.k8s.io/gateway-name": "public", "istio.io/gateway-name": "public"}},
		{"traefik", "traefik", "ingress", "traefik", "traefik.io/ingress-controller", "docker.io/traefik:v3.5.1", "traefik", map[string]string{"app.kubernetes.io/name": "traefik"}},
		{"haproxy", "haproxy-controller", "ingress", "haproxy", "haproxy.org/ingress-controller/haproxy", "docker.io/haproxytech/kubernetes-ingress:3.1.4", "haproxy-ingress", map[string]string{"app.kubernetes.io/name": "kubernetes-ingress"}},
	}
}

func (g gateway) is(api string) bool { return g.api == api }

// gatewayPods makes the proxy's own Deployment and Service.
func (c *Cluster) gatewayPods() {
	g := c.gateway
	if g.name == "gke" {
		return // Google runs all of it
	}
	a := c.appIn(g.namespace, "gateway", "", 8443, 2)
	c.apps = c.apps[:len(c.apps)-1] // no part of the shop
	a.Service.Spec.Type = corev1.ServiceTypeLoadBalancer
	a.Service.Spec.Selector = g.labels
	a.Service.Spec.Ports = []corev1.ServicePort{{Name: "https", Port: 443, Protocol: "TCP", TargetPort: intstr.FromInt32(8443), NodePort: 30443}}
	a.Service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "203.0.113.20"}}
	a.Deployment.Spec.Selector.MatchLabels = g.labels
	relabel := func(m *map[string]string) {
		hash, has := (*m)["pod-template-hash"]
		*m = map[string]string{}
		for k, v := range g.labels {
			(*m)[k] = v
		}
		if has {
			(*m)["pod-template-hash"] = hash
		}
	}
	relabel(&a.Deployment.Spec.Template.Labels)
	for _, rs := range a.Sets {
		relabel(&rs.Labels)
		relabel(&rs.Spec.Template.Labels)
		rs.Spec.Selector.MatchLabels = rs.Labels
	}
	for _, p := range a.Pods {
		relabel(&p.Labels)
	}
	a.everywhere(func(s *corev1.PodSpec) {
		s.Containers[0].Name, s.Containers[0].Image, s.Containers[0].Command = g.container, g.image, nil
	})
	for _, p := range a.Pods {
		a.ready(p, old())
	}
	c.front = a
	if g.outside() {
		c.drop(a.Service)
	}
}

// dns makes CoreDNS.
func (c *Cluster) dns() {
	a := c.appIn("kube-system", "coredns", "", 53, 2)
	c.apps = c.apps[:len(c.apps)-1]
	labels := map[string]string{"k8s-app": "kube-dns"}
	a.Deployment.Spec.Selector.MatchLabels = labels
	a.Deployment.Spec.Template.Labels = labels
	for _, rs := range a.Sets {
		rs.Spec.Template.Labels["k8s-app"] = "kube-dns"
	}
	for _, p := range a.Pods {
		p.Labels = map[string]string{"k8s-app": "kube-dns", "pod-template-hash": p.Labels["pod-template-hash"]}
	}
	a.Service.Name, a.Service.Labels, a.Service.Spec.Selector, a.Service.Spec.ClusterIP = "kube-dns", map[string]string{"k8s-app": "kube-dns"}, labels, "10.96.0.10"
	a.Service.Spec.Ports = []corev1.ServicePort{{Name: "dns", Port: 53, Protocol: "UDP", TargetPort: intstr.FromInt32(53)}, {Name: "dns-tcp", Port: 53, Protocol: "TCP", TargetPort: intstr.FromInt32(53)}}
	a.everywhere(func(s *corev1.PodSpec) {
		s.Containers[0].Ports = []corev1.ContainerPort{{Name: "dns", ContainerPort: 53, Protocol: "UDP"}, {Name: "dns-tcp", ContainerPort: 53, Protocol: "TCP"}}
		ready, live := probe("/ready", 8181), probe("/health", 8080)
		s.Containers[0].ReadinessProbe, s.Containers[0].LivenessProbe, s.Containers[0].Command = ready, live, nil
		s.DNSPolicy = corev1.DNSDefault
		s.Containers[0].Image = "registry.k8s.io/coredns/coredns:v1.12.1"
	})
	for _, p := range a.Pods {
		a.ready(p, old())
	}
	c.coredns = a
	c.corefile = &corev1.ConfigMap{TypeMeta: tm("v1", "ConfigMap"), ObjectMeta: metav1.ObjectMeta{Name: "coredns", Namespace: "kube-system"}, Data: map[string]string{"Corefile": ".:53 {\n    errors\n    health {\n       lameduck 5s\n    }\n    ready\n    kubernetes cluster.local in-addr.arpa ip6.arpa {\n       pods insecure\n       fallthrough in-addr.arpa ip6.arpa\n       ttl 30\n    }\n    forward . /etc/resolv.conf\n    cache 30\n    loop\n    reload\n    loadbalance\n}\n"}}
	c.add(c.corefile)
}

// routes makes the Ingress, or the Gateway and an HTTPRoute per app.
func (c *Cluster) routes() {
	g := c.gateway
	if g.is("ingress") {
		c.class = &networkingv1.IngressClass{TypeMeta: tm("networking.k8s.io/v1", "IngressClass"), ObjectMeta: metav1.ObjectMeta{Name: g.class}, Spec: networkingv1.IngressClassSpec{Controller: g.controller}}
		c.add(c.class)
		for _, ns := range c.world.namespaces() {
			c.ingressOf(ns)
		}
		return
	}
	all := gatewayv1.NamespacesFromAll
	terminate := gatewayv1.TLSModeTerminate
	accepted := []metav1.Condition{{Type: "Accepted", Status: "True", Reason: "Accepted", ObservedGeneration: 1, LastTransitionTime: stamp(old())}, {Type: "Programmed", Status: "True", Reason: "Programmed", ObservedGeneration: 1, LastTransitionTime: stamp(old())}}
	c.add(&gatewayv1.GatewayClass{TypeMeta: tm("gateway.networking.k8s.io/v1", "GatewayClass"), ObjectMeta: metav1.ObjectMeta{Name: g.class, Generation: 1}, Spec: gatewayv1.GatewayClassSpec{ControllerName: gatewayv1.GatewayController(g.controller)}, Status: gatewayv1.GatewayClassStatus{Conditions: accepted[:1]}})
	kind := gatewayv1.Kind("Secret")
	c.gw = &gatewayv1.Gateway{TypeMeta: tm("gateway.networking.k8s.io/v1", "Gateway"), ObjectMeta: metav1.ObjectMeta{Name: "public", Namespace: g.namespace, Generation: 1}, Spec: gatewayv1.GatewaySpec{
		GatewayClassName: gatewayv1.ObjectName(g.class),
		Listeners: []gatewayv1.Listener{{Name: "https", Port: 443, Protocol: gatewayv1.HTTPSProtocolType, AllowedRoutes: &gatewayv1.AllowedRoutes{Namespaces: &gatewayv1.RouteNamespaces{From: &all}},
			TLS: &gatewayv1.ListenerTLSConfig{Mode: &terminate, CertificateRefs: []gatewayv1.SecretObjectReference{{Kind: &kind, Name: gatewayv1.ObjectName(c.world.name + "-tls")}}}}},
	}}
	address := gatewayv1.IPAddressType
	c.gw.Status.Conditions = accepted
	c.gw.Status.Addresses = []gatewayv1.GatewayStatusAddress{{Type: &address, Value: "203.0.113.20"}}
	c.gw.Status.Listeners = []gatewayv1.ListenerStatus{{Name: "https", AttachedRoutes: 5, SupportedKinds: []gatewayv1.RouteGroupKind{{Kind: "HTTPRoute"}}, Conditions: append(accepted[:2:2], metav1.Condition{Type: "ResolvedRefs", Status: "True", Reason: "ResolvedRefs", ObservedGeneration: 1, LastTransitionTime: stamp(old())})}}
	c.add(c.gw)
	c.tls = secret(c.world.name+"-tls", g.namespace)
	c.add(c.tls)
	c.httpRoutes = map[string]*gatewayv1.HTTPRoute{}
	for _, a := range c.apps {
		if a.Path == "" {
			continue
		}
		port, ns, prefix, path := gatewayv1.PortNumber(80), gatewayv1.Namespace(g.namespace), gatewayv1.PathMatchPathPrefix, a.Path
		weight := int32(1)
		hr := &gatewayv1.HTTPRoute{TypeMeta: tm("gateway.networking.k8s.io/v1", "HTTPRoute"), ObjectMeta: metav1.ObjectMeta{Name: a.Name, Namespace: a.Service.Namespace, Generation: 1}, Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{{Name: "public", Namespace: &ns}}},
			Hostnames:       []gatewayv1.Hostname{gatewayv1.Hostname(c.world.host)},
			Rules: []gatewayv1.HTTPRouteRule{{
				Matches:     []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Type: &prefix, Value: &path}}},
				BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(a.Name), Port: &port}, Weight: &weight}}},
			}},
		}}
		c.httpRoutes[a.Name] = hr
		c.RouteStatus(hr, "", "")
		c.add(hr)
	}
}

// ingressOf makes the Ingress of a namespace's apps.
func (c *Cluster) ingressOf(ns string) {
	name, prefix := c.world.name, networkingv1.PathTypePrefix
	if ns != c.world.namespace {
		name += "-" + ns
	}
	in := &networkingv1.Ingress{TypeMeta: tm("networking.k8s.io/v1", "Ingress"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, Annotations: map[string]string{}, Generation: 1}, Spec: networkingv1.IngressSpec{
		IngressClassName: &c.gateway.class, TLS: []networkingv1.IngressTLS{{Hosts: []string{c.world.host}, SecretName: c.world.name + "-tls"}},
	}}
	rule := networkingv1.IngressRule{Host: c.world.host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{}}}
	for _, a := range c.apps {
		if a.Path == "" || a.Service.Namespace != ns {
			continue
		}
		a.Ingress, a.RuleIndex = in, len(rule.HTTP.Paths)
		rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{Path: a.Path, PathType: &prefix, Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: a.Name, Port: networkingv1.ServiceBackendPort{Name: "http"}}}})
	}
	in.Spec.Rules = []networkingv1.IngressRule{rule}
	in.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "203.0.113.20"}}
	switch c.gateway.name {
	case "alb":
		c.onALB(in)
	case "nginx-inc":
		c.mergeable(in)
	}
	tls := secret(c.world.name+"-tls", ns)
	if ns == c.world.namespace {
		c.ingress, c.tls = in, tls
	}
	c.add(in)
	c.add(tls)
}

// RouteStatus writes what the controller says of a route: accepted, or one condition that is false for a reason.
func (c *Cluster) RouteStatus(hr *gatewayv1.HTTPRoute, falseCondition, reason string) {
	var cs []metav1.Condition
	for _, t := range []string{"Accepted", "ResolvedRefs"} {
		cond := metav1.Condition{Type: t, Status: "True", Reason: t, ObservedGeneration: hr.Generation, LastTransitionTime: stamp(old())}
		if t == falseCondition {
			cond.Status, cond.Reason, cond.Message, cond.LastTransitionTime = "False", reason, "see the route's references", stamp(onset())
		}
		cs = append(cs, cond)
	}
	hr.Status.Parents = []gatewayv1.RouteParentStatus{{ParentRef: hr.Spec.ParentRefs[0], ControllerName: gatewayv1.GatewayController(c.gateway.controller), Conditions: cs}}
}

func secret(name, ns string) *corev1.Secret {
	return &corev1.Secret{TypeMeta: tm("v1", "Secret"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns}, Type: corev1.SecretTypeTLS, Data: map[string][]byte{"tls.crt": []byte("REDACTED"), "tls.key": []byte("REDACTED")}}
}

func (c *Cluster) event(o metav1.Object, kind, reason, message string, count int32, first time.Time) *corev1.Event {
	ref := snapshot.RefOf(o)
	e := &corev1.Event{
		TypeMeta: tm("v1", "Event"), ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x", ref.Name, 1000+len(c.events)), Namespace: o.GetNamespace(), CreationTimestamp: stamp(first)},
		InvolvedObject: corev1.ObjectReference{APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, UID: o.GetUID()},
		Type:           kind, Reason: reason, Message: message, Count: count, FirstTimestamp: stamp(first), LastTimestamp: stamp(now().Add(-40 * time.Second)),
	}
	if e.Namespace == "" {
		e.Namespace = "default"
	}
	if count == 1 {
		e.LastTimestamp = e.FirstTimestamp
	}
	c.events = append(c.events, e)
	return e
}

// Changed writes who changed a field of an object, at the onset.
func (c *Cluster) Changed(o metav1.Object, manager, fieldsV1 string) {
	at := stamp(onset())
	o.SetManagedFields(append(o.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fieldsV1)}))
	o.SetGeneration(o.GetGeneration() + 1)
}

func ref(o metav1.Object) model.Ref { return snapshot.RefOf(o) }

// route is the object that leads to an app, with the field of its backend.
func (c *Cluster) route(a *App) (object metav1.Object, backend string) {
	if c.gateway.is("ingress") {
		return a.Ingress, fmt.Sprintf("spec.rules[0].http.paths[%d].backend.service", a.RuleIndex)
	}
	return c.httpRoutes[a.Name], "spec.rules[0].backendRefs[0]"
}
