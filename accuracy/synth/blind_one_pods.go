package synth

import (
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// initFails keeps all pods in their init container.
func (a *App) initFails(state corev1.ContainerState, last corev1.ContainerState, restarts int32) {
	for _, p := range a.Pods {
		p.Status.Phase = corev1.PodPending
		a.unready(p, onset().Add(2*time.Second))
		a.condition(p, corev1.PodInitialized, "ContainersNotInitialized", "containers with incomplete status: ["+p.Spec.InitContainers[0].Name+"]", onset())
		started := state.Running != nil // as the kubelet has it (pkg/kubelet/prober, UpdatePodStatus)
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: p.Spec.InitContainers[0].Name, Image: p.Spec.InitContainers[0].Image, State: state, LastTerminationState: last, RestartCount: restarts, Started: &started}}
		for i := range p.Status.ContainerStatuses {
			p.Status.ContainerStatuses[i].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
		}
	}
}

func onePods() []Recipe {
	return []Recipe{
		{Name: "b1-panics-at-start", Family: "crash", World: "medihub", Gateways: []string{"istio", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			all := intstr.FromString("100%")
			a.Deployment.Spec.Strategy.RollingUpdate.MaxUnavailable = &all
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "ghcr.io/medihub/pharmacy:5.13.0" })
			a.crash("Error", 2, "", 7)
			a.previousLog("panic: runtime error: invalid memory address or nil pointer dereference", "[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6f2a41]", "goroutine 1 [running]:", "main.loadFormulary(0x0)")
			return c.fails(a, nobody(), "container-crashloop", "bad-rollout").at(a.first("image"), a.spec("containers[0]"), a.whole())
		}},
		{Name: "b1-init-waits-for-renamed-database", Family: "init", World: "medihub", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{{Name: "wait-for-db", Image: "docker.io/library/busybox:1.37", Command: []string{"sh", "-c", "until nc -z records-database 5432; do echo waiting for records-database; sleep 2; done"}}}
			})
			a.initFails(corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: stamp(onset().Add(3 * time.Second))}}, corev1.ContainerState{}, 0)
			return c.fails(a, nobody(), "init-blocked").at(a.spec("initContainers[0].command"), a.spec("initContainers[0]"))
		}},
		{Name: "b1-native-sidecar-crashes", Family: "init", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			always := corev1.ContainerRestartPolicyAlways
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{{Name: "model-proxy", Image: "europe-docker.pkg.dev/voltgrid/tools/model-proxy:0.3", RestartPolicy: &always, Args: []string{"--cache=/models"}}}
			})
			a.initFails(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 2m40s restarting failed container=model-proxy"}},
				corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: stamp(now().Add(-time.Minute))}}, 7)
			a.notes("Warning", "BackOff", "Back-off restarting failed container model-proxy in pod forecast", 31)
			return c.fails(a, nobody(), "init-blocked", "container-crashloop", "bad-rollout").at(a.spec("initContainers[0]"), a.whole())
		}},
		{Name: "b1-may-not-list-its-configuration", Family: "rbac", World: "medihub", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			c.yaml("{apiVersion: v1, kind: ServiceAccount, metadata: {name: billing, namespace: care-prod, creationTimestamp: '2026-05-01T00:00:00Z'}}")
			role := c.yaml("{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: billing-config, namespace: care-prod, creationTimestamp: '2026-05-01T00:00:00Z'}, rules: [{apiGroups: [''], resources: [configmaps], verbs: [get, list, watch]}]}")
			binding := c.yaml("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: billing-config, namespace: care-prod}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: billing-config}, subjects: [{kind: ServiceAccount, name: billing-api, namespace: care-prod}]}")
			a.everywhere(func(s *corev1.PodSpec) { s.ServiceAccountName = "billing" })
			a.crash("Error", 1, "", 9)
			a.previousLog(`{"level":"fatal","msg":"cannot load rules","err":"configmaps is forbidden: User \"system:serviceaccount:care-prod:billing\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"care-prod\""}`)
			return c.fails(a, nobody(), "pod-forbidden").at(field(binding, "subjects"), field(binding, "subjects[0].name"), field(binding, "subjects[0]"), a.spec("serviceAccountName"), field(role, "rules"), missing("v1", "ServiceAccount", "care-prod", "billing", ""))
		}},
		{Name: "b1-sidecar-out-of-memory", Family: "resources", World: "voltgrid", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[1].Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("16Mi")}
			})
			for _, p := range a.Pods {
				a.unready(p, onset().Add(20*time.Second))
				p.Status.ContainerStatuses[0].Ready = true
				st := &p.Status.ContainerStatuses[1]
				st.RestartCount = 8
				st.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 5m0s restarting failed container=log-shipper"}}
				st.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled", FinishedAt: stamp(now().Add(-70 * time.Second))}}
			}
			a.notes("Warning", "BackOff", "Back-off restarting failed container log-shipper", 30)
			return c.fails(a, nobody(), "oom-killed").at(a.spec("containers[1].resources.limits.memory"), a.spec("containers[1].resources"))
		}},
		{Name: "b1-probe-speaks-https", Family: "readiness-probe", World: "medihub", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].ReadinessProbe.HTTPGet.Scheme = "HTTPS" })
			a.probing(`Get "https://172.20.1.9:8000/readyz": http: server gave HTTP response to HTTPS client`)
			return c.fails(a, nobody(), "readiness-probe-misconfigured").at(a.first("readinessProbe.httpGet.scheme"), a.first("readinessProbe"), a.first("readinessProbe.httpGet"))
		}},
		{Name: "b1-no-readiness-probe-and-slow-start", Family: "readiness-probe", World: "medihub", Gateways: []string{"istio", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			a.everywhere(func(s *corev1.PodSpec) { s.Containers[0].ReadinessProbe, s.Containers[0].LivenessProbe = nil, nil })
			at := now().Add(-6 * time.Minute)
			a.rolloutAt(at, func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "ghcr.io/medihub/billing:5.12.1" })
			for i, p := range a.Pods {
				a.ready(p, at.Add(3*time.Second))
				c.logs[p.Name+"_billing"] = []string{
					at.Add(time.Duration(3+i)*time.Second).Format(time.RFC3339) + " Starting BillingApplication v5.12.1 using Java 21",
					at.Add(time.Duration(44+i)*time.Second).Format(time.RFC3339) + " Tomcat started on port 9000 (http)",
					at.Add(time.Duration(45+i)*time.Second).Format(time.RFC3339) + " Started BillingApplication in 41.7 seconds",
				}
			}
			c.settle()
			c.between(a, refused(), at.Add(4*time.Second), 38*time.Second, 22)
			c.between(a, fine(), at.Add(50*time.Second), 5*time.Minute, 40)
			c.elsewhere(a)
			return c.wrong(a, c.gateway.status(refused()), "readiness-probe-missing").at(a.first("readinessProbe"))
		}},
		{Name: "b1-readiness-asks-the-cache", Family: "readiness-shared", World: "medihub", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.probing("HTTP probe failed with statuscode: 503")
			for i, p := range a.Pods {
				a.unready(p, onset().Add(time.Duration(i)*time.Second))
			}
			a.log(repeat(4, `{"level":"warn","msg":"readyz: redis check failed","err":"dial tcp: cache.prod.medihub.net:6379: i/o timeout"}`)...)
			return c.fails(a, nobody(), "readiness-depends-on-other", "dependency-unavailable").at(a.first("readinessProbe"), a.first("readinessProbe.httpGet.path"), a.whole())
		}},
		{Name: "b1-startup-probe-gives-up", Family: "startup", World: "medihub", Gateways: []string{"envoy-gateway", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				p := t.Spec.Containers[0].ReadinessProbe.DeepCopy()
				p.PeriodSeconds, p.FailureThreshold = 5, 3
				t.Spec.Containers[0].StartupProbe = p
			})
			a.crash("Error", 143, "", 6)
			a.notes("Warning", "Unhealthy", `Startup probe failed: Get "http://POD_IP:9000/readyz": dial tcp POD_IP:9000: connect: connection refused`, 18)
			a.notes("Normal", "Killing", "Container billing failed startup probe, will be restarted", 6)
			a.previousLog("Starting BillingApplication v5.12.0 using Java 21", "HikariPool-1 - Start completed.", "Running Flyway migrations 14 of 31")
			return c.fails(a, nobody(), "startup-too-slow", "liveness-probe-kills").at(a.first("startupProbe"), a.first("startupProbe.failureThreshold"))
		}},
		{Name: "b1-unready-and-nobody-says-why", Family: "readiness-probe", World: "voltgrid", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			for _, p := range a.Pods {
				a.unready(p, onset())
			}
			c.unread("Event")
			return c.fails(a, nobody(), "pods-not-ready").at(a.whole(), missing("v1", "Pod", "pricing", "forecast-*", ""))
		}},
		{Name: "b1-scaled-to-zero-and-the-autoscaler-sleeps", Family: "scaling", World: "voltgrid", Gateways: []string{"istio", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			c.scaler("tariffs", 5, autoscalingv2.ScalingActive, "False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")
			a.scale(0)
			a.empty()
			c.Changed(a.Deployment, "kubectl-scale", `{"f:spec":{"f:replicas":{}}}`)
			return c.fails(a, nobody(), "no-replicas").at(field(a.Deployment, "spec.replicas"))
		}},
		{Name: "b1-liveness-command-missing", Family: "liveness-probe", World: "medihub", Gateways: []string{"traefik", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].LivenessProbe.ProbeHandler = corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/grpc_health_probe", "-addr=:8000"}}}
			})
			a.crash("Error", 137, "", 8)
			a.notes("Warning", "Unhealthy", `Liveness probe failed: OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/grpc_health_probe": stat /bin/grpc_health_probe: no such file or directory: unknown`, 24)
			a.notes("Normal", "Killing", "Container visits failed liveness probe, will be restarted", 8)
			return c.fails(a, nobody(), "liveness-probe-kills").at(a.first("livenessProbe.exec.command"), a.first("livenessProbe"))
		}},
		{Name: "b1-registry-rate-limits", Family: "image", World: "voltgrid", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("ingest")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "docker.io/voltgrid/ingest:1.9.4" })
			a.waiting("ErrImagePull", `failed to pull and unpack image "docker.io/voltgrid/ingest:1.9.4": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/voltgrid/ingest/manifests/sha256:ab12: 429 Too Many Requests - toomanyrequests: You have reached your unauthenticated pull rate limit`)
			return c.fails(a, nobody(), "image-pull", "bad-rollout").at(a.first("image"), a.spec("imagePullSecrets"))
		}},
	}
}
