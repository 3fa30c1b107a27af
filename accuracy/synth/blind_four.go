package synth

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// fourthBatch was written when what the third one had shown was mended, to see whether it had only been learned by
// heart: faults that people make in applications and routes of the commonest gateways.
func fourthBatch() []Recipe {
	return slices.Concat(fourRoutes(), fourPods(), fourApps(), fourControls())
}

// reckless lets a rollout take all old pods away at once.
func (a *App) reckless(f func(*corev1.PodTemplateSpec)) {
	all := intstr.FromString("100%")
	a.Deployment.Spec.Strategy.RollingUpdate.MaxUnavailable = &all
	a.Rollout(f)
}

// dies sets how the containers of all pods end at their start.
func (a *App) dies(reason string, code int32, message string) {
	a.crash(reason, code, message, 8)
}

func fourRoutes() []Recipe {
	return []Recipe{
		{Name: "b4-canary-takes-everything", Family: "ingress-annotation", World: "arcade", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			canary := c.side("arcade", "store-canary", 5000)
			canary.dies("Error", 1, "")
			canary.previousLog("Error: Cannot find module './pricing'", "Require stack:", "- /app/server.js")
			main := c.own(a)
			i := main.DeepCopy()
			i.Name, i.UID, i.CreationTimestamp = "store-canary", "", stamp(onset())
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "100"}
			i.Spec.Rules[0].HTTP.Paths = slices.Clone(i.Spec.Rules[0].HTTP.Paths)
			i.Spec.Rules[0].HTTP.Paths[0].Backend = networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "store-canary", Port: networkingv1.ServiceBackendPort{Name: "http"}}}
			c.add(i)
			c.settle()
			o := nobody()
			o.beside = "arcade-store-canary-http"
			c.traffic(a, o, 20)
			c.elsewhere(a)
			return c.wrong(a, 503, "container-crashloop", "route-weights-zero", "route-annotation-wrong").at(canary.whole(), field(i, "metadata.annotations['nginx.ingress.kubernetes.io/canary-weight']"))
		}},
		{Name: "b4-subset-with-a-label-of-before", Family: "mesh", World: "transit", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			for _, hr := range c.httpRoutes {
				c.drop(hr)
			}
			c.istioGateway()
			vs := c.yaml("{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: trips, namespace: city-core, creationTimestamp: '2026-03-01T00:00:00Z'}, spec: {hosts: [go.transit.example], gateways: [edge/public], http: [{match: [{uri: {prefix: /api/trips}}], route: [{destination: {host: trips, subset: stable, port: {number: 80}}}]}]}}")
			dr := c.yaml("{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: trips, namespace: city-core}, spec: {host: trips, subsets: [{name: stable, labels: {release: '2026.04'}}]}}")
			c.settle()
			c.traffic(a, nobody(), 20)
			return c.wrong(a, 503, "route-subset-missing").at(field(dr, "spec.subsets[0].labels"), field(dr, "spec.subsets[0]"), field(dr, "spec.subsets[0].labels.release"), field(dr, "spec.subsets"), field(vs, "spec.http[0].route[0].destination.subset"))
		}},
		{Name: "b4-parallel-requests-limited-to-one", Family: "circuit-breaker", World: "arcade", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			p := c.yaml("{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: lobby, namespace: arcade}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: lobby}], circuitBreaker: {maxParallelRequests: 1, maxPendingRequests: 1}}}")
			c.settle()
			c.traffic(a, outcome{kind: "overflow", status: 503}, 18)
			c.traffic(a, fine(), 50)
			c.elsewhere(a)
			return c.wrong(a, 503, "circuit-breaker-open").at(field(p, "spec.circuitBreaker"), field(p, "spec.circuitBreaker.maxParallelRequests"), field(p, "spec.circuitBreaker.maxPendingRequests"))
		}},
		{Name: "b4-parent-in-the-route-s-own-namespace", Family: "gateway-listener", World: "transit", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			hr := c.httpRoutes["tickets"]
			hr.Spec.ParentRefs[0].Namespace = nil
			hr.Status.Parents = nil
			return c.away(a, "gateway-listener-unattached").at(field(hr, "spec.parentRefs[0]"), field(hr, "spec.parentRefs[0].namespace"), field(hr, "spec.parentRefs[0].name"))
		}},
		{Name: "b4-controller-watches-another-namespace", Family: "ingress-class", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			_, h := c.lone(a)
			c.front.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Args = []string{"/nginx-ingress-controller", "--ingress-class=nginx", "--controller-class=k8s.io/ingress-nginx", "--watch-namespace=city-core"}
			})
			a.Ingress.Status = networkingv1.IngressStatus{}
			c.settle()
			for k := range 14 {
				c.write(request{at: at(k, 14), path: "/maps/items", o: noRoute(), status: 404, app: a, on: h})
			}
			for _, name := range []string{"trips", "tickets", "live"} {
				c.traffic(c.App(name), fine(), 10)
			}
			answer := c.wrong(a, 404, "ingress-class-missing", "controller-stale")
			answer.Host = h
			return answer.at(c.front.first("args"), c.front.first("args[3]"), c.front.whole(), field(a.Ingress, "metadata.namespace"))
		}},
		{Name: "b4-external-name-keeps-the-old-port", Family: "external-name", World: "arcade", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("profile")
			c.add(nsOf("accounts"))
			target := c.side("accounts", "profiles", 8080)
			target.Service.Spec.Ports[0].Port = 80
			a.empty()
			c.drop(a.Deployment)
			for _, rs := range a.Sets {
				c.drop(rs)
			}
			a.Service.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "profiles.accounts.svc.cluster.local", Ports: []corev1.ServicePort{{Name: "http", Port: 8080}}}
			c.settle()
			o := dropped()
			o.upstream = target.Service.Spec.ClusterIP + ":8080"
			c.traffic(a, o, 18)
			c.elsewhere(a)
			return c.wrong(a, 504, "externalname-bad", "service-port-missing", "target-port-mismatch").at(field(a.Service, "spec.ports[0].port"), field(a.Service, "spec.ports[0]"), field(a.Service, "spec.ports"), field(a.Service, "spec.externalName"), field(target.Service, "spec.ports"))
		}},
		{Name: "b4-certificate-of-the-backend-has-expired", Family: "upstream-tls", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS", "nginx.ingress.kubernetes.io/proxy-ssl-verify": "on", "nginx.ingress.kubernetes.io/proxy-ssl-secret": "city-core/internal-ca"}
			c.add(secret("internal-ca", "city-core"))
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].ReadinessProbe.HTTPGet.Scheme, s.Containers[0].LivenessProbe.HTTPGet.Scheme = "HTTPS", "HTTPS"
			})
			o := badTLS()
			o.words = "upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream"
			return c.fails(a, o, "certificate-invalid").at(a.whole(), field(i, "metadata.annotations['nginx.ingress.kubernetes.io/proxy-ssl-verify']"), field(i, "metadata.annotations['nginx.ingress.kubernetes.io/proxy-ssl-secret']"), field(a.Service, ""))
		}},
		{Name: "b4-traefik-trusts-nobody", Family: "upstream-tls", World: "arcade", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			a.Service.Annotations = map[string]string{"traefik.ingress.kubernetes.io/service.serversscheme": "https"}
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].ReadinessProbe.ProbeHandler = corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromString("http"), Scheme: "HTTPS"}}
			})
			for k := range 24 { // traffic takes the pods in turn
				c.logs[c.gatewayLog()] = append(c.logs[c.gatewayLog()], at(k, 24).Format("2006-01-02T15:04:05Z")+` ERR 500 Internal Server Error error="tls: failed to verify certificate: x509: cannot validate certificate for `+a.Pods[k%2].Status.PodIP+` because it doesn't contain any IP SANs"`)
			}
			return c.fails(a, outcome{kind: "tls", status: 500, took: 3 * time.Millisecond}, "certificate-invalid", "tls-sni-mismatch").at(field(a.Service, "metadata.annotations['traefik.ingress.kubernetes.io/service.serverstransport']"), field(a.Service, "metadata.annotations['traefik.ingress.kubernetes.io/service.serversscheme']"), field(a.Service, ""), a.whole())
		}},
		{Name: "b4-except-is-the-gateway-s-range", Family: "network-policy", World: "transit", Gateways: []string{"traefik", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			var except string
			for _, p := range c.front.Pods {
				except += ", " + p.Status.PodIP + "/32"
			}
			p := c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: tickets, namespace: city-core}, spec: {podSelector: {matchLabels: {app.kubernetes.io/name: tickets}}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [" + except[2:] + "]}}]}]}}")
			return c.fails(a, dropped(), "networkpolicy-blocks-ingress").at(field(p, "spec.ingress[0].from[0].ipBlock.except"), field(p, "spec.ingress[0].from[0].ipBlock"), field(p, "spec.ingress[0].from[0]"), field(p, "spec.ingress[0].from"))
		}},
		{Name: "b4-weights-to-a-service-at-zero", Family: "gateway-weights", World: "arcade", Gateways: []string{"istio", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("match")
			next := c.side("arcade", "match-next", 4001)
			next.scale(0)
			next.empty()
			hr := c.httpRoutes["match"]
			hundred, zero := int32(100), int32(0)
			b := hr.Spec.Rules[0].BackendRefs[0]
			hr.Spec.Rules[0].BackendRefs[0].Weight = &zero
			b.Name, b.Weight = "match-next", &hundred
			hr.Spec.Rules[0].BackendRefs = append(hr.Spec.Rules[0].BackendRefs, gatewayv1.HTTPBackendRef{BackendRef: b.BackendRef})
			return c.fails(a, nobody(), "no-replicas", "route-weights-zero").at(field(next.Deployment, "spec.replicas"), field(hr, "spec.rules[0].backendRefs[1].weight"), field(hr, "spec.rules[0].backendRefs"))
		}},
	}
}

func fourPods() []Recipe {
	return []Recipe{
		{Name: "b4-file-where-a-directory-is", Family: "config-missing", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("site")
			cm := c.yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: site-conf, namespace: city-web}, data: {site.yaml: 'a: b'}}")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "conf", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "site-conf"}}}}}
				t.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "conf", MountPath: "/etc/site/site.yml", SubPath: "site.yml"}}
			})
			a.dies("StartError", 128, `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "/var/lib/kubelet/pods/x/volume-subpaths/conf/site/0" to rootfs at "/etc/site/site.yml": not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type`)
			return c.fails(a, nobody(), "container-crashloop", "config-missing", "bad-rollout", "sandbox-failed", "volume-unavailable").at(a.whole(), a.first("volumeMounts[0].subPath"), a.first("volumeMounts"), a.first("volumeMounts[0]"), a.spec("containers[0]"), field(cm, ""))
		}},
		{Name: "b4-script-is-not-executable", Family: "crash", World: "arcade", Gateways: []string{"envoy-gateway", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("match")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Command = []string{"/app/start.sh"}
			})
			a.dies("StartError", 128, `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "/app/start.sh": permission denied: unknown`)
			return c.fails(a, nobody(), "container-crashloop", "bad-rollout").at(a.first("command"), a.first("command[0]"), a.spec("containers[0]"), a.whole())
		}},
		{Name: "b4-may-not-bind-port-eighty", Family: "crash", World: "transit", Gateways: []string{"istio", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			uid, yes := int64(1000), true
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: &uid, RunAsNonRoot: &yes, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
			})
			a.dies("Error", 1, "")
			a.previousLog("2026/06/10 09:28:30 [emerg] 1#1: bind() to 0.0.0.0:80 failed (13: Permission denied)", "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)")
			return c.fails(a, nobody(), "container-crashloop", "bad-rollout", "sandbox-failed").at(a.first("securityContext"), a.first("securityContext.runAsUser"), a.first("securityContext.capabilities"), a.spec("containers[0]"), a.whole())
		}},
		{Name: "b4-registry-wants-a-login", Family: "image", World: "transit", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("live")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "ghcr.io/transit-private/live:2026.06.0"
			})
			a.waiting("ImagePullBackOff", `Back-off pulling image "ghcr.io/transit-private/live:2026.06.0": ErrImagePull: failed to pull and unpack image "ghcr.io/transit-private/live:2026.06.0": failed to resolve reference "ghcr.io/transit-private/live:2026.06.0": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Atransit-private%2Flive%3Apull&service=ghcr.io: 401 Unauthorized`)
			return c.fails(a, nobody(), "image-pull", "bad-rollout").at(a.first("image"), a.spec("imagePullSecrets"), a.whole())
		}},
		{Name: "b4-init-runs-out-of-memory", Family: "init", World: "arcade", Gateways: []string{"contour", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("scores")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{{Name: "warm-cache", Image: "harbor.arcade.example/games/scores-cache@sha256:aa", Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("24Mi")}}}}
			})
			a.initFails(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 2m40s restarting failed container=warm-cache"}},
				corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled", FinishedAt: stamp(now().Add(-time.Minute))}}, 7)
			return c.fails(a, nobody(), "oom-killed", "init-blocked", "bad-rollout").at(a.spec("initContainers[0].resources.limits.memory"), a.spec("initContainers[0]"), a.spec("initContainers[0].resources"), a.whole())
		}},
		{Name: "b4-writes-more-than-its-disk-limit", Family: "eviction", World: "transit", Gateways: []string{"traefik", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Resources.Limits["ephemeral-storage"] = resource.MustParse("100Mi")
			})
			for i, p := range a.Pods {
				p.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "Pod ephemeral local storage usage exceeds the total limit of containers 100Mi. ", StartTime: p.Status.StartTime}
				c.event(p, "Warning", "Evicted", "Pod ephemeral local storage usage exceeds the total limit of containers 100Mi. ", 1, now().Add(-time.Duration(3+i)*time.Minute))
			}
			gone := a.Pods
			a.Pods = nil
			a.pods(3, now().Add(-20*time.Second))
			for i, p := range a.Pods {
				p.Name = p.Name[:len(p.Name)-3] + string(rune('a'+i)) + "9z"
				a.unready(p, now().Add(-20*time.Second))
			}
			_ = gone
			return c.fails(a, nobody(), "pod-evicted").at(a.first("resources.limits.ephemeral-storage"), a.first("resources.limits"), a.first("resources"), a.whole())
		}},
		{Name: "b4-listens-where-its-variable-says", Family: "service-port", World: "arcade", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				x := &t.Spec.Containers[0]
				x.Env = append(x.Env, corev1.EnvVar{Name: "PORT", Value: "4100"})
				x.ReadinessProbe = nil
			})
			a.log(`{"level":"info","msg":"server listening","port":4100}`)
			return c.fails(a, refused(), "target-port-mismatch", "app-misconfigured").at(field(a.Service, "spec.ports[0].targetPort"), a.first("env[PORT].value"), a.first("env[PORT]"), a.first("env[0].value"), a.first("ports[0].containerPort"))
		}},
		{Name: "b4-node-has-no-room-for-the-limit", Family: "scheduling", World: "transit", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Resources.Requests["memory"] = resource.MustParse("64Gi")
			})
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient memory. preemption: 0/4 nodes are available: 1 Preemption is not helpful for scheduling, 3 No preemption victims found for incoming pod.")
			return c.fails(a, nobody(), "unschedulable").at(a.first("resources.requests.memory"), a.first("resources.requests"), a.first("resources"))
		}},
	}
}

func fourApps() []Recipe {
	return []Recipe{
		{Name: "b4-resolver-asks-itself", Family: "dns", World: "arcade", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			c.coredns.dies("Error", 1, "")
			c.coredns.previousLog(`[FATAL] plugin/loop: Loop (127.0.0.1:41231 -> :53) detected for zone ".", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO 4547991504243258144.3688648895315093531."`)
			a.log(repeat(5, `{"level":"error","msg":"charge failed","err":"getaddrinfo EAI_AGAIN wallet","status":503}`)...)
			return c.fails(a, app503(), "dns-resolution-failed", "container-crashloop").at(c.coredns.whole(), field(c.corefile, "data.Corefile"), field(c.coredns.Service, ""))
		}},
		{Name: "b4-database-has-too-many-clients", Family: "app-limits", World: "medihub", Gateways: []string{"traefik", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.log(repeat(6, `{"level":"error","msg":"query failed","err":"FATAL: sorry, too many clients already (SQLSTATE 53300)","status":500}`)...)
			return c.partly(a, app500(), 25, "dependency-unavailable", "app-workers-exhausted").at(c.database.whole(), field(c.database.Service, ""), a.whole())
		}},
		{Name: "b4-dependency-of-another-namespace-is-gone", Family: "dependency", World: "transit", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a, dep := c.App("tickets"), c.App("fares")
			dep.Service.Spec.Selector = map[string]string{"app.kubernetes.io/name": "fares", "app.kubernetes.io/component": "api"}
			a.log(repeat(5, `ERROR 1 --- [nio-8181-exec-2] c.t.t.FareClient : I/O error on GET request for "http://fares.city-core:80/price": Connection refused`)...)
			return c.fails(a, app503(), "selector-mismatch").dependency(c, dep).at(field(dep.Service, "spec.selector"), field(dep.Service, "spec.selector['app.kubernetes.io/component']"))
		}},
		{Name: "b4-policy-forbids-what-the-application-calls", Family: "network-policy", World: "arcade", Gateways: []string{"nginx", "contour"}, Break: func(c *Cluster) Answer {
			a, dep := c.App("store"), c.App("wallet")
			p := c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: wallet, namespace: arcade}, spec: {podSelector: {matchLabels: {app: wallet}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: cashier}}}]}]}}")
			a.log(repeat(5, `{"level":"error","msg":"charge failed","err":"connect ETIMEDOUT `+dep.Service.Spec.ClusterIP+`:80","url":"http://wallet/charge","status":504}`)...)
			return c.fails(a, outcome{kind: "app", status: 504, took: 9 * time.Second}, "networkpolicy-blocks-ingress").dependency(c, dep).at(field(p, "spec.ingress[0].from[0].podSelector"), field(p, "spec.ingress[0].from"), field(p, "spec.ingress[0].from[0]"), field(p, "spec.ingress"))
		}},
		{Name: "b4-disk-is-read-only", Family: "app-error", World: "transit", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			yes := true
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{ReadOnlyRootFilesystem: &yes}
			})
			a.log(repeat(5, `ERROR tile cache: open /var/cache/tiles/7/66/43.png: read-only file system status=500`)...)
			return c.fails(a, app500(), "app-error", "bad-rollout", "app-misconfigured").at(a.first("securityContext.readOnlyRootFilesystem"), a.first("securityContext"), a.whole())
		}},
	}
}

// fourControls are healthy.
func fourControls() []Recipe {
	healthy := func(name, world string, change func(c *Cluster), gateways ...string) Recipe {
		return Recipe{Name: "b4-healthy-" + name, Family: "healthy-control", World: world, Gateways: gateways, Break: func(c *Cluster) Answer {
			change(c)
			c.settle()
			c.elsewhere(nil)
			return Answer{}
		}}
	}
	return []Recipe{
		healthy("scanners-at-the-door", "transit", func(c *Cluster) {
			c.settle()
			for k, host := range []string{"203.0.113.20", "www.transit.example", "go.transit.example.org", "203.0.113.20", "go.transit.example.org", "go.transit.example.org"} {
				for j, path := range []string{"/wp-login.php", "/.env", "/api/trips/items", "/actuator/health"} {
					c.write(request{at: at(k*4+j, 24), path: path, o: noRoute(), status: 404, app: c.App("site"), on: host})
				}
			}
		}, "nginx", "istio", "contour", "envoy-gateway", "traefik"),
		healthy("few-are-told-to-slow-down", "arcade", func(c *Cluster) {
			c.yaml("{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: scores, namespace: arcade, creationTimestamp: '2026-03-01T00:00:00Z'}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: scores}], rateLimit: {type: Local, local: {rules: [{limit: {requests: 50, unit: Second}}]}}}}")
			c.settle()
			c.traffic(c.App("scores"), outcome{kind: "limited", status: 429}, 6)
			c.traffic(c.App("scores"), fine(), 120)
		}, "envoy-gateway"),
		healthy("worker-shares-the-label-and-serves", "arcade", func(c *Cluster) {
			w := c.side("arcade", "profile-blue", 8080)
			c.drop(w.Service)
			for _, m := range []map[string]string{w.Deployment.Spec.Template.Labels, w.Sets[1].Spec.Template.Labels, w.Pods[0].Labels} {
				m["app"], m["colour"] = "profile", "blue"
			}
			w.Deployment.Spec.Selector.MatchLabels = map[string]string{"app": "profile", "colour": "blue"}
		}, "nginx", "envoy-gateway"),
		healthy("canary-without-weight-that-crashes", "transit", func(c *Cluster) {
			canary := c.side("city-core", "trips-canary", 8080)
			canary.dies("Error", 1, "")
			i := c.App("trips").Ingress.DeepCopy()
			i.Name, i.UID = "trips-canary", ""
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "0"}
			i.Spec.Rules[0].HTTP.Paths = []networkingv1.HTTPIngressPath{i.Spec.Rules[0].HTTP.Paths[c.App("trips").RuleIndex]}
			i.Spec.Rules[0].HTTP.Paths[0].Backend.Service = &networkingv1.IngressServiceBackend{Name: "trips-canary", Port: networkingv1.ServiceBackendPort{Name: "http"}}
			c.add(i)
		}, "nginx"),
		healthy("long-wait-until-ready-counts", "arcade", func(c *Cluster) {
			a := c.App("store")
			a.Deployment.Spec.MinReadySeconds = 600
			a.rolloutAt(now().Add(-2*time.Minute), func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "harbor.arcade.example/games/store@sha256:77"
			})
		}, "nginx", "traefik"),
	}
}
