package synth

import (
	"fmt"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

func nsOf(name string) *corev1.Namespace {
	return &corev1.Namespace{TypeMeta: tm("v1", "Namespace"), ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/metadata.name": name}}}
}

func policy(name, ns string, spec networkingv1.NetworkPolicySpec) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{TypeMeta: tm("networking.k8s.io/v1", "NetworkPolicy"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, CreationTimestamp: stamp(onset())}, Spec: spec}
}

func app(name string) metav1.LabelSelector {
	return metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": name}}
}

// networks: packets, or names, do not arrive.
func networks() []Recipe {
	return []Recipe{
		{Name: "policy-denies-all", Family: "network-policy", Break: func(c *Cluster) Answer {
			a := c.App("catalog")
			p := policy("default-deny", namespace, networkingv1.NetworkPolicySpec{PodSelector: app("catalog"), PolicyTypes: []networkingv1.PolicyType{"Ingress"}})
			c.add(p)
			return c.fails(a, dropped(), "networkpolicy-blocks-ingress").at(field(p, "spec.ingress"), field(p, "spec"), field(p, "spec.podSelector"), field(p, "spec.policyTypes"))
		}},
		{Name: "policy-wrong-port", Family: "network-policy", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			port, tcp := intstr.FromInt32(80), corev1.ProtocolTCP
			p := policy("checkout", namespace, networkingv1.NetworkPolicySpec{PodSelector: app("checkout"), PolicyTypes: []networkingv1.PolicyType{"Ingress"}, Ingress: []networkingv1.NetworkPolicyIngressRule{{
				From:  []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": c.gateway.namespace}}}},
				Ports: []networkingv1.NetworkPolicyPort{{Port: &port, Protocol: &tcp}},
			}}})
			c.add(p)
			return c.fails(a, dropped(), "networkpolicy-blocks-ingress").at(field(p, "spec.ingress[0].ports"), field(p, "spec.ingress[0].ports[0].port"), field(p, "spec.ingress[0].ports[0]"))
		}},
		{Name: "policy-other-pods-only", Family: "network-policy", Break: func(c *Cluster) Answer {
			a := c.App("search")
			web := app("web")
			p := policy("search", namespace, networkingv1.NetworkPolicySpec{PodSelector: app("search"), PolicyTypes: []networkingv1.PolicyType{"Ingress"}, Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &web}}}}})
			c.add(p)
			return c.fails(a, dropped(), "networkpolicy-blocks-ingress").at(field(p, "spec.ingress[0].from[0].podSelector"), field(p, "spec.ingress[0].from"), field(p, "spec.ingress[0].from[0]"))
		}},
		{Name: "policy-gateway-egress", Family: "network-policy", Break: func(c *Cluster) Answer {
			a := c.App("web")
			p := policy("gateway-egress", c.gateway.namespace, networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: c.gateway.labels}, PolicyTypes: []networkingv1.PolicyType{"Egress"}, Egress: []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "kube-system"}}}}}}})
			c.add(p)
			c.settle()
			for _, x := range c.apps {
				if x.Path != "" {
					c.traffic(x, dropped(), 8)
				}
			}
			return Answer{Causes: ids("networkpolicy-blocks-egress"), App: a, Sees: c.gateway.status(dropped())}.at(field(p, "spec.egress[0].to[0].namespaceSelector"), field(p, "spec.egress"), field(p, "spec.egress[0].to"))
		}},
		{Name: "policy-app-egress", Family: "network-policy", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			udp := corev1.ProtocolUDP
			dns := intstr.FromInt32(53)
			p := policy("checkout-egress", namespace, networkingv1.NetworkPolicySpec{PodSelector: app("checkout"), PolicyTypes: []networkingv1.PolicyType{"Egress"}, Egress: []networkingv1.NetworkPolicyEgressRule{{Ports: []networkingv1.NetworkPolicyPort{{Protocol: &udp, Port: &dns}}}}})
			c.add(p)
			a.log(`level=error msg="authorize failed" err="Post \"http://payments:80/charge\": dial tcp 10.96.1.15:80: i/o timeout" status=503`, `level=error msg="authorize failed" err="Post \"http://payments:80/charge\": dial tcp 10.96.1.15:80: i/o timeout" status=503`, `level=error msg="authorize failed" err="Post \"http://payments:80/charge\": dial tcp 10.96.1.15:80: i/o timeout" status=503`)
			return c.fails(a, app503(), "networkpolicy-blocks-egress").at(field(p, "spec.egress"), field(p, "spec.egress[0].ports"), field(p, "spec"))
		}},
		{Name: "coredns-down", Family: "dns", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			c.corefile.Data["Corefile"] = strings.Replace(c.corefile.Data["Corefile"], "forward . /etc/resolv.conf", "forwrad . /etc/resolv.conf", 1)
			c.Changed(c.corefile, "kubectl-edit", `{"f:data":{"f:Corefile":{}}}`)
			c.coredns.crash("Error", 1, "", 12)
			c.coredns.previousLog(`/etc/coredns/Corefile:12 - Error during parsing: Unknown directive 'forwrad'`)
			a.log(`level=error msg="authorize failed" err="dial tcp: lookup payments on 10.96.0.10:53: connect: connection refused" status=503`, `level=error msg="authorize failed" err="dial tcp: lookup payments on 10.96.0.10:53: connect: connection refused" status=503`)
			return c.fails(a, app503(), "dns-resolution-failed").at(field(c.corefile, "data.Corefile"), field(c.coredns.Deployment, ""), field(c.coredns.Deployment, "spec.template.spec.containers[0]"))
		}},
		{Name: "dns-policy-default", Family: "dns", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.DNSPolicy = corev1.DNSDefault })
			a.log(`level=error msg="authorize failed" err="dial tcp: lookup payments on 169.254.169.253:53: no such host" status=503`, `level=error msg="authorize failed" err="dial tcp: lookup payments on 169.254.169.253:53: no such host" status=503`)
			return c.fails(a, app503(), "dns-resolution-failed").at(field(a.Deployment, "spec.template.spec.dnsPolicy"))
		}},
		{Name: "external-name-nowhere", Family: "external-name", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Service.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "search.legacy.svc.cluster.local", Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}
			return c.fails(a, outcome{status: 503}, "externalname-bad").at(field(a.Service, "spec.externalName"))
		}},
	}
}

// protocols: both ends talk, but not the same language, or not in time.
func protocols() []Recipe {
	return []Recipe{
		{Name: "https-to-http-app", Family: "upstream-protocol", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("search")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}
			return c.fails(a, badTLS(), "tls-backend-mismatch").at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/backend-protocol']"))
		}},
		{Name: "http-to-https-app", Family: "upstream-protocol", Gateways: []string{"nginx", "istio", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				k := &t.Spec.Containers[0]
				k.Args = []string{"--tls-cert=/tls/tls.crt"}
				k.ReadinessProbe.HTTPGet.Scheme, k.LivenessProbe.HTTPGet.Scheme = "HTTPS", "HTTPS"
			})
			a.log(`http: TLS handshake error from 10.244.1.9:41826: client sent an HTTP request to an HTTPS server`, `http: TLS handshake error from 10.244.1.9:41830: client sent an HTTP request to an HTTPS server`)
			route, _ := c.route(a)
			answer := c.fails(a, outcome{kind: "app", status: 400, took: 2e6}, "tls-backend-mismatch")
			return answer.at(field(route, "metadata.annotations['nginx.ingress.kubernetes.io/backend-protocol']"), field(a.Service, "spec.ports[0].appProtocol"), answer.container("args"), field(route, "spec.rules[0].backendRefs[0]"))
		}},
		{Name: "read-timeout-short", Family: "timeout", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("search")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/proxy-read-timeout": "3"}
			a.log(`level=info path=/search/items status=200 took=4.812s`, `level=info path=/search/items status=200 took=5.104s`)
			o := slow()
			o.took = 3 * time.Second
			return c.partly(a, o, 60, "upstream-timeout").at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/proxy-read-timeout']"))
		}},
		{Name: "route-timeout-short", Family: "timeout", Gateways: gatewayAPI(), Break: func(c *Cluster) Answer {
			a := c.App("search")
			hr := c.httpRoutes["search"]
			d := durationOf("2s")
			hr.Spec.Rules[0].Timeouts = timeouts(d)
			o := slow()
			o.took = 2 * time.Second
			return c.partly(a, o, 60, "upstream-timeout").at(field(hr, "spec.rules[0].timeouts.backendRequest"), field(hr, "spec.rules[0].timeouts"), field(hr, "spec.rules[0].timeouts.request"))
		}},
		{Name: "header-too-big", Family: "header", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("web")
			return c.partly(a, bigHeader(), 90, "upstream-header-too-big").at(field(c.ingress, "metadata.annotations['nginx.ingress.kubernetes.io/proxy-buffer-size']"), field(c.ingress, "metadata.annotations"), field(c.ingress, ""))
		}},
		{Name: "grpc-spoken-to-as-http1", Family: "upstream-protocol", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("search")
			i := c.own(a)
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Ports[0].Name = "grpc"
				s.Containers[0].ReadinessProbe.ProbeHandler = corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: a.Port}}
				s.Containers[0].LivenessProbe.ProbeHandler = corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: a.Port}}
			})
			answer := c.fails(a, outcome{kind: "protocol", took: 2e6, status: 502, words: "upstream sent no valid HTTP/1.0 header while reading response header from upstream"}, "grpc-h2c-mismatch")
			return answer.at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/backend-protocol']"), field(a.Service, "spec.ports[0].appProtocol"))
		}},
		{Name: "ingress-certificate-secret-missing", Family: "tls-secret", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("web")
			c.drop(c.tls)
			other := secret("old-shop-tls", namespace)
			c.add(other)
			c.settle()
			c.elsewhere(nil)
			return Answer{Causes: ids("tls-secret-missing", "certificate-invalid"), App: a, Sees: 0}.at(field(c.ingress, "spec.tls[0].secretName"), missing("v1", "Secret", namespace, "shop-tls", "metadata.name (object missing)"))
		}},
	}
}

// applications: the application, or what it depends on, answers so itself.
func applications() []Recipe {
	return []Recipe{
		{Name: "dependency-selector", Family: "dependency", Break: func(c *Cluster) Answer {
			a, dep := c.App("checkout"), c.App("payments")
			dep.Service.Spec.Selector = map[string]string{"app.kubernetes.io/name": "payment"}
			a.log(`level=error msg="authorize failed" err="Post \"http://payments:80/charge\": dial tcp 10.96.1.14:80: connect: connection refused" status=503`, `level=error msg="authorize failed" err="Post \"http://payments:80/charge\": dial tcp 10.96.1.14:80: connect: connection refused" status=503`)
			answer := c.fails(a, app503(), "selector-mismatch")
			answer.Innocent = others(c, dep)
			return answer.at(field(dep.Service, "spec.selector['app.kubernetes.io/name']"), field(dep.Service, "spec.selector.app.kubernetes.io/name"), field(dep.Service, "spec.selector"))
		}},
		{Name: "dependency-scaled-to-zero", Family: "dependency", Break: func(c *Cluster) Answer {
			a, dep := c.App("checkout"), c.App("payments")
			zero := int32(0)
			dep.Deployment.Spec.Replicas, dep.Sets[1].Spec.Replicas = &zero, &zero
			for _, p := range dep.Pods {
				c.drop(p)
			}
			dep.Pods = nil
			a.log(`level=error msg="authorize failed" err="Post \"http://payments:80/charge\": dial tcp 10.96.1.14:80: connect: connection refused" status=500`, `level=error msg="authorize failed" err="Post \"http://payments:80/charge\": dial tcp 10.96.1.14:80: connect: connection refused" status=500`)
			answer := c.fails(a, app500(), "no-replicas")
			answer.Innocent = others(c, dep)
			return answer.at(field(dep.Deployment, "spec.replicas"))
		}},
		{Name: "dependency-target-port", Family: "dependency", Break: func(c *Cluster) Answer {
			a, dep := c.App("checkout"), c.App("payments")
			dep.Service.Spec.Ports[0].TargetPort = intstr.FromInt32(9999)
			a.log(`{"level":"error","msg":"charge failed","error":"connect ECONNREFUSED 10.96.1.14:80","status":502}`, `{"level":"error","msg":"charge failed","error":"connect ECONNREFUSED 10.96.1.14:80","status":502}`)
			answer := c.fails(a, outcome{kind: "app", status: 502, took: 4e7}, "target-port-mismatch")
			answer.Innocent = others(c, dep)
			return answer.at(field(dep.Service, "spec.ports[0].targetPort"))
		}},
		{Name: "dependency-address-wrong", Family: "app-config", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Env[0].Value = "http://payment-service:80" })
			a.log(`level=error msg="authorize failed" err="Post \"http://payment-service:80/charge\": dial tcp: lookup payment-service on 10.96.0.10:53: no such host" status=503`, `level=error msg="authorize failed" err="Post \"http://payment-service:80/charge\": dial tcp: lookup payment-service on 10.96.0.10:53: no such host" status=503`)
			answer := c.fails(a, app503(), "app-misconfigured", "bad-rollout", "dns-resolution-failed")
			return answer.at(answer.container("env[PAYMENTS_URL].value"), answer.container("env[PAYMENTS_URL]"), answer.container("env[0].value"), answer.container("env"))
		}},
		{Name: "database-password-refused", Family: "app-dependency", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.log(`ERROR [pool-1] FATAL: password authentication failed for user "cart" (db.example.net:5432)`, `ERROR [pool-1] FATAL: password authentication failed for user "cart" (db.example.net:5432)`, `ERROR [pool-1] FATAL: password authentication failed for user "cart" (db.example.net:5432)`)
			return c.fails(a, app500(), "dependency-unavailable", "app-misconfigured").at(field(a.Deployment, ""), field(a.Deployment, "spec.template.spec.containers[0]"), field(a.Deployment, "spec.template.spec.containers[0].env"))
		}},
		{Name: "application-error", Family: "app-error", Break: func(c *Cluster) Answer {
			a := c.App("catalog")
			a.log(`level=error msg="unhandled" err="runtime error: index out of range [3] with length 3" path=/catalog/items status=500`, `level=error msg="unhandled" err="runtime error: index out of range [3] with length 3" path=/catalog/items status=500`)
			return c.fails(a, app500(), "app-error").at(field(a.Deployment, ""), field(a.Deployment, "spec.template.spec.containers[0]"))
		}},
		{Name: "chaos-network-loss", Family: "chaos", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			x := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "NetworkChaos", "metadata": map[string]any{"name": "cart-loss", "namespace": namespace},
				"spec":   map[string]any{"action": "loss", "mode": "all", "selector": map[string]any{"namespaces": []any{namespace}, "labelSelectors": map[string]any{"app.kubernetes.io/name": "cart"}}, "loss": map[string]any{"loss": "100"}},
				"status": map[string]any{"conditions": []any{map[string]any{"type": "AllInjected", "status": "True"}, map[string]any{"type": "Paused", "status": "False"}}},
			}}
			x.SetCreationTimestamp(stamp(onset()))
			c.add(x)
			return c.fails(a, dropped(), "fault-injection-active").at(field(x, ""), field(x, "spec"), field(x, "metadata.name"))
		}},
		{Name: "unready-and-crashing-in-part", Family: "partial", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("search") // no readiness probe: a pod that restarts again and again still gets its share
			a.everywhere(func(s *corev1.PodSpec) { s.Containers[0].ReadinessProbe, s.Containers[0].LivenessProbe = nil, nil })
			p := a.Pods[0]
			st := &p.Status.ContainerStatuses[0]
			st.RestartCount = 14
			st.State.Running.StartedAt = stamp(now().Add(-40 * time.Second))
			st.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled", FinishedAt: stamp(now().Add(-42 * time.Second))}
			c.settle()
			o := refused()
			o.upstream = fmt.Sprintf("%s:%d", p.Status.PodIP, a.Port)
			c.traffic(a, o, 8)
			ok := fine()
			ok.upstream = fmt.Sprintf("%s:%d", a.Pods[1].Status.PodIP, a.Port)
			c.traffic(a, ok, 30)
			c.elsewhere(a)
			answer := Answer{Causes: ids("oom-killed"), App: a, Sees: c.gateway.status(refused()), Innocent: others(c, a)}
			return answer.at(answer.container("resources.limits.memory"), answer.container("resources"))
		}},
		{Name: "cpu-limit-tiny", Family: "resources", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Resources.Limits["cpu"] = resource.MustParse("10m")
				t.Spec.Containers[0].Resources.Requests["cpu"] = resource.MustParse("10m")
			})
			for _, p := range a.Pods {
				c.event(p, "Warning", "Unhealthy", `Readiness probe failed: Get "http://`+p.Status.PodIP+`:9200/healthz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`, 12, onset())
			}
			answer := c.partly(a, slow(), 12, "cpu-throttled")
			return answer.at(answer.container("resources.limits.cpu"), answer.container("resources"))
		}},
	}
}

// controlPlane: the proxy itself is not well.
func controlPlane() []Recipe {
	return []Recipe{
		{Name: "gateway-down", Family: "gateway-pods", Break: func(c *Cluster) Answer {
			a := c.App("web")
			c.front.crash("Error", 1, "", 9)
			c.settle()
			return Answer{Causes: ids("proxy-not-running"), App: a, Sees: 0}.at(field(c.front.Deployment, ""), field(c.front.Deployment, "spec.template.spec.containers[0]"))
		}},
		{Name: "gateway-scaled-to-zero", Family: "gateway-pods", Break: func(c *Cluster) Answer {
			a := c.App("web")
			zero := int32(0)
			c.front.Deployment.Spec.Replicas, c.front.Sets[1].Spec.Replicas = &zero, &zero
			for _, p := range c.front.Pods {
				c.drop(p)
			}
			c.settle()
			return Answer{Causes: ids("proxy-not-running", "no-replicas"), App: a, Sees: 0}.at(field(c.front.Deployment, "spec.replicas"))
		}},
		{Name: "gateway-service-selector", Family: "gateway-pods", Break: func(c *Cluster) Answer {
			a := c.App("web")
			c.front.Service.Spec.Selector = map[string]string{"app": "gateway-v2"}
			c.settle()
			return Answer{Causes: ids("selector-mismatch", "proxy-not-running"), App: a, Sees: 0}.at(field(c.front.Service, "spec.selector"), field(c.front.Service, "spec.selector.app"))
		}},
		{Name: "snippet-breaks-configuration", Family: "config-rejected", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("search")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/configuration-snippet": "more_set_headers \"X-A: b\""}
			i.Status = networkingv1.IngressStatus{}
			key := c.front.Pods[0].Name + "_" + c.gateway.container
			for n := range 4 {
				t := at(n, 4)
				c.logs[key] = append(c.logs[key], fmt.Sprintf("E%s       7 controller.go:205] \"Unexpected failure reloading the backend\" err=<", t.Format("0102 15:04:05.000000")),
					"\texit status 1", fmt.Sprintf("\t%s [emerg] 1250#1250: unexpected \"}\" in /tmp/nginx/nginx-cfg2718281828:642", t.Format("2006/01/02 15:04:05")),
					"\tnginx: configuration file /tmp/nginx/nginx-cfg2718281828 test failed", " >")
			}
			c.event(c.front.Pods[0], "Warning", "RELOAD", "Error reloading NGINX: exit status 1 unexpected \"}\" in /tmp/nginx/nginx-cfg2718281828:642", 9, onset())
			c.settle()
			c.trafficOn(c.App("web"), "/search/items", outcome{kind: "app", status: 404, took: 3e6}, 10)
			c.elsewhere(a)
			return Answer{Causes: ids("config-rejected"), App: a, Sees: 404, Innocent: others(c, a)}.at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/configuration-snippet']"))
		}},
	}
}

// controls: nothing is wrong on any route.
func controls() []Recipe {
	healthy := func(name string, change func(c *Cluster)) Recipe {
		return Recipe{Name: name, Family: "healthy-control", Break: func(c *Cluster) Answer {
			change(c)
			c.settle()
			c.elsewhere(nil)
			return Answer{}
		}}
	}
	return []Recipe{
		healthy("healthy", func(*Cluster) {}),
		healthy("healthy-rollout-fails-old-serves", func(c *Cluster) {
			a := c.App("checkout")
			a.Deployment.Spec.Template.Spec.Containers[0].Image = "registry.example.org/checkout:2.5.0-broken"
			a.Deployment.Annotations["deployment.kubernetes.io/revision"] = "3"
			kept := a.Pods
			a.Pods = nil
			a.set(3, 1, onset())
			a.pods(1, onset())
			a.waiting("ImagePullBackOff", "Back-off pulling image")
			a.Pods = append(a.Pods, kept...)
		}),
		healthy("healthy-zero-weight-canary", func(c *Cluster) {
			if hr := c.httpRoutes["cart"]; hr != nil {
				canary := hr.Spec.Rules[0].BackendRefs[0]
				zero := int32(0)
				canary.Name, canary.Weight = "cart-canary", &zero
				hr.Spec.Rules[0].BackendRefs = append(hr.Spec.Rules[0].BackendRefs, canary)
				svc := c.App("cart").Service.DeepCopy()
				svc.Name, svc.UID, svc.Spec.ClusterIP = "cart-canary", "", "10.96.1.77"
				svc.Spec.Selector = map[string]string{"app.kubernetes.io/name": "cart", "track": "canary"}
				c.add(svc)
			}
		}),
		healthy("healthy-unused-service", func(c *Cluster) {
			svc := c.App("cart").Service.DeepCopy()
			svc.Name, svc.UID, svc.Spec.ClusterIP, svc.Spec.Selector = "cart-v0", "", "10.96.1.78", map[string]string{"app": "cart-v0"}
			c.add(svc)
		}),
		healthy("healthy-policy-admits", func(c *Cluster) {
			c.add(policy("catalog", namespace, networkingv1.NetworkPolicySpec{PodSelector: app("catalog"), PolicyTypes: []networkingv1.PolicyType{"Ingress"}, Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": c.gateway.namespace}}}}}}}))
		}),
		healthy("healthy-autoscaler-blind", func(c *Cluster) {
			c.add(&autoscalingv2.HorizontalPodAutoscaler{TypeMeta: tm("autoscaling/v2", "HorizontalPodAutoscaler"), ObjectMeta: metav1.ObjectMeta{Name: "search", Namespace: namespace}, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 6, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "search"}}, Status: autoscalingv2.HorizontalPodAutoscalerStatus{CurrentReplicas: 2, DesiredReplicas: 2, Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: "ScalingActive", Status: "False", Reason: "FailedGetResourceMetric", Message: "the HPA was unable to compute the replica count"}}}})
		}),
	}
}

func durationOf(s string) gatewayv1.Duration { return gatewayv1.Duration(s) }

func timeouts(d gatewayv1.Duration) *gatewayv1.HTTPRouteTimeouts {
	return &gatewayv1.HTTPRouteTimeouts{BackendRequest: &d}
}
