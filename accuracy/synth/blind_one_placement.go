package synth

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

func onePlacement() []Recipe {
	return []Recipe{
		{Name: "b1-volume-in-another-zone", Family: "storage", World: "medihub", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			pvc := c.yaml("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: formulary, namespace: care-prod, creationTimestamp: '2026-04-01T00:00:00Z'}, spec: {storageClassName: gp3, volumeName: pvc-77aa, accessModes: [ReadWriteOnce]}, status: {phase: Bound}}")
			pv := c.yaml("{apiVersion: v1, kind: PersistentVolume, metadata: {name: pvc-77aa, creationTimestamp: '2026-04-01T00:00:00Z'}, spec: {storageClassName: gp3, accessModes: [ReadWriteOnce], capacity: {storage: 10Gi}, claimRef: {kind: PersistentVolumeClaim, name: formulary, namespace: care-prod}, csi: {driver: ebs.csi.aws.com, volumeHandle: vol-0a1}, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [us-east-1f]}]}]}}}, status: {phase: Bound}}")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "formulary", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "formulary"}}}}
			})
			a.pending("0/4 nodes are available: 4 node(s) had volume node affinity conflict. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "volume-unavailable", "unschedulable").at(field(pv, "spec.nodeAffinity"), field(pvc, ""), field(pvc, "spec.volumeName"), a.spec("volumes[0]"))
		}},
		{Name: "b1-webhook-is-down", Family: "admission", World: "voltgrid", Gateways: []string{"envoy-gateway", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			c.add(nsOf("kyverno"))
			hook := c.side("kyverno", "kyverno-svc", 9443)
			hook.crash("Error", 1, "", 19)
			h := c.yaml("{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: kyverno-resource-validating-webhook-cfg, creationTimestamp: '2026-03-01T00:00:00Z'}, webhooks: [{name: validate.kyverno.svc-fail, failurePolicy: Fail, clientConfig: {service: {name: kyverno-svc, namespace: kyverno, port: 443}}, rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}]}")
			a.rejected(`Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": failed to call webhook: Post "https://kyverno-svc.kyverno.svc:443/validate/fail?timeout=10s": dial tcp 10.96.2.44:443: connect: connection refused`)
			return c.fails(a, nobody(), "admission-rejected").at(field(h, ""), field(h, "webhooks[0].failurePolicy"), field(h, "webhooks[0]"), hook.whole(), field(hook.Service, ""))
		}},
		{Name: "b1-limit-range-too-small", Family: "admission", World: "medihub", Gateways: []string{"istio", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			l := c.yaml("{apiVersion: v1, kind: LimitRange, metadata: {name: defaults, namespace: care-prod}, spec: {limits: [{type: Container, max: {memory: 128Mi}}]}}")
			a.rejected(`pods "visits-6d5c" is forbidden: maximum memory usage per Container is 128Mi, but limit is 256Mi`)
			return c.fails(a, nobody(), "admission-rejected").at(field(l, "spec.limits"), field(l, "spec.limits[0].max.memory"), field(l, "spec.limits[0].max"), field(l, "spec.limits[0]"), a.first("resources"), a.first("resources.limits.memory"))
		}},
		{Name: "b1-sysctl-refused-by-the-kubelet", Family: "sandbox", World: "voltgrid", Gateways: []string{"traefik", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.SecurityContext = &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: "net.core.somaxconn", Value: "4096"}}}
			})
			for _, p := range a.Pods {
				p.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "SysctlForbidden", Message: `forbidden sysctl: "net.core.somaxconn" not allowlisted`, StartTime: p.Status.StartTime}
				c.event(p, "Warning", "SysctlForbidden", `forbidden sysctl: "net.core.somaxconn" not allowlisted`, 1, onset())
			}
			return c.fails(a, nobody(), "sandbox-failed").at(a.spec("securityContext.sysctls"), a.spec("securityContext.sysctls[0]"), a.spec("securityContext.sysctls[0].name"), a.spec("securityContext"))
		}},
		{Name: "b1-runtime-class-not-on-the-nodes", Family: "sandbox", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			class := "gvisor"
			c.yaml("{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: gvisor}, handler: runsc}")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.RuntimeClassName = &class })
			a.creating("FailedCreatePodSandBox", `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "runsc" is configured`)
			return c.fails(a, nobody(), "sandbox-failed").at(a.spec("runtimeClassName"), missing("node.k8s.io/v1", "RuntimeClass", "", "gvisor", "handler"))
		}},
		{Name: "b1-disk-pressure-evicts", Family: "node", World: "voltgrid", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("ingest")
			node := c.Node(c.nodes[1])
			for i := range node.Status.Conditions {
				if node.Status.Conditions[i].Type == "DiskPressure" {
					node.Status.Conditions[i].Status, node.Status.Conditions[i].Reason, node.Status.Conditions[i].LastTransitionTime = "True", "KubeletHasDiskPressure", stamp(onset())
				}
			}
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: "node.kubernetes.io/disk-pressure", Effect: corev1.TaintEffectNoSchedule})
			a.everywhere(func(s *corev1.PodSpec) { s.NodeSelector = map[string]string{"kubernetes.io/hostname": c.nodes[1]} })
			for _, p := range a.Pods {
				p.Spec.NodeName = c.nodes[1]
				p.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 7Gi.", StartTime: p.Status.StartTime}
				c.event(p, "Warning", "Evicted", "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 7Gi.", 1, onset())
			}
			a.Pods = nil
			a.pods(2, onset().Add(20*time.Second))
			for i, p := range a.Pods {
				p.Name += fmt.Sprint(i)
			}
			a.pending("0/4 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }, 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "node-not-ready", "pod-evicted", "unschedulable").at(field(node, "status.conditions[type=DiskPressure]"), field(node, ""), a.spec("nodeSelector"), a.whole())
		}},
		{Name: "b1-quota-of-pods-leaves-nothing", Family: "admission", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("notify")
			b := c.App("visits")
			q := c.yaml("{apiVersion: v1, kind: ResourceQuota, metadata: {name: team-limits, namespace: care-prod}, spec: {hard: {pods: '12', requests.cpu: '4'}}, status: {hard: {pods: '12', requests.cpu: '4'}, used: {pods: '12', requests.cpu: 1300m}}}")
			a.rejected(`pods "notify-7c9" is forbidden: exceeded quota: team-limits, requested: pods=1, used: pods=12, limited: pods=12`)
			b.log(repeat(4, `{"level":"error","msg":"reminder failed","err":"Post \"http://notify:80/send\": dial tcp `+a.Service.Spec.ClusterIP+`:80: connect: connection refused","status":503}`)...)
			return c.fails(b, app503(), "admission-rejected").dependency(c, a).at(field(q, "spec.hard"), field(q, "spec.hard.pods"), a.whole())
		}},
		{Name: "b1-request-of-cpu-beyond-every-node", Family: "scheduling", World: "voltgrid", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Resources.Requests["cpu"] = resource.MustParse("16")
			})
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu. preemption: 0/4 nodes are available: 1 Preemption is not helpful for scheduling, 3 No preemption victims found for incoming pod.")
			return c.fails(a, nobody(), "unschedulable").at(a.first("resources.requests.cpu"), a.first("resources.requests"), a.first("resources"))
		}},
	}
}

func oneRoutes() []Recipe {
	return []Recipe{
		{Name: "b1-older-ingress-keeps-the-path", Family: "ingress-conflict", World: "voltgrid", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			c.add(nsOf("legacy"))
			old2 := c.side("legacy", "meter-portal", 8099)
			i := a.Ingress.DeepCopy()
			i.Name, i.Namespace, i.UID, i.ResourceVersion = "meter-portal", "legacy", "", ""
			i.CreationTimestamp = stamp(old().Add(-200 * 24 * time.Hour))
			i.Spec.TLS = nil
			p := i.Spec.Rules[0].HTTP.Paths[a.RuleIndex]
			p.Backend.Service = &networkingv1.IngressServiceBackend{Name: "meter-portal", Port: networkingv1.ServiceBackendPort{Number: 80}}
			i.Spec.Rules[0].HTTP = &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{p}}
			c.add(i)
			c.settle()
			old2.Path = a.Path
			c.trafficOn(old2, "/v2/readings/items", outcome{kind: "app", status: 404, took: 3 * time.Millisecond}, 18)
			old2.Path = ""
			c.elsewhere(a)
			at := fmt.Sprintf("spec.rules[0].http.paths[%d]", a.RuleIndex)
			return c.wrong(a, 404, "route-conflict", "wrong-backend").at(field(i, "spec.rules[0].http.paths[0]"), field(i, "spec.rules[0]"), field(i, "spec.rules[0].http.paths[0].path"), field(a.Ingress, at), field(a.Ingress, at+".path"), field(i, ""))
		}},
		{Name: "b1-default-backend-has-no-pods", Family: "default-backend", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("portal")
			p := c.ingress.Spec.Rules[0].HTTP.Paths
			c.ingress.Spec.Rules[0].HTTP.Paths = slices.Delete(p, a.RuleIndex, a.RuleIndex+1)
			for _, x := range c.apps {
				x.RuleIndex--
			}
			c.ingress.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "portal-static", Port: networkingv1.ServiceBackendPort{Number: 80}}}
			c.settle()
			c.traffic(a, nobody(), 14)
			c.elsewhere(a)
			answer := c.wrong(a, 503, "default-backend-missing", "service-missing")
			return answer.at(field(c.ingress, "spec.defaultBackend.service.name"), field(c.ingress, "spec.defaultBackend"), field(c.ingress, "spec.defaultBackend.service"), missing("v1", "Service", "care-prod", "portal-static", ""))
		}},
		{Name: "b1-listener-wants-a-label", Family: "gateway-listener", World: "voltgrid", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			selector := gatewayv1.NamespacesFromSelector
			ns := c.gw.Spec.Listeners[0].AllowedRoutes.Namespaces
			ns.From, ns.Selector = &selector, &metav1.LabelSelector{MatchLabels: map[string]string{"gateway-access": "public"}}
			for _, o := range c.objects {
				if n, ok := o.(*corev1.Namespace); ok && n.Name == "metering" {
					n.Labels["gateway-access"] = "public"
				}
			}
			for _, hr := range c.httpRoutes {
				if hr.Namespace == "pricing" {
					c.RouteStatus(hr, "Accepted", "NotAllowedByListeners")
				}
			}
			c.gw.Status.Listeners[0].AttachedRoutes = 3
			c.settle()
			c.trafficOn(c.App("frontdoor"), "/v2/tariffs/items", outcome{kind: "app", status: 404, took: 3e6}, 16)
			c.trafficOn(c.App("frontdoor"), "/v2/forecast/items", outcome{kind: "app", status: 404, took: 3e6}, 9)
			c.traffic(c.App("readings"), fine(), 10)
			return Answer{Causes: ids("gateway-listener-unattached"), App: a, Sees: 404}.at(field(c.gw, "spec.listeners[0].allowedRoutes"), field(c.gw, "spec.listeners[0].allowedRoutes.namespaces"), field(c.gw, "spec.listeners[0].allowedRoutes.namespaces.selector"), missing("v1", "Namespace", "", "pricing", "metadata.labels"), missing("v1", "Namespace", "", "pricing", "metadata.labels.gateway-access"), field(c.httpRoutes["tariffs"], "spec.parentRefs[0]"))
		}},
		{Name: "b1-class-parameters-invalid", Family: "gateway-programmed", World: "medihub", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("portal")
			var class *gatewayv1.GatewayClass
			for _, o := range c.objects {
				if x, ok := o.(*gatewayv1.GatewayClass); ok {
					class = x
				}
			}
			ns := gatewayv1.Namespace("envoy-gateway-system")
			class.Spec.ParametersRef = &gatewayv1.ParametersReference{Group: "gateway.envoyproxy.io", Kind: "EnvoyProxy", Name: "prod-proxy", Namespace: &ns}
			class.Status.Conditions = []metav1.Condition{{Type: "Accepted", Status: "False", Reason: "InvalidParameters", Message: "Failed to find envoyproxy envoy-gateway-system/prod-proxy referenced by gatewayclass: EnvoyProxy prod-proxy not found", LastTransitionTime: stamp(onset()), ObservedGeneration: 1}}
			c.gw.Status = gatewayv1.GatewayStatus{Conditions: []metav1.Condition{{Type: "Accepted", Status: "Unknown", Reason: "Pending", Message: "Waiting for controller", LastTransitionTime: stamp(onset())}}}
			c.front.empty()
			c.drop(c.front.Deployment)
			c.drop(c.front.Service)
			for _, rs := range c.front.Sets {
				c.drop(rs)
			}
			c.settle()
			return Answer{Causes: ids("gateway-not-programmed"), App: a, Sees: 0}.at(field(class, "spec.parametersRef"), field(class, "spec.parametersRef.name"), missing("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", "envoy-gateway-system", "prod-proxy", ""))
		}},
		{Name: "b1-rewrite-replaces-the-whole-path", Family: "route-filter", World: "medihub", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			hr := c.httpRoutes["patients"]
			full := "/"
			hr.Spec.Rules[0].Filters = []gatewayv1.HTTPRouteFilter{{Type: gatewayv1.HTTPRouteFilterURLRewrite, URLRewrite: &gatewayv1.HTTPURLRewriteFilter{Path: &gatewayv1.HTTPPathModifier{Type: gatewayv1.FullPathHTTPPathModifier, ReplaceFullPath: &full}}}}
			c.Changed(hr, "argocd-controller", `{"f:spec":{"f:rules":{}}}`)
			a.log(repeat(5, `level=info msg="no such route" method=GET path=/ status=404`)...)
			return c.fails(a, outcome{kind: "app", status: 404, took: 2 * time.Millisecond}, "route-annotation-wrong").at(field(hr, "spec.rules[0].filters[0]"), field(hr, "spec.rules[0].filters"), field(hr, "spec.rules[0].filters[0].urlRewrite"), field(hr, "spec.rules[0].filters[0].urlRewrite.path"), field(hr, "spec.rules[0].filters[0].urlRewrite.path.replaceFullPath"))
		}},
		{Name: "b1-maintenance-page-left-on", Family: "intentional", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/configuration-snippet": "return 503 \"Billing is being upgraded\";"}
			c.settle()
			c.traffic(a, outcome{status: 503}, 16)
			c.elsewhere(a)
			return c.wrong(a, 503, "intentional-response").at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/configuration-snippet']"))
		}},
		{Name: "b1-all-weight-on-an-empty-canary", Family: "gateway-weights", World: "voltgrid", Gateways: []string{"istio", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			canary := c.side("metering", "readings-canary", 8081)
			canary.scale(0)
			canary.empty()
			hr := c.httpRoutes["readings"]
			b := hr.Spec.Rules[0].BackendRefs[0]
			zero, full := int32(0), int32(100)
			hr.Spec.Rules[0].BackendRefs[0].Weight = &zero
			b.Name, b.Weight = "readings-canary", &full
			hr.Spec.Rules[0].BackendRefs = append(hr.Spec.Rules[0].BackendRefs, b)
			c.Changed(hr, "kubectl-edit", `{"f:spec":{"f:rules":{}}}`)
			answer := c.fails(a, nobody(), "no-replicas", "wrong-backend", "route-weights-zero", "traffic-shift-race")
			answer.Innocent = append(answer.Innocent, a.Deployment, a.Service)
			return answer.at(field(canary.Deployment, "spec.replicas"), field(hr, "spec.rules[0].backendRefs[0].weight"), field(hr, "spec.rules[0].backendRefs"), field(hr, "spec.rules[0].backendRefs[1].weight"))
		}},
		{Name: "b1-certificate-in-another-namespace", Family: "gateway-refgrant", World: "medihub", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("portal")
			c.add(nsOf("certs"))
			ns := gatewayv1.Namespace("certs")
			c.drop(c.tls)
			c.add(secret("medihub-tls", "certs"))
			c.gw.Spec.Listeners[0].TLS.CertificateRefs[0].Namespace = &ns
			c.gw.Status.Listeners[0].Conditions = []metav1.Condition{
				{Type: "Accepted", Status: "True", Reason: "Accepted", LastTransitionTime: stamp(old())},
				{Type: "Programmed", Status: "False", Reason: "Invalid", Message: "listener is not valid", LastTransitionTime: stamp(onset())},
				{Type: "ResolvedRefs", Status: "False", Reason: "RefNotPermitted", Message: "Certificate ref to secret certs/medihub-tls not permitted by any ReferenceGrant", LastTransitionTime: stamp(onset())}}
			c.gw.Status.Conditions = []metav1.Condition{{Type: "Accepted", Status: "True", Reason: "Accepted", LastTransitionTime: stamp(old())}, {Type: "Programmed", Status: "False", Reason: "Invalid", Message: "There are no valid listeners", LastTransitionTime: stamp(onset())}}
			c.settle()
			return Answer{Causes: ids("refgrant-missing", "gateway-not-programmed", "tls-secret-missing"), App: a, Sees: 0}.at(field(c.gw, "spec.listeners[0].tls.certificateRefs[0].namespace"), field(c.gw, "spec.listeners[0].tls.certificateRefs[0]"), field(c.gw, "spec.listeners[0].tls.certificateRefs"), field(c.gw, "spec.listeners[0].tls"), missing("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", "certs", "*", ""))
		}},
		{Name: "b1-host-of-the-staging-cluster", Family: "ingress-path", World: "medihub", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			i := c.own(a)
			i.Spec.Rules[0].Host = "portal.medihub-staging.example"
			c.settle()
			c.trafficOn(c.App("portal"), a.Path+"/items", outcome{kind: "app", status: 404, took: 3e6}, 14)
			c.elsewhere(a)
			return c.wrong(a, 404, "ingress-path-mismatch").at(field(i, "spec.rules[0].host"), field(i, "spec.rules[0]"))
		}},
	}
}
