package synth

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func firstBatch() []Recipe {
	return slices.Concat(oneWiring(), onePods(), onePlacement(), oneRoutes(), oneProtocols(), oneRaces(), oneLimits(), oneNetworks(), oneApplications(), oneControl(), oneControls())
}

func oneWiring() []Recipe {
	return []Recipe{
		{Name: "b1-selector-of-the-chart", Family: "service-selector", World: "voltgrid", Gateways: []string{"istio", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			a.Service.Spec.Selector = map[string]string{"app.kubernetes.io/managed-by": "Helm"}
			c.settle()
			for i, u := range a.upstreams() {
				o := refused()
				if c.listens(u) {
					o = fine()
				}
				o.upstream = u
				c.traffic(a, o, 4+i%2)
			}
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(refused()), "selector-overmatch").at(field(a.Service, "spec.selector"), field(a.Service, "spec.selector['app.kubernetes.io/managed-by']"))
		}},
		{Name: "b1-address-by-hand-is-old", Family: "endpoints", World: "medihub", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			a.empty()
			c.drop(a.Deployment)
			for _, rs := range a.Sets {
				c.drop(rs)
			}
			a.Service.Spec.Selector = nil
			name, port, tcp := "http", int32(9000), corev1.ProtocolTCP
			yes := true
			es := &discoveryv1.EndpointSlice{TypeMeta: tm("discovery.k8s.io/v1", "EndpointSlice"), AddressType: "IPv4", Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &tcp}}, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.1.200.14"}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}}}}
			es.Name, es.Namespace, es.Labels = "billing-vm", "care-prod", map[string]string{discoveryv1.LabelServiceName: "billing"}
			c.add(es)
			c.settle()
			o := dropped()
			o.upstream = "10.1.200.14:9000"
			c.traffic(a, o, 14)
			c.elsewhere(a)
			answer := c.wrong(a, c.gateway.status(o), "endpoints-unmanaged")
			return answer.at(field(es, ""), field(es, "endpoints[0].addresses"), field(a.Service, ""), field(a.Service, "spec.selector"))
		}},
		{Name: "b1-port-renamed-by-chart", Family: "service-port", World: "voltgrid", Gateways: []string{"traefik", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			a.Service.Spec.Ports[0].TargetPort = intstr.FromString("http-web")
			c.Changed(a.Service, "helm", `{"f:spec":{"f:ports":{}}}`)
			return c.fails(a, nobody(), "named-port-missing").at(field(a.Service, "spec.ports[0].targetPort"), a.first("ports[0].name"))
		}},
		{Name: "b1-binds-localhost", Family: "listen-address", World: "medihub", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				x := &t.Spec.Containers[0]
				x.Command = []string{"uvicorn", "visits.main:app", "--host", "127.0.0.1", "--port", "8000"}
				x.ReadinessProbe.ProbeHandler = corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"python", "/app/ready.py"}}}
				x.LivenessProbe = nil
			})
			a.log("INFO:     Started server process [1]", "INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)")
			return c.fails(a, refused(), "wrong-listen-address").at(a.first("command"), a.first("command[3]"), a.first("args"), a.whole())
		}},
		{Name: "b1-route-to-the-metrics-port", Family: "ingress-misroute", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Ports = append(s.Containers[0].Ports, corev1.ContainerPort{Name: "metrics", ContainerPort: 9102, Protocol: "TCP"})
			})
			a.Service.Spec.Ports = append(a.Service.Spec.Ports, corev1.ServicePort{Name: "metrics", Port: 9102, Protocol: "TCP", TargetPort: intstr.FromString("metrics")})
			p := &c.ingress.Spec.Rules[0].HTTP.Paths[a.RuleIndex].Backend.Service.Port
			p.Name = "metrics"
			c.Changed(c.ingress, "kubectl-edit", `{"f:spec":{"f:rules":{}}}`)
			c.settle()
			for i, pod := range a.Pods {
				c.traffic(a, outcome{kind: "app", status: 404, took: 3 * time.Millisecond, upstream: pod.Status.PodIP + ":9102"}, 9+i)
			}
			c.elsewhere(a)
			at := fmt.Sprintf("spec.rules[0].http.paths[%d].backend.service", a.RuleIndex)
			return c.wrong(a, 404, "wrong-backend").at(field(c.ingress, at+".port.name"), field(c.ingress, at+".port"), field(c.ingress, at))
		}},
		{Name: "b1-internal-traffic-stays-on-the-node", Family: "service-traffic-policy", World: "medihub", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a, dep := c.App("visits"), c.App("notify")
			local := corev1.ServiceInternalTrafficPolicyLocal
			dep.Service.Spec.InternalTrafficPolicy = &local
			c.Changed(dep.Service, "terraform", `{"f:spec":{"f:internalTrafficPolicy":{}}}`)
			for _, p := range dep.Pods {
				p.Spec.NodeName = c.nodes[3]
			}
			a.log(repeat(4, `{"level":"error","logger":"visits","msg":"reminder failed","err":"Post \"http://notify:80/send\": dial tcp `+dep.Service.Spec.ClusterIP+`:80: i/o timeout","status":503}`)...)
			return c.fails(a, app503(), "traffic-policy-local").dependency(c, dep).at(field(dep.Service, "spec.internalTrafficPolicy"))
		}},
		{Name: "b1-sends-to-pods-that-are-not-ready", Family: "service-endpoints", World: "medihub", Gateways: []string{"haproxy", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.Service.Spec.PublishNotReadyAddresses = true
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "ghcr.io/medihub/patients:5.13.0" })
			p := a.Pods[2]
			a.unready(p, onset().Add(4*time.Second))
			started := false
			p.Status.ContainerStatuses[0].Started = &started
			c.event(p, "Warning", "Unhealthy", "Readiness probe failed: Get \"http://"+p.Status.PodIP+":8080/readyz\": dial tcp "+p.Status.PodIP+":8080: connect: connection refused", 130, onset())
			c.settle()
			o := refused()
			o.upstream = a.address(p)
			c.traffic(a, o, 12)
			for _, good := range a.Pods[:2] {
				ok := fine()
				ok.upstream = a.address(good)
				c.traffic(a, ok, 12)
			}
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(o), "publishes-not-ready").at(field(a.Service, "spec.publishNotReadyAddresses"))
		}},
		{Name: "b1-application-moved-to-another-port", Family: "service-port", World: "voltgrid", Gateways: []string{"envoy-gateway", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("ingest")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				x := &t.Spec.Containers[0]
				x.Image = "europe-docker.pkg.dev/voltgrid/apps/ingest:2.0.0"
				x.Ports[0].ContainerPort = 4318
				x.ReadinessProbe.HTTPGet.Port, x.LivenessProbe.HTTPGet.Port = intstr.FromInt32(4318), intstr.FromInt32(4318)
			})
			return c.fails(a, refused(), "target-port-mismatch").at(field(a.Service, "spec.ports[0].targetPort"))
		}},
		{Name: "b1-workload-deleted", Family: "endpoints", World: "medihub", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			a.empty()
			c.drop(a.Deployment)
			for _, rs := range a.Sets {
				c.drop(rs)
			}
			answer := c.fails(a, nobody(), "no-endpoints", "selector-mismatch")
			return answer.at(field(a.Service, ""), field(a.Service, "spec.selector"), missing("apps/v1", "Deployment", "care-prod", "pharmacy", ""))
		}},
	}
}

// listens reports whether the pod at an address listens on its port.
func (c *Cluster) listens(address string) bool {
	for p := range c.pods {
		for _, x := range p.Spec.Containers {
			for _, port := range x.Ports {
				if fmt.Sprintf("%s:%d", p.Status.PodIP, port.ContainerPort) == address {
					return true
				}
			}
		}
	}
	return false
}
