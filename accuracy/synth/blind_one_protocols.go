package synth

import (
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
)

func oneProtocols() []Recipe {
	return []Recipe{
		{Name: "b1-backend-wants-another-name", Family: "upstream-tls", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS", "nginx.ingress.kubernetes.io/proxy-ssl-server-name": "on", "nginx.ingress.kubernetes.io/proxy-ssl-name": "billing.internal.medihub.example"}
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].ReadinessProbe.HTTPGet.Scheme, s.Containers[0].LivenessProbe.HTTPGet.Scheme = "HTTPS", "HTTPS"
			})
			o := badTLS()
			o.words = "SSL_do_handshake() failed (SSL: error:0A000458:SSL routines::tlsv1 unrecognized name:SSL alert number 112) while SSL handshaking to upstream"
			return c.fails(a, o, "tls-sni-mismatch").at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/proxy-ssl-name']"))
		}},
		{Name: "b1-certificate-expired", Family: "certificate", World: "medihub", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("portal")
			ns := c.tls.Namespace
			cert := c.yaml("{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: medihub-tls, namespace: " + ns + ", creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {secretName: medihub-tls, dnsNames: [portal.medihub.example], issuerRef: {kind: ClusterIssuer, name: letsencrypt}}, status: {notAfter: '2026-06-10T09:18:00Z', conditions: [{type: Ready, status: 'False', reason: Expired, message: 'Certificate expired on Wed, 10 Jun 2026 09:18:00 UTC', lastTransitionTime: '2026-06-10T09:18:00Z'}, {type: Issuing, status: 'False', reason: Failed, message: 'The certificate request has failed to complete and will be retried: Failed to wait for order resource to become ready', lastTransitionTime: '2026-06-01T00:00:00Z'}]}}")
			c.settle()
			return Answer{Causes: ids("certificate-invalid"), App: a, Sees: 0}.at(field(cert, ""), field(cert, "status.conditions[type=Ready]"), field(cert, "status.notAfter"), field(c.tls, ""))
		}},
		{Name: "b1-mesh-is-strict-and-the-gateway-outside", Family: "mesh", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			c.meshed()
			pa := c.yaml("{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: care-prod}, spec: {selector: {matchLabels: {app: patients}}, mtls: {mode: STRICT}}}")
			return c.fails(a, outcome{kind: "reset", took: 3 * time.Millisecond}, "mtls-mismatch").at(field(pa, "spec.mtls.mode"), field(pa, "spec.mtls"))
		}},
		{Name: "b1-grpc-port-without-app-protocol", Family: "upstream-protocol", World: "voltgrid", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("ingest")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Ports[0].Name = "otlp-grpc"
				s.Containers[0].ReadinessProbe.ProbeHandler = corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: a.Port}}
				s.Containers[0].LivenessProbe.ProbeHandler = corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: a.Port}}
			})
			return c.fails(a, outcome{kind: "protocol", took: 2 * time.Millisecond}, "grpc-h2c-mismatch").at(field(a.Service, "spec.ports[0].appProtocol"), field(c.httpRoutes["ingest"], "kind"), field(a.Service, "spec.ports[0]"), field(a.Service, "spec.ports[0].name"))
		}},
		{Name: "b1-header-with-a-space", Family: "upstream-protocol", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			o := outcome{kind: "protocol", took: 8 * time.Millisecond, status: 502, words: `upstream sent invalid header: "X Visit Id: 77" while reading response header from upstream`}
			return c.partly(a, o, 40, "upstream-protocol-violation").at(a.whole())
		}},
		{Name: "b1-proxy-protocol-nobody-sends", Family: "proxy-protocol", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("portal")
			cm := c.yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: ingress-nginx-controller, namespace: ingress-nginx, creationTimestamp: '2026-02-01T00:00:00Z'}, data: {use-proxy-protocol: 'true', allow-snippet-annotations: 'false'}}")
			c.settle()
			c.says(nginxError, repeat(12, `TIME [error] 33#33: *8123 broken header: "GET / HTTP/1.1" while reading PROXY protocol, client: 10.1.40.91, server: 0.0.0.0:80`)...)
			return Answer{Causes: ids("proxy-protocol-mismatch"), App: a, Sees: 0}.at(field(cm, "data.use-proxy-protocol"), field(c.front.Service, "metadata.annotations"))
		}},
	}
}

func oneRaces() []Recipe {
	return []Recipe{
		{Name: "b1-recreate-leaves-a-gap", Family: "rollout", World: "medihub", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			a.Deployment.Spec.Strategy.Type, a.Deployment.Spec.Strategy.RollingUpdate = "Recreate", nil
			at := now().Add(-5 * time.Minute)
			a.rolloutAt(at, func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "ghcr.io/medihub/pharmacy:5.12.2" })
			for i, p := range a.Pods {
				a.ready(p, at.Add(time.Duration(38+i)*time.Second))
			}
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", "Scaled down replica set "+a.Sets[1].Name+" from 2 to 0", 1, at.Add(-2*time.Second))
			c.settle()
			c.between(a, nobody(), at.Add(time.Second), 36*time.Second, 18)
			c.between(a, fine(), at.Add(42*time.Second), 4*time.Minute, 30)
			c.elsewhere(a)
			return c.wrong(a, 503, "rollout-recreate-gap").at(field(a.Deployment, "spec.strategy.type"), field(a.Deployment, "spec.strategy"))
		}},
		{Name: "b1-old-pods-stop-at-once", Family: "termination", World: "medihub", Gateways: []string{"istio", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			gone := a.address(a.Pods[1])
			at := now().Add(-4 * time.Minute)
			a.rolloutAt(at, func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "ghcr.io/medihub/visits:5.12.3" })
			for i, p := range a.Pods {
				a.ready(p, at.Add(time.Duration(9+i*7)*time.Second))
			}
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", "Scaled down replica set "+a.Sets[1].Name+" from 2 to 1", 1, at.Add(10*time.Second))
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", "Scaled down replica set "+a.Sets[1].Name+" from 1 to 0", 1, at.Add(17*time.Second))
			c.settle()
			o := refused()
			o.upstream = gone
			c.between(a, o, at.Add(17200*time.Millisecond), 900*time.Millisecond, 9)
			c.traffic(a, fine(), 70)
			c.elsewhere(a)
			return c.wrong(a, 503, "termination-race").at(a.first("lifecycle.preStop"), a.first("lifecycle"), a.spec("containers[0]"))
		}},
		{Name: "b1-gunicorn-closes-idle-connections", Family: "keepalive", World: "voltgrid", Gateways: []string{"envoy-gateway", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Command = []string{"gunicorn", "forecast.wsgi", "--worker-class=gthread", "--keep-alive=2", "--bind=0.0.0.0:8501"}
			})
			c.settle()
			c.traffic(a, closed(), 6)
			c.traffic(a, fine(), 280)
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(closed()), "keepalive-race").at(a.first("command"), a.first("command[3]"), a.whole())
		}},
		{Name: "b1-spot-node-taken-away", Family: "node", World: "voltgrid", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			at := now().Add(-5 * time.Minute)
			lost := a.Pods[0]
			address := a.address(lost)
			node := c.Node(lost.Spec.NodeName)
			others := slicesOf(c, func(p *corev1.Pod) bool { return p.Spec.NodeName == node.Name })
			c.drop(node)
			c.event(node, "Normal", "RemovingNode", "Node "+node.Name+" event: Removing Node "+node.Name+" from Controller", 1, at.Add(40*time.Second))
			c.event(node, "Warning", "PreemptScheduled", "Node "+node.Name+" is going to be preempted", 1, at.Add(-25*time.Second))
			for i, p := range others {
				fresh := p.DeepCopy()
				c.drop(p)
				fresh.Name, fresh.UID, fresh.CreationTimestamp = fmt.Sprintf("%s%d", p.Name[:len(p.Name)-2], i), "", stamp(at.Add(30*time.Second))
				fresh.Spec.NodeName, fresh.Status.PodIP = c.nodes[2], ""
				c.add(fresh)
				a.ready(fresh, at.Add(48*time.Second))
			}
			c.settle()
			o := dropped()
			o.upstream = address
			c.between(a, o, at, 30*time.Second, 16)
			c.traffic(a, fine(), 60)
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(o), "node-termination-race").at(field(node, ""), a.whole())
		}},
	}
}

func slicesOf(c *Cluster, want func(*corev1.Pod) bool) []*corev1.Pod {
	var out []*corev1.Pod
	for p := range c.pods {
		if want(p) {
			out = append(out, p)
		}
	}
	return out
}

func oneLimits() []Recipe {
	return []Recipe{
		{Name: "b1-one-pending-request-only", Family: "circuit-breaker", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			dr := c.yaml("{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: readings, namespace: metering}, spec: {host: readings.metering.svc.cluster.local, trafficPolicy: {connectionPool: {http: {http1MaxPendingRequests: 1, maxRequestsPerConnection: 1}, tcp: {maxConnections: 1}}}}}")
			c.settle()
			c.traffic(a, outcome{kind: "overflow", status: 503}, 20)
			c.traffic(a, fine(), 44)
			c.elsewhere(a)
			return c.wrong(a, 503, "circuit-breaker-open").at(field(dr, "spec.trafficPolicy.connectionPool"), field(dr, "spec.trafficPolicy"), field(dr, "spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests"), field(dr, "spec.trafficPolicy.connectionPool.http"), field(dr, "spec.trafficPolicy.connectionPool.tcp.maxConnections"))
		}},
		{Name: "b1-connection-pool-of-the-database-is-empty", Family: "app-limits", World: "medihub", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.log(repeat(6, `ERROR 1 --- [nio-8080-exec-41] o.h.engine.jdbc.spi.SqlExceptionHelper : HikariPool-1 - Connection is not available, request timed out after 30000ms (total=10, active=10, idle=0, waiting=93)`)...)
			return c.partly(a, app500(), 30, "app-workers-exhausted").at(a.whole())
		}},
		{Name: "b1-autoscaler-cannot-go-higher", Family: "autoscaling", World: "voltgrid", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			h := c.scaler("tariffs", 2, autoscalingv2.ScalingLimited, "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
			c.odd = c.odd[:len(c.odd)-1]
			target, now2 := int32(70), int32(198)
			h.Spec.Metrics = []autoscalingv2.MetricSpec{{Type: "Resource", Resource: &autoscalingv2.ResourceMetricSource{Name: "cpu", Target: autoscalingv2.MetricTarget{Type: "Utilization", AverageUtilization: &target}}}}
			h.Status.CurrentMetrics = []autoscalingv2.MetricStatus{{Type: "Resource", Resource: &autoscalingv2.ResourceMetricStatus{Name: "cpu", Current: autoscalingv2.MetricValueStatus{AverageUtilization: &now2}}}}
			return c.partly(a, slow(), 40, "autoscaler-at-limit").at(field(h, "spec.maxReplicas"))
		}},
		{Name: "b1-policy-of-one-second", Family: "timeout", World: "voltgrid", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			p := c.yaml("{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: forecast, namespace: pricing}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: forecast}], timeout: {http: {requestTimeout: 1s}}}}")
			a.log(`level=info path=/v2/forecast/items status=200 took=1.812s`, `level=info path=/v2/forecast/items status=200 took=2.004s`)
			o := slow()
			o.took = time.Second
			return c.partly(a, o, 30, "upstream-timeout").at(field(p, "spec.timeout.http.requestTimeout"), field(p, "spec.timeout"), field(p, "spec.timeout.http"))
		}},
		{Name: "b1-policy-limits-the-rate", Family: "rate-limit", World: "voltgrid", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			p := c.yaml("{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: readings-limit, namespace: metering}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: readings}], rateLimit: {type: Local, local: {rules: [{limit: {requests: 5, unit: Second}}]}}}}")
			c.settle()
			c.traffic(a, outcome{kind: "limited", status: 429}, 30)
			c.traffic(a, fine(), 20)
			c.elsewhere(a)
			return c.wrong(a, 429, "rate-limited").at(field(p, "spec.rateLimit"), field(p, ""), field(p, "spec.rateLimit.local"))
		}},
		{Name: "b1-policy-limits-all-clients-together", Family: "rate-limit", World: "voltgrid", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			p := c.yaml("{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: readings-limit, namespace: metering}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: readings}], rateLimit: {type: Local, local: {rules: [{limit: {requests: 20, unit: Minute}}]}}}}")
			c.settle()
			c.traffic(a, outcome{kind: "limited", status: 429}, 16)
			c.traffic(a, fine(), 34)
			c.elsewhere(a)
			return c.wrong(a, 429, "rate-limited").at(field(p, "spec.rateLimit"), field(p, ""), field(p, "spec.rateLimit.local"))
		}},
		{Name: "b1-cpu-limit-of-a-sidecar-only-looks-guilty", Family: "timeout", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/proxy-read-timeout": "2", "nginx.ingress.kubernetes.io/proxy-connect-timeout": "2"}
			a.log(`level=info path=/api/pharmacy/interactions status=200 took=4.1s`, `level=info path=/api/pharmacy/interactions status=200 took=3.4s`)
			c.settle()
			o := slow()
			o.took = 2 * time.Second
			c.trafficOn(a, "/api/pharmacy/interactions", o, 20)
			c.traffic(a, fine(), 50)
			c.elsewhere(a)
			answer := c.wrong(a, 504, "upstream-timeout").at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/proxy-read-timeout']"))
			answer.Path = "/api/pharmacy/interactions"
			return answer
		}},
	}
}

func oneNetworks() []Recipe {
	return []Recipe{
		{Name: "b1-policy-knows-the-old-gateway", Family: "network-policy", World: "medihub", Gateways: []string{"nginx", "traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			p := c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: billing-in, namespace: care-prod}, spec: {podSelector: {matchLabels: {app: billing}}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: " + c.gateway.namespace + "}}, podSelector: {matchLabels: {app: edge-gateway-v1}}}], ports: [{port: 9000, protocol: TCP}]}]}}")
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: visits-in, namespace: care-prod, creationTimestamp: '2026-05-01T00:00:00Z'}, spec: {podSelector: {matchLabels: {app: visits}}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: " + c.gateway.namespace + "}}}]}]}}")
			return c.fails(a, dropped(), "networkpolicy-blocks-ingress").at(field(p, "spec.ingress[0].from[0].podSelector"), field(p, "spec.ingress[0].from[0]"), field(p, "spec.ingress[0].from"))
		}},
		{Name: "b1-policy-by-port-name", Family: "network-policy", World: "voltgrid", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			p := c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: default, namespace: pricing}, spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {}}], ports: [{port: web, protocol: TCP}]}]}}")
			c.settle()
			c.traffic(a, dropped(), 20)
			c.traffic(c.App("forecast"), dropped(), 12)
			c.traffic(c.App("readings"), fine(), 12)
			answer := Answer{Causes: ids("networkpolicy-blocks-ingress"), App: a, Sees: 503}
			return answer.at(field(p, "spec.ingress[0].ports[0].port"), field(p, "spec.ingress[0].ports"), field(p, "spec.ingress[0].ports[0]"))
		}},
		{Name: "b1-egress-without-the-database", Family: "network-policy", World: "medihub", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			p := c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: patients-out, namespace: care-prod}, spec: {podSelector: {matchLabels: {app: patients}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}], ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}, {to: [{podSelector: {matchLabels: {app: notify}}}]}]}}")
			a.log(repeat(4, `{"level":"error","msg":"query failed","err":"dial tcp `+c.database.Service.Spec.ClusterIP+`:5432: i/o timeout","status":500}`)...)
			return c.fails(a, app500(), "networkpolicy-blocks-egress").at(field(p, "spec.egress"), field(p, "spec.egress[1].to"), field(p, "spec"), field(p, "spec.egress[1]"), field(p, "spec.egress[1].to[0]"), field(p, "spec.egress[1].to[0].podSelector"))
		}},
		{Name: "b1-authorisation-policy-refuses", Family: "mesh", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			c.meshed()
			p := c.yaml("{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: tariffs-callers, namespace: pricing}, spec: {selector: {matchLabels: {app.kubernetes.io/name: tariffs}}, action: ALLOW, rules: [{from: [{source: {principals: [cluster.local/ns/metering/sa/readings]}}]}]}}")
			return c.fails(a, outcome{kind: "app", status: 403, took: 2 * time.Millisecond}, "mesh-policy-denies").at(field(p, "spec.rules"), field(p, "spec.rules[0].from"), field(p, "spec.rules[0]"), field(p, "spec"), field(p, "spec.rules[0].from[0].source.principals"))
		}},
		{Name: "b1-no-route-to-one-node", Family: "cni", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			ds := c.yaml("{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: calico-node, namespace: kube-system, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {selector: {matchLabels: {k8s-app: calico-node}}, template: {metadata: {labels: {k8s-app: calico-node}}, spec: {hostNetwork: true, containers: [{name: calico-node, image: 'quay.io/calico/node:v3.30.2'}]}}}, status: {desiredNumberScheduled: 4, numberReady: 3, numberUnavailable: 1}}")
			bad := a.Pods[0]
			for i, n := range c.nodes {
				ready, state := "'True'", "running: {startedAt: '2026-05-01T00:00:00Z'}"
				if n == bad.Spec.NodeName {
					ready, state = "'False'", "waiting: {reason: CrashLoopBackOff, message: back-off 5m0s restarting failed container=calico-node}"
				}
				c.yaml(fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: calico-node-x%d, namespace: kube-system, labels: {k8s-app: calico-node}, ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: calico-node, uid: %s, controller: true}], creationTimestamp: '2026-05-01T00:00:00Z'}, spec: {hostNetwork: true, nodeName: %s, containers: [{name: calico-node, image: 'quay.io/calico/node:v3.30.2'}]}, status: {phase: Running, conditions: [{type: Ready, status: %s, lastTransitionTime: '2026-06-10T09:17:30Z'}], containerStatuses: [{name: calico-node, image: x, imageID: x, ready: %s, restartCount: 6, state: {%s}}]}}", i, ds.GetUID(), n, ready, ready[1:len(ready)-1], state))
			}
			c.settle()
			o := outcome{kind: "unreachable", status: 502, took: 3 * time.Second, words: "connect() failed (113: No route to host) while connecting to upstream", upstream: a.address(bad)}
			c.traffic(a, o, 14)
			for _, p := range a.Pods[1:] {
				ok := fine()
				ok.upstream = a.address(p)
				c.traffic(a, ok, 14)
			}
			return c.wrong(a, 502, "cni-datapath-fault").at(field(ds, ""), missing("v1", "Pod", "kube-system", "calico-node-*", ""), field(c.Node(bad.Spec.NodeName), ""))
		}},
	}
}

// meshed puts a sidecar of Istio into every app's pods.
func (c *Cluster) meshed() {
	for _, x := range c.apps {
		x.everywhere(func(s *corev1.PodSpec) {
			s.Containers = append(s.Containers, corev1.Container{Name: "istio-proxy", Image: "docker.io/istio/proxyv2:1.27.1", Args: []string{"proxy", "sidecar"}})
		})
		for _, p := range x.Pods {
			x.ready(p, now().Add(-3*24*time.Hour))
		}
	}
}
