package synth

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// thirdBatch was written by somebody who had read no analyzer, with lines looked up in the projects' own
// documentation and issue trackers, for gateways and causes that the batches before had left out.
func thirdBatch() []Recipe {
	return slices.Concat(threeWiring(), threeRoutes(), threeOwnRoutes(), threePods(), threeProtocols(), threeLimits(), threeNetworks(), threeClouds(), threeControlPlanes(), threeApps(), threeControls())
}

func threeWiring() []Recipe {
	return []Recipe{
		{Name: "b3-selector-of-the-old-team", Family: "service-selector", World: "transit", Gateways: []string{"kong", "nginx-inc"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			a.Service.Spec.Selector = map[string]string{"app.kubernetes.io/name": "trips", "app.kubernetes.io/component": "server", "team": "timetable"}
			return c.fails(a, nobody(), "selector-mismatch").at(field(a.Service, "spec.selector.team"), field(a.Service, "spec.selector"))
		}},
		{Name: "b3-slice-by-hand-names-another-port", Family: "service-endpoints", World: "transit", Gateways: []string{"nginx", "contour"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			a.empty()
			c.drop(a.Deployment)
			for _, rs := range a.Sets {
				c.drop(rs)
			}
			a.Service.Spec.Selector = nil
			es := c.yaml("{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: maps-vm, namespace: city-web, labels: {kubernetes.io/service-name: maps}}, addressType: IPv4, ports: [{name: web, port: 3333, protocol: TCP}], endpoints: [{addresses: [10.9.0.14], conditions: {ready: true}}]}")
			c.settle()
			c.traffic(a, nobody(), 20)
			c.elsewhere(a)
			return c.wrong(a, 503, "endpoints-unmanaged").at(field(es, "ports[0].name"), field(es, "ports"), field(a.Service, "spec.ports[0].name"), field(es, ""))
		}},
		{Name: "b3-port-is-for-datagrams", Family: "service-port", World: "arcade", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("match")
			a.Service.Spec.Ports[0].Protocol = corev1.ProtocolUDP
			return c.fails(a, nobody(), "service-port-missing", "target-port-mismatch").at(field(a.Service, "spec.ports[0].protocol"), field(a.Service, "spec.ports[0]"), field(a.Service, "spec.ports"))
		}},
		{Name: "b3-worker-carries-the-label-of-the-server", Family: "service-selector", World: "arcade", Gateways: []string{"haproxy", "kong"}, Break: func(c *Cluster) Answer {
			a := c.App("scores")
			w := c.side("arcade", "scores-worker", 8000)
			c.drop(w.Service)
			w.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Ports, s.Containers[0].ReadinessProbe = nil, nil
				s.Containers[0].Command = []string{"node", "worker.js"}
			})
			for _, m := range []map[string]string{w.Deployment.Spec.Template.Labels, w.Sets[1].Spec.Template.Labels, w.Pods[0].Labels} {
				m["app"], m["role"] = "scores", "worker"
			}
			w.Deployment.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "scores", "role": "worker"}}
			c.settle()
			bad := refused()
			bad.upstream = w.Pods[0].Status.PodIP + ":8000"
			c.traffic(a, bad, 14)
			for _, p := range a.Pods {
				ok := fine()
				ok.upstream = a.address(p)
				c.traffic(a, ok, 14)
			}
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(bad), "selector-overmatch").at(field(a.Service, "spec.selector"), field(a.Service, "spec.selector.app"), field(w.Deployment, "spec.template.metadata.labels"), field(w.Deployment, "spec.template.metadata.labels.app"))
		}},
		{Name: "b3-kestrel-listens-on-localhost", Family: "listen-address", World: "transit", Gateways: []string{"istio", "agic"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				x := &t.Spec.Containers[0]
				x.Env = append(x.Env, corev1.EnvVar{Name: "ASPNETCORE_URLS", Value: "http://localhost:8181"})
				exec := corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"curl", "-sf", "http://localhost:8181/ready"}}}
				x.ReadinessProbe.ProbeHandler, x.LivenessProbe.ProbeHandler = exec, exec
			})
			a.log("info: Microsoft.Hosting.Lifetime[14]", "      Now listening on: http://localhost:8181", "info: Microsoft.Hosting.Lifetime[0]", "      Application started. Press Ctrl+C to shut down.")
			return c.fails(a, refused(), "wrong-listen-address").at(a.first("env[ASPNETCORE_URLS].value"), a.first("env[ASPNETCORE_URLS]"), a.first("env[1].value"), a.first("env"))
		}},
		{Name: "b3-target-is-the-admin-port-of-before", Family: "service-port", World: "arcade", Gateways: []string{"alb", "ngf"}, Break: func(c *Cluster) Answer {
			a := c.App("profile")
			a.Service.Spec.Ports[0].TargetPort = intstr.FromInt32(9090)
			a.Service.Spec.Ports = append(a.Service.Spec.Ports, corev1.ServicePort{Name: "debug", Port: 9229, Protocol: "TCP", TargetPort: intstr.FromInt32(9229)})
			return c.fails(a, refused(), "target-port-mismatch").at(field(a.Service, "spec.ports[0].targetPort"))
		}},
	}
}

// threeRoutes: the route leads nowhere, in the words of Ingress and the Gateway API.
func threeRoutes() []Recipe {
	return []Recipe{
		{Name: "b3-path-with-a-star", Family: "ingress-path", World: "transit", Gateways: []string{"nginx", "contour"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			i, h := c.lone(a)
			kind := networkingv1.PathTypeImplementationSpecific
			i.Spec.Rules[0].HTTP.Paths[0].Path, i.Spec.Rules[0].HTTP.Paths[0].PathType = "/maps/*", &kind
			c.settle()
			for k := range 14 {
				c.write(request{at: at(k, 14), path: "/maps/items", o: noRoute(), status: 404, app: a, on: h})
			}
			c.elsewhere(a)
			answer := c.wrong(a, 404, "ingress-path-mismatch")
			answer.Host = h
			return answer.at(field(i, "spec.rules[0].http.paths[0].path"), field(i, "spec.rules[0].http.paths[0].pathType"))
		}},
		{Name: "b3-older-route-keeps-the-path", Family: "gateway-match", World: "arcade", Gateways: []string{"envoy-gateway", "ngf"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			gone := c.side("arcade", "store-v1", 5000)
			gone.scale(0)
			gone.empty()
			hr := c.httpRoutes["store"].DeepCopy()
			hr.Name, hr.UID, hr.CreationTimestamp = "storefront-2024", "", stamp(old().Add(-400*24*time.Hour))
			hr.Spec.Rules[0].BackendRefs[0].Name = "store-v1"
			c.add(hr)
			return c.fails(a, nobody(), "route-conflict", "no-replicas").at(field(hr, "spec.rules[0].matches[0]"), field(hr, ""), field(c.httpRoutes["store"], "spec.rules[0].matches[0]"), field(c.httpRoutes["store"], ""), field(gone.Deployment, "spec.replicas"))
		}},
		{Name: "b3-listener-takes-grpc-routes-only", Family: "gateway-listener", World: "transit", Gateways: []string{"ngf", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("site")
			c.gw.Spec.Listeners[0].AllowedRoutes.Kinds = []gatewayv1.RouteGroupKind{{Kind: "GRPCRoute"}}
			c.gw.Status.Listeners[0].AttachedRoutes = 0
			c.gw.Status.Listeners[0].SupportedKinds = []gatewayv1.RouteGroupKind{{Kind: "GRPCRoute"}}
			for _, hr := range c.httpRoutes {
				c.RouteStatus(hr, "Accepted", "NotAllowedByListeners")
			}
			c.settle()
			return Answer{Causes: ids("gateway-listener-unattached"), App: a, Sees: 404}.at(field(c.gw, "spec.listeners[0].allowedRoutes.kinds"), field(c.gw, "spec.listeners[0].allowedRoutes"), field(c.gw, "spec.listeners[0].allowedRoutes.kinds[0]"))
		}},
		{Name: "b3-certificate-of-another-namespace", Family: "gateway-refgrant", World: "transit", Gateways: []string{"envoy-gateway", "ngf"}, Break: func(c *Cluster) Answer {
			a := c.App("site")
			ns := gatewayv1.Namespace("certs")
			c.add(nsOf("certs"))
			c.drop(c.tls)
			c.add(secret("transit-tls", "certs"))
			c.gw.Spec.Listeners[0].TLS.CertificateRefs[0].Namespace = &ns
			c.gw.Status.Listeners[0].Conditions = []metav1.Condition{
				{Type: "Accepted", Status: "True", Reason: "Accepted", LastTransitionTime: stamp(onset())},
				{Type: "ResolvedRefs", Status: "False", Reason: "RefNotPermitted", Message: "Certificate ref to secret certs/transit-tls not permitted by any ReferenceGrant.", LastTransitionTime: stamp(onset())},
				{Type: "Programmed", Status: "False", Reason: "Invalid", Message: "Listener is invalid, see other Conditions for details.", LastTransitionTime: stamp(onset())},
			}
			c.settle()
			return Answer{Causes: ids("refgrant-missing"), App: a, Sees: 0}.at(field(c.gw, "spec.listeners[0].tls.certificateRefs[0]"), field(c.gw, "spec.listeners[0].tls.certificateRefs[0].namespace"), missing("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", "certs", "*", ""), field(c.gw, "spec.listeners[0].tls.certificateRefs"))
		}},
		{Name: "b3-login-service-is-asleep", Family: "ingress-auth", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/auth-url": "http://sso-proxy.city-core.svc.cluster.local/oauth2/auth"}
			sso := c.side("city-core", "sso-proxy", 4180)
			sso.scale(0)
			sso.empty()
			c.settle()
			for k := range 16 {
				c.logs[c.gatewayLog()] = append(c.logs[c.gatewayLog()],
					at(k, 16).Format(nginxError)+` [error] 40#40: *8812 auth request unexpected status: 502 while sending to client, client: 198.51.100.20, server: go.transit.example, request: "GET /api/tickets/items HTTP/2.0", host: "go.transit.example"`)
				c.write(request{at: at(k, 16), path: "/api/tickets/items", o: outcome{kind: "none"}, status: 500, app: a})
			}
			c.elsewhere(a)
			return c.wrong(a, 500, "auth-backend-failing", "no-replicas").at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/auth-url']"), field(sso.Deployment, "spec.replicas"), field(sso.Service, ""))
		}},
		{Name: "b3-maintenance-answer-of-the-gateway", Family: "intentional", World: "arcade", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("match")
			f := c.yaml("{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: HTTPRouteFilter, metadata: {name: season-break, namespace: arcade}, spec: {directResponse: {contentType: text/plain, statusCode: 503, body: {type: Inline, inline: 'Back on Friday'}}}}")
			hr := c.httpRoutes["match"]
			hr.Spec.Rules[0].Filters = []gatewayv1.HTTPRouteFilter{{Type: gatewayv1.HTTPRouteFilterExtensionRef, ExtensionRef: &gatewayv1.LocalObjectReference{Group: "gateway.envoyproxy.io", Kind: "HTTPRouteFilter", Name: "season-break"}}}
			c.settle()
			o := unusable()
			o.status = 503
			c.traffic(a, o, 20)
			c.elsewhere(a)
			return c.wrong(a, 503, "intentional-response").at(field(f, "spec.directResponse"), field(f, ""), field(hr, "spec.rules[0].filters[0]"), field(hr, "spec.rules[0].filters"), field(hr, "spec.rules[0].filters[0].extensionRef"))
		}},
		{Name: "b3-service-leads-back-to-the-door", Family: "external-name", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			a.empty()
			c.drop(a.Deployment)
			for _, rs := range a.Sets {
				c.drop(rs)
			}
			a.Service.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "go.transit.example", Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}
			c.settle()
			c.says(nginxError, repeat(14, `TIME [alert] 40#40: *99120 16384 worker_connections are not enough while connecting to upstream, client: 10.20.1.5, server: go.transit.example, request: "GET /maps/items HTTP/1.1", upstream: "http://203.0.113.20:80/maps/items", host: "go.transit.example"`)...)
			o := outcome{kind: "app", status: 500, took: 900 * time.Millisecond, upstream: "203.0.113.20:80"}
			c.traffic(a, o, 14)
			return c.wrong(a, 500, "proxy-loop").at(field(a.Service, "spec.externalName"))
		}},
		{Name: "b3-plugin-strips-the-path", Family: "ingress-annotation", World: "transit", Gateways: []string{"kong"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			i := c.own(a)
			i.Annotations = map[string]string{"konghq.com/strip-path": "true"}
			c.Changed(i, "kubectl-edit", `{"f:metadata":{"f:annotations":{"f:konghq.com/strip-path":{}}}}`)
			a.log(repeat(5, `WARN 1 --- [nio-8181-exec-3] o.s.web.servlet.PageNotFound : No mapping for GET /items`)...)
			c.settle()
			c.traffic(a, outcome{kind: "app", status: 404, took: 4 * time.Millisecond}, 20)
			c.elsewhere(a)
			return c.wrong(a, 404, "route-annotation-wrong").at(field(i, "metadata.annotations['konghq.com/strip-path']"))
		}},
		{Name: "b3-users-secret-is-gone", Family: "ingress-auth", World: "transit", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			i, h := c.lone(a)
			i.Annotations = map[string]string{"traefik.ingress.kubernetes.io/router.middlewares": "city-web-editors@kubernetescrd"}
			m := c.yaml("{apiVersion: traefik.io/v1alpha1, kind: Middleware, metadata: {name: editors, namespace: city-web, creationTimestamp: '2026-04-01T00:00:00Z'}, spec: {basicAuth: {secret: maps-editors}}}")
			c.says("2006-01-02T15:04:05Z", `TIME ERR Error while reading basic auth middleware error="failed to load basic auth credentials: secret 'city-web/maps-editors' not found" middlewareName=city-web-editors providerName=kubernetescrd`)
			c.settle()
			for k := range 14 {
				c.write(request{at: at(k, 14), path: "/maps/items", o: noRoute(), status: 404, app: a, on: h})
			}
			c.elsewhere(a)
			answer := c.wrong(a, 404, "auth-secret-missing")
			answer.Host = h
			return answer.at(field(m, "spec.basicAuth.secret"), field(m, "spec.basicAuth"), missing("v1", "Secret", "city-web", "maps-editors", ""))
		}},
		{Name: "b3-external-names-are-not-allowed", Family: "external-name", World: "transit", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			_, h := c.lone(a)
			a.empty()
			c.drop(a.Deployment)
			for _, rs := range a.Sets {
				c.drop(rs)
			}
			a.Service.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "tiles.partner.example", Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}
			c.says("2006-01-02T15:04:05Z", repeat(3, `TIME ERR Cannot create service error="externalName services not allowed: city-web/maps" ingress=maps namespace=city-web providerName=kubernetes serviceName=maps servicePort=&ServiceBackendPort{Name:http,Number:0,}`)...)
			c.settle()
			for k := range 14 {
				c.write(request{at: at(k, 14), path: "/maps/items", o: noRoute(), status: 404, app: a, on: h})
			}
			c.elsewhere(a)
			answer := c.wrong(a, 404, "externalname-bad", "backendref-invalid")
			answer.Host = h
			return answer.at(field(a.Service, "spec.type"), field(a.Service, "spec.externalName"), field(a.Service, ""), field(a.Ingress, "spec.rules[0].http.paths[0].backend.service"))
		}},
	}
}

// threeOwnRoutes: routes in a gateway's own API.
func threeOwnRoutes() []Recipe {
	return []Recipe{
		{Name: "b3-proxy-answers-for-maintenance", Family: "intentional", World: "arcade", Gateways: []string{"contour"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			c.own(a)
			c.drop(a.Ingress)
			hp := c.yaml("{apiVersion: projectcontour.io/v1, kind: HTTPProxy, metadata: {name: store, namespace: arcade}, spec: {ingressClassName: contour, virtualhost: {fqdn: store.arcade.example}, routes: [{conditions: [{prefix: /store}], directResponsePolicy: {statusCode: 503, body: back soon}}]}, status: {currentStatus: valid}}")
			c.settle()
			for k := range 16 {
				c.write(request{at: at(k, 16), path: "/store/items", o: outcome{kind: "unusable"}, status: 503, app: a, on: "store.arcade.example"})
			}
			c.elsewhere(a)
			answer := c.wrong(a, 503, "intentional-response")
			answer.Host = "store.arcade.example"
			return answer.at(field(hp, "spec.routes[0].directResponsePolicy.statusCode"), field(hp, "spec.routes[0].directResponsePolicy"))
		}},
		{Name: "b3-proxy-names-no-service", Family: "service-missing", World: "arcade", Gateways: []string{"contour"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			c.own(a)
			c.drop(a.Ingress)
			hp := c.yaml("{apiVersion: projectcontour.io/v1, kind: HTTPProxy, metadata: {name: store, namespace: arcade}, spec: {ingressClassName: contour, virtualhost: {fqdn: store.arcade.example}, routes: [{conditions: [{prefix: /store}], services: [{name: store-web, port: 80}]}]}, status: {currentStatus: invalid, description: 'At least one error present, see Errors for details', conditions: [{type: Valid, status: 'False', reason: ErrorPresent, message: 'At least one error present, see Errors for details', errors: [{type: ServiceError, status: 'True', reason: ServiceUnresolvedReference, message: 'Spec.Routes unresolved service reference: service \"arcade/store-web\" not found'}]}]}}")
			c.settle()
			for k := range 16 {
				c.write(request{at: at(k, 16), path: "/store/items", o: outcome{kind: "unusable"}, status: 503, app: a, on: "store.arcade.example"})
			}
			c.elsewhere(a)
			answer := c.wrong(a, 503, "service-missing")
			answer.Host = "store.arcade.example"
			return answer.at(field(hp, "spec.routes[0].services[0].name"), field(hp, "spec.routes[0].services[0]"), missing("v1", "Service", "arcade", "store-web", ""))
		}},
		{Name: "b3-ingress-route-of-the-container-port", Family: "ingress-backend-port", World: "arcade", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("profile")
			c.own(a)
			c.drop(a.Ingress)
			ir := c.yaml("{apiVersion: traefik.io/v1alpha1, kind: IngressRoute, metadata: {name: profile, namespace: arcade}, spec: {entryPoints: [websecure], routes: [{kind: Rule, match: 'Host(`profile.arcade.example`) && PathPrefix(`/profile`)', services: [{name: profile, port: 8080}]}], tls: {secretName: arcade-tls}}}")
			c.says("2006-01-02T15:04:05Z", `TIME ERR error="service port not found: 8080" ingress=profile namespace=arcade providerName=kubernetescrd`)
			c.settle()
			for k := range 16 {
				c.write(request{at: at(k, 16), path: "/profile/items", o: noRoute(), status: 404, app: a, on: "profile.arcade.example"})
			}
			c.elsewhere(a)
			answer := c.wrong(a, 404, "service-port-missing")
			answer.Host = "profile.arcade.example"
			return answer.at(field(ir, "spec.routes[0].services[0].port"), field(a.Service, "spec.ports"))
		}},
	}
}
