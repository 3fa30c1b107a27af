package synth

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// threeControls are healthy: odd, but nobody's requests fail.
func threeControls() []Recipe {
	healthy := func(name, world string, change func(c *Cluster), gateways ...string) Recipe {
		return Recipe{Name: "b3-healthy-" + name, Family: "healthy-control", World: world, Gateways: gateways, Break: func(c *Cluster) Answer {
			change(c)
			c.settle()
			c.elsewhere(nil)
			return Answer{}
		}}
	}
	return []Recipe{
		healthy("city", "transit", func(*Cluster) {}, "nginx", "istio", "kong", "nginx-inc", "ngf", "agic"),
		healthy("arcade", "arcade", func(*Cluster) {}, "contour", "traefik", "haproxy", "envoy-gateway", "alb", "gke"),
		healthy("paused-with-a-newer-template", "transit", func(c *Cluster) {
			a := c.App("trips")
			a.Deployment.Spec.Paused = true
			a.Deployment.Spec.Template.Spec.Containers[0].Image = "registry.transit.example/mobility/trips:2026.06.0-does-not-exist"
			a.Deployment.Generation++
		}, "nginx", "ngf"),
		healthy("stateful-set-in-the-middle-of-an-update", "arcade", func(c *Cluster) {
			a := c.App("lobby")
			ss := c.asStateful(a)
			p := a.Pods[2]
			p.CreationTimestamp = stamp(now().Add(-15 * time.Second))
			a.unready(p, now().Add(-15*time.Second))
			ss.Status.Replicas, ss.Status.ReadyReplicas, ss.Status.UpdatedReplicas = 3, 2, 1
			c.event(p, "Warning", "Unhealthy", "Readiness probe failed: dial tcp 100.64.1.7:4000: connect: connection refused", 1, now().Add(-6*time.Second))
		}, "contour", "kong"),
		healthy("peers-are-published-before-they-are-ready", "arcade", func(c *Cluster) {
			s := c.side("arcade", "ranking-db", 27017)
			s.Service.Spec.ClusterIP, s.Service.Spec.PublishNotReadyAddresses = "None", true
			c.asStateful(s)
		}, "nginx", "istio"),
		healthy("weight-zero-for-a-service-that-left", "arcade", func(c *Cluster) {
			hr := c.httpRoutes["match"]
			b, zero := hr.Spec.Rules[0].BackendRefs[0], int32(0)
			b.Name, b.Weight = "match-next", &zero
			hr.Spec.Rules[0].BackendRefs = append(hr.Spec.Rules[0].BackendRefs, b)
			c.RouteStatus(hr, "ResolvedRefs", "BackendNotFound")
		}, "envoy-gateway", "ngf"),
		healthy("policies-by-address-and-range", "transit", func(c *Cluster) {
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: pods-only, namespace: city-core}, spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{ipBlock: {cidr: 10.20.0.0/16}}, {ipBlock: {cidr: 10.0.0.0/24}}], ports: [{protocol: TCP, port: 7000, endPort: 9100}]}], egress: [{}]}}")
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: nobody, namespace: city-core}, spec: {podSelector: {matchLabels: {app.kubernetes.io/name: gtfs-import}}, policyTypes: [Ingress, Egress]}}")
		}, "nginx", "kong", "istio"),
		healthy("node-goes-away-in-order", "transit", func(c *Cluster) {
			n := c.Node(c.nodes[3])
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "ToBeDeletedByClusterAutoscaler", Value: "1781082000", Effect: corev1.TaintEffectNoSchedule}, corev1.Taint{Key: "node.kubernetes.io/not-ready", Effect: "NoExecute"})
			for i := range n.Status.Conditions {
				if n.Status.Conditions[i].Type == corev1.NodeReady {
					n.Status.Conditions[i].Status, n.Status.Conditions[i].Reason = "False", "KubeletNotReady"
					n.Status.Conditions[i].LastTransitionTime = stamp(now().Add(-4 * time.Minute))
				}
			}
			c.event(n, "Normal", "ScaleDown", "marked the node as toBeDeleted/unschedulable", 1, now().Add(-5*time.Minute))
		}, "contour", "agic"),
		healthy("killed-for-memory-the-day-before", "arcade", func(c *Cluster) {
			p := c.App("store").Pods[0]
			restarted(p, 1, 30*time.Hour)
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated.Reason = "OOMKilled"
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated.ExitCode = 137
		}, "nginx", "gke"),
		healthy("challenge-of-a-certificate", "transit", func(c *Cluster) {
			s := c.side("city-web", "cm-acme-http-solver-7x2lp", 8089)
			class, prefix := c.gateway.class, networkingv1.PathTypeExact
			i := &networkingv1.Ingress{TypeMeta: tm("networking.k8s.io/v1", "Ingress"), ObjectMeta: metav1.ObjectMeta{Name: "cm-acme-http-solver-m4v9d", Namespace: "city-web", CreationTimestamp: stamp(now().Add(-30 * time.Second))}}
			i.Spec = networkingv1.IngressSpec{IngressClassName: &class, Rules: []networkingv1.IngressRule{{Host: "neu.transit.example", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{Path: "/.well-known/acme-challenge/tok", PathType: &prefix, Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: s.Service.Name, Port: networkingv1.ServiceBackendPort{Name: "http"}}}}}}}}}}
			c.add(i)
			c.yaml("{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: neu-tls, namespace: city-web}, spec: {secretName: neu-tls, dnsNames: [neu.transit.example]}, status: {conditions: [{type: Ready, status: 'False', reason: DoesNotExist, message: Issuing certificate as Secret does not exist}, {type: Issuing, status: 'True', reason: DoesNotExist}]}}")
		}, "nginx", "haproxy"),
		healthy("preview-of-the-next-colour", "arcade", func(c *Cluster) {
			svc := c.App("lobby").Service.DeepCopy()
			svc.Name, svc.UID = "lobby-green", ""
			svc.Spec.ClusterIP, svc.Spec.Selector = "10.96.1.91", map[string]string{"app": "lobby", "colour": "green"}
			c.add(svc)
			c.yaml("{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: lobby, namespace: arcade, creationTimestamp: '2026-05-01T00:00:00Z'}, spec: {replicas: 0, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: lobby}, strategy: {blueGreen: {activeService: lobby, previewService: lobby-green}}}, status: {phase: Paused}}")
		}, "traefik", "nginx"),
		healthy("long-and-interrupted-requests", "transit", func(c *Cluster) {
			c.settle()
			live := c.App("live")
			c.traffic(live, outcome{status: 101, took: 25 * time.Minute}, 6)
			c.traffic(live, outcome{status: 200, took: 55 * time.Second}, 8)
			c.traffic(live, outcome{kind: "app", status: 499, took: 40 * time.Second}, 5)
			c.traffic(c.App("trips"), outcome{kind: "app", status: 404, took: 3 * time.Millisecond}, 11)
			c.traffic(c.App("tickets"), outcome{kind: "app", status: 403, took: 3 * time.Millisecond}, 7)
		}, "nginx", "kong"),
		healthy("ready-again-after-a-liveness-restart", "transit", func(c *Cluster) {
			p := c.App("tickets").Pods[1]
			restarted(p, 1, 9*time.Hour)
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated.ExitCode = 143
			e := c.event(p, "Warning", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503", 3, now().Add(-9*time.Hour))
			e.LastTimestamp = stamp(now().Add(-9 * time.Hour))
		}, "istio", "nginx-inc"),
		healthy("second-door-of-its-own-class", "transit", func(c *Cluster) {
			inside := c.side("ingress-internal", "internal-nginx", 8443)
			inside.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Name, s.Containers[0].Image = "controller", "registry.k8s.io/ingress-nginx/controller:v1.13.2"
				s.Containers[0].Args = []string{"/nginx-ingress-controller", "--ingress-class=nginx-internal", "--controller-class=k8s.io/ingress-nginx-internal"}
			})
			c.yaml("{apiVersion: v1, kind: Namespace, metadata: {name: ingress-internal, labels: {kubernetes.io/metadata.name: ingress-internal}}}")
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx-internal, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {controller: k8s.io/ingress-nginx-internal}}")
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: fares, namespace: city-core, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {ingressClassName: nginx-internal, rules: [{host: fares.transit.internal, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: fares, port: {name: http}}}}]}}]}, status: {loadBalancer: {ingress: [{ip: 10.0.0.99}]}}}")
		}, "nginx", "traefik"),
		healthy("filters-that-do-nothing-bad", "arcade", func(c *Cluster) {
			hr := c.httpRoutes["scores"]
			hr.Spec.Rules[0].Filters = []gatewayv1.HTTPRouteFilter{{Type: gatewayv1.HTTPRouteFilterRequestHeaderModifier, RequestHeaderModifier: &gatewayv1.HTTPHeaderFilter{Add: []gatewayv1.HTTPHeader{{Name: "x-season", Value: "7"}}}}}
			hr.Spec.Rules[0].Timeouts = timeouts("90s")
			c.App("scores").Service.Spec.Ports[0].TargetPort = intstr.FromString("http")
		}, "istio", "gke", "ngf"),
	}
}
