package synth

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
)

// rest are recipes that were written after the analyzers, and without a look at them: they tell how diagnoses do
// on faults that nobody had in mind.
func rest() []Recipe {
	return slices.Concat(restOfWiring(), restOfPods(), restOfPolicies(), restOfTraffic())
}

func restOfWiring() []Recipe {
	return []Recipe{
		{Name: "selector-wrong-case", Family: "service-selector", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Service.Spec.Selector = map[string]string{"app.kubernetes.io/name": "Search"}
			return c.fails(a, nobody(), "selector-mismatch").at(field(a.Service, "spec.selector['app.kubernetes.io/name']"), field(a.Service, "spec.selector"))
		}},
		{Name: "backend-in-another-namespace", Family: "service-missing", Gateways: ingresses(), Break: func(c *Cluster) Answer {
			a := c.App("search")
			c.add(nsOf("search-team"))
			c.move(a, "search-team")
			answer := c.fails(a, unusable(), "service-missing")
			return answer.at(missing("v1", "Service", namespace, "search", "metadata.name (object missing)"), missing("v1", "Service", namespace, "search", ""), field(c.ingress, fmt.Sprintf("spec.rules[0].http.paths[%d].backend.service.name", a.RuleIndex)))
		}},
	}
}

func restOfPods() []Recipe {
	return []Recipe{
		{Name: "flag-unknown", Family: "crash", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Args = []string{"--prot=7070"} })
			a.crash("Error", 2, "", 8)
			a.previousLog(`unknown flag: --prot`, `usage: cart [flags]`)
			answer := c.fails(a, nobody(), "container-crashloop", "bad-rollout")
			return answer.at(answer.container("args"), answer.container("args[0]"), field(a.Deployment, "spec.template.spec.containers[0]"))
		}},
		{Name: "image-name-invalid", Family: "image", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "registry.example.org/Search:2.5.0" })
			a.waiting("InvalidImageName", `Failed to apply default image tag "registry.example.org/Search:2.5.0": couldn't parse image name: invalid reference format: repository name must be lowercase`)
			return c.inContainer(a, nobody(), "image", "image-pull", "bad-rollout")
		}},
		{Name: "readiness-gate", Family: "readiness-gate", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.everywhere(func(s *corev1.PodSpec) {
				s.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "target-health.elbv2.k8s.aws/k8s-store-checkout"}}
			})
			for _, p := range a.Pods {
				a.condition(p, corev1.PodReady, "ReadinessGatesNotReady", `corresponding condition of pod readiness gate "target-health.elbv2.k8s.aws/k8s-store-checkout" does not exist.`, onset())
			}
			return c.fails(a, nobody(), "readiness-gate-unmet").at(field(a.Deployment, "spec.template.spec.readinessGates"), field(a.Deployment, "spec.template.spec.readinessGates[0]"), field(a.Deployment, "spec.template.spec.readinessGates[0].conditionType"), missing("v1", "Pod", namespace, "checkout-*", "status.conditions"))
		}},
		{Name: "volume-attached-elsewhere", Family: "storage", Break: func(c *Cluster) Answer {
			a := c.App("search")
			pvc := &corev1.PersistentVolumeClaim{TypeMeta: tm("v1", "PersistentVolumeClaim"), ObjectMeta: metav1.ObjectMeta{Name: "index", Namespace: namespace}, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pvc-1", AccessModes: []corev1.PersistentVolumeAccessMode{"ReadWriteOnce"}}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}
			c.add(pvc)
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "index", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "index"}}}}
				t.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "index", MountPath: "/index"}}
			})
			a.creating("FailedAttachVolume", `Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can't be attached to another`)
			return c.fails(a, nobody(), "volume-unavailable").at(field(pvc, "spec.accessModes"), field(a.Deployment, "spec.template.spec.volumes[0]"), field(pvc, ""))
		}},
		{Name: "host-port-taken", Family: "scheduling", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Ports[0].HostPort = 443 })
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't have free ports for the requested pod ports. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			answer := c.fails(a, nobody(), "unschedulable", "sandbox-failed")
			return answer.at(answer.container("ports[0].hostPort"), answer.container("ports"), answer.container("ports[0]"))
		}},
		{Name: "topology-spread-unsatisfiable", Family: "scheduling", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "rack", WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": "checkout"}}}}
			})
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match pod topology spread constraints (missing required label). preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "unschedulable").at(field(a.Deployment, "spec.template.spec.topologySpreadConstraints"), field(a.Deployment, "spec.template.spec.topologySpreadConstraints[0]"), field(a.Deployment, "spec.template.spec.topologySpreadConstraints[0].topologyKey"))
		}},
		{Name: "liveness-tcp-port-wrong", Family: "liveness-probe", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].LivenessProbe.ProbeHandler = corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(9300)}}
			})
			a.crash("Completed", 0, "", 9)
			for _, p := range a.Pods {
				c.event(p, "Warning", "Unhealthy", "Liveness probe failed: dial tcp "+p.Status.PodIP+":9300: connect: connection refused", 27, onset())
				c.event(p, "Normal", "Killing", "Container search failed liveness probe, will be restarted", 9, onset())
			}
			answer := c.inContainer(a, nobody(), "livenessProbe.tcpSocket.port", "liveness-probe-kills")
			return answer.at(answer.Object, answer.container("livenessProbe"))
		}},
	}
}

func restOfPolicies() []Recipe {
	return []Recipe{
		{Name: "policy-ip-block-elsewhere", Family: "network-policy", Break: func(c *Cluster) Answer {
			a := c.App("catalog")
			p := policy("catalog-from-edge", namespace, networkingv1.NetworkPolicySpec{PodSelector: app("catalog"), PolicyTypes: []networkingv1.PolicyType{"Ingress"}, Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "192.168.0.0/16"}}}}}})
			c.add(p)
			return c.fails(a, dropped(), "networkpolicy-blocks-ingress").at(field(p, "spec.ingress[0].from[0].ipBlock"), field(p, "spec.ingress[0].from[0].ipBlock.cidr"), field(p, "spec.ingress[0].from"), field(p, "spec.ingress[0].from[0]"))
		}},
		{Name: "policy-no-dns", Family: "network-policy", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			pay := app("payments")
			p := policy("checkout-out", namespace, networkingv1.NetworkPolicySpec{PodSelector: app("checkout"), PolicyTypes: []networkingv1.PolicyType{"Egress"}, Egress: []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{{PodSelector: &pay}}}}})
			c.add(p)
			for range 3 {
				a.log(`level=error msg="authorize failed" err="dial tcp: lookup payments on 10.96.0.10:53: read udp 10.244.1.7:40123->10.96.0.10:53: i/o timeout" status=503`)
			}
			return c.fails(a, app503(), "networkpolicy-blocks-egress").at(field(p, "spec.egress"), field(p, "spec.egress[0].to"), field(p, "spec.egress[0].to[0].podSelector"), field(p, "spec"))
		}},
	}
}

func restOfTraffic() []Recipe {
	return []Recipe{
		{Name: "keep-alive-shorter-than-the-proxy", Family: "keepalive", Gateways: []string{"nginx", "istio", "haproxy"}, Break: func(c *Cluster) Answer {
			a := c.App("web")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Image, s.Containers[0].Command = "registry.example.org/web:node-20", []string{"node", "server.js"}
			})
			c.settle()
			c.traffic(a, closed(), 5)
			c.traffic(a, fine(), 240)
			c.elsewhere(a)
			return Answer{Causes: ids("keepalive-race"), App: a, Sees: c.gateway.status(closed()), Innocent: others(c, a)}.at(field(a.Deployment, ""), field(a.Deployment, "spec.template.spec.containers[0]"), field(a.Deployment, "spec.template.spec.containers[0].command"))
		}},
		{Name: "stops-before-the-proxy-knows", Family: "termination", Gateways: []string{"nginx", "haproxy", "contour"}, Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.everywhere(func(s *corev1.PodSpec) { s.Containers[0].Lifecycle = nil })
			gone := a.Pods[0].Status.PodIP
			at := now().Add(-3 * time.Minute)
			a.rolloutAt(at, func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "registry.example.org/cart:2.4.2" })
			for i, p := range a.Pods {
				p.Status.PodIP = ""
				a.ready(p, at.Add(time.Duration(6+i)*time.Second))
			}
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", fmt.Sprintf("Scaled down replica set %s from 2 to 0", a.Sets[1].Name), 1, at.Add(10*time.Second))
			c.settle()
			for i := range 8 {
				r := request{at: at.Add(10*time.Second + time.Duration(i)*90*time.Millisecond), path: "/cart/items", o: refused(), status: c.gateway.status(refused()), app: a, upstream: gone + ":7070"}
				c.write(r)
			}
			c.traffic(a, fine(), 60)
			c.elsewhere(a)
			return Answer{Causes: ids("termination-race"), App: a, Sees: c.gateway.status(refused()), Innocent: others(c, a)}.
				at(field(a.Deployment, "spec.template.spec.containers[0].lifecycle.preStop"), field(a.Deployment, "spec.template.spec.containers[0].lifecycle"), field(a.Deployment, "spec.template.spec.containers[0]"))
		}},
		{Name: "database-crashes", Family: "dependency", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			db := c.app("cart-db", "", 5432, 1)
			db.crash("Error", 1, "", 14)
			db.previousLog(`FATAL:  data directory "/var/lib/postgresql/data" has wrong ownership`)
			a.SetEnv(corev1.EnvVar{Name: "DATABASE_URL", Value: "postgres://cart@cart-db:5432/cart"})
			db.Service.Spec.Ports[0].Port, db.Service.Spec.ClusterIP = 5432, "10.96.1.30"
			for range 3 {
				a.log(`level=error msg="query failed" err="dial tcp 10.96.1.30:5432: connect: connection refused" status=500`)
			}
			answer := c.fails(a, app500(), "container-crashloop")
			answer.Innocent = others(c, db)
			return answer.at(field(db.Deployment, "spec.template.spec.containers[0]"), field(db.Deployment, ""))
		}},
		{Name: "dependency-port-wrong", Family: "app-config", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Env[0].Value = "http://payments:8080" })
			for range 3 {
				a.log(`level=error msg="authorize failed" err="Post \"http://payments:8080/charge\": dial tcp 10.96.1.14:8080: i/o timeout" status=503`)
			}
			answer := c.fails(a, app503(), "app-misconfigured", "bad-rollout", "service-port-missing")
			return answer.at(answer.container("env[PAYMENTS_URL].value"), answer.container("env[PAYMENTS_URL]"), answer.container("env[0].value"), answer.container("env"))
		}},
		{Name: "requests-limited", Family: "rate-limit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("search")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/limit-rps": "1"}
			c.settle()
			key := c.front.Pods[0].Name + "_" + c.gateway.container
			for n := range 14 {
				t := at(n, 14)
				c.logs[key] = append(c.logs[key], fmt.Sprintf(`%s [error] 41#41: *27%d limiting requests, excess: 5.120 by zone "store_search_rps", client: 198.51.100.20, server: %s, request: "GET /search/items HTTP/2.0", host: "%s"`, t.Format("2006/01/02 15:04:05"), n, host, host),
					fmt.Sprintf(`198.51.100.20 - - [%s] "GET /search/items HTTP/2.0" 503 190 "-" "okhttp/4.12.0" 397 0.000 [store-search-http] [] - - - - %032x`, t.Format("02/Jan/2006:15:04:05 -0700"), n))
			}
			c.traffic(a, fine(), 12)
			c.elsewhere(a)
			return Answer{Causes: ids("rate-limited"), App: a, Sees: 503, Innocent: others(c, a)}.at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/limit-rps']"))
		}},
		{Name: "load-balancer-pending", Family: "load-balancer", Break: func(c *Cluster) Answer {
			a := c.App("web")
			c.front.Service.Status = corev1.ServiceStatus{}
			c.event(c.front.Service, "Warning", "SyncLoadBalancerFailed", "Error syncing load balancer: failed to ensure load balancer: could not find any suitable subnets for creating the ELB", 12, onset())
			if c.ingress != nil {
				c.ingress.Status = networkingv1.IngressStatus{}
			} else {
				c.gw.Status.Addresses = nil
				c.gw.Status.Conditions[1] = metav1.Condition{Type: "Programmed", Status: "False", Reason: "AddressNotAssigned", Message: "No addresses have been assigned to the Gateway", LastTransitionTime: stamp(onset()), ObservedGeneration: 1}
			}
			c.settle()
			return Answer{Causes: ids("lb-not-provisioned"), App: a, Sees: 0, Innocent: others(c, nil)}.at(field(c.front.Service, ""), field(c.front.Service, "status.loadBalancer"), field(c.front.Service, "spec.type"), field(c.front.Service, "status.loadBalancer.ingress"))
		}},
		{Name: "gateway-unschedulable", Family: "gateway-pods", Break: func(c *Cluster) Answer {
			a := c.App("web")
			c.front.everywhere(func(s *corev1.PodSpec) { s.NodeSelector = map[string]string{"role": "edge"} })
			c.front.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			c.settle()
			return Answer{Causes: []model.CauseID{"proxy-not-running", "unschedulable"}, App: a, Sees: 0, Innocent: others(c, nil)}.at(field(c.front.Deployment, "spec.template.spec.nodeSelector"), field(c.front.Deployment, "spec.template.spec.nodeSelector.role"), field(c.front.Deployment, ""))
		}},
		{Name: "evicted-and-nobody-came", Family: "eviction", Break: func(c *Cluster) Answer {
			a := c.App("search")
			for _, p := range a.Pods {
				p.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi.", StartTime: p.Status.StartTime}
				c.event(p, "Warning", "Evicted", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi.", 1, onset())
			}
			evicted := a.Pods
			a.Pods = nil
			a.pods(2, onset().Add(time.Minute))
			for i, p := range a.Pods {
				p.Name = fmt.Sprintf("%s%d", p.Name[:len(p.Name)-1], i)
			}
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) had untolerated taint {node.kubernetes.io/memory-pressure: }. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			for _, n := range c.nodes[:3] {
				node := c.Node(n)
				node.Spec.Taints = []corev1.Taint{{Key: "node.kubernetes.io/memory-pressure", Effect: corev1.TaintEffectNoSchedule}}
				node.Status.Conditions[0].Status, node.Status.Conditions[0].Reason, node.Status.Conditions[0].Message = "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"
				node.Status.Conditions[0].LastTransitionTime = stamp(onset())
			}
			_ = evicted
			answer := c.fails(a, nobody(), "pod-evicted", "node-not-ready", "unschedulable")
			return answer.at(missing("v1", "Node", "", "node-[abc]", "status.conditions[type=MemoryPressure]"), field(a.Deployment, ""), field(a.Deployment, "spec.template.spec.tolerations"), missing("v1", "Node", "", "node-[abc]", "spec.taints"), field(a.Deployment, "spec.template.spec.containers[0].resources"))
		}},
	}
}
