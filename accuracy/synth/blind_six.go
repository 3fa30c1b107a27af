package synth

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// sixthBatch are faults and controls of the kept clusters (../cases/clusters) that were long answered wrongly, in our worlds.
func sixthBatch() []Recipe { return slices.Concat(sixControls(), sixNetworks()) }

func sixControls() []Recipe {
	return []Recipe{
		{Name: "b6-healthy-asked-only-for-what-is-cached", Family: "healthy-control", World: "arcade", Gateways: []string{"nginx", "traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			c.settle()
			c.traffic(a, outcome{kind: "app", status: 504, took: time.Millisecond}, 12)
			c.traffic(a, fine(), 120)
			c.elsewhere(a)
			a.log(repeat(9, `10.244.1.9 - - "GET /store/items HTTP/1.1" 504 249 "-" "prewarm/1.0" miss synth only-if-cached`)...)
			return Answer{}
		}},
		{Name: "b6-healthy-asked-for-a-host-that-is-gone", Family: "healthy-control", World: "arcade", Gateways: []string{"nginx", "traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			c.settle()
			c.trafficOn(a, a.Path+"/media/old-friends.test/e09634", outcome{kind: "app", status: 502, took: 26 * time.Millisecond}, 10)
			c.trafficOn(a, a.Path+"/media/neighbours.test/f27711", fine(), 120)
			c.elsewhere(a)
			a.log(repeat(5, `WARNING - GET-25881 - Failed to fetch remote media old-friends.test/e09634: DNS lookup error: no results for hostname lookup: old-friends.test`)...)
			return Answer{}
		}},
	}
}

func sixNetworks() []Recipe {
	return []Recipe{
		{Name: "b6-tunnel-to-the-other-interface", Family: "network", World: "arcade", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			const flannel = "flannel.alpha.coreos.com/public-ip"
			a := c.App("store")
			for i, name := range c.nodes {
				n := c.Node(name)
				own := fmt.Sprintf("10.20.0.%d", 11+i)
				n.Annotations = map[string]string{flannel: own}
				n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: own}}
			}
			n := c.Node(a.Pods[0].Spec.NodeName)
			n.Annotations[flannel] = "172.31.77.9"
			c.settle()
			for _, p := range slicesOf(c, func(p *corev1.Pod) bool { return p.Spec.NodeName == n.Name && p.Labels["app"] == a.Name }) {
				o := dropped()
				o.upstream = a.address(p)
				c.traffic(a, o, 12)
			}

			return c.wrong(a, c.gateway.status(dropped()), "cni-datapath-fault").at(field(n, "metadata.annotations['"+flannel+"']"))
		}},
		{Name: "b6-address-that-the-gateway-has-now", Family: "loop", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			for _, hr := range c.httpRoutes {
				c.drop(hr)
			}
			c.istioGateway()
			front := c.front.Service
			front.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "203.0.113.40"}}
			se := c.yaml("{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: old-forecast, namespace: pricing, creationTimestamp: '2026-03-01T00:00:00Z'}, spec: {hosts: [forecast.old.internal], location: MESH_EXTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 203.0.113.40}]}}")
			vs := c.yaml("{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: forecast, namespace: pricing}, spec: {hosts: [api.voltgrid.example], gateways: [edge/public], http: [{match: [{uri: {prefix: /v2/forecast}}], timeout: 10s, route: [{destination: {host: forecast.old.internal, port: {number: 80}}}]}]}}")
			c.settle()
			return c.wrong(a, 504, "proxy-loop").at(field(se, "spec.endpoints[0].address"), field(vs, "spec.http[0].route[0].destination.host"))
		}},
		{Name: "b6-node-started-anew", Family: "node", World: "voltgrid", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			at := now().Add(-9 * time.Minute)
			p := a.Pods[0]
			o := dropped()
			o.upstream = "10.244.9.77:" + fmt.Sprint(a.Port) // its address before: the sandbox is made anew
			node := c.Node(p.Spec.NodeName)
			c.event(node, "Normal", "NodeNotReady", "Node "+node.Name+" status is now: NodeNotReady", 1, at.Add(47*time.Second))
			c.event(node, "Warning", "Rebooted", "Node "+node.Name+" has been rebooted, boot id: 6c71b039-9e5e-437a-b519-4372f1036e2b", 1, at.Add(96*time.Second))
			c.settle()
			c.between(a, o, at, 45*time.Second, 16)
			c.traffic(a, fine(), 60)
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(o), "node-termination-race").at(field(node, ""), a.whole())
		}},
		{Name: "b6-limit-for-a-minute-and-not-ten-seconds", Family: "rate-limit", World: "arcade", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			const limit = "nginx.ingress.kubernetes.io/limit-rpm"
			a := c.App("store")
			i := c.own(a)
			i.Annotations = map[string]string{limit: "40"}
			c.changedLimit(i)
			c.settle()
			for k := range 3 {
				for j, status := range []int{429, 200, 200} {
					for range 9 {
						c.says("02/Jan/2006:15:04:05 +0000", fmt.Sprintf(`198.51.100.%d - - [TIME] "GET %s/items HTTP/2.0" %d 117 "-" "okhttp/4.12.0" 412 0.00%d [%s-store-http] [] %s 117 0.00%d %d 0af1`,
							20+k, a.Path, status, j, a.Service.Namespace, a.upstreams()[0], j, status))
					}
				}
			}
			c.elsewhere(a)
			return c.wrong(a, 429, "rate-limited").at(field(i, "metadata.annotations['"+limit+"']"))
		}},
	}
}

// changedLimit has somebody write an Ingress' annotation lately.
func (c *Cluster) changedLimit(i *networkingv1.Ingress) {
	c.Changed(i, "kubectl-annotate", `{"f:metadata":{"f:annotations":{"f:nginx.ingress.kubernetes.io/limit-rpm":{}}}}`)
}
