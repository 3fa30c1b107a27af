package synth

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

func twoRoutes() []Recipe {
	return []Recipe{
		{Name: "b2-container-port-as-service-port", Family: "ingress-backend-port", World: "voltgrid", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			route, port := c.backendPort(a, 8090)
			return c.fails(a, unusable(), "service-port-missing").at(field(route, port), field(a.Service, "spec.ports"))
		}},
		{Name: "b2-class-without-a-controller", Family: "ingress-class", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			i, h := c.lone(a)
			class := "traefik"
			k := c.yaml("{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: traefik, creationTimestamp: '2025-11-01T00:00:00Z'}, spec: {controller: traefik.io/ingress-controller}}")
			i.Spec.IngressClassName, i.Status = &class, networkingv1.IngressStatus{}
			c.settle()
			c.elsewhere(a)
			answer := c.wrong(a, 404, "ingress-class-missing", "proxy-not-running")
			answer.Host = h
			return answer.at(field(i, "spec.ingressClassName"), field(k, ""), field(k, "spec.controller"))
		}},
		{Name: "b2-listener-of-another-domain", Family: "gateway-listener", World: "medihub", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("portal")
			h := gatewayv1.Hostname("*.medihub.internal")
			c.gw.Spec.Listeners[0].Hostname = &h
			c.gw.Status.Listeners[0].AttachedRoutes = 0
			for _, hr := range c.httpRoutes {
				c.RouteStatus(hr, "Accepted", "NoMatchingListenerHostname")
			}
			c.settle()
			return Answer{Causes: ids("gateway-listener-unattached"), App: a, Sees: 404}.at(field(c.gw, "spec.listeners[0].hostname"), field(c.httpRoutes["portal"], "spec.hostnames"), missing("gateway.networking.k8s.io/v1", "HTTPRoute", "care-prod", "*", "spec.hostnames"), missing("gateway.networking.k8s.io/v1", "HTTPRoute", "care-prod", "*", "spec.hostnames[0]"))
		}},
		{Name: "b2-parent-of-another-port", Family: "gateway-listener", World: "voltgrid", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("ingest")
			port := gatewayv1.PortNumber(8443)
			hr := c.httpRoutes["ingest"]
			hr.Spec.ParentRefs[0].Port = &port
			c.RouteStatus(hr, "Accepted", "NoMatchingParent")
			return c.away(a, "gateway-listener-unattached").at(field(hr, "spec.parentRefs[0].port"), field(hr, "spec.parentRefs[0]"))
		}},
		{Name: "b2-only-with-a-header", Family: "gateway-match", World: "voltgrid", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("ingest")
			hr := c.httpRoutes["ingest"]
			hr.Spec.Rules[0].Matches[0].Headers = []gatewayv1.HTTPHeaderMatch{{Name: "x-meter-version", Value: "2"}}
			return c.away(a, "ingress-path-mismatch").at(field(hr, "spec.rules[0].matches[0].headers"), field(hr, "spec.rules[0].matches[0]"), field(hr, "spec.rules[0].matches[0].headers[0]"))
		}},
		{Name: "b2-container-renamed-its-port", Family: "service-port", World: "medihub", Gateways: []string{"istio", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			a.Service.Spec.Ports[0].TargetPort = intstr.FromString("http")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				x := &t.Spec.Containers[0]
				x.Ports[0].Name = "http-api"
				x.ReadinessProbe.HTTPGet.Port, x.LivenessProbe.HTTPGet.Port = intstr.FromString("http-api"), intstr.FromString("http-api")
			})
			return c.fails(a, nobody(), "named-port-missing").at(field(a.Service, "spec.ports[0].targetPort"), a.first("ports[0].name"))
		}},
		{Name: "b2-middleware-that-is-not-there", Family: "ingress-annotation", World: "medihub", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			i := c.own(a)
			i.Annotations = map[string]string{"traefik.ingress.kubernetes.io/router.middlewares": "care-prod-strip-billing@kubernetescrd"}
			c.yaml("{apiVersion: traefik.io/v1alpha1, kind: Middleware, metadata: {name: strip-bills, namespace: care-prod, creationTimestamp: '2026-04-01T00:00:00Z'}, spec: {stripPrefix: {prefixes: [/api/billing]}}}")
			c.settle()
			c.traffic(a, noRoute(), 12)
			c.elsewhere(a)
			return c.wrong(a, 404, "route-annotation-wrong", "backendref-invalid").at(field(i, "metadata.annotations['traefik.ingress.kubernetes.io/router.middlewares']"), missing("traefik.io/v1alpha1", "Middleware", "care-prod", "strip-billing", ""))
		}},
		{Name: "b2-certificate-copied-to-another-namespace", Family: "tls-secret", World: "voltgrid", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			for _, o := range c.objects {
				if s, ok := o.(*corev1.Secret); ok && s.Namespace == "pricing" {
					c.drop(s)
				}
			}
			a.Ingress.Spec.TLS[0].Hosts = []string{"api.voltgrid.example"}
			a.Ingress.Spec.TLS[0].SecretName = "pricing-tls"
			c.settle()
			c.elsewhere(nil)
			return Answer{Causes: ids("tls-secret-missing", "certificate-invalid"), App: a, Sees: 0}.at(field(a.Ingress, "spec.tls[0].secretName"), missing("v1", "Secret", "pricing", "pricing-tls", ""))
		}},
		{Name: "b2-everything-denied-in-the-namespace", Family: "network-policy", World: "voltgrid", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			p := c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: default-deny-all, namespace: pricing}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}")
			c.settle()
			c.traffic(a, dropped(), 18)
			c.traffic(c.App("forecast"), dropped(), 14)
			c.traffic(c.App("readings"), fine(), 14)
			return Answer{Causes: ids("networkpolicy-blocks-ingress"), App: a, Sees: 504}.at(field(p, "spec.ingress"), field(p, "spec"), field(p, "spec.policyTypes"), field(p, "spec.podSelector"))
		}},
		{Name: "b2-same-host-in-two-classes", Family: "ingress-backend", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			route, backend := c.backendName(a, "visits-api")
			return c.fails(a, unusable(), "service-missing").at(field(route, backend+".name"), missing("v1", "Service", "care-prod", "visits-api", ""))
		}},
	}
}

// istioGateway adds a Gateway of Istio's own API in front.
func (c *Cluster) istioGateway() {
	c.yaml("{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: public, namespace: edge, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {selector: {istio.io/gateway-name: public}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*'], tls: {mode: SIMPLE, credentialName: " + c.world.name + "-tls}}]}}")
}

func twoMesh() []Recipe {
	return []Recipe{
		{Name: "b2-plain-text-to-a-strict-port", Family: "mesh", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			c.meshed()
			pa := c.yaml("{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: metering, creationTimestamp: '2026-03-01T00:00:00Z'}, spec: {mtls: {mode: STRICT}}}")
			dr := c.yaml("{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: readings, namespace: metering}, spec: {host: readings.metering.svc.cluster.local, trafficPolicy: {tls: {mode: DISABLE}}}}")
			return c.fails(a, outcome{kind: "closed", took: 2 * time.Millisecond}, "mtls-mismatch").at(field(dr, "spec.trafficPolicy.tls.mode"), field(dr, "spec.trafficPolicy.tls"), field(pa, "spec.mtls.mode"))
		}},
		{Name: "b2-virtual-service-of-half-a-second", Family: "timeout", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			for _, hr := range c.httpRoutes {
				c.drop(hr)
			}
			c.istioGateway()
			vs := c.yaml("{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: forecast, namespace: pricing}, spec: {hosts: [api.voltgrid.example], gateways: [edge/public], http: [{match: [{uri: {prefix: /v2/forecast}}], timeout: 0.5s, route: [{destination: {host: forecast.pricing.svc.cluster.local, port: {number: 80}}}]}]}}")
			o := slow()
			o.took = 500 * time.Millisecond
			a.log(`level=info path=/v2/forecast/items status=200 took=0.812s`, `level=info path=/v2/forecast/items status=200 took=0.944s`)
			c.settle()
			c.traffic(a, o, 20)
			c.traffic(a, fine(), 30)
			return c.wrong(a, 504, "upstream-timeout").at(field(vs, "spec.http[0].timeout"))
		}},
		{Name: "b2-sidecar-sees-its-own-namespace-only", Family: "mesh", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			c.meshed()
			s := c.yaml("{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: default, namespace: metering}, spec: {egress: [{hosts: ['./*', 'istio-system/*']}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}")
			a.log(repeat(4, `{"severity":"ERROR","message":"price lookup failed: GET http://tariffs.pricing.svc.cluster.local:80/price returned 502","status":503}`)...)
			return c.fails(a, app503(), "mesh-policy-denies").at(field(s, "spec.egress"), field(s, "spec.egress[0].hosts"), field(s, "spec"), field(s, "spec.outboundTrafficPolicy.mode"))
		}},
		{Name: "b2-ejected-after-one-error", Family: "circuit-breaker", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("ingest")
			dr := c.yaml("{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ingest, namespace: metering}, spec: {host: ingest.metering.svc.cluster.local, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 180s, maxEjectionPercent: 100}}}}")
			c.settle()
			c.traffic(a, nobody(), 24)
			c.traffic(a, fine(), 30)
			c.traffic(a, app500(), 4)
			c.elsewhere(a)
			return c.wrong(a, 503, "circuit-breaker-open").at(field(dr, "spec.trafficPolicy.outlierDetection"), field(dr, "spec.trafficPolicy.outlierDetection.consecutive5xxErrors"), field(dr, "spec.trafficPolicy"))
		}},
		{Name: "b2-authorisation-by-a-lost-label", Family: "mesh", World: "medihub", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			c.meshed()
			p := c.yaml("{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: deny-all, namespace: care-prod}, spec: {selector: {matchLabels: {app: billing}}}}")
			return c.fails(a, outcome{kind: "app", status: 403, took: 2 * time.Millisecond}, "mesh-policy-denies").at(field(p, "spec"), field(p, "spec.rules"), field(p, "spec.action"), field(p, ""))
		}},
	}
}

// twoFaults are clusters with two faults: both are right, and none else.
func twoFaults() []Recipe {
	return []Recipe{
		{Name: "b2-two-faults-on-two-routes", Family: "two-faults", World: "medihub", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a, b := c.App("billing"), c.App("pharmacy")
			a.Service.Spec.Ports[0].TargetPort = intstr.FromInt32(9090)
			b.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Resources.Limits["memory"] = resource.MustParse("20Mi")
			})
			b.crash("OOMKilled", 137, "", 7)
			c.settle()
			c.traffic(a, refused(), 20)
			c.traffic(b, nobody(), 20)
			c.traffic(c.App("patients"), fine(), 12)
			answer := Answer{Causes: ids("target-port-mismatch", "oom-killed"), App: a, Sees: c.gateway.status(refused())}
			return answer.at(field(a.Service, "spec.ports[0].targetPort"), b.first("resources.limits.memory"))
		}},
		{Name: "b2-two-faults-in-a-row", Family: "two-faults", World: "voltgrid", Gateways: []string{"traefik", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			a.Service.Spec.Ports[0].TargetPort = intstr.FromInt32(8500)
			p := c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: forecast, namespace: pricing}, spec: {podSelector: {matchLabels: {app.kubernetes.io/name: forecast}}, policyTypes: [Ingress], ingress: [{ports: [{port: 8501, protocol: TCP}]}]}}")
			return c.fails(a, dropped(), "target-port-mismatch", "networkpolicy-blocks-ingress").at(field(a.Service, "spec.ports[0].targetPort"), field(p, "spec.ingress[0].ports"), field(p, "spec.ingress[0].ports[0].port"))
		}},
		{Name: "b2-fault-beside-an-old-one", Family: "two-faults", World: "medihub", Gateways: []string{"envoy-gateway", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			a.Service.Spec.Selector = map[string]string{"app": "visits", "release": "green"}
			old := c.side("care-prod", "visits-legacy", 8000)
			old.crash("Error", 1, "", 300)
			answer := c.fails(a, nobody(), "selector-mismatch")
			answer.Innocent = append(answer.Innocent, old.Deployment)
			return answer.at(field(a.Service, "spec.selector.release"), field(a.Service, "spec.selector"))
		}},
	}
}

// twoControls are healthy.
func twoControls() []Recipe {
	healthy := func(name, world string, change func(c *Cluster), gateways ...string) Recipe {
		return Recipe{Name: "b2-healthy-" + name, Family: "healthy-control", World: world, Gateways: gateways, Break: func(c *Cluster) Answer {
			change(c)
			c.settle()
			c.elsewhere(nil)
			return Answer{}
		}}
	}
	return []Recipe{
		healthy("second-port-nobody-calls", "medihub", func(c *Cluster) {
			a := c.App("billing")
			a.Service.Spec.Ports = append(a.Service.Spec.Ports, corev1.ServicePort{Name: "debug", Port: 6060, Protocol: "TCP", TargetPort: intstr.FromInt32(6060)})
		}, "nginx", "istio", "envoy-gateway"),
		healthy("cron-job-without-image", "medihub", func(c *Cluster) {
			a := c.side("care-prod", "report", 9999)
			c.drop(a.Service)
			a.waiting("ImagePullBackOff", "Back-off pulling image")
		}, "traefik", "nginx"),
		healthy("one-of-three-replaced", "voltgrid", func(c *Cluster) {
			a := c.App("readings")
			p := a.Pods[0]
			p.CreationTimestamp = stamp(now().Add(-20 * time.Second))
			a.unready(p, now().Add(-20*time.Second))
			c.event(p, "Normal", "Scheduled", "Successfully assigned", 1, now().Add(-20*time.Second))
		}, "nginx", "envoy-gateway"),
		healthy("mesh-with-strict-policies", "voltgrid", func(c *Cluster) {
			c.meshed()
			c.yaml("{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: metering, creationTimestamp: '2026-03-01T00:00:00Z'}, spec: {mtls: {mode: STRICT}}}")
			c.yaml("{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: readings, namespace: metering, creationTimestamp: '2026-03-01T00:00:00Z'}, spec: {host: readings.metering.svc.cluster.local, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, outlierDetection: {consecutive5xxErrors: 5}}}}")
			c.yaml("{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: default, namespace: metering, creationTimestamp: '2026-03-01T00:00:00Z'}, spec: {egress: [{hosts: ['./*', 'pricing/*', 'istio-system/*']}]}}")
		}, "istio"),
		healthy("init-containers-done", "medihub", func(c *Cluster) {
			a := c.App("patients")
			a.everywhere(func(s *corev1.PodSpec) {
				s.InitContainers = []corev1.Container{{Name: "migrate", Image: "ghcr.io/medihub/migrate:5.12.0"}}
			})
			for _, p := range a.Pods {
				p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "migrate", Ready: true, RestartCount: 2, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 0, Reason: "Completed", FinishedAt: stamp(now().Add(-6 * 24 * time.Hour))}}, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: stamp(now().Add(-6 * 24 * time.Hour))}}}}
			}
		}, "nginx", "istio"),
		healthy("route-for-a-host-of-tomorrow", "medihub", func(c *Cluster) {
			i := c.ingress.DeepCopy()
			i.Name, i.UID, i.ResourceVersion, i.Spec.TLS = "portal-next", "", "", nil
			i.Spec.Rules[0].Host = "next.medihub.example"
			c.add(i)
		}, "nginx", "traefik"),
		healthy("quota-nearly-used", "voltgrid", func(c *Cluster) {
			c.yaml("{apiVersion: v1, kind: ResourceQuota, metadata: {name: team, namespace: metering, creationTimestamp: '2026-03-01T00:00:00Z'}, spec: {hard: {pods: '12', limits.memory: 4Gi}}, status: {hard: {pods: '12', limits.memory: 4Gi}, used: {pods: '11', limits.memory: 3900Mi}}}")
		}, "istio", "nginx"),
		healthy("chaos-of-last-week", "voltgrid", func(c *Cluster) {
			c.yaml("{apiVersion: chaos-mesh.org/v1alpha1, kind: NetworkChaos, metadata: {name: readings-delay, namespace: metering, creationTimestamp: '2026-06-01T00:00:00Z'}, spec: {action: delay, mode: all, duration: 5m, selector: {namespaces: [metering], labelSelectors: {app.kubernetes.io/name: readings}}}, status: {conditions: [{type: AllInjected, status: 'False'}, {type: AllRecovered, status: 'True'}]}}")
		}, "envoy-gateway", "traefik"),
		healthy("answers-404-and-302-as-it-should", "medihub", func(c *Cluster) {
			c.settle()
			for i, status := range []int{302, 304, 401, 404, 403, 201} {
				c.trafficOn(c.App("portal"), fmt.Sprintf("/page-%d", i), outcome{kind: "app", status: status, took: 4 * time.Millisecond}, 5)
			}
		}, "nginx", "istio", "traefik", "envoy-gateway"),
		healthy("scaled-up-a-minute-ago", "medihub", func(c *Cluster) {
			a := c.App("visits")
			a.scale(4)
			a.pods(2, now().Add(-70*time.Second))
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", "Scaled up replica set "+a.Sets[1].Name+" from 2 to 4", 1, now().Add(-70*time.Second))
		}, "nginx", "envoy-gateway"),
	}
}
