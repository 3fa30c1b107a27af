package synth

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func oneApplications() []Recipe {
	return []Recipe{
		{Name: "b1-external-name-with-a-typo", Family: "external-name", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			a.empty()
			c.drop(a.Deployment)
			for _, rs := range a.Sets {
				c.drop(rs)
			}
			a.Service.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "billing.saas-provider.exmaple", Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}
			c.settle()
			c.says(nginxError, repeat(8, `TIME [error] 31#31: *991 billing.saas-provider.exmaple could not be resolved (3: Host not found), client: 198.51.100.20, server: portal.medihub.example, request: "GET /api/billing/items HTTP/2.0", host: "portal.medihub.example"`)...)
			c.traffic(a, outcome{status: 502}, 8)
			c.elsewhere(a)
			return c.wrong(a, 502, "externalname-bad").at(field(a.Service, "spec.externalName"))
		}},
		{Name: "b1-cluster-dns-scaled-away", Family: "dns", World: "medihub", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			c.coredns.scale(0)
			c.coredns.empty()
			a.log(repeat(4, `{"level":"error","msg":"reminder failed","err":"dial tcp: lookup notify on 10.96.0.10:53: read udp 172.20.1.7:51423->10.96.0.10:53: read: connection refused","status":503}`)...)
			return c.fails(a, app503(), "dns-resolution-failed", "no-replicas").at(field(c.coredns.Deployment, "spec.replicas"), field(c.coredns.Deployment, ""), field(c.coredns.Service, ""))
		}},
		{Name: "b1-database-port-mistyped", Family: "app-config", World: "medihub", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Env[1].Value = "5433" })
			a.log(repeat(4, `{"level":"error","msg":"query failed","err":"dial tcp `+c.database.Service.Spec.ClusterIP+`:5433: i/o timeout","status":500}`)...)
			return c.fails(a, app500(), "app-misconfigured", "bad-rollout").at(a.first("env[DB_PORT].value"), a.first("env[DB_PORT]"), a.first("env[1].value"), a.first("env"))
		}},
		{Name: "b1-payment-provider-is-down", Family: "dependency", World: "medihub", Gateways: []string{"istio", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			a.log(repeat(5, `{"level":"error","msg":"charge failed","err":"Post \"https://api.cardnet.example.com/v1/charges\": net/http: TLS handshake timeout","status":502}`)...)
			return c.partly(a, outcome{kind: "app", status: 502, took: 10 * time.Second}, 20, "dependency-unavailable").at(a.whole())
		}},
		{Name: "b1-new-version-fails-every-request", Family: "app-error", World: "voltgrid", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "europe-docker.pkg.dev/voltgrid/apps/tariffs:2.0.0-beta1"
			})
			a.log(`ERROR in app: Exception on /v2/tariffs/items [GET]`, `Traceback (most recent call last):`, `  File "/app/tariffs/views.py", line 88, in items`, `KeyError: 'zone_id'`, `"GET /v2/tariffs/items HTTP/1.1" 500 -`)
			return c.fails(a, app500(), "app-error", "bad-rollout").at(a.first("image"), a.whole())
		}},
		{Name: "b1-dies-while-it-answers", Family: "app-crash", World: "medihub", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			for i, p := range a.Pods {
				st := &p.Status.ContainerStatuses[0]
				st.RestartCount = 5
				st.State.Running.StartedAt = stamp(now().Add(-time.Duration(50+i*60) * time.Second))
				st.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 139, Reason: "Error", StartedAt: stamp(now().Add(-4 * time.Minute)), FinishedAt: stamp(now().Add(-time.Duration(52+i*60) * time.Second))}
			}
			a.previousLog(`level=info msg="GET /api/pharmacy/items"`, `SIGSEGV: segmentation violation`, `signal arrived during cgo execution`)
			c.settle()
			for i, p := range a.Pods {
				o := closed()
				o.upstream = a.address(p)
				c.between(a, o, now().Add(-time.Duration(53+i*60)*time.Second), time.Second, 5)
			}
			c.traffic(a, fine(), 40)
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(closed()), "app-crash-mid-request").at(a.whole())
		}},
		{Name: "b1-password-was-rotated", Family: "app-dependency", World: "medihub", Gateways: []string{"traefik", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.log(repeat(4, `{"level":"error","msg":"query failed","err":"FATAL: password authentication failed for user \"patients\" (SQLSTATE 28P01)","status":500}`)...)
			return c.fails(a, app500(), "app-misconfigured", "dependency-unavailable").at(a.whole(), c.database.whole(), field(c.database.Service, ""))
		}},
		{Name: "b1-dependency-of-a-dependency", Family: "dependency", World: "voltgrid", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a, dep := c.App("readings"), c.App("tariffs")
			dep.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "europe-docker.pkg.dev/voltgrid/apps/tariffs:1.9.4-missing"
			})
			dep.waiting("ImagePullBackOff", `Back-off pulling image "europe-docker.pkg.dev/voltgrid/apps/tariffs:1.9.4-missing"`)
			a.log(repeat(4, `{"severity":"ERROR","message":"price lookup failed: Get \"http://tariffs.pricing.svc.cluster.local:80/price\": dial tcp `+dep.Service.Spec.ClusterIP+`:80: connect: connection refused","status":503}`)...)
			return c.fails(a, app503(), "image-pull", "bad-rollout").dependency(c, dep).at(dep.first("image"))
		}},
	}
}

func oneControl() []Recipe {
	return []Recipe{
		{Name: "b1-controller-may-not-read-secrets", Family: "controller", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("portal")
			c.front.everywhere(func(s *corev1.PodSpec) { s.ServiceAccountName = "ingress-nginx" })
			role := c.yaml("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: ingress-nginx, creationTimestamp: '2026-01-01T00:00:00Z'}, rules: [{apiGroups: [''], resources: [configmaps, pods, services, namespaces, nodes], verbs: [get, list, watch]}, {apiGroups: [networking.k8s.io], resources: [ingresses, ingressclasses], verbs: [get, list, watch]}]}")
			c.yaml("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: ingress-nginx, creationTimestamp: '2026-01-01T00:00:00Z'}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ingress-nginx}, subjects: [{kind: ServiceAccount, name: ingress-nginx, namespace: ingress-nginx}]}")
			c.says("0102 15:04:05.000000", repeat(6, `ETIME       7 reflector.go:158] "Unhandled Error" err="k8s.io/client-go@v0.33.1/tools/cache/reflector.go:251: Failed to watch *v1.EndpointSlice: failed to list *v1.EndpointSlice: endpointslices.discovery.k8s.io is forbidden: User \"system:serviceaccount:ingress-nginx:ingress-nginx\" cannot list resource \"endpointslices\" in API group \"discovery.k8s.io\" at the cluster scope"`)...)
			c.settle()
			for _, x := range c.apps[:5] {
				c.traffic(x, nobody(), 8)
			}
			return Answer{Causes: ids("controller-permission-denied"), App: a, Sees: 503}.at(field(role, "rules"), field(role, ""))
		}},
		{Name: "b1-gateway-image-cannot-be-pulled", Family: "gateway-pods", World: "voltgrid", Gateways: []string{"traefik", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			c.front.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image += "-patched" })
			for _, p := range c.front.Pods {
				p.Labels = c.front.Sets[len(c.front.Sets)-1].Labels
			}
			c.front.waiting("ImagePullBackOff", "Back-off pulling image")
			c.settle()
			return Answer{Causes: ids("proxy-not-running", "image-pull", "bad-rollout"), App: c.App("frontdoor"), Sees: 0}.at(c.front.first("image"), c.front.whole())
		}},
		{Name: "b1-fault-filter-left-in", Family: "fault", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			c.drop(c.httpRoutes["forecast"])
			vs := c.yaml("{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: forecast, namespace: pricing}, spec: {hosts: [api.voltgrid.example], gateways: [edge/public], http: [{match: [{uri: {prefix: /v2/forecast}}], fault: {abort: {httpStatus: 503, percentage: {value: 50}}}, route: [{destination: {host: forecast.pricing.svc.cluster.local, port: {number: 80}}}]}]}}")
			c.yaml("{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: public, namespace: edge, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {selector: {istio.io/gateway-name: public}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*'], tls: {mode: SIMPLE, credentialName: voltgrid-tls}}]}}")
			c.settle()
			c.traffic(a, outcome{kind: "fault", status: 503}, 15)
			c.traffic(a, fine(), 15)
			c.elsewhere(a)
			return c.wrong(a, 503, "fault-injection-active").at(field(vs, "spec.http[0].fault"), field(vs, "spec.http[0].fault.abort"), field(vs, ""))
		}},
		{Name: "b1-subset-nobody-defines", Family: "mesh", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			c.drop(c.httpRoutes["tariffs"])
			c.yaml("{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: public, namespace: edge, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {selector: {istio.io/gateway-name: public}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*'], tls: {mode: SIMPLE, credentialName: voltgrid-tls}}]}}")
			vs := c.yaml("{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: tariffs, namespace: pricing}, spec: {hosts: [api.voltgrid.example], gateways: [edge/public], http: [{match: [{uri: {prefix: /v2/tariffs}}], route: [{destination: {host: tariffs.pricing.svc.cluster.local, subset: v3, port: {number: 80}}}]}]}}")
			dr := c.yaml("{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: tariffs, namespace: pricing, creationTimestamp: '2026-04-01T00:00:00Z'}, spec: {host: tariffs.pricing.svc.cluster.local, subsets: [{name: v1, labels: {app.kubernetes.io/version: 1.9.3}}]}}")
			c.settle()
			c.traffic(a, outcome{kind: "nocluster", status: 503}, 18)
			c.elsewhere(a)
			return c.wrong(a, 503, "route-subset-missing").at(field(vs, "spec.http[0].route[0].destination.subset"), field(vs, "spec.http[0].route[0]"), field(vs, "spec.http[0].route[0].destination"), field(dr, "spec.subsets"))
		}},
	}
}

// oneControls are healthy, and full of what looks guilty.
func oneControls() []Recipe {
	healthy := func(name, world string, change func(c *Cluster), gateways ...string) Recipe {
		return Recipe{Name: "b1-healthy-" + name, Family: "healthy-control", World: world, Gateways: gateways, Break: func(c *Cluster) Answer {
			change(c)
			c.settle()
			c.elsewhere(nil)
			return Answer{}
		}}
	}
	return []Recipe{
		healthy("clinic", "medihub", func(*Cluster) {}, "nginx", "istio", "traefik", "envoy-gateway"),
		healthy("grid", "voltgrid", func(*Cluster) {}, "nginx", "istio", "traefik", "envoy-gateway"),
		healthy("rollout-in-flight", "medihub", func(c *Cluster) {
			a := c.App("visits")
			kept := a.Pods
			a.Pods = nil
			a.Deployment.Annotations["deployment.kubernetes.io/revision"] = "3"
			a.Deployment.Spec.Template.Spec.Containers[0].Image = "ghcr.io/medihub/visits:5.13.0"
			a.set(3, 1, now().Add(-14*time.Second))
			a.pods(1, now().Add(-14*time.Second))
			a.unready(a.Pods[0], now().Add(-14*time.Second))
			c.event(a.Pods[0], "Warning", "Unhealthy", "Readiness probe failed: connection refused", 2, now().Add(-9*time.Second))
			a.Pods = append(a.Pods, kept...)
		}, "traefik", "nginx"),
		healthy("crashing-canary-without-weight", "voltgrid", func(c *Cluster) {
			canary := c.side("metering", "ingest-canary", 4100)
			canary.crash("Error", 1, "", 22)
			hr := c.httpRoutes["ingest"]
			b := hr.Spec.Rules[0].BackendRefs[0]
			zero := int32(0)
			b.Name, b.Weight = "ingest-canary", &zero
			hr.Spec.Rules[0].BackendRefs = append(hr.Spec.Rules[0].BackendRefs, b)
		}, "envoy-gateway", "istio"),
		healthy("impatient-clients", "medihub", func(c *Cluster) {
			c.settle()
			c.traffic(c.App("portal"), outcome{kind: "app", status: 499, took: 3 * time.Second}, 2)
			c.traffic(c.App("portal"), fine(), 90)
			c.traffic(c.App("portal"), outcome{kind: "app", status: 404, took: 3 * time.Millisecond}, 12)
			c.traffic(c.App("patients"), outcome{kind: "app", status: 401, took: 3 * time.Millisecond}, 9)
			c.traffic(c.App("patients"), outcome{kind: "app", status: 429, took: 3 * time.Millisecond}, 1)
		}, "nginx"),
		healthy("policies-that-admit", "medihub", func(c *Cluster) {
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: default-deny, namespace: care-prod}, spec: {podSelector: {}, policyTypes: [Ingress]}}")
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: from-gateway, namespace: care-prod}, spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [" + c.gateway.namespace + ", monitoring]}]}}]}, {from: [{podSelector: {}}]}]}}")
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: batch}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}")
		}, "nginx", "istio", "traefik"),
		healthy("autoscaler-at-its-top", "medihub", func(c *Cluster) {
			c.scaler("patients", 3, "ScalingLimited", "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
		}, "nginx", "envoy-gateway"),
		healthy("empty-node-lost", "medihub", func(c *Cluster) {
			n := c.Node(c.nodes[3])
			for i := range n.Status.Conditions {
				if n.Status.Conditions[i].Type == corev1.NodeReady {
					n.Status.Conditions[i].Status, n.Status.Conditions[i].Reason = "Unknown", "NodeStatusUnknown"
					n.Status.Conditions[i].LastTransitionTime = stamp(now().Add(-2 * time.Hour))
				}
			}
			n.Spec.Taints = []corev1.Taint{{Key: "node.kubernetes.io/unreachable", Effect: "NoExecute"}}
		}, "nginx", "traefik"),
		healthy("certificate-for-three-weeks", "medihub", func(c *Cluster) {
			c.yaml("{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: medihub-tls, namespace: " + c.tls.Namespace + ", creationTimestamp: '2026-04-01T00:00:00Z'}, spec: {secretName: medihub-tls, dnsNames: [portal.medihub.example]}, status: {notAfter: '2026-07-01T00:00:00Z', renewalTime: '2026-06-11T00:00:00Z', conditions: [{type: Ready, status: 'True', reason: Ready}]}}")
		}, "nginx", "istio"),
		healthy("scale-down-in-flight", "voltgrid", func(c *Cluster) {
			a := c.App("readings")
			gone := a.Pods[2]
			at, grace := stamp(now().Add(-6*time.Second)), int64(45)
			gone.DeletionTimestamp, gone.DeletionGracePeriodSeconds = &at, &grace
			a.scale(2)
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", "Scaled down replica set "+a.Sets[1].Name+" from 3 to 2", 1, at.Time)
		}, "envoy-gateway", "nginx"),
		healthy("claim-nobody-uses", "medihub", func(c *Cluster) {
			c.yaml("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: scratch, namespace: care-prod}, spec: {storageClassName: gp3, accessModes: [ReadWriteOnce]}, status: {phase: Pending}}")
		}, "nginx"),
		healthy("target-port-not-declared", "voltgrid", func(c *Cluster) {
			a := c.App("tariffs")
			a.everywhere(func(s *corev1.PodSpec) { s.Containers[0].Ports = nil })
		}, "istio", "nginx"),
		healthy("old-ingress-of-another-class", "medihub", func(c *Cluster) {
			i := c.ingress.DeepCopy()
			class := "nginx-old"
			i.Name, i.UID, i.ResourceVersion, i.Spec.IngressClassName, i.Status = "medihub-before", "", "", &class, networkingv1.IngressStatus{}
			i.Spec.Rules[0].Host = "old.medihub.example"
			i.CreationTimestamp = stamp(old().Add(-300 * 24 * time.Hour))
			c.add(i)
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx-old, creationTimestamp: '2025-01-01T00:00:00Z'}, spec: {controller: example.com/retired}}")
		}, "nginx"),
		healthy("probe-failed-once", "medihub", func(c *Cluster) {
			for _, name := range []string{"patients", "visits"} {
				p := c.App(name).Pods[0]
				e := c.event(p, "Warning", "Unhealthy", `Readiness probe failed: Get "http://`+p.Status.PodIP+`:8080/readyz": context deadline exceeded`, 1, now().Add(-31*time.Minute))
				e.LastTimestamp = e.FirstTimestamp
			}
		}, "traefik", "istio"),
		healthy("external-name-unused", "medihub", func(c *Cluster) {
			c.yaml("{apiVersion: v1, kind: Service, metadata: {name: erp, namespace: care-prod, creationTimestamp: '2025-10-01T00:00:00Z'}, spec: {type: ExternalName, externalName: erp.medihub.internal}}")
			c.yaml("{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: patients, namespace: care-prod}, spec: {minAvailable: 3, selector: {matchLabels: {app: patients}}}, status: {disruptionsAllowed: 0, currentHealthy: 3, desiredHealthy: 3, expectedPods: 3}}")
		}, "nginx", "istio"),
		healthy("headless-and-nodeport-services", "voltgrid", func(c *Cluster) {
			a := c.App("readings")
			h := a.Service.DeepCopy()
			h.Name, h.UID, h.Spec.ClusterIP = "readings-headless", "", corev1.ClusterIPNone
			c.add(h)
			n := a.Service.DeepCopy()
			n.Name, n.UID, n.Spec.ClusterIP, n.Spec.Type, n.Spec.ExternalTrafficPolicy = "readings-nodeport", "", "10.96.1.99", corev1.ServiceTypeNodePort, corev1.ServiceExternalTrafficPolicyLocal
			n.Spec.Ports[0].NodePort, n.Spec.Ports[0].TargetPort = 30881, intstr.FromString("http")
			c.add(n)
		}, "nginx", "envoy-gateway"),
		healthy("dump-without-events-and-logs-of-strangers", "medihub", func(c *Cluster) {
			c.unread("Event", "Secret", "HorizontalPodAutoscaler")
			c.App("billing").log(strings.Repeat("x", 40), `level=warn msg="slow query" took=1.2s`, `level=error msg="retrying" attempt=1 err="connection reset by peer"`, `level=info msg="retry succeeded" attempt=2`)
		}, "nginx", "istio"),
	}
}
