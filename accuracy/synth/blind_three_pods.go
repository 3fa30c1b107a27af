package synth

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func threePods() []Recipe {
	return []Recipe{
		{Name: "b3-first-of-a-stateful-set-dies", Family: "crash", World: "arcade", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("match")
			ss := c.asStateful(a)
			c.drop(a.Pods[1])
			a.Pods = a.Pods[:1]
			ss.Status.Replicas, ss.Status.UpdatedReplicas = 1, 1
			a.crash("Error", 78, "", 14)
			a.previousLog("Error: invalid shard count: MATCH_SHARDS must be a power of two", "    at loadConfig (/app/config.js:41:11)", "    at Object.<anonymous> (/app/server.js:9:16)")
			answer := c.fails(a, nobody(), "container-crashloop", "app-misconfigured")
			return answer.at(field(ss, ""))
		}},
		{Name: "b3-daemon-set-for-nodes-that-are-gone", Family: "scheduling", World: "arcade", Gateways: []string{"ngf", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			a.empty()
			c.drop(a.Deployment)
			for _, rs := range a.Sets {
				c.drop(rs)
			}
			ds := c.yaml("{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: lobby, namespace: arcade, creationTimestamp: '2026-03-01T00:00:00Z', generation: 3}, spec: {selector: {matchLabels: {app: lobby}}, template: {metadata: {labels: {app: lobby, track: stable}}, spec: {nodeSelector: {pool: edge}, containers: [{name: lobby, image: 'harbor.arcade.example/games/lobby@sha256:5f1c9a', ports: [{name: http, containerPort: 4000}]}]}}}, status: {desiredNumberScheduled: 0, currentNumberScheduled: 0, numberReady: 0, observedGeneration: 3}}")
			answer := c.fails(a, nobody(), "unschedulable", "no-replicas")
			return answer.at(field(ds, "spec.template.spec.nodeSelector"), field(ds, "spec.template.spec.nodeSelector.pool"), field(ds, ""))
		}},
		{Name: "b3-flags-of-another-name", Family: "config-missing", World: "transit", Gateways: []string{"kong", "haproxy"}, Break: func(c *Cluster) Answer {
			a := c.App("live")
			c.yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: live-feature-flags, namespace: city-core, creationTimestamp: '2026-05-01T00:00:00Z'}, data: {FAST_POLL: 'true'}}")
			all := intstr.FromString("100%")
			a.Deployment.Spec.Strategy.RollingUpdate.MaxUnavailable = &all
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "live-flags"}}}}
			})
			a.waiting("CreateContainerConfigError", `configmap "live-flags" not found`)
			a.notes("Warning", "Failed", `Error: configmap "live-flags" not found`, 58)
			return c.fails(a, nobody(), "config-missing", "bad-rollout").at(a.first("envFrom[0].configMapRef.name"), a.first("envFrom[0].configMapRef"), a.first("envFrom[0]"), missing("v1", "ConfigMap", "city-core", "live-flags", ""))
		}},
		{Name: "b3-vault-has-no-such-secret", Family: "storage", World: "transit", Gateways: []string{"agic", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			all := intstr.FromString("100%")
			a.Deployment.Spec.Strategy.RollingUpdate.MaxUnavailable = &all
			c.yaml("{apiVersion: secrets-store.csi.x-k8s.io/v1, kind: SecretProviderClass, metadata: {name: tickets-kv, namespace: city-core, creationTimestamp: '2026-05-01T00:00:00Z'}, spec: {provider: azure}}")
			ro := true
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "kv", VolumeSource: corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "secrets-store.csi.k8s.io", ReadOnly: &ro, VolumeAttributes: map[string]string{"secretProviderClass": "tickets-kv"}}}}}
				t.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "kv", MountPath: "/mnt/kv", ReadOnly: true}}
			})
			a.creating("FailedMount", `MountVolume.SetUp failed for volume "kv" : rpc error: code = Unknown desc = failed to mount secrets store objects for pod city-core/tickets, err: rpc error: code = Unknown desc = failed to mount objects, error: failed to get objectType:secret, objectName:tickets-signing-key, objectVersion:: GET https://city-kv.vault.azure.net/secrets/tickets-signing-key/ RESPONSE 404: 404 Not Found ERROR CODE: SecretNotFound`)
			return c.fails(a, nobody(), "volume-unavailable", "config-missing").at(a.spec("volumes[0].csi"), a.spec("volumes[0]"), missing("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", "city-core", "tickets-kv", ""), a.spec("volumes[0].csi.volumeAttributes"))
		}},
		{Name: "b3-nodes-are-full-of-pods", Family: "scheduling", World: "arcade", Gateways: []string{"gke", "nginx-inc"}, Break: func(c *Cluster) Answer {
			a := c.App("profile")
			all := intstr.FromString("100%")
			a.Deployment.Spec.Strategy.RollingUpdate.MaxUnavailable = &all
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "harbor.arcade.example/games/profile@sha256:77aa01"
			})
			a.pending("0/4 nodes are available: 4 Too many pods. preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod.")
			return c.fails(a, nobody(), "unschedulable").at(a.whole(), missing("v1", "Node", "", "talos-*", ""))
		}},
		{Name: "b3-paused-at-zero-by-the-scaler", Family: "scaling", World: "transit", Gateways: []string{"nginx-inc", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			so := c.yaml("{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: trips, namespace: city-core, creationTimestamp: '2026-04-01T00:00:00Z', annotations: {autoscaling.keda.sh/paused-replicas: '0'}}, spec: {scaleTargetRef: {name: trips}, minReplicaCount: 2, maxReplicaCount: 12}, status: {conditions: [{type: Ready, status: 'True'}, {type: Active, status: 'False'}, {type: Paused, status: 'True', message: 'ScaledObject is paused'}]}}")
			a.scale(0)
			a.empty()
			c.event(a.Deployment, "Normal", "ScalingReplicaSet", "Scaled down replica set "+a.Sets[1].Name+" from 3 to 0", 1, onset())
			return c.fails(a, nobody(), "no-replicas").at(field(a.Deployment, "spec.replicas"), field(so, "metadata.annotations['autoscaling.keda.sh/paused-replicas']"), field(so, ""))
		}},
		{Name: "b3-init-cannot-log-in-to-git", Family: "init", World: "arcade", Gateways: []string{"ngf", "haproxy"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			all := intstr.FromString("100%")
			a.Deployment.Spec.Strategy.RollingUpdate.MaxUnavailable = &all
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{{Name: "fetch-catalogue", Image: "registry.k8s.io/git-sync/git-sync:v4.4.2", Args: []string{"--repo=https://git.arcade.example/catalogue.git", "--one-time"}}}
			})
			a.initFails(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 2m40s restarting failed container=fetch-catalogue"}},
				corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: stamp(now().Add(-70 * time.Second))}}, 7)
			for _, p := range a.Pods[:1] {
				c.logs[p.Name+"_fetch-catalogue"] = []string{`{"logger":"","ts":"2026-06-10 09:28:50.118","caller":{"file":"main.go","line":892},"level":0,"msg":"too many failures, aborting","error":"Run(git fetch): exit status 128: { stdout: \"\", stderr: \"fatal: Authentication failed for 'https://git.arcade.example/catalogue.git/'\" }"}`}
			}
			return c.fails(a, nobody(), "init-blocked", "bad-rollout").at(a.spec("initContainers[0]"), a.whole())
		}},
		{Name: "b3-health-group-asks-the-broker", Family: "readiness-shared", World: "transit", Gateways: []string{"nginx", "contour"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			mq := c.side("city-core", "rabbitmq", 5672)
			ss := c.asStateful(mq)
			zero := int32(0)
			ss.Spec.Replicas = &zero
			mq.empty()
			mq.Service.Spec.Ports = []corev1.ServicePort{{Name: "amqp", Port: 5672, Protocol: "TCP", TargetPort: intstr.FromInt32(5672)}}
			a.SetEnv(corev1.EnvVar{Name: "SPRING_RABBITMQ_HOST", Value: "rabbitmq"})
			a.probing("HTTP probe failed with statuscode: 503")
			a.log(repeat(5, `WARN 1 --- [nio-8181-exec-7] o.s.b.a.amqp.RabbitHealthIndicator : Rabbit health check failed org.springframework.amqp.AmqpConnectException: java.net.ConnectException: Connection refused`)...)
			answer := c.fails(a, nobody(), "no-replicas", "readiness-depends-on-other", "dependency-unavailable").dependency(c, a)
			return answer.at(field(ss, "spec.replicas"), field(ss, ""), a.whole(), a.first("readinessProbe"))
		}},
		{Name: "b3-policy-demands-an-owner", Family: "admission", World: "transit", Gateways: []string{"traefik", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			a.Rollout(func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].Image = "registry.transit.example/mobility/trips:2026.06.0"
			})
			k := c.yaml("{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: K8sRequiredLabels, metadata: {name: pods-must-have-owner}, spec: {match: {kinds: [{apiGroups: [''], kinds: [Pod]}]}, parameters: {labels: [{key: owner}]}}}")
			a.rejected(`admission webhook "validation.gatekeeper.sh" denied the request: [pods-must-have-owner] you must provide labels: {"owner"}`)
			return c.fails(a, nobody(), "admission-rejected").at(field(a.Deployment, "spec.template.metadata.labels"), a.whole(), field(k, ""), missing("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "gatekeeper*", ""))
		}},
		{Name: "b3-subnet-has-no-address-left", Family: "sandbox", World: "medihub", Gateways: []string{"alb", "nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			a.Rollout(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "ghcr.io/medihub/visits:5.12.9" })
			ds := c.daemon("kube-system", "aws-node", "602401143452.dkr.ecr.eu-central-1.amazonaws.com/amazon-k8s-cni:v1.19.6")
			a.creating("FailedCreatePodSandBox", `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "8c1f": plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container`)
			return c.fails(a, nobody(), "sandbox-failed", "cni-datapath-fault").at(a.whole(), missing("apps/v1", "DaemonSet", "kube-system", "aws-node", ""), missing("v1", "Node", "", "ip-*", ""), field(ds[0], ""))
		}},
	}
}

func threeProtocols() []Recipe {
	return []Recipe{
		{Name: "b3-old-tls-only", Family: "upstream-tls", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS", "nginx.ingress.kubernetes.io/proxy-ssl-protocols": "TLSv1.1"}
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].ReadinessProbe.HTTPGet.Scheme, s.Containers[0].LivenessProbe.HTTPGet.Scheme = "HTTPS", "HTTPS"
			})
			o := badTLS()
			o.words = "SSL_do_handshake() failed (SSL: error:0A00042E:SSL routines::tlsv1 alert protocol version:SSL alert number 70) while SSL handshaking to upstream"
			return c.fails(a, o, "tls-version-mismatch").at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/proxy-ssl-protocols']"))
		}},
		{Name: "b3-upgrade-is-not-passed-on", Family: "upstream-protocol", World: "transit", Gateways: []string{"nginx-inc"}, Break: func(c *Cluster) Answer {
			a := c.App("live")
			i := c.own(a)
			a.log(repeat(6, `{"level":"warn","msg":"upgrade failed","err":"websocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header","status":400}`)...)
			c.settle()
			c.traffic(a, outcome{kind: "app", status: 400, took: 3 * time.Millisecond}, 24)
			c.elsewhere(a)
			return c.wrong(a, 400, "websocket-upgrade-failed").at(field(i, "metadata.annotations['nginx.org/websocket-services']"), field(i, "metadata.annotations"), field(i, ""))
		}},
		{Name: "b3-tls-policy-on-a-plain-port", Family: "upstream-tls", World: "arcade", Gateways: []string{"envoy-gateway", "ngf"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			p := c.yaml("{apiVersion: gateway.networking.k8s.io/v1alpha3, kind: BackendTLSPolicy, metadata: {name: store, namespace: arcade}, spec: {targetRefs: [{group: '', kind: Service, name: store}], validation: {hostname: store.arcade.svc, wellKnownCACertificates: System}}, status: {ancestors: [{ancestorRef: {name: public}, controllerName: " + c.gateway.controller + ", conditions: [{type: Accepted, status: 'True', reason: Accepted}]}]}}")
			return c.fails(a, badTLS(), "tls-backend-mismatch").at(field(p, "spec.targetRefs[0]"), field(p, "spec.targetRefs"), field(p, "spec"), field(p, ""))
		}},
		{Name: "b3-certificate-of-the-backend-has-another-name", Family: "upstream-tls", World: "transit", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("trips")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].ReadinessProbe.HTTPGet.Scheme, s.Containers[0].LivenessProbe.HTTPGet.Scheme = "HTTPS", "HTTPS"
			})
			p := c.yaml("{apiVersion: gateway.networking.k8s.io/v1alpha3, kind: BackendTLSPolicy, metadata: {name: trips, namespace: city-core}, spec: {targetRefs: [{group: '', kind: Service, name: trips}], validation: {hostname: trips.internal, caCertificateRefs: [{group: '', kind: ConfigMap, name: mesh-ca}]}}}")
			c.yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: mesh-ca, namespace: city-core, creationTimestamp: '2026-01-01T00:00:00Z'}, data: {ca.crt: REDACTED}}")
			answer := c.fails(a, outcome{kind: "tls", took: 4 * time.Millisecond}, "certificate-invalid", "tls-sni-mismatch")
			for k, lines := range c.logs {
				for i := range lines {
					lines[i] = strings.NewReplacer("WRONG_VERSION_NUMBER:", "CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_verify_SAN_list:").Replace(lines[i])
				}
				c.logs[k] = lines
			}
			return answer.at(field(p, "spec.validation.hostname"), field(p, "spec.validation"), field(p, ""))
		}},
		{Name: "b3-cookies-outgrow-the-buffer", Family: "header", World: "transit", Gateways: []string{"nginx-inc", "kong"}, Break: func(c *Cluster) Answer {
			a := c.App("site")
			c.own(a)
			return c.partly(a, bigHeader(), 30, "upstream-header-too-big").at(field(a.Ingress, "metadata.annotations"), field(a.Ingress, ""), a.whole(), c.front.whole(), missing("v1", "ConfigMap", c.gateway.namespace, "*", ""))
		}},
		{Name: "b3-http2-promised-for-an-old-server", Family: "upstream-protocol", World: "arcade", Gateways: []string{"envoy-gateway", "istio"}, Break: func(c *Cluster) Answer {
			a := c.App("scores")
			h2c := "kubernetes.io/h2c"
			a.Service.Spec.Ports[0].AppProtocol = &h2c
			c.Changed(a.Service, "helm", `{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{"f:appProtocol":{}}}}}`)
			a.log(repeat(5, `[WARNING] Invalid request from ip=100.64.1.7: Invalid HTTP Version: (2, 0)`)...)
			return c.fails(a, outcome{kind: "protocol", took: 2 * time.Millisecond}, "grpc-h2c-mismatch").at(field(a.Service, "spec.ports[0].appProtocol"), field(a.Service, "spec.ports[0]"))
		}},
		{Name: "b3-balancer-sends-proxy-headers", Family: "proxy-protocol", World: "medihub", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("portal")
			c.front.Service.Annotations = map[string]string{"service.beta.kubernetes.io/aws-load-balancer-type": "external", "service.beta.kubernetes.io/aws-load-balancer-proxy-protocol": "*"}
			c.Changed(c.front.Service, "kubectl-annotate", `{"f:metadata":{"f:annotations":{"f:service.beta.kubernetes.io/aws-load-balancer-proxy-protocol":{}}}}`)
			cm := c.yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: ingress-nginx-controller, namespace: ingress-nginx, creationTimestamp: '2026-02-01T00:00:00Z'}, data: {proxy-body-size: 8m}}")
			c.settle()
			c.says("02/Jan/2006:15:04:05 +0000", repeat(16, `10.1.40.91 - - [TIME] "PROXY TCP4 198.51.100.20 10.1.12.7 51022 443" 400 150 "-" "-" 0 0.001 [] [] - - - - 4f1de0ff4f1de0ff4f1de0ff4f1de0ff`)...)
			return Answer{Causes: ids("proxy-protocol-mismatch"), App: a, Sees: 400}.at(field(c.front.Service, "metadata.annotations['service.beta.kubernetes.io/aws-load-balancer-proxy-protocol']"), field(cm, "data.use-proxy-protocol"), field(cm, ""), field(cm, "data"))
		}},
	}
}
