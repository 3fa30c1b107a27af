package synth

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// threeLimits: too many, too slow, or in the wrong moment.
func threeLimits() []Recipe {
	return []Recipe{
		{Name: "b3-two-connections-for-each-pod", Family: "app-limits", World: "arcade", Gateways: []string{"haproxy"}, Break: func(c *Cluster) Answer {
			a := c.App("match")
			i := c.own(a)
			i.Annotations = map[string]string{"haproxy.org/pod-maxconn": "2"}
			c.settle()
			c.says("02/Jan/2006:15:04:05.000", repeat(18, `198.51.100.20:51000 [TIME] https~ arcade_svc_match_http/<NOSRV> 0/5001/-1/-1/5001 503 217 - - sQ-- 41/40/22/0/0 0/20 "GET play.arcade.example/match/items HTTP/2.0"`)...)
			c.traffic(a, fine(), 40)
			c.elsewhere(a)
			return c.wrong(a, 503, "connection-limit").at(field(i, "metadata.annotations['haproxy.org/pod-maxconn']"))
		}},
		{Name: "b3-plugin-counts-by-the-minute", Family: "rate-limit", World: "transit", Gateways: []string{"kong"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			i := c.own(a)
			i.Annotations = map[string]string{"konghq.com/plugins": "fair-use"}
			p := c.yaml("{apiVersion: configuration.konghq.com/v1, kind: KongPlugin, metadata: {name: fair-use, namespace: city-core}, plugin: rate-limiting, config: {minute: 5, policy: local}}")
			c.settle()
			c.traffic(a, outcome{kind: "limited", status: 429}, 40)
			c.traffic(a, fine(), 8)
			c.elsewhere(a)
			return c.wrong(a, 429, "rate-limited").at(field(p, "config.minute"), field(p, "config"), field(p, ""))
		}},
		{Name: "b3-php-children-are-all-busy", Family: "app-limits", World: "transit", Gateways: []string{"istio", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("site")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers = append(s.Containers, corev1.Container{Name: "php-fpm", Image: "registry.transit.example/web/php-fpm:8.3"})
			})
			for _, p := range a.Pods {
				a.ready(p, now().Add(-3*24*time.Hour))
				c.logs[p.Name+"_php-fpm"] = []string{
					"[10-Jun-2026 09:19:02] WARNING: [pool www] seems busy (you may need to increase pm.start_servers, or pm.min/max_spare_servers), spawning 8 children, there are 0 idle, and 5 total children",
					"[10-Jun-2026 09:19:04] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it",
					"[10-Jun-2026 09:26:31] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it",
				}
			}
			return c.partly(a, outcome{kind: "app", status: 504, took: 30 * time.Second}, 20, "app-workers-exhausted").at(a.whole())
		}},
		{Name: "b3-envoy-sheds-load", Family: "gateway-pods", World: "arcade", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			c.front.everywhere(func(s *corev1.PodSpec) { s.Containers[0].Resources.Limits["memory"] = resource.MustParse("128Mi") })
			c.settle()
			for _, x := range c.apps[:5] {
				for k := range 8 {
					at := at(k, 8)
					c.logs[c.gatewayLog()] = append(c.logs[c.gatewayLog()], fmt.Sprintf(`{"start_time":"%s","method":"GET","x-envoy-origin-path":"%s/items","protocol":"HTTP/2","response_code":"503","response_flags":"OM","response_code_details":"overload","connection_termination_details":null,"upstream_transport_failure_reason":null,"bytes_received":"0","bytes_sent":"16","duration":"0","x-envoy-upstream-service-time":null,"x-forwarded-for":"198.51.100.20","user-agent":"okhttp/4.12.0","x-request-id":"f5946656","`+":authority"+`":"%s","upstream_host":null,"upstream_cluster":null,"upstream_local_address":null,"downstream_local_address":"100.64.1.9:10443","downstream_remote_address":"198.51.100.20:51644","requested_server_name":"%s","route_name":null}`,
						at.Format("2006-01-02T15:04:05.000Z"), x.Path, c.world.host, c.world.host))
				}
				c.traffic(x, fine(), 10)
			}
			return Answer{Causes: ids("proxy-overloaded"), App: a, Sees: 503}.at(c.front.first("resources.limits.memory"), c.front.whole(), field(c.gw, ""))
		}},
		{Name: "b3-one-pending-request-by-annotation", Family: "circuit-breaker", World: "transit", Gateways: []string{"contour"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			a.Service.Annotations = map[string]string{"projectcontour.io/max-pending-requests": "1", "projectcontour.io/max-connections": "1"}
			c.settle()
			c.traffic(a, outcome{kind: "overflow", status: 503}, 22)
			c.traffic(a, fine(), 50)
			c.elsewhere(a)
			return c.wrong(a, 503, "circuit-breaker-open").at(field(a.Service, "metadata.annotations['projectcontour.io/max-pending-requests']"), field(a.Service, "metadata.annotations['projectcontour.io/max-connections']"), field(a.Service, "metadata.annotations"))
		}},
		{Name: "b3-node-tracks-too-many-connections", Family: "node", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			bad := a.Pods[1]
			n := c.Node(bad.Spec.NodeName)
			c.event(n, "Warning", "ConntrackFull", "Conntrack table full", 37, onset())
			c.settle()
			o := dropped()
			o.upstream = a.address(bad)
			c.traffic(a, o, 15)
			for _, p := range a.Pods {
				ok := fine()
				ok.upstream = a.address(p)
				c.traffic(a, ok, 14)
			}
			c.elsewhere(a)
			return c.wrong(a, 504, "conntrack-table-full").at(field(n, ""))
		}},
		{Name: "b3-no-source-port-is-left", Family: "network", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("live")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/service-upstream": "true"}
			c.settle()
			vip := a.Service.Spec.ClusterIP + ":80"
			for k := range 14 {
				c.logs[c.gatewayLog()] = append(c.logs[c.gatewayLog()], fmt.Sprintf(`%s [crit] 40#40: *88120 connect() to %s failed (99: Address not available) while connecting to upstream, client: 198.51.100.20, server: go.transit.example, request: "GET /live/items HTTP/2.0", upstream: "http://%s/live/items", host: "go.transit.example"`, at(k, 14).Format(nginxError), vip, vip))
				c.write(request{at: at(k, 14), path: "/live/items", o: outcome{kind: "ports", took: time.Millisecond}, status: 502, app: a, upstream: vip})
			}
			ok := fine()
			ok.upstream = vip
			c.traffic(a, ok, 60)
			c.elsewhere(a)
			return c.wrong(a, 502, "source-port-exhaustion").at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/service-upstream']"), c.front.whole(), field(a.Service, ""))
		}},
		{Name: "b3-scaled-in-under-load", Family: "termination", World: "arcade", Gateways: []string{"kong", "contour"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			a.everywhere(func(s *corev1.PodSpec) { s.Containers[0].Lifecycle = nil })
			gone := a.address(a.Pods[2])
			c.drop(a.Pods[2])
			a.Pods = a.Pods[:2]
			a.scale(2)
			at := now().Add(-3 * time.Minute)
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", "Scaled down replica set "+a.Sets[1].Name+" from 3 to 2", 1, at)
			c.event(a.Sets[1], "Normal", "SuccessfulDelete", "Deleted pod: "+a.Sets[1].Name+"-zz7qp", 1, at)
			c.settle()
			o := refused()
			o.upstream = gone
			c.between(a, o, at.Add(200*time.Millisecond), 1500*time.Millisecond, 8)
			c.traffic(a, fine(), 90)
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(o), "termination-race").at(a.first("lifecycle.preStop"), a.first("lifecycle"), a.spec("containers[0]"), a.whole())
		}},
		{Name: "b3-only-replica-is-replaced", Family: "rollout", World: "transit", Gateways: []string{"traefik", "nginx-inc"}, Break: func(c *Cluster) Answer {
			a := c.App("live")
			one, none := intstr.FromInt32(1), intstr.FromInt32(0)
			c.drop(a.Pods[1])
			a.Pods = a.Pods[:1]
			a.scale(1)
			a.Deployment.Spec.Strategy.RollingUpdate.MaxUnavailable, a.Deployment.Spec.Strategy.RollingUpdate.MaxSurge = &one, &none
			at := now().Add(-5 * time.Minute)
			a.rolloutAt(at, func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "registry.transit.example/mobility/live:2026.06.1"
			})
			a.ready(a.Pods[0], at.Add(41*time.Second))
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", "Scaled down replica set "+a.Sets[1].Name+" from 1 to 0", 1, at.Add(-time.Second))
			c.settle()
			c.between(a, nobody(), at.Add(time.Second), 38*time.Second, 18)
			c.between(a, fine(), at.Add(44*time.Second), 4*time.Minute, 30)
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(nobody()), "rollout-recreate-gap").at(field(a.Deployment, "spec.strategy.rollingUpdate.maxUnavailable"), field(a.Deployment, "spec.strategy.rollingUpdate"), field(a.Deployment, "spec.strategy"), field(a.Deployment, "spec.strategy.rollingUpdate.maxSurge"), field(a.Deployment, "spec.replicas"))
		}},
	}
}

func threeNetworks() []Recipe {
	return []Recipe{
		{Name: "b3-range-of-ports-ends-too-soon", Family: "network-policy", World: "arcade", Gateways: []string{"haproxy", "kong"}, Break: func(c *Cluster) Answer {
			a := c.App("profile")
			p := c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: web-ports, namespace: arcade}, spec: {podSelector: {matchExpressions: [{key: app, operator: In, values: [profile]}]}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {}}], ports: [{protocol: TCP, port: 8000, endPort: 8079}]}]}}")
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: scores-ports, namespace: arcade, creationTimestamp: '2026-05-01T00:00:00Z'}, spec: {podSelector: {matchLabels: {app: scores}}, policyTypes: [Ingress], ingress: [{ports: [{protocol: TCP, port: 8000, endPort: 8079}]}]}}")
			return c.fails(a, dropped(), "networkpolicy-blocks-ingress").at(field(p, "spec.ingress[0].ports[0].endPort"), field(p, "spec.ingress[0].ports[0]"), field(p, "spec.ingress[0].ports"))
		}},
		{Name: "b3-namespace-lost-its-label", Family: "network-policy", World: "transit", Gateways: []string{"nginx-inc", "ngf"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			p := c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: from-the-edge, namespace: city-core, creationTimestamp: '2026-02-01T00:00:00Z'}, spec: {podSelector: {matchLabels: {app.kubernetes.io/component: server}}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {exposure: public}}}, {podSelector: {}}]}]}}")
			c.settle()
			for _, name := range []string{"tickets", "trips", "live"} {
				c.traffic(c.App(name), dropped(), 14)
			}
			c.traffic(c.App("site"), fine(), 14)
			return Answer{Causes: ids("networkpolicy-blocks-ingress"), App: a, Sees: 504}.at(field(p, "spec.ingress[0].from[0].namespaceSelector"), field(p, "spec.ingress[0].from[0].namespaceSelector.matchLabels.exposure"), field(p, "spec.ingress[0].from[0]"), field(p, "spec.ingress[0].from"), missing("v1", "Namespace", "", c.gateway.namespace, "metadata.labels.exposure"), missing("v1", "Namespace", "", c.gateway.namespace, "metadata.labels"))
		}},
		{Name: "b3-kube-proxy-of-one-node-is-down", Family: "network", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/service-upstream": "true"}
			pod := c.daemonPod("kube-proxy", c.nodes[1])
			c.breakPod(pod, "CrashLoopBackOff")
			c.front.Pods[0].Spec.NodeName = c.nodes[1]
			c.logs[pod.GetName()+"_kube-proxy"] = []string{`E0610 09:29:12.104223       1 proxier.go:1582] "Failed to execute iptables-restore" err="exit status 4: iptables-restore: line 812 failed" ipFamily="IPv4"`}
			c.settle()
			vip := a.Service.Spec.ClusterIP + ":80"
			o := outcome{kind: "unreachable", status: 502, took: 3 * time.Second, words: "connect() failed (113: Host is unreachable) while connecting to upstream", upstream: vip}
			c.traffic(a, o, 16)
			c.elsewhere(a)
			return c.wrong(a, 502, "service-vip-fault", "cni-datapath-fault").at(missing("apps/v1", "DaemonSet", "kube-system", "kube-proxy", ""), field(pod, ""), field(c.Node(c.nodes[1]), ""))
		}},
	}
}

// threeClouds: load balancers that are no pods of the cluster.
func threeClouds() []Recipe {
	return []Recipe{
		{Name: "b3-balancer-checks-another-path", Family: "load-balancer", World: "transit", Gateways: []string{"alb"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			i := c.own(a)
			i.Annotations["alb.ingress.kubernetes.io/healthcheck-path"] = "/healthz"
			gate := corev1.PodConditionType("target-health.elbv2.k8s.aws/k8s-citycore-tickets-0123456789")
			a.everywhere(func(s *corev1.PodSpec) { s.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: gate}} })
			for _, p := range a.Pods {
				a.condition(p, gate, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]", onset())
				a.condition(p, corev1.PodReady, "ReadinessGatesNotReady", `the status of pod readiness gate "`+string(gate)+`" is not "True", but False`, onset())
			}
			a.log(repeat(5, `WARN 1 --- [nio-8181-exec-3] o.s.web.servlet.PageNotFound : No mapping for GET /healthz`)...)
			return c.fails(a, nobody(), "lb-health-check", "readiness-gate-unmet").at(field(i, "metadata.annotations['alb.ingress.kubernetes.io/healthcheck-path']"), a.whole(), a.spec("readinessGates"), a.spec("readinessGates[0]"))
		}},
		{Name: "b3-health-check-policy-asks-for-a-page-nobody-has", Family: "load-balancer", World: "arcade", Gateways: []string{"gke"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			p := c.yaml("{apiVersion: networking.gke.io/v1, kind: HealthCheckPolicy, metadata: {name: store, namespace: arcade}, spec: {default: {config: {type: HTTP, httpHealthCheck: {port: 5000, requestPath: /status}}}, targetRef: {group: '', kind: Service, name: store}}, status: {conditions: [{type: Attached, status: 'True', reason: Attached}]}}")
			a.log(repeat(6, `{"level":"warn","msg":"GET /status 404 0.4ms","ua":"GoogleHC/1.0"}`)...)
			c.settle()
			o := nobody()
			c.traffic(a, o, 22)
			c.elsewhere(a)
			return c.wrong(a, 502, "lb-health-check").at(field(p, "spec.default.config.httpHealthCheck.requestPath"), field(p, "spec.default.config.httpHealthCheck"), field(p, "spec.default.config"), field(p, ""))
		}},
		{Name: "b3-backend-policy-of-five-seconds", Family: "timeout", World: "arcade", Gateways: []string{"gke"}, Break: func(c *Cluster) Answer {
			a := c.App("scores")
			p := c.yaml("{apiVersion: networking.gke.io/v1, kind: GCPBackendPolicy, metadata: {name: scores, namespace: arcade}, spec: {default: {timeoutSec: 5}, targetRef: {group: '', kind: Service, name: scores}}, status: {conditions: [{type: Attached, status: 'True', reason: Attached}]}}")
			a.log(`level=info path=/scores/season status=200 took=7.9s`, `level=info path=/scores/season status=200 took=8.4s`)
			c.settle()
			o := slow()
			o.took = 5 * time.Second
			c.trafficOn(a, "/scores/season", o, 20)
			c.traffic(a, fine(), 50)
			c.elsewhere(a)
			answer := c.wrong(a, 504, "upstream-timeout", "timeout-misaligned").at(field(p, "spec.default.timeoutSec"), field(p, "spec.default"))
			answer.Path = "/scores/season"
			return answer
		}},
		{Name: "b3-no-subnet-for-the-balancer", Family: "load-balancer", World: "transit", Gateways: []string{"alb"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			i, h := c.lone(a)
			delete(i.Annotations, "alb.ingress.kubernetes.io/group.name")
			i.Status.LoadBalancer.Ingress = nil
			c.event(i, "Warning", "FailedBuildModel", "Failed build model due to couldn't auto-discover subnets: unable to resolve at least one subnet (0 match VPC and tags: [kubernetes.io/role/elb])", 19, onset())
			c.settle()
			c.elsewhere(a)
			answer := c.wrong(a, 0, "lb-not-provisioned")
			answer.Host = h
			return answer.at(field(i, "status.loadBalancer"), field(i, ""))
		}},
		{Name: "b3-address-that-nobody-reserved", Family: "gateway-programmed", World: "arcade", Gateways: []string{"gke"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			for i := range c.gw.Status.Conditions {
				x := &c.gw.Status.Conditions[i]
				if x.Type == "Programmed" {
					x.Status, x.Reason, x.Message, x.LastTransitionTime = "False", "AddressNotUsable", "gceSync: generic::not_found: The resource 'projects/prod/global/addresses/arcade-v2' was not found", stamp(onset())
				}
			}
			c.gw.Status.Addresses = nil
			c.event(c.gw, "Warning", "SYNC", "failed to translate Gateway \"infra/public\": Error GWCER104: Gateway \"infra/public\" is invalid, err: named address \"arcade-v2\" not found.", 11, onset())
			c.settle()
			return Answer{Causes: ids("gateway-not-programmed", "lb-not-provisioned"), App: a, Sees: 0}.at(field(c.gw, "spec.addresses"), field(c.gw, "spec.addresses[0]"), field(c.gw, "status.conditions[type=Programmed]"), field(c.gw, ""))
		}},
		{Name: "b3-node-servers-hang-up-first", Family: "keepalive", World: "arcade", Gateways: []string{"alb", "kong"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			c.settle()
			c.traffic(a, closed(), 6)
			c.traffic(a, fine(), 290)
			c.elsewhere(a)
			return c.wrong(a, 502, "keepalive-race").at(a.whole())
		}},
		{Name: "b3-application-gateway-controller-is-down", Family: "controller", World: "transit", Gateways: []string{"agic"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			var gone []string
			for _, p := range a.Pods {
				gone = append(gone, a.address(p))
			}
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "registry.transit.example/mobility/trips:2026.06.0"
			})
			for i, p := range a.Pods {
				p.Status.PodIP = fmt.Sprintf("10.20.%d.2%d", 1+i, i)
				p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
			}
			c.front.crash("Error", 1, "", 24)
			c.front.previousLog(`F0610 09:28:31.002144       1 main.go:122] Error authenticating with Azure: azure.BearerAuthorizer#WithAuthorization: Failed to refresh the Token for request: StatusCode=400 -- {"error":"invalid_request","error_description":"Identity not found"}`)
			c.settle()
			for i := range 20 {
				o := dropped()
				o.upstream, o.status = gone[i%len(gone)], 502
				c.write(request{at: at(i, 20), path: "/api/trips/items", o: o, status: 502, app: a, upstream: o.upstream})
			}
			c.elsewhere(a)
			return c.wrong(a, 502, "controller-stale", "stale-endpoints", "container-crashloop", "control-plane-unreachable").at(c.front.whole())
		}},
	}
}

func threeControlPlanes() []Recipe {
	return []Recipe{
		{Name: "b3-plugin-keeps-the-old-configuration", Family: "config-rejected", World: "transit", Gateways: []string{"kong"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			i, h := c.lone(a)
			i.CreationTimestamp = stamp(onset())
			p := c.yaml("{apiVersion: configuration.konghq.com/v1, kind: KongPlugin, metadata: {name: limits, namespace: city-core}, plugin: rate-limiting, config: {minute: many}}")
			c.App("trips").Service.Annotations = map[string]string{"konghq.com/plugins": "limits"}
			c.event(p, "Warning", "KongConfigurationApplyFailed", "invalid config.minute: expected a number", 44, onset().Add(-time.Minute))
			c.event(c.front.Pods[0], "Warning", "KongConfigurationApplyFailed", "failed to apply Kong configuration to https://10.20.1.5:8444: failed posting new config to /config: got status code 400", 44, onset().Add(-time.Minute))
			c.settle()
			for k := range 14 {
				c.write(request{at: at(k, 14), path: "/maps/items", o: noRoute(), status: 404, app: a, on: h})
			}
			c.elsewhere(a)
			answer := c.wrong(a, 404, "config-rejected")
			answer.Host = h
			return answer.at(field(p, "config.minute"), field(p, "config"), field(p, ""))
		}},
		{Name: "b3-contour-is-down-and-envoy-goes-on", Family: "controller", World: "arcade", Gateways: []string{"contour"}, Break: func(c *Cluster) Answer {
			a := c.App("profile")
			ctl := c.side("projectcontour", "contour", 8001)
			ctl.crash("Error", 1, "", 17)
			ctl.previousLog(`time="2026-06-10T09:28:40Z" level=fatal msg="Contour server failed" error="unable to set up controller manager: failed to get server groups: Get \"https://10.96.0.1:443/api\": x509: certificate signed by unknown authority"`)
			var gone []string
			for _, p := range a.Pods {
				gone = append(gone, a.address(p))
			}
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "harbor.arcade.example/games/profile@sha256:0b1c"
			})
			for i, p := range a.Pods {
				p.Status.PodIP = fmt.Sprintf("100.64.%d.3%d", 1+i, i)
				p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
			}
			c.says("2006-01-02 15:04:05.000", repeat(6, `[TIME][1][warning][config] [./source/extensions/config_subscription/grpc/grpc_stream.h:226] StreamRoutes gRPC config stream to contour closed since 640s ago: 14, upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: delayed connect error: Connection refused`)...)
			c.settle()
			for i := range 20 {
				o := dropped()
				o.upstream = gone[i%len(gone)]
				c.write(request{at: at(i, 20), path: "/profile/items", o: o, status: 503, app: a, upstream: o.upstream})
			}
			c.elsewhere(a)
			return c.wrong(a, 503, "stale-endpoints", "controller-stale", "control-plane-unreachable", "container-crashloop").dependency(c, a).at(ctl.whole())
		}},
		{Name: "b3-stream-to-the-control-plane-has-expired", Family: "controller", World: "arcade", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			cert := c.yaml("{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: envoy-gateway, namespace: envoy-gateway-system, creationTimestamp: '2025-06-10T00:00:00Z'}, spec: {secretName: envoy-gateway, dnsNames: [envoy-gateway.envoy-gateway-system.svc]}, status: {notAfter: '2026-06-10T09:17:40Z', conditions: [{type: Ready, status: 'False', reason: Expired, message: 'Certificate expired on Wed, 10 Jun 2026 09:17:40 UTC', lastTransitionTime: '2026-06-10T09:17:40Z'}]}}")
			c.yaml("{apiVersion: v1, kind: Secret, metadata: {name: envoy-gateway, namespace: envoy-gateway-system, creationTimestamp: '2025-06-10T00:00:00Z'}, type: kubernetes.io/tls, data: {tls.crt: UkVEQUNURUQ=, tls.key: UkVEQUNURUQ=}}")
			ctl := c.side("envoy-gateway-system", "envoy-gateway", 18000)
			gone := a.address(a.Pods[0])
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "harbor.arcade.example/games/lobby@sha256:0b1d"
			})
			for i, p := range a.Pods {
				p.Status.PodIP = fmt.Sprintf("100.64.%d.4%d", 1+i, i)
				p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
			}
			c.says("2006-01-02 15:04:05.000", repeat(8, `[TIME][1][warning][config] [./source/extensions/config_subscription/grpc/grpc_stream.h:226] DeltaAggregatedResources gRPC config stream to xds_cluster closed since 700s ago: 14, upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed: X509_verify_cert: certificate verification error at depth 0: certificate has expired:TLS_error_end`)...)
			c.settle()
			for i := range 20 {
				c.write(request{at: at(i, 20), path: "/items", o: dropped(), status: 503, app: a, upstream: gone})
			}
			c.elsewhere(a)
			return c.wrong(a, 503, "control-plane-cert-expired", "certificate-invalid", "stale-endpoints").at(field(cert, ""), missing("v1", "Secret", "envoy-gateway-system", "envoy-gateway", ""), ctl.whole(), c.front.whole())
		}},
		{Name: "b3-controller-lost-its-rights", Family: "rbac", World: "transit", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("site")
			c.front.everywhere(func(s *corev1.PodSpec) { s.ServiceAccountName = "traefik" })
			role := c.yaml("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: traefik, creationTimestamp: '2026-01-01T00:00:00Z'}, rules: [{apiGroups: [''], resources: [services, endpoints, secrets, nodes], verbs: [get, list, watch]}, {apiGroups: [networking.k8s.io], resources: [ingresses, ingressclasses], verbs: [get, list, watch]}]}")
			c.yaml("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: traefik, creationTimestamp: '2026-01-01T00:00:00Z'}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: traefik}, subjects: [{kind: ServiceAccount, name: traefik, namespace: traefik}]}")
			c.says("0102 15:04:05.000000", repeat(6, `ETIME       1 reflector.go:200] "Failed to watch" err="failed to list *v1.EndpointSlice: endpointslices.discovery.k8s.io is forbidden: User \"system:serviceaccount:traefik:traefik\" cannot list resource \"endpointslices\" in API group \"discovery.k8s.io\" at the cluster scope" logger="UnhandledError" reflector="k8s.io/client-go@v0.34.1/tools/cache/reflector.go:285" type="*v1.EndpointSlice"`)...)
			c.settle()
			for _, x := range c.apps[:5] {
				c.traffic(x, noRoute(), 8)
			}
			return Answer{Causes: ids("controller-permission-denied"), App: a, Sees: 404}.at(field(role, "rules"), field(role, ""))
		}},
	}
}

func threeApps() []Recipe {
	return []Recipe{
		{Name: "b3-column-that-the-migration-forgot", Family: "app-error", World: "transit", Gateways: []string{"nginx", "ngf"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "registry.transit.example/mobility/trips:2026.06.0"
			})
			a.log(repeat(5, `ERROR 1 --- [nio-8080-exec-9] o.a.c.c.C.[.[.[/].[dispatcherServlet] : Servlet.service() threw exception [org.springframework.jdbc.BadSqlGrammarException: PreparedStatementCallback; bad SQL grammar [SELECT zone FROM fares]; nested exception is org.postgresql.util.PSQLException: ERROR: column "zone" does not exist] with root cause`)...)
			return c.fails(a, app500(), "app-error", "bad-rollout", "app-misconfigured").at(a.whole(), a.first("image"))
		}},
		{Name: "b3-brokers-cannot-start", Family: "dependency", World: "arcade", Gateways: []string{"kong", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("scores")
			k := c.side("arcade", "events", 9092)
			ss := c.asStateful(k)
			k.Service.Spec.Ports = []corev1.ServicePort{{Name: "kafka", Port: 9092, Protocol: "TCP", TargetPort: intstr.FromInt32(9092)}}
			k.everywhere(func(s *corev1.PodSpec) { s.Containers[0].Image = "docker.io/bitnami/kafka:3.7.0-debian-12-r6" })
			ss.Spec.Template.Spec.Containers[0].Image = "docker.io/bitnami/kafka:3.7.0-debian-12-r6"
			k.waiting("ImagePullBackOff", `Back-off pulling image "docker.io/bitnami/kafka:3.7.0-debian-12-r6"`)
			k.notes("Warning", "Failed", `Failed to pull image "docker.io/bitnami/kafka:3.7.0-debian-12-r6": rpc error: code = NotFound desc = failed to pull and unpack image: docker.io/bitnami/kafka:3.7.0-debian-12-r6: not found`, 22)
			a.log(repeat(5, `{"level":"error","msg":"publish failed","err":"kafka: client has run out of available brokers to talk to: dial tcp: connect: connection refused (events:9092)","status":500}`)...)
			return c.fails(a, app500(), "image-pull").dependency(c, a).at(field(ss, "spec.template.spec.containers[0].image"), field(ss, ""))
		}},
		{Name: "b3-experiment-adds-latency", Family: "chaos", World: "transit", Gateways: []string{"traefik", "kong"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			x := c.yaml("{apiVersion: litmuschaos.io/v1alpha1, kind: ChaosEngine, metadata: {name: tickets-latency, namespace: city-core}, spec: {engineState: active, appinfo: {appns: city-core, applabel: app.kubernetes.io/name=tickets, appkind: deployment}, chaosServiceAccount: litmus-admin, experiments: [{name: pod-network-latency, spec: {components: {env: [{name: NETWORK_LATENCY, value: '90000'}, {name: TOTAL_CHAOS_DURATION, value: '3600'}]}}}]}, status: {engineStatus: initialized, experiments: [{name: pod-network-latency, status: Running, verdict: Awaited}]}}")
			return c.partly(a, slow(), 6, "fault-injection-active").at(field(x, ""), field(x, "spec"), field(x, "spec.engineState"), field(x, "spec.experiments[0]"), field(x, "spec.experiments"))
		}},
		{Name: "b3-two-faults-of-two-teams", Family: "two-faults", World: "transit", Gateways: []string{"nginx", "kong"}, Break: func(c *Cluster) Answer {
			a, b := c.App("maps"), c.App("live")
			a.Service.Spec.Ports[0].TargetPort = intstr.FromString("web")
			b.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].ReadinessProbe.HTTPGet.Path = "/actuator/ready"
			})
			b.probing("HTTP probe failed with statuscode: 404")
			c.settle()
			c.traffic(a, nobody(), 20)
			c.traffic(b, nobody(), 20)
			c.traffic(c.App("site"), fine(), 12)
			answer := Answer{Causes: ids("named-port-missing", "readiness-probe-misconfigured"), App: a, Sees: c.gateway.status(nobody())}
			return answer.at(field(a.Service, "spec.ports[0].targetPort"), b.first("readinessProbe.httpGet.path"), b.first("readinessProbe"))
		}},
	}
}
