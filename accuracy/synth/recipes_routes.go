package synth

import (
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
)

func ids(all ...model.CauseID) []model.CauseID { return all }

func ingresses() []string { return []string{"nginx", "contour", "traefik", "haproxy"} }

func gatewayAPI() []string { return []string{"envoy-gateway", "istio"} }

// own splits the rule of one app off into an Ingress of its own.
func (c *Cluster) own(a *App) *networkingv1.Ingress {
	from := a.Ingress
	i := from.DeepCopy()
	i.Name, i.UID, i.ResourceVersion, i.CreationTimestamp = a.Name, "", "", stamp(onset().Add(-3e12))
	i.Spec.Rules[0].HTTP.Paths = []networkingv1.HTTPIngressPath{i.Spec.Rules[0].HTTP.Paths[a.RuleIndex]}
	from.Spec.Rules[0].HTTP.Paths = slices.Delete(from.Spec.Rules[0].HTTP.Paths, a.RuleIndex, a.RuleIndex+1)
	for _, o := range c.apps {
		if o.Ingress == from && o.RuleIndex > a.RuleIndex {
			o.RuleIndex--
		}
	}
	a.Ingress, a.RuleIndex = i, 0
	c.add(i)
	return i
}

// lone gives it a host of its own too, so that nothing else takes its requests.
func (c *Cluster) lone(a *App) (*networkingv1.Ingress, string) {
	i := c.own(a)
	i.Spec.Rules[0].Host = a.Name + ".example.org"
	i.Spec.TLS = nil
	return i, i.Spec.Rules[0].Host
}

// routes: the Ingress, HTTPRoute or Gateway sends requests to the wrong place or nowhere.
func routes() []Recipe {
	return []Recipe{
		{Name: "class-typo", Family: "ingress-class", Gateways: ingresses(), Break: func(c *Cluster) Answer {
			a := c.App("search")
			i, h := c.lone(a)
			class := "public-" + c.gateway.class
			i.Spec.IngressClassName, i.Status = &class, networkingv1.IngressStatus{}
			c.settle()
			c.elsewhere(a)
			return Answer{Causes: ids("ingress-class-missing"), App: a, Host: h, Sees: 404, Innocent: others(c, a)}.at(field(i, "spec.ingressClassName"), missing("networking.k8s.io/v1", "IngressClass", "", class, "metadata.name (object missing)"))
		}},
		{Name: "class-absent-no-default", Family: "ingress-class", Gateways: ingresses(), Break: func(c *Cluster) Answer {
			a := c.App("cart")
			i := c.own(a)
			i.Spec.IngressClassName, i.Status = nil, networkingv1.IngressStatus{}
			c.settle()
			c.trafficOn(c.App("web"), "/cart/items", outcome{kind: "app", status: 404, took: 3e6}, 12)
			c.elsewhere(a)
			return Answer{Causes: ids("ingress-class-missing"), App: a, Sees: 404}.at(field(i, "spec.ingressClassName"))
		}},
		{Name: "path-exact", Family: "ingress-path", Gateways: ingresses(), Break: func(c *Cluster) Answer {
			a := c.App("catalog")
			exact := networkingv1.PathTypeExact
			c.ingress.Spec.Rules[0].HTTP.Paths[a.RuleIndex].PathType = &exact
			c.Changed(c.ingress, "kubectl-client-side-apply", `{"f:spec":{"f:rules":{}}}`)
			c.settle()
			c.trafficOn(c.App("web"), "/catalog/items", outcome{kind: "app", status: 404, took: 3e6}, 20)
			c.elsewhere(nil)
			at := fmt.Sprintf("spec.rules[0].http.paths[%d]", a.RuleIndex)
			return Answer{Causes: ids("ingress-path-mismatch"), App: a, Sees: 404}.at(field(c.ingress, at+".pathType"), field(c.ingress, at), field(c.ingress, at+".path"))
		}},
		{Name: "grant-missing", Family: "gateway-refgrant", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			c.add(nsOf("search-team"))
			a := c.App("search")
			c.move(a, "search-team")
			ns := gatewayv1.Namespace("search-team")
			hr := c.httpRoutes["search"]
			hr.Spec.Rules[0].BackendRefs[0].Namespace = &ns
			c.RouteStatus(hr, "ResolvedRefs", "RefNotPermitted")
			return c.fails(a, unusable(), "refgrant-missing").at(field(hr, "spec.rules[0].backendRefs[0].namespace"), missing("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", "search-team", "*", ""))
		}},
		{Name: "section-name-wrong", Family: "gateway-listener", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			a := c.App("cart")
			hr := c.httpRoutes["cart"]
			section := gatewayv1.SectionName("https-443")
			hr.Spec.ParentRefs[0].SectionName = &section
			c.RouteStatus(hr, "Accepted", "NoMatchingParent")
			return c.away(a, "gateway-listener-unattached").at(field(hr, "spec.parentRefs[0].sectionName"))
		}},
		{Name: "listener-namespaces-same", Family: "gateway-listener", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			a := c.App("web")
			same := gatewayv1.NamespacesFromSame
			c.gw.Spec.Listeners[0].AllowedRoutes.Namespaces.From = &same
			c.gw.Generation++
			c.gw.Status.Listeners[0].AttachedRoutes = 0
			for _, hr := range c.httpRoutes {
				c.RouteStatus(hr, "Accepted", "NotAllowedByListeners")
			}
			c.settle()
			for _, x := range c.apps {
				if x.Path != "" {
					c.traffic(x, noRoute(), 8)
				}
			}
			return Answer{Causes: ids("gateway-listener-unattached"), App: a, Sees: 404}.at(field(c.gw, "spec.listeners[0].allowedRoutes.namespaces"), field(c.gw, "spec.listeners[0].allowedRoutes.namespaces.from"), field(c.gw, "spec.listeners[0].allowedRoutes"))
		}},
		{Name: "hostname-not-of-listener", Family: "gateway-listener", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			a := c.App("search")
			h := gatewayv1.Hostname("*.example.org")
			c.gw.Spec.Listeners[0].Hostname = &h
			hr := c.httpRoutes["search"]
			hr.Spec.Hostnames = []gatewayv1.Hostname{"search.example.com"}
			c.RouteStatus(hr, "Accepted", "NoMatchingListenerHostname")
			c.settle()
			c.elsewhere(a)
			answer := Answer{Causes: ids("gateway-listener-unattached"), App: a, Host: "search.example.com", Sees: 404, Innocent: others(c, a)}
			return answer.at(field(hr, "spec.hostnames"), field(hr, "spec.hostnames[0]"), field(c.gw, "spec.listeners[0].hostname"))
		}},
		{Name: "gateway-class-missing", Family: "gateway-programmed", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			a := c.App("web")
			c.gw.Spec.GatewayClassName = "public-lb"
			c.gw.Status = gatewayv1.GatewayStatus{Conditions: []metav1.Condition{{Type: "Accepted", Status: "Unknown", Reason: "Pending", Message: "Waiting for controller", LastTransitionTime: stamp(onset())}, {Type: "Programmed", Status: "Unknown", Reason: "Pending", LastTransitionTime: stamp(onset())}}}
			c.settle()
			return Answer{Causes: ids("gateway-not-programmed"), App: a, Sees: 503}.at(field(c.gw, "spec.gatewayClassName"), missing("gateway.networking.k8s.io/v1", "GatewayClass", "", "public-lb", "metadata.name (object missing)"))
		}},
		{Name: "gateway-certificate-missing", Family: "gateway-programmed", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			a := c.App("web")
			c.drop(c.tls)
			no := metav1.Condition{Type: "Programmed", Status: "False", Reason: "Invalid", Message: "listener https is invalid", LastTransitionTime: stamp(onset()), ObservedGeneration: 1}
			c.gw.Status.Conditions[1] = no
			c.gw.Status.Listeners[0].Conditions = []metav1.Condition{{Type: "Accepted", Status: "True", Reason: "Accepted", LastTransitionTime: stamp(old())}, no, {Type: "ResolvedRefs", Status: "False", Reason: "InvalidCertificateRef", Message: "Secret shop-tls not found", LastTransitionTime: stamp(onset()), ObservedGeneration: 1}}
			c.settle()
			return Answer{Causes: ids("gateway-not-programmed", "tls-secret-missing"), App: a, Sees: 0}.at(field(c.gw, "spec.listeners[0].tls.certificateRefs[0].name"), field(c.gw, "spec.listeners[0].tls.certificateRefs"), field(c.gw, "spec.listeners[0].tls.certificateRefs[0]"), missing("v1", "Secret", c.gateway.namespace, "shop-tls", "metadata.name (object missing)"))
		}},
		{Name: "weights-zero", Family: "gateway-weights", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			a := c.App("cart")
			hr := c.httpRoutes["cart"]
			zero := int32(0)
			hr.Spec.Rules[0].BackendRefs[0].Weight = &zero
			c.Changed(hr, "flagger", `{"f:spec":{"f:rules":{}}}`)
			answer := c.fails(a, unusable(), "route-weights-zero")
			return answer.at(field(hr, "spec.rules[0].backendRefs[0].weight"), field(hr, "spec.rules[0].backendRefs"))
		}},
		{Name: "backend-kind-unknown", Family: "gateway-backend", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			a := c.App("search")
			hr := c.httpRoutes["search"]
			kind := gatewayv1.Kind("Deployment")
			group := gatewayv1.Group("apps")
			hr.Spec.Rules[0].BackendRefs[0].Kind, hr.Spec.Rules[0].BackendRefs[0].Group = &kind, &group
			c.RouteStatus(hr, "ResolvedRefs", "InvalidKind")
			return c.fails(a, unusable(), "backendref-invalid").at(field(hr, "spec.rules[0].backendRefs[0].kind"), field(hr, "spec.rules[0].backendRefs[0]"))
		}},
		{Name: "backend-without-port", Family: "gateway-backend", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			a := c.App("search")
			hr := c.httpRoutes["search"]
			hr.Spec.Rules[0].BackendRefs[0].Port = nil
			c.RouteStatus(hr, "ResolvedRefs", "UnsupportedValue")
			return c.fails(a, unusable(), "backendref-invalid", "service-port-missing").at(field(hr, "spec.rules[0].backendRefs[0].port"), field(hr, "spec.rules[0].backendRefs[0]"))
		}},
		{Name: "rewrite-target-drops-path", Family: "ingress-annotation", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("search")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/rewrite-target": "/"}
			c.Changed(i, "kubectl-edit", `{"f:metadata":{"f:annotations":{"f:nginx.ingress.kubernetes.io/rewrite-target":{}}}}`)
			c.settle()
			c.traffic(a, outcome{kind: "app", status: 404, took: 3e6}, 24)
			a.log(`level=warn msg="no handler" method=GET path=/ status=404`, `level=warn msg="no handler" method=GET path=/ status=404`)
			c.elsewhere(a)
			return Answer{Causes: ids("route-annotation-wrong", "ingress-path-mismatch"), App: a, Sees: 404}.at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/rewrite-target']"))
		}},
		{Name: "auth-secret-missing", Family: "ingress-auth", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("search")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/auth-type": "basic", "nginx.ingress.kubernetes.io/auth-secret": "search-basic-auth"}
			c.settle()
			c.traffic(a, outcome{status: 503}, 20)
			c.elsewhere(a)
			return Answer{Causes: ids("auth-secret-missing"), App: a, Sees: 503, Innocent: others(c, a)}.at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/auth-secret']"), missing("v1", "Secret", namespace, "search-basic-auth", "metadata.name (object missing)"))
		}},
	}
}

// away: the route is attached nowhere, so that another rule, or nobody, takes its requests.
func (c *Cluster) away(a *App, causes ...model.CauseID) Answer {
	c.settle()
	c.trafficOn(c.apps[0], a.Path+"/items", outcome{kind: "app", status: 404, took: 3e6}, 16)
	c.elsewhere(a)
	return Answer{Causes: causes, App: a, Sees: 404, Innocent: others(c, a)}
}

// move puts an app into another namespace.
func (c *Cluster) move(a *App, ns string) {
	a.Deployment.Namespace, a.Service.Namespace = ns, ns
	for _, rs := range a.Sets {
		rs.Namespace = ns
	}
	for _, p := range a.Pods {
		p.Namespace = ns
	}
}
