package plantest

import (
	"fmt"

	"github.com/gatemend/gatemend/internal/model"
)

// others are faults of what stands around the cart: policies, gateways, autoscalers, nodes, experiments.
func others() []Fault {
	overloaded := Finding("app-workers-exhausted", "Deployment", "cart", "", "", "workload", "Deployment", "cart")
	return []Fault{
		{Name: "policy-ingress", Break: func(c *Cluster) { c.Apply(nginx + policy) },
			Finding: Finding("networkpolicy-blocks-ingress", "NetworkPolicy", "cart", "spec.ingress[0].from[0].namespaceSelector", "", "service", "Service", "cart", "pod", "Pod", "cart-2-0")},
		{Name: "policy-both-ends", Break: func(c *Cluster) { c.Apply(nginx + denyAll + egressPolicy) },
			Finding: Finding("networkpolicy-blocks-ingress", "NetworkPolicy", "deny", "spec.ingress", "", "service", "Service", "cart", "pod", "Pod", "cart-2-0")},
		{Name: "refgrant", Break: func(c *Cluster) { c.Apply(edge + frontRoute); c.Delete("Ingress/cart") },
			Finding: onRoute("refgrant-missing", model.Ref{APIVersion: gatewayAPI, Kind: "HTTPRoute", Namespace: "front", Name: "cart"}, "spec.rules[0].backendRefs[0].namespace")},
		{Name: "listener-namespace", Break: func(c *Cluster) { c.Apply(edge + shopRoute) },
			Finding: unattached(model.FieldRef{Ref: model.Ref{APIVersion: gatewayAPI, Kind: "Gateway", Namespace: "front", Name: "edge"}, Field: "spec.listeners[0].allowedRoutes.namespaces.from"})},
		{Name: "listener-name", Break: func(c *Cluster) {
			c.Apply(edge + shopRoute)
			c.Edit("Gateway/edge", map[string]any{"namespaces": map[string]any{"from": "All"}}, "spec", "listeners", 0, "allowedRoutes")
			c.Edit("HTTPRoute/cart", "web", "spec", "parentRefs", 0, "sectionName")
		}, Finding: unattached(model.FieldRef{Ref: Ref("HTTPRoute", "cart"), Field: "spec.parentRefs[0].sectionName"})},
		{Name: "recreate", Break: func(c *Cluster) {
			c.Edit("Deployment/cart", map[string]any{"type": "Recreate"}, "spec", "strategy")
		}, Finding: Finding("rollout-recreate-gap", "Deployment", "cart", "spec.strategy.type", `"RollingUpdate"`, "workload", "Deployment", "cart", "service", "Service", "cart")},
		{Name: "all-unavailable", Break: func(c *Cluster) {
			c.Edit("Deployment/cart", map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxUnavailable": "100%", "maxSurge": 0}}, "spec", "strategy")
		}, Finding: Finding("rollout-recreate-gap", "Deployment", "cart", "spec.strategy.rollingUpdate.maxUnavailable", "", "workload", "Deployment", "cart")},
		{Name: "one-bad-pod", Break: func(*Cluster) {},
			Finding: Finding("app-error", "Deployment", "cart", "", "", "workload", "Deployment", "cart", "service", "Service", "cart"),
			Observed: []model.Observation{{
				Route: "cart.shop.test/", Object: Ref("Ingress", "cart"), Proxy: "nginx", Status: 500, Failure: model.UpstreamStatus,
				Count: 40, Requests: 80, Upstreams: []string{"10.0.1.10:8080"},
			}}},
		{Name: "one-unready-pod", Break: func(c *Cluster) {
			c.Edit("Pod/cart-2-0", "False", "status", "conditions", 0, "status")
			c.Edit("EndpointSlice/cart-x", false, "endpoints", 0, "conditions", "ready")
		}, Finding: overloaded},
		{Name: "cpu-limit", Break: func(c *Cluster) { Revision(c, map[string]any{"cpu": "50m", "memory": "128Mi"}, "resources", "limits") },
			Finding: Finding("cpu-throttled", "Deployment", "cart", Container+".resources.limits.cpu", "", "workload", "Deployment", "cart")},
		{Name: "cpu-limit-in-place", Break: func(c *Cluster) { serving(c, "cpu", "50m", "v1.33.1") },
			Finding: Finding("cpu-throttled", "Deployment", "cart", Container+".resources.limits.cpu", "", "workload", "Deployment", "cart")},
		{Name: "oom-in-place", Break: func(c *Cluster) { serving(c, "memory", "96Mi", "v1.36.3") },
			Finding: Finding("oom-killed", "Deployment", "cart", Container+".resources.limits.memory", "")},
		{Name: "oom-in-place-old-kubelet", Break: func(c *Cluster) { serving(c, "memory", "96Mi", "v1.34.2") },
			Finding: Finding("oom-killed", "Deployment", "cart", Container+".resources.limits.memory", "")},
		{Name: "overloaded", Break: func(*Cluster) {}, Finding: overloaded},
		{Name: "overloaded-below-bound", Break: func(c *Cluster) { c.Apply(fmt.Sprintf(autoscaler, 2, 6)) }, Finding: overloaded},
		{Name: "autoscaler-at-limit", Break: func(c *Cluster) { c.Apply(fmt.Sprintf(autoscaler, 1, 2)) },
			Finding: Finding("autoscaler-at-limit", "HorizontalPodAutoscaler", "cart", "spec.maxReplicas", "", "workload", "Deployment", "cart", "service", "Service", "cart")},
		{Name: "canary-route", Break: func(c *Cluster) { canary(c); c.Apply(edge + splitRoute); c.Delete("Ingress/cart") },
			Finding: onCanary(Ref("HTTPRoute", "split"))},
		{Name: "canary-ingress", Break: func(c *Cluster) { canary(c); c.Apply(canaryIngress) },
			Finding: onCanary(Ref("Ingress", "cart-canary"))},
		{Name: "chaos", Break: func(c *Cluster) { c.Apply(chaos) },
			Finding: Finding("fault-injection-active", "PodChaos", "kill", "spec", "", "workload", "Deployment", "cart", "service", "Service", "cart")},
		{Name: "node-cordoned", Break: func(c *Cluster) {
			c.Edit("Node/n1", true, "spec", "unschedulable")
			for n := range 2 {
				pod := fmt.Sprintf("Pod/cart-2-%d", n)
				c.Edit(pod, nil, "spec", "nodeName")
				c.Edit(pod, map[string]any{"phase": "Pending"}, "status")
			}
			c.Edit("EndpointSlice/cart-x", []any{}, "endpoints")
		}, Finding: Finding("unschedulable", "Deployment", "cart", "spec.template.spec", "", "workload", "Deployment", "cart")},
		{Name: "node-lost", Break: func(c *Cluster) {
			c.Apply(lostNode)
			c.Edit("Pod/cart-2-0", "n2", "spec", "nodeName")
			c.Edit("Pod/cart-2-0", "False", "status", "conditions", 0, "status")
			c.Edit("EndpointSlice/cart-x", false, "endpoints", 0, "conditions", "ready")
		}, Finding: onNode("n2")},
		{Name: "gateway-wedged", Break: func(c *Cluster) {
			c.Apply(nginx)
			c.Edit("Pod/nginx-0", "False", "status", "conditions", 0, "status")
		}, Finding: ofGateway("proxy-process-wedged")},
		{Name: "gateway-stale", Break: func(c *Cluster) { c.Apply(nginx) }, Finding: ofGateway("stale-endpoints")},
	}
}

const gatewayAPI = "gateway.networking.k8s.io/v1"

func onRoute(id model.CauseID, route model.Ref, field string) model.Finding {
	f := Finding(id, "", "", field, "")
	f.Object.Ref, f.Routes = route, []model.Ref{route}
	return f
}

func unattached(at model.FieldRef) model.Finding {
	f := onRoute("gateway-listener-unattached", Ref("HTTPRoute", "cart"), "")
	f.Object = at
	return f
}

func onCanary(route model.Ref) model.Finding {
	f := Finding("container-crashloop", "Deployment", "canary", Container, "", "workload", "Deployment", "canary", "service", "Service", "canary")
	f.Routes = []model.Ref{route}
	return f
}

func onNode(name string) model.Finding {
	f := Finding("node-not-ready", "", "", "", "", "workload", "Deployment", "cart", "service", "Service", "cart")
	f.Object = model.FieldRef{Ref: model.Ref{APIVersion: "v1", Kind: "Node", Name: name}, Field: "status.conditions[type=Ready]"}
	return f
}

func ofGateway(id model.CauseID) model.Finding {
	f := Finding(id, "", "", "spec.template.spec.containers[0]", "", "service", "Service", "cart")
	gateway := model.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "ingress-nginx", Name: "nginx"}
	f.Object.Ref = gateway
	f.Related["workload"] = gateway
	return f
}

// canary adds a second version of the cart that does not start.
func canary(c *Cluster) {
	c.Add("canary", 8)
	c.Delete("Ingress/canary")
	for n := range 2 {
		c.Edit(fmt.Sprintf("Pod/canary-2-%d", n), "False", "status", "conditions", 0, "status")
		c.Edit("EndpointSlice/canary-x", false, "endpoints", n, "conditions", "ready")
	}
}

// serving gives the cart a limit with which its pods still serve, on a node whose kubelet tells what they have.
func serving(c *Cluster, of, limit, kubelet string) {
	limits := map[string]any{"cpu": "1", "memory": "128Mi"}
	limits[of] = limit
	Revision(c, map[string]any{"limits": limits, "requests": limits}, "resources")
	for n := range 2 {
		pod := fmt.Sprintf("Pod/cart-2-%d", n)
		c.Edit(pod, map[string]any{"limits": limits, "requests": limits}, "spec", "containers", 0, "resources")
		c.Edit(pod, map[string]any{"limits": limits, "requests": limits}, "status", "containerStatuses", 0, "resources")
		c.Edit(pod, "Guaranteed", "status", "qosClass")
	}
	c.Edit("Node/n1", map[string]any{"kubeletVersion": kubelet}, "status", "nodeInfo")
}
