package synth

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
)

func quota(name string, hard corev1.ResourceList) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{TypeMeta: tm("v1", "ResourceQuota"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Spec: corev1.ResourceQuotaSpec{Hard: hard}, Status: corev1.ResourceQuotaStatus{Hard: hard, Used: hard}}
}

// inContainer answers with the app's Deployment at a field of its container.
func (c *Cluster) inContainer(a *App, o outcome, path string, causes ...model.CauseID) Answer {
	return c.fails(a, o, causes...).at(field(a.Deployment, "spec.template.spec.containers[0]."+path))
}

// availability: no pod stands behind the Service, or none that its probes call ready.
func availability() []Recipe {
	return []Recipe{
		{Name: "scaled-to-zero", Family: "scaling", Break: func(c *Cluster) Answer {
			a := c.App("catalog")
			zero := int32(0)
			a.Deployment.Spec.Replicas, a.Sets[1].Spec.Replicas = &zero, &zero
			for _, p := range a.Pods {
				c.drop(p)
			}
			a.Pods = nil
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", fmt.Sprintf("Scaled down replica set %s from 3 to 0", a.Sets[1].Name), 1, onset())
			return c.fails(a, nobody(), "no-replicas").at(field(a.Deployment, "spec.replicas"))
		}},
		{Name: "readiness-path-wrong", Family: "readiness-probe", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].ReadinessProbe.HTTPGet.Path = "/health/ready" })
			a.probing("HTTP probe failed with statuscode: 404")
			return c.inContainer(a, nobody(), "readinessProbe.httpGet.path", "readiness-probe-misconfigured")
		}},
		{Name: "readiness-port-wrong", Family: "readiness-probe", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].ReadinessProbe.HTTPGet.Port = intstr.FromInt32(8081)
			})
			a.probing(`Get "http://10.244.1.9:8081/healthz": dial tcp 10.244.1.9:8081: connect: connection refused`)
			return c.inContainer(a, nobody(), "readinessProbe.httpGet.port", "readiness-probe-misconfigured")
		}},
		{Name: "readiness-command-wrong", Family: "readiness-probe", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].ReadinessProbe.ProbeHandler = corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"curl", "-f", "localhost:7070/healthz"}}}
			})
			a.probing(`error: rpc error: code = Unknown desc = failed to exec in container: OCI runtime exec failed: exec failed: unable to start container process: exec: "curl": executable file not found in $PATH`)
			return c.inContainer(a, nobody(), "readinessProbe.exec.command", "readiness-probe-misconfigured")
		}},
		{Name: "readiness-timeout-tight", Family: "readiness-probe", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				p := t.Spec.Containers[0].ReadinessProbe
				p.TimeoutSeconds, p.PeriodSeconds, p.FailureThreshold = 1, 1, 1
			})
			a.probing(`Get "http://10.244.1.9:9200/healthz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`)
			a.log(`level=info msg="request" path=/healthz status=200 took=1.42s`, `level=info msg="request" path=/healthz status=200 took=1.61s`, `level=info msg="request" path=/healthz status=200 took=1.38s`)
			answer := c.inContainer(a, nobody(), "readinessProbe.timeoutSeconds", "readiness-probe-too-tight")
			return answer.at(answer.Object, field(a.Deployment, "spec.template.spec.containers[0].readinessProbe"))
		}},
		{Name: "liveness-path-wrong", Family: "liveness-probe", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].LivenessProbe.HTTPGet.Path = "/livez" })
			a.crash("Error", 137, "", 9)
			for _, p := range a.Pods {
				c.event(p, "Warning", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404", 27, onset())
				c.event(p, "Normal", "Killing", "Container cart failed liveness probe, will be restarted", 9, onset())
			}
			answer := c.inContainer(a, nobody(), "livenessProbe.httpGet.path", "liveness-probe-kills")
			return answer.at(answer.Object, field(a.Deployment, "spec.template.spec.containers[0].livenessProbe"))
		}},
		{Name: "startup-slower-than-liveness", Family: "startup", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].LivenessProbe.InitialDelaySeconds, t.Spec.Containers[0].LivenessProbe.PeriodSeconds, t.Spec.Containers[0].LivenessProbe.FailureThreshold = 5, 5, 2
			})
			a.crash("Error", 143, "", 8)
			for _, p := range a.Pods {
				c.event(p, "Warning", "Unhealthy", `Liveness probe failed: Get "http://10.244.1.9:9200/healthz": dial tcp 10.244.1.9:9200: connect: connection refused`, 16, onset())
				c.event(p, "Normal", "Killing", "Container search failed liveness probe, will be restarted", 8, onset())
			}
			a.previousLog(`level=info msg="starting"`, `level=info msg="loading index" progress=12%`, `level=info msg="loading index" progress=34%`, `level=info msg="received SIGTERM while loading index"`)
			answer := c.inContainer(a, nobody(), "livenessProbe", "startup-too-slow", "liveness-probe-kills")
			return answer.at(answer.Object, field(a.Deployment, "spec.template.spec.containers[0].livenessProbe.initialDelaySeconds"), field(a.Deployment, "spec.template.spec.containers[0].startupProbe"))
		}},
	}
}

// start: the pods' containers are not made, or die.
func start() []Recipe {
	return []Recipe{
		{Name: "image-tag-missing", Family: "image", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "registry.example.org/checkout:2.5.0-rc9"
			})
			a.waiting("ImagePullBackOff", `Back-off pulling image "registry.example.org/checkout:2.5.0-rc9": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image: registry.example.org/checkout:2.5.0-rc9: not found`)
			for _, p := range a.Pods {
				c.event(p, "Warning", "Failed", `Failed to pull image "registry.example.org/checkout:2.5.0-rc9": rpc error: code = NotFound desc = not found`, 6, onset())
			}
			return c.inContainer(a, nobody(), "image", "image-pull", "bad-rollout")
		}},
		{Name: "image-other-architecture", Family: "image", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "registry.example.org/search:2.5.0-arm64"
			})
			a.crash("Error", 255, "", 7)
			a.previousLog("exec /usr/local/bin/search: exec format error")
			return c.inContainer(a, nobody(), "image", "image-pull", "bad-rollout")
		}},
		{Name: "pull-secret-missing", Family: "image", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "private.example.org/cart:2.5.0"
			})
			a.waiting("ImagePullBackOff", `Back-off pulling image "private.example.org/cart:2.5.0"`)
			for _, p := range a.Pods {
				c.event(p, "Warning", "Failed", `Failed to pull image "private.example.org/cart:2.5.0": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://private.example.org/token: 401 Unauthorized`, 6, onset())
			}
			answer := c.inContainer(a, nobody(), "image", "image-pull", "bad-rollout")
			return answer.at(answer.Object, field(a.Deployment, "spec.template.spec.imagePullSecrets"))
		}},
		{Name: "command-not-found", Family: "crash", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Command = []string{"/app/cart-server"} })
			a.crash("StartError", 128, `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/app/cart-server": stat /app/cart-server: no such file or directory: unknown`, 7)
			return c.inContainer(a, nobody(), "command", "container-crashloop", "bad-rollout")
		}},
		{Name: "env-variable-missing", Family: "crash", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Env = nil })
			a.crash("Error", 1, "", 8)
			a.previousLog(`level=info msg="starting checkout 2.4.1"`, `level=fatal msg="required environment variable PAYMENTS_URL is not set"`)
			answer := c.fails(a, nobody(), "container-crashloop", "app-misconfigured", "bad-rollout", "config-missing")
			return answer.at(answer.container("env"), field(a.Deployment, "spec.template.spec.containers[0]"), answer.container("env[PAYMENTS_URL]"))
		}},
		{Name: "configmap-missing", Family: "config-missing", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "search-settings"}}}}
			})
			a.waiting("CreateContainerConfigError", `configmap "search-settings" not found`)
			for _, p := range a.Pods {
				c.event(p, "Warning", "Failed", `Error: configmap "search-settings" not found`, 33, onset())
			}
			c.add(&corev1.ConfigMap{TypeMeta: tm("v1", "ConfigMap"), ObjectMeta: metav1.ObjectMeta{Name: "catalog-settings", Namespace: namespace}, Data: map[string]string{"A": "1"}})
			answer := c.fails(a, nobody(), "config-missing")
			return answer.at(missing("v1", "ConfigMap", namespace, "search-settings", "metadata.name (object missing)"), answer.container("envFrom[0].configMapRef.name"), answer.container("envFrom[0].configMapRef"), answer.container("envFrom[0]"), answer.container("envFrom"))
		}},
		{Name: "secret-volume-missing", Family: "config-missing", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "keys", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "cart-keys"}}}}
				t.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "keys", MountPath: "/keys"}}
			})
			a.creating("FailedMount", `MountVolume.SetUp failed for volume "keys" : secret "cart-keys" not found`)
			return c.fails(a, nobody(), "config-missing").at(missing("v1", "Secret", namespace, "cart-keys", "metadata.name (object missing)"), field(a.Deployment, "spec.template.spec.volumes[0].secret.secretName"), field(a.Deployment, "spec.template.spec.volumes[0].secret"), field(a.Deployment, "spec.template.spec.volumes[0]"), field(a.Deployment, "spec.template.spec.volumes"))
		}},
		{Name: "claim-missing", Family: "storage", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "search-data-v2"}}}}
				t.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
			})
			a.pending(`0/4 nodes are available: persistentvolumeclaim "search-data-v2" not found. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.`)
			return c.fails(a, nobody(), "volume-unavailable").at(missing("v1", "PersistentVolumeClaim", namespace, "search-data-v2", "metadata.name (object missing)"), field(a.Deployment, "spec.template.spec.volumes[0].persistentVolumeClaim.claimName"), field(a.Deployment, "spec.template.spec.volumes[0]"))
		}},
		{Name: "claim-pending", Family: "storage", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			class := "fast-ssd"
			pvc := &corev1.PersistentVolumeClaim{TypeMeta: tm("v1", "PersistentVolumeClaim"), ObjectMeta: metav1.ObjectMeta{Name: "cart-data", Namespace: namespace, CreationTimestamp: stamp(onset())}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{"ReadWriteOnce"}}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}}
			c.add(pvc)
			c.event(pvc, "Warning", "ProvisioningFailed", `storageclass.storage.k8s.io "fast-ssd" not found`, 40, onset())
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "cart-data"}}}}
			})
			a.pending("0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "volume-unavailable").at(field(pvc, "spec.storageClassName"), missing("storage.k8s.io/v1", "StorageClass", "", "fast-ssd", "metadata.name (object missing)"))
		}},
		{Name: "oom-killed", Family: "resources", Break: func(c *Cluster) Answer {
			a := c.App("search")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Resources.Limits["memory"] = resource.MustParse("24Mi")
				t.Spec.Containers[0].Resources.Requests["memory"] = resource.MustParse("24Mi")
			})
			a.crash("OOMKilled", 137, "", 7)
			answer := c.inContainer(a, nobody(), "resources.limits.memory", "oom-killed")
			return answer.at(answer.Object, answer.container("resources"))
		}},
	}
}

// placement: the pods find no node, or are not let into the cluster, or their node is lost.
func placement() []Recipe {
	return []Recipe{
		{Name: "request-too-large", Family: "scheduling", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Resources.Requests["memory"] = resource.MustParse("64Gi")
				t.Spec.Containers[0].Resources.Limits["memory"] = resource.MustParse("64Gi")
			})
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient memory. preemption: 0/4 nodes are available: 1 Preemption is not helpful for scheduling, 3 No preemption victims found for incoming pod.")
			answer := c.inContainer(a, nobody(), "resources.requests.memory", "unschedulable")
			return answer.at(answer.Object, answer.container("resources.requests"), answer.container("resources"))
		}},
		{Name: "node-selector-matches-nothing", Family: "scheduling", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.NodeSelector = map[string]string{"disktype": "nvme"} })
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "unschedulable").at(field(a.Deployment, "spec.template.spec.nodeSelector"), field(a.Deployment, "spec.template.spec.nodeSelector.disktype"))
		}},
		{Name: "taint-not-tolerated", Family: "scheduling", Break: func(c *Cluster) Answer {
			a := c.App("search")
			for _, n := range c.nodes[:3] {
				c.Node(n).Spec.Taints = []corev1.Taint{{Key: "dedicated", Value: "batch", Effect: corev1.TaintEffectNoSchedule}}
			}
			a.Rollout(func(*corev1.PodTemplateSpec) {})
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) had untolerated taint {dedicated: batch}. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "unschedulable").at(field(a.Deployment, "spec.template.spec.tolerations"), missing("v1", "Node", "", "node-[abc]", "spec.taints"), missing("v1", "Node", "", "node-[abc]", "spec.taints[0]"))
		}},
		{Name: "anti-affinity-deadlock", Family: "scheduling", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "kubernetes.io/os", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/part-of": "shop"}}}}}}
			})
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match pod anti-affinity rules. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "unschedulable").at(field(a.Deployment, "spec.template.spec.affinity.podAntiAffinity"), field(a.Deployment, "spec.template.spec.affinity"), field(a.Deployment, "spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]"), field(a.Deployment, "spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution"))
		}},
		{Name: "quota-used-up", Family: "admission", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			q := quota("store-quota", corev1.ResourceList{"requests.cpu": resource.MustParse("900m")})
			c.add(q)
			a.Rollout(func(*corev1.PodTemplateSpec) {})
			a.rejected(`pods "` + a.Sets[2].Name + `-x2x9z" is forbidden: exceeded quota: store-quota, requested: requests.cpu=100m, used: requests.cpu=900m, limited: requests.cpu=900m`)
			return c.fails(a, nobody(), "admission-rejected").at(field(q, "spec.hard"), field(q, "spec.hard['requests.cpu']"), field(q, "spec.hard.requests.cpu"))
		}},
		{Name: "pod-security-refuses", Family: "admission", Break: func(c *Cluster) Answer {
			a := c.App("search")
			yes := true
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes}
			})
			var ns *corev1.Namespace
			for _, o := range c.objects {
				if n, ok := o.(*corev1.Namespace); ok && n.Name == namespace {
					ns = n
					n.Labels["pod-security.kubernetes.io/enforce"] = "baseline"
				}
			}
			a.rejected(`pods "` + a.Sets[2].Name + `-x2x9z" is forbidden: violates PodSecurity "baseline:latest": privileged (container "search" must not set securityContext.privileged=true)`)
			answer := c.fails(a, nobody(), "admission-rejected")
			return answer.at(answer.container("securityContext.privileged"), answer.container("securityContext"), field(ns, "metadata.labels['pod-security.kubernetes.io/enforce']"), field(ns, "metadata.labels"))
		}},
		{Name: "service-account-missing", Family: "admission", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.ServiceAccountName = "cart-runner" })
			a.rejected(`pods "` + a.Sets[2].Name + `-" is forbidden: error looking up service account store/cart-runner: serviceaccount "cart-runner" not found`)
			return c.fails(a, nobody(), "admission-rejected", "pod-forbidden", "config-missing").at(field(a.Deployment, "spec.template.spec.serviceAccountName"), missing("v1", "ServiceAccount", namespace, "cart-runner", "metadata.name (object missing)"))
		}},
		{Name: "init-waits-for-ever", Family: "init", Break: func(c *Cluster) Answer {
			a := c.App("checkout")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{{Name: "wait-for-db", Image: "busybox:1.36", Command: []string{"sh", "-c", "until nc -z orders-db 5432; do sleep 2; done"}}}
			})
			for _, p := range a.Pods {
				p.Status.Phase = corev1.PodPending
				a.unready(p, onset())
				a.condition(p, corev1.PodInitialized, "ContainersNotInitialized", "containers with incomplete status: [wait-for-db]", onset())
				p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "wait-for-db", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: stamp(onset().Add(3 * time.Second))}}}}
				p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
			}
			key := a.Pods[0].Name + "_wait-for-db"
			c.logs[key] = []string{"nc: bad address 'orders-db'", "nc: bad address 'orders-db'", "nc: bad address 'orders-db'"}
			return c.fails(a, nobody(), "init-blocked").at(field(a.Deployment, "spec.template.spec.initContainers[0]"), field(a.Deployment, "spec.template.spec.initContainers[0].command"))
		}},
		{Name: "node-lost", Family: "node", Break: func(c *Cluster) Answer {
			a := c.App("cart")
			n := c.Node("node-b")
			for i := range n.Status.Conditions {
				n.Status.Conditions[i].Status, n.Status.Conditions[i].Reason, n.Status.Conditions[i].Message = "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."
				n.Status.Conditions[i].LastTransitionTime, n.Status.Conditions[i].LastHeartbeatTime = stamp(onset()), stamp(onset().Add(-40*time.Second))
			}
			n.Spec.Taints = []corev1.Taint{{Key: "node.kubernetes.io/unreachable", Effect: corev1.TaintEffectNoExecute}}
			c.event(n, "Normal", "NodeNotReady", "Node node-b status is now: NodeNotReady", 1, onset())
			a.everywhere(func(s *corev1.PodSpec) { s.NodeSelector = map[string]string{"kubernetes.io/hostname": "node-b"} })
			for _, p := range a.Pods {
				p.Spec.NodeName = "node-b"
			}
			for p := range c.pods {
				if p.Spec.NodeName == "node-b" {
					a.condition(p, corev1.PodReady, "", "", onset())
				}
			}
			return c.fails(a, nobody(), "node-not-ready").at(field(n, "status.conditions[type=Ready]"), field(a.Deployment, "spec.template.spec.nodeSelector"))
		}},
		{Name: "run-as-root-refused", Family: "sandbox", Break: func(c *Cluster) Answer {
			a := c.App("search")
			yes := true
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: &yes}
			})
			a.waiting("CreateContainerConfigError", `container has runAsNonRoot and image will run as root (pod: "search", container: search)`)
			return c.fails(a, nobody(), "sandbox-failed").at(field(a.Deployment, "spec.template.spec.securityContext.runAsNonRoot"), field(a.Deployment, "spec.template.spec.securityContext"))
		}},
	}
}
