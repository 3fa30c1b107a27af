package synth

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// benchmarks restates problems of public fault benchmarks, each named by benchmark and problem, on applications of our
// own: those of which the diagnosis missed something when it first met them, and their kin.
func benchmarks() []Recipe {
	return slices.Concat(benchmarkPods(), benchmarkApps(), benchmarkRoutes(), benchmarkChaos())
}

// dying has the containers of all pods end at their start with a line.
func (a *App) dying(code int32, line string) {
	a.dies("Error", code, "")
	a.previousLog(line)
	a.log(line)
}

func benchmarkPods() []Recipe {
	return []Recipe{
		{Name: "sregym-init-container-dependency-hang", Family: "init", World: "medihub", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{{Name: "wait-for-legacy-config", Image: "docker.io/library/busybox:1.37", Command: []string{"sh", "-c", "until nslookup legacy-config.care-prod.svc.cluster.local; do sleep 5; done"}}}
			})
			a.initFails(corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: stamp(onset().Add(3 * time.Second))}}, corev1.ContainerState{}, 0)
			for _, p := range a.Pods {
				c.logs[p.Name+"_wait-for-legacy-config"] = []string{"Server:\t10.96.0.10", "** server can't find legacy-config.care-prod.svc.cluster.local: NXDOMAIN"}
			}
			return c.fails(a, nobody(), "init-blocked").at(a.spec("initContainers[0]"), a.spec("initContainers[0].command"))
		}},
		{Name: "sregym-rolling-update-misconfigured", Family: "rollout", World: "transit", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{{Name: "hang-init", Image: "docker.io/library/busybox:1.37", Command: []string{"/bin/sh", "-c", "sleep infinity"}}}
			})
			a.initFails(corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: stamp(onset().Add(3 * time.Second))}}, corev1.ContainerState{}, 0)
			return c.fails(a, nobody(), "init-blocked", "bad-rollout").at(a.spec("initContainers[0]"), a.spec("initContainers[0].command"), field(a.Deployment, "spec.strategy.rollingUpdate.maxUnavailable"))
		}},
		{Name: "holmes-init-container-typo", Family: "init", World: "arcade", Gateways: []string{"contour", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("scores")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{{Name: "fetch-tools", Image: "docker.io/library/busybox:1.37", Command: []string{"sh", "-c", "wge -q https://tools.arcade.example/agent.tgz"}}}
			})
			a.initFails(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 2m40s restarting failed container=fetch-tools"}},
				corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 127, Reason: "Error", FinishedAt: stamp(now().Add(-time.Minute))}}, 7)
			return c.fails(a, nobody(), "init-blocked", "bad-rollout").at(a.spec("initContainers[0].command"))
		}},
		{Name: "holmes-pending-for-a-gpu", Family: "scheduling", World: "transit", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				r := &t.Spec.Containers[0].Resources
				r.Limits["nvidia.com/gpu"], r.Requests["nvidia.com/gpu"] = resource.MustParse("1"), resource.MustParse("1")
			})
			a.pending("0/4 nodes are available: 4 Insufficient nvidia.com/gpu. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "unschedulable").at(a.first("resources.requests['nvidia.com/gpu']"), a.first("resources.limits['nvidia.com/gpu']"))
		}},
		{Name: "aiopslab-buggy-image", Family: "crash", World: "transit", Gateways: []string{"envoy-gateway", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("live")
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "ghcr.io/transit/live:9.0.0"
			})
			a.dying(2, "panic: runtime error: invalid memory address or nil pointer dereference")
			return c.fails(a, nobody(), "container-crashloop", "bad-rollout").at(a.first("image"))
		}},
		{Name: "syseleven-05-empty-variable", Family: "crash", World: "medihub", Gateways: []string{"traefik", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			a.SetEnv(corev1.EnvVar{Name: "PAYMENT_GATEWAY_URL"})
			a.dying(1, "Missing PAYMENT_GATEWAY_URL")
			return c.fails(a, nobody(), "container-crashloop", "app-misconfigured").at(a.first("env[PAYMENT_GATEWAY_URL]"), a.first("env[PAYMENT_GATEWAY_URL].value"))
		}},
		{Name: "syseleven-07-readiness-looks-into-a-file", Family: "readiness-probe", World: "arcade", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			a.everywhere(func(s *corev1.PodSpec) {
				x := &s.Containers[0]
				x.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"grep", "ready", "/tmp/health"}}}, PeriodSeconds: 5, FailureThreshold: 3}
				x.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"cat", "/tmp/health"}}}, PeriodSeconds: 5, FailureThreshold: 3}
			})
			a.probing("")
			return c.fails(a, nobody(), "readiness-probe-misconfigured").at(a.first("readinessProbe.exec.command"))
		}},
		{Name: "syseleven-08-mount-is-read-only", Family: "crash", World: "transit", Gateways: []string{"nginx", "contour"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Volumes = append(s.Volumes, corev1.Volume{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
				x := &s.Containers[0]
				x.VolumeMounts = append(x.VolumeMounts, corev1.VolumeMount{Name: "scratch", MountPath: "/data", ReadOnly: true})
			})
			a.dying(1, "sh: can't create /data/testfile: Read-only file system")
			n := len(a.Container().VolumeMounts) - 1
			return c.fails(a, nobody(), "container-crashloop").at(a.first(fmt.Sprintf("volumeMounts[%d].readOnly", n)), a.first(fmt.Sprintf("volumeMounts[%d]", n)))
		}},
		{Name: "syseleven-15-status-fails-for-an-empty-variable", Family: "app-config", World: "medihub", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			a.SetEnv(corev1.EnvVar{Name: "APP_MESSAGE"})
			a.probing("HTTP probe failed with statuscode: 500")
			a.log(repeat(4, "ERROR StatusController : environment variable APP_MESSAGE must not be empty")...)
			return c.fails(a, nobody(), "app-misconfigured", "app-error").at(a.first("env[APP_MESSAGE]"), a.first("env[APP_MESSAGE].value"))
		}},
		{Name: "sregym-webhook-tls-mismatch", Family: "admission", World: "transit", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("live")
			w := c.yaml("{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: pod-policy}, webhooks: [{name: pod-policy.example, failurePolicy: Fail, clientConfig: {caBundle: WA==, service: {name: policy, namespace: platform}}}]}")
			a.rejected(`Internal error occurred: failed calling webhook "pod-policy.example": failed to call webhook: Post "https://policy.platform.svc:443/validate?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`)
			return c.fails(a, nobody(), "admission-rejected").at(field(w, "webhooks[0].clientConfig.caBundle"))
		}},
		{Name: "k8sgpt-webhook-without-its-service", Family: "admission", World: "arcade", Gateways: []string{"istio", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			w := c.yaml("{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: injector}, webhooks: [{name: injector.example, failurePolicy: Fail, clientConfig: {service: {name: injector, namespace: platform}}}]}")
			a.rejected(`Internal error occurred: failed calling webhook "injector.example": failed to call webhook: Post "https://injector.platform.svc:443/mutate?timeout=10s": service "injector" not found`)
			return c.fails(a, nobody(), "admission-rejected").at(field(w, "webhooks[0].clientConfig.service"), field(w, "webhooks[0].clientConfig.service.name"), missing("v1", "Service", "platform", "injector", "metadata.name (object missing)"))
		}},
	}
}

func benchmarkApps() []Recipe {
	return []Recipe{
		{Name: "sregym-ephemeral-port-range", Family: "app-limits", World: "transit", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a, dep := c.App("tickets"), c.App("fares")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.SecurityContext = &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: "net.ipv4.ip_local_port_range", Value: "32768 32771"}}}
			})
			a.log(repeat(6, "ERROR call failed: dial tcp "+dep.Service.Spec.ClusterIP+":80: connect: cannot assign requested address")...)
			return c.partly(a, app503(), 6, "source-port-exhaustion").dependency(c, dep).at(a.spec("securityContext.sysctls[0].value"), a.spec("securityContext.sysctls[0]"), a.spec("securityContext.sysctls"))
		}},
		{Name: "sregym-file-descriptor-exhaustion", Family: "app-limits", World: "arcade", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			a.log(repeat(6, "http: Accept error: accept tcp [::]:8080: accept4: too many open files; retrying in 1s")...)
			return c.partly(a, outcome{kind: "reset", took: 3 * time.Millisecond}, 5, "connection-limit").at(a.whole())
		}},
		{Name: "sregym-incorrect-port-assignment", Family: "app-config", World: "transit", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a, dep := c.App("tickets"), c.App("fares")
			a.SetEnv(corev1.EnvVar{Name: "FARES_ADDR", Value: "fares.city-core:8082"})
			a.log(repeat(6, `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp `+dep.Service.Spec.ClusterIP+`:8082: connect: connection refused"`)...)
			return c.fails(a, app500(), "app-misconfigured").dependency(c, dep).at(a.first("env[FARES_ADDR]"), a.first("env[FARES_ADDR].value"))
		}},
		{Name: "sregym-stale-coredns-config", Family: "dns", World: "arcade", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a, dep := c.App("store"), c.App("wallet")
			c.corefile.Data["Corefile"] = ".:53 {\n    errors\n    template IN A svc.cluster.local {\n        match \"\\.svc\\.cluster\\.local\\.?$\"\n        rcode NXDOMAIN\n    }\n    ready\n    kubernetes cluster.local\n    forward . /etc/resolv.conf\n}\n"
			a.log(repeat(6, "dial tcp: lookup wallet.arcade.svc.cluster.local on 10.96.0.10:53: no such host")...)
			return c.fails(a, app503(), "dns-resolution-failed").dependency(c, dep).at(field(c.corefile, "data.Corefile"))
		}},
		{Name: "holmes-connection-pool-starvation", Family: "app-limits", World: "medihub", Gateways: []string{"envoy-gateway", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.log(repeat(6, "ERROR HikariPool-1 - Connection is not available, request timed out after 30000ms (total=100, active=100, idle=0, waiting=212)")...)
			return c.partly(a, outcome{kind: "app", status: 503, took: 30 * time.Second}, 5, "app-workers-exhausted").at(a.whole())
		}},
	}
}

func benchmarkRoutes() []Recipe {
	// only makes all routes unattached, and the listeners such that they are.
	only := func(c *Cluster, reason string, change func(*gatewayv1.Listener)) {
		for i := range c.gw.Spec.Listeners {
			change(&c.gw.Spec.Listeners[i])
		}
		for _, hr := range c.httpRoutes {
			c.RouteStatus(hr, "Accepted", reason)
		}
	}
	return []Recipe{
		{Name: "gwctl-listener-for-another-host", Family: "gateway-listener", World: "transit", Gateways: []string{"istio", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			host := gatewayv1.Hostname("*.intranet.example")
			only(c, "NoMatchingListenerHostname", func(l *gatewayv1.Listener) { l.Hostname = &host })
			c.settle()
			return Answer{Causes: ids("gateway-listener-unattached"), App: a, Sees: 404}.at(field(c.gw, "spec.listeners[0].hostname"))
		}},
		{Name: "k8sgpt-listener-takes-its-own-namespace", Family: "gateway-listener", World: "transit", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			from := gatewayv1.NamespacesFromSame
			only(c, "NotAllowedByListeners", func(l *gatewayv1.Listener) {
				l.AllowedRoutes = &gatewayv1.AllowedRoutes{Namespaces: &gatewayv1.RouteNamespaces{From: &from}}
			})
			c.settle()
			return Answer{Causes: ids("gateway-listener-unattached"), App: a, Sees: 404}.at(field(c.gw, "spec.listeners[0].allowedRoutes.namespaces.from"))
		}},
		{Name: "itbench-gateway-policy-denies-all", Family: "mesh", World: "transit", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			p := c.yaml("{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: deny-all, namespace: " + c.gw.Namespace + "}, spec: {action: DENY, targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: " + c.gw.Name + "}], rules: [{to: [{operation: {methods: ['*']}}]}]}}")
			c.settle()
			return Answer{Causes: ids("mesh-policy-denies"), App: a, Sees: 403}.at(field(p, "spec.rules[0]"), field(p, "spec.action"))
		}},
	}
}

func benchmarkChaos() []Recipe {
	experiment := func(kind, name string, a *App, spec map[string]any) []byte {
		spec["mode"] = "all"
		spec["selector"] = map[string]any{"namespaces": []string{a.Deployment.Namespace}, "labelSelectors": a.Deployment.Spec.Selector.MatchLabels}
		data, err := json.Marshal(map[string]any{
			"apiVersion": "chaos-mesh.org/v1alpha1", "kind": kind,
			"metadata": map[string]any{"name": name, "namespace": "chaos", "creationTimestamp": onset().Add(-time.Minute).Format(time.RFC3339)},
			"spec":     spec, "status": map[string]any{"conditions": []any{map[string]any{"type": "AllInjected", "status": "True"}}},
		})
		if err != nil {
			panic(err) // a mistake in a recipe
		}
		return data
	}
	return []Recipe{
		{Name: "aiopslab-container-kill", Family: "chaos", World: "medihub", Gateways: []string{"traefik", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			o := c.yaml(string(experiment("PodChaos", "pharmacy-kill", a, map[string]any{"action": "container-kill", "containerNames": []string{a.Container().Name}})))
			a.dies("Error", 137, "")
			return c.fails(a, nobody(), "fault-injection-active").at(field(o, "spec"))
		}},
		{Name: "chaosmesh-names-fail", Family: "chaos", World: "transit", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a, dep := c.App("tickets"), c.App("fares")
			o := c.yaml(string(experiment("DNSChaos", "tickets-names", a, map[string]any{"action": "error", "patterns": []string{"fares.*"}})))
			a.log(repeat(6, `Get "http://fares/": dial tcp: lookup fares on 10.96.0.10:53: server misbehaving`)...)
			return c.fails(a, app500(), "fault-injection-active", "dns-resolution-failed").dependency(c, dep).at(field(o, "spec"))
		}},
	}
}
