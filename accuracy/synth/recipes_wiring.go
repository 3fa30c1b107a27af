package synth

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// wiring: the Service does not lead to the right port of the right pods.
func wiring() []Recipe {
	return []Recipe{
		{Name: "selector-typo", Family: "service-selector", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Service.Spec.Selector = map[string]string{"app.kubernetes.io/name": "carts"}
			c.Changed(a.Service, "kubectl-edit", `{"f:spec":{"f:selector":{}}}`)
			return c.fails(a, nobody(), "selector-mismatch").at(field(a.Service, "spec.selector['app.kubernetes.io/name']"), field(a.Service, "spec.selector.app.kubernetes.io/name"), field(a.Service, "spec.selector"))
		}},
		{Name: "selector-extra-version", Family: "service-selector", Break: func(c *Cluster) Answer {
			a := c.App("catalog")
			a.Service.Spec.Selector = map[string]string{"app.kubernetes.io/name": "catalog", "version": "v2"}
			return c.fails(a, nobody(), "selector-mismatch").at(field(a.Service, "spec.selector.version"), field(a.Service, "spec.selector"))
		}},
		{Name: "target-port-number", Family: "service-port", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Service.Spec.Ports[0].TargetPort = intstr.FromInt32(8080)
			return c.fails(a, refused(), "target-port-mismatch").at(field(a.Service, "spec.ports[0].targetPort"))
		}},
		{Name: "target-port-undeclared-probe", Family: "service-port", Break: func(c *Cluster) Answer {
			a := c.App("search") // nothing is declared; only the probe tells the port
			a.everywhere(func(s *corev1.PodSpec) { s.Containers[0].Ports = nil })
			a.Service.Spec.Ports[0].TargetPort = intstr.FromInt32(80)
			return c.fails(a, refused(), "target-port-mismatch").at(field(a.Service, "spec.ports[0].targetPort"))
		}},
		{Name: "target-port-name", Family: "service-port", Break: func(c *Cluster) Answer {
			a := c.App("catalog")
			a.Service.Spec.Ports[0].TargetPort = intstr.FromString("web")
			return c.fails(a, nobody(), "named-port-missing").at(field(a.Service, "spec.ports[0].targetPort"))
		}},
		{Name: "service-deleted", Family: "service-missing", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			c.drop(a.Service)
			c.unresolved(a, "BackendNotFound")
			route, backend := c.route(a)
			return c.fails(a, unusable(), "service-missing").at(missing("v1", "Service", namespace, "cart", "metadata.name (object missing)"), field(route, backend+".name"), missing("v1", "Service", namespace, "cart", ""))
		}},
		{Name: "backend-name-typo", Family: "service-missing", Break: func(c *Cluster) Answer {
			a := c.App("catalog")
			route, backend := c.backendName(a, "catalogue")
			c.unresolved(a, "BackendNotFound")
			return c.fails(a, unusable(), "service-missing").at(field(route, backend+".name"), missing("v1", "Service", namespace, "catalogue", "metadata.name (object missing)"), missing("v1", "Service", namespace, "catalogue", ""))
		}},
		{Name: "backend-port-number", Family: "gateway-backend-port", Break: func(c *Cluster) Answer {
			a := c.App("search")
			route, port := c.backendPort(a, 9200)
			c.unresolved(a, "BackendNotFound")
			return c.fails(a, unusable(), "service-port-missing").at(field(route, port), field(a.Service, "spec.ports"))
		}},
		{Name: "backend-port-name", Family: "ingress-backend-port", Gateways: []string{"nginx", "contour", "traefik", "haproxy"}, Break: func(c *Cluster) Answer {
			a := c.App("cart")
			b := &a.Ingress.Spec.Rules[0].HTTP.Paths[a.RuleIndex].Backend.Service.Port
			b.Name = "web"
			return c.fails(a, unusable(), "service-port-missing").at(field(c.ingress, fmt.Sprintf("spec.rules[0].http.paths[%d].backend.service.port.name", a.RuleIndex)), field(c.ingress, fmt.Sprintf("spec.rules[0].http.paths[%d].backend.service.port", a.RuleIndex)))
		}},
		{Name: "listens-on-loopback", Family: "listen-address", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Args = []string{"--listen=127.0.0.1:5050"}
				t.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"wget", "-qO-", "http://127.0.0.1:5050/healthz"}}}, PeriodSeconds: 10, FailureThreshold: 3}
				t.Spec.Containers[0].LivenessProbe = nil
			})
			a.log(`level=info msg="listening" addr=127.0.0.1:5050`)
			return c.fails(a, refused(), "wrong-listen-address").at(field(a.Deployment, "spec.template.spec.containers[0].args"), field(a.Deployment, "spec.template.spec.containers[0].args[0]"))
		}},
		{Name: "wrong-service-behind-path", Family: "ingress-misroute", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			route, backend := c.backendName(a, "search")
			c.settle()
			c.trafficOn(c.App("search"), "/cart/items", outcome{kind: "app", status: 404, took: 4e6}, 20)
			c.elsewhere(a)
			return Answer{Causes: ids("wrong-backend"), App: a, Sees: 404, Innocent: others(c, a)}.at(field(route, backend+".name"), field(route, backend))
		}},
		{Name: "two-services-mixed-up", Family: "ingress-misroute", Break: func(c *Cluster) Answer {
			a, b := c.App("cart"), c.App("search")
			route, of := c.backendName(a, "search")
			other, too := c.backendName(b, "cart")
			c.settle()
			unknown := outcome{kind: "app", status: 404, took: 4e6}
			c.trafficOn(b, "/cart/items", unknown, 20)
			c.trafficOn(a, "/search/items", unknown, 20)
			return Answer{Causes: ids("wrong-backend"), App: a, Sees: 404, Innocent: others(c, a)}.at(field(route, of+".name"), field(route, of), field(other, too+".name"), field(other, too))
		}},
		{Name: "selector-overmatch", Family: "service-selector", Break: func(c *Cluster) Answer {
			a := c.App("catalog")
			a.Service.Spec.Selector = map[string]string{"app.kubernetes.io/part-of": "shop"}
			c.settle()
			for i, u := range a.upstreams() {
				o := fine()
				if i%3 != 0 {
					o = refused()
				}
				o.upstream = u
				c.traffic(a, o, 5)
			}
			c.elsewhere(a)
			answer := Answer{Causes: ids("selector-overmatch"), App: a, Sees: c.gateway.status(refused()), Innocent: nil}
			return answer.at(field(a.Service, "spec.selector"))
		}},
		{Name: "endpoints-by-hand-missing", Family: "endpoints", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Service.Spec.Selector = nil
			return c.fails(a, nobody(), "endpoints-unmanaged", "no-endpoints").at(field(a.Service, ""), field(a.Service, "spec.selector"))
		}},
	}
}

// unresolved writes what a Gateway API controller says of a backend that it cannot use.
func (c *Cluster) unresolved(a *App, reason string) {
	if c.gateway.is("gateway") {
		c.RouteStatus(c.httpRoutes[a.Name], "ResolvedRefs", reason)
	}
}

// backendName makes the route of an app lead to another Service.
func (c *Cluster) backendName(a *App, name string) (route metav1.Object, field string) {
	o, f := c.route(a)
	if c.gateway.is("ingress") {
		a.Ingress.Spec.Rules[0].HTTP.Paths[a.RuleIndex].Backend.Service.Name = name
	} else {
		c.httpRoutes[a.Name].Spec.Rules[0].BackendRefs[0].Name = gatewayv1.ObjectName(name)
	}
	return o, f
}

// backendPort makes the route of an app name another port.
func (c *Cluster) backendPort(a *App, port int32) (route metav1.Object, field string) {
	o, f := c.route(a)
	if c.gateway.is("ingress") {
		a.Ingress.Spec.Rules[0].HTTP.Paths[a.RuleIndex].Backend.Service.Port = networkingv1.ServiceBackendPort{Number: port}
		return o, f + ".port.number"
	}
	c.httpRoutes[a.Name].Spec.Rules[0].BackendRefs[0].Port = &port
	return o, f + ".port"
}
