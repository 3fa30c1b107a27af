package synth

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// secondBatch was written after what the first one had shown was mended, mostly after the kinds of problems that public
// benchmarks pose, and by somebody who knew much of package diagnose by then.
func secondBatch() []Recipe {
	return slices.Concat(twoPods(), twoApps(), twoRoutes(), twoMesh(), twoFaults(), twoControls())
}

func twoPods() []Recipe {
	return []Recipe{
		{Name: "b2-node-that-never-was", Family: "scheduling", World: "medihub", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.NodeSelector = map[string]string{"kubernetes.io/hostname": "ip-10-1-200-1.ec2.internal"}
			})
			a.pending("0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "unschedulable").at(a.spec("nodeSelector"), a.spec("nodeSelector['kubernetes.io/hostname']"))
		}},
		{Name: "b2-sidecar-takes-the-port", Family: "crash", World: "voltgrid", Gateways: []string{"envoy-gateway", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[1].Ports[0].ContainerPort = 8090 })
			a.crash("Error", 1, "", 9)
			a.previousLog(`level=fatal msg="cannot listen" err="listen tcp :8090: bind: address already in use"`)
			return c.fails(a, nobody(), "container-crashloop", "bad-rollout").at(a.spec("containers[1].ports[0].containerPort"), a.spec("containers[1].ports"), a.spec("containers[0]"), a.spec("containers[1]"), a.whole())
		}},
		{Name: "b2-claim-of-another-name", Family: "storage", World: "medihub", Gateways: []string{"traefik", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			c.yaml("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: billing-archive, namespace: care-prod, creationTimestamp: '2026-04-01T00:00:00Z'}, spec: {storageClassName: gp3, accessModes: [ReadWriteOnce], volumeName: pvc-1}, status: {phase: Bound}}")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "archive", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "billing-archives"}}}}
			})
			a.pending(`0/4 nodes are available: persistentvolumeclaim "billing-archives" not found. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.`)
			return c.fails(a, nobody(), "volume-unavailable").at(a.spec("volumes[0].persistentVolumeClaim.claimName"), a.spec("volumes[0]"), missing("v1", "PersistentVolumeClaim", "care-prod", "billing-archives", ""))
		}},
		{Name: "b2-wrong-use-of-the-binary", Family: "crash", World: "medihub", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Command = []string{"/bin/patients", "migrate"}
			})
			a.crash("Completed", 0, "", 11)
			a.log("migrations are up to date")
			return c.fails(a, nobody(), "container-crashloop", "bad-rollout").at(a.first("command"), a.first("command[1]"), a.spec("containers[0]"), a.whole())
		}},
		{Name: "b2-preempted-by-batch-work", Family: "eviction", World: "voltgrid", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			for _, p := range a.Pods {
				c.event(p, "Normal", "Preempted", "Preempted by pod 9b1f on node "+p.Spec.NodeName, 1, onset())
			}
			a.empty()
			a.pods(2, onset().Add(5*time.Second))
			for _, p := range a.Pods {
				p.Name = p.Name[:len(p.Name)-2] + "zz"
				p.Name += p.Name[len(p.Name)-4 : len(p.Name)-2]
			}
			a.Pods[1].Name += "q"
			a.pending("0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu. preemption: 0/4 nodes are available: 1 Preemption is not helpful for scheduling, 3 No preemption victims found for incoming pod.")
			return c.fails(a, nobody(), "pod-evicted", "unschedulable").at(a.spec("priorityClassName"), a.whole())
		}},
		{Name: "b2-taint-put-on-all-nodes", Family: "scheduling", World: "medihub", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			for _, n := range c.nodes {
				node := c.Node(n)
				node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: "dedicated", Value: "radiology", Effect: corev1.TaintEffectNoSchedule})
			}
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "ghcr.io/medihub/visits:5.12.4" })
			a.pending("0/4 nodes are available: 4 node(s) had untolerated taint {dedicated: radiology}. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.")
			return c.fails(a, nobody(), "unschedulable").at(a.spec("tolerations"), missing("v1", "Node", "", "ip-*", "spec.taints"), a.whole())
		}},
		{Name: "b2-key-of-the-secret-renamed", Family: "config-missing", World: "medihub", Gateways: []string{"envoy-gateway", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			s := c.yaml("{apiVersion: v1, kind: Secret, metadata: {name: billing-keys, namespace: care-prod}, type: Opaque, data: {signing.pem: UkVEQUNURUQ=}}")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "keys", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "billing-keys", Items: []corev1.KeyToPath{{Key: "private.pem", Path: "private.pem"}}}}}}
			})
			a.creating("FailedMount", `MountVolume.SetUp failed for volume "keys" : references non-existent secret key: private.pem`)
			return c.fails(a, nobody(), "config-missing").at(a.spec("volumes[0].secret.items[0].key"), a.spec("volumes[0].secret"), a.spec("volumes[0]"), a.spec("volumes[0].secret.items[0]"), field(s, "data['private.pem'] (missing)"), field(s, ""))
		}},
		{Name: "b2-probe-is-not-let-in", Family: "readiness-probe", World: "voltgrid", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("ingest")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].ReadinessProbe.HTTPGet.Path = "/admin/status"
			})
			a.probing("HTTP probe failed with statuscode: 401")
			return c.fails(a, nobody(), "readiness-probe-misconfigured").at(a.first("readinessProbe.httpGet.path"), a.first("readinessProbe"))
		}},
		{Name: "b2-probe-command-too-slow", Family: "readiness-probe", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].ReadinessProbe.ProbeHandler = corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/app/ready", "--deep"}}}
			})
			a.probing(`command "/app/ready --deep" timed out`)
			return c.fails(a, nobody(), "readiness-probe-too-tight").at(a.first("readinessProbe.timeoutSeconds"), a.first("readinessProbe"))
		}},
		{Name: "b2-default-limit-of-the-namespace", Family: "resources", World: "medihub", Gateways: []string{"istio", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			l := c.yaml("{apiVersion: v1, kind: LimitRange, metadata: {name: defaults, namespace: care-prod}, spec: {limits: [{type: Container, default: {memory: 32Mi}, defaultRequest: {memory: 32Mi}}]}}")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Resources = corev1.ResourceRequirements{} })
			for _, p := range a.Pods {
				p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("32Mi")}
			}
			a.crash("OOMKilled", 137, "", 8)
			return c.fails(a, nobody(), "oom-killed").at(field(l, "spec.limits[0].default.memory"), field(l, "spec.limits"), a.first("resources.limits.memory"), a.first("resources"), field(l, "spec.limits[0].default"))
		}},
		{Name: "b2-init-of-a-reckless-rollout", Family: "init", World: "voltgrid", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			all := intstr.FromString("100%")
			a.Deployment.Spec.Strategy.RollingUpdate.MaxUnavailable = &all
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{{Name: "migrate", Image: "europe-docker.pkg.dev/voltgrid/apps/readings-migrate:2.0.0", Args: []string{"up"}}}
			})
			a.initFails(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 2m40s restarting failed container=migrate"}},
				corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", FinishedAt: stamp(now().Add(-time.Minute))}}, 7)
			return c.fails(a, nobody(), "init-blocked", "bad-rollout").at(a.spec("initContainers[0]"), a.whole())
		}},
		{Name: "b2-kubelet-dead-under-two-of-three", Family: "node", World: "medihub", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			n := c.Node(c.nodes[1])
			for i := range n.Status.Conditions {
				n.Status.Conditions[i].Status, n.Status.Conditions[i].Reason, n.Status.Conditions[i].Message = "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."
				n.Status.Conditions[i].LastTransitionTime, n.Status.Conditions[i].LastHeartbeatTime = stamp(onset()), stamp(onset().Add(-40*time.Second))
			}
			n.Spec.Taints = []corev1.Taint{{Key: "node.kubernetes.io/unreachable", Effect: corev1.TaintEffectNoExecute}}
			c.event(n, "Normal", "NodeNotReady", "Node "+n.Name+" status is now: NodeNotReady", 1, onset())
			var lost string
			for p := range c.pods {
				if p.Spec.NodeName == n.Name {
					a.condition(p, corev1.PodReady, "", "", onset())
					if p.Labels["app"] == "patients" {
						lost = a.address(p)
					}
				}
			}
			c.settle()
			o := dropped()
			o.upstream = lost
			c.between(a, o, onset().Add(-38*time.Second), 36*time.Second, 14)
			c.traffic(a, fine(), 40)
			c.elsewhere(a)
			return c.wrong(a, 503, "node-not-ready", "node-termination-race").at(field(n, "status.conditions[type=Ready]"), field(n, ""))
		}},
		{Name: "b2-gateway-out-of-memory", Family: "gateway-pods", World: "medihub", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			c.front.everywhere(func(s *corev1.PodSpec) { s.Containers[0].Resources.Limits["memory"] = resource.MustParse("48Mi") })
			c.front.crash("OOMKilled", 137, "", 12)
			c.settle()
			return Answer{Causes: ids("proxy-not-running", "oom-killed"), App: c.App("portal"), Sees: 0}.at(c.front.first("resources.limits.memory"), c.front.whole())
		}},
	}
}

func twoApps() []Recipe {
	return []Recipe{
		{Name: "b2-variable-set-twice", Family: "app-config", World: "medihub", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Env = append(t.Spec.Containers[0].Env, corev1.EnvVar{Name: "NOTIFY_ADDR", Value: "http://localhost:6000"})
			})
			a.log(repeat(4, `{"level":"error","msg":"reminder failed","err":"Post \"http://localhost:6000/send\": dial tcp 127.0.0.1:6000: connect: connection refused","status":503}`)...)
			return c.fails(a, app503(), "app-misconfigured", "bad-rollout").at(a.first("env[NOTIFY_ADDR].value"), a.first("env[NOTIFY_ADDR]"), a.first("env[2].value"), a.first("env"))
		}},
		{Name: "b2-failure-flag-is-on", Family: "app-error", World: "voltgrid", Gateways: []string{"envoy-gateway", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("forecast")
			a.log(repeat(4, `{"severity":"ERROR","message":"forecast failed: Feature Flag 'forecastFailure' enabled","path":"/v2/forecast/items","status":500}`)...)
			return c.partly(a, app500(), 20, "app-error", "app-misconfigured", "fault-injection-active").at(a.whole())
		}},
		{Name: "b2-cache-is-full", Family: "dependency", World: "voltgrid", Gateways: []string{"nginx", "istio"}, Break: func(c *Cluster) Answer {
			a, dep := c.App("readings"), c.App("meter-cache")
			dep.Service.Spec.Ports[0].Port = 6379
			a.SetEnv(corev1.EnvVar{Name: "REDIS_ADDR", Value: "meter-cache:6379"})
			a.log(repeat(4, `level=error msg="cache write failed" err="OOM command not allowed when used memory > 'maxmemory'." status=500`)...)
			return c.fails(a, app500(), "dependency-unavailable", "app-error").dependency(c, dep).at(dep.whole(), field(dep.Service, ""), a.whole())
		}},
		{Name: "b2-rights-in-the-database-revoked", Family: "app-dependency", World: "medihub", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			a.log(repeat(4, `{"level":"error","msg":"find failed","err":"(Unauthorized) not authorized on patients to execute command { find: \"visits\" }","status":500}`)...)
			return c.fails(a, app500(), "dependency-unavailable", "app-misconfigured").at(a.whole(), c.database.whole(), field(c.database.Service, ""))
		}},
		{Name: "b2-asks-a-public-resolver", Family: "dns", World: "medihub", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.DNSPolicy, t.Spec.DNSConfig = corev1.DNSNone, &corev1.PodDNSConfig{Nameservers: []string{"8.8.8.8"}}
			})
			a.log(repeat(4, `{"level":"error","msg":"reminder failed","err":"dial tcp: lookup notify on 8.8.8.8:53: no such host","status":503}`)...)
			return c.fails(a, app503(), "dns-resolution-failed", "bad-rollout").at(a.spec("dnsPolicy"), a.spec("dnsConfig"), a.spec("dnsConfig.nameservers"))
		}},
		{Name: "b2-database-claim-lost", Family: "dependency", World: "medihub", Gateways: []string{"istio", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("patients")
			c.database.pending(`0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.`)
			for _, o := range c.objects {
				if p, ok := o.(*corev1.PersistentVolumeClaim); ok && p.Name == "data-records-db" {
					p.Status.Phase, p.Spec.VolumeName = corev1.ClaimPending, ""
					class := "gp3-encrypted"
					p.Spec.StorageClassName = &class
					c.event(p, "Warning", "ProvisioningFailed", `storageclass.storage.k8s.io "gp3-encrypted" not found`, 40, onset())
				}
			}
			a.log(repeat(4, `{"level":"error","msg":"query failed","err":"dial tcp `+c.database.Service.Spec.ClusterIP+`:5432: connect: connection refused","status":500}`)...)
			return c.fails(a, app500(), "volume-unavailable").dependency(c, c.database).at(missing("v1", "PersistentVolumeClaim", "care-prod", "data-records-db", "spec.storageClassName"), missing("storage.k8s.io/v1", "StorageClass", "", "gp3-encrypted", ""))
		}},
		{Name: "b2-chaos-of-names", Family: "chaos", World: "voltgrid", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("readings")
			x := c.yaml("{apiVersion: chaos-mesh.org/v1alpha1, kind: DNSChaos, metadata: {name: readings-dns, namespace: metering}, spec: {action: error, mode: all, patterns: ['tariffs.*'], selector: {namespaces: [metering], labelSelectors: {app.kubernetes.io/name: readings}}}, status: {conditions: [{type: AllInjected, status: 'True'}]}}")
			a.log(repeat(4, `{"severity":"ERROR","message":"price lookup failed: Get \"http://tariffs.pricing.svc.cluster.local:80/price\": dial tcp: lookup tariffs.pricing.svc.cluster.local on 10.96.0.10:53: no such host","status":503}`)...)
			return c.fails(a, app503(), "fault-injection-active").at(field(x, ""), field(x, "spec"))
		}},
	}
}
