package synth

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// fifthBatch are those of the fifth and sixth batch that were not understood at first. The batches themselves changed
// clusters that somebody else had made, with faults of public benchmarks; these are the same faults in our worlds.
func fifthBatch() []Recipe { return append(fiveRoutes(), fivePods()...) }

func fiveRoutes() []Recipe {
	return []Recipe{
		{Name: "b5-class-of-before-in-the-annotation", Family: "ingress-class", World: "arcade", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			c.front.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Args = []string{"/nginx-ingress-controller", "--controller-class=k8s.io/ingress-nginx", "--ingress-class=nginx"}
			})
			i := c.own(a)
			i.Spec.IngressClassName, i.Status = nil, networkingv1.IngressStatus{}
			i.Annotations = map[string]string{"kubernetes.io/ingress.class": "nginx-old"}
			return c.away(a, "ingress-class-missing").at(field(i, "metadata.annotations['kubernetes.io/ingress.class']"), field(i, "spec.ingressClassName"))
		}},
		{Name: "b5-authorisation-has-no-endpoint", Family: "ingress-auth", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			i := c.own(a)
			i.Annotations = map[string]string{"nginx.ingress.kubernetes.io/auth-url": "http://sso-proxy.sso.svc.cluster.local/auth"}
			c.add(nsOf("sso"))
			sso := c.side("sso", "sso-proxy", 4180)
			sso.empty()
			ip := sso.Service.Spec.ClusterIP
			c.settle()
			c.says(nginxError,
				`TIME [error] 41#41: *77 connect() failed (111: Connection refused) while connecting to upstream, client: 198.51.100.7, server: go.transit.example, request: "GET /api/tickets/items HTTP/2.0", subrequest: "/_external-auth-L2FwaS90aWNrZXRz-Prefix", upstream: "http://`+ip+`:80/auth", host: "go.transit.example"`,
				`TIME [error] 41#41: *77 auth request unexpected status: 502 while sending to client, client: 198.51.100.7, server: go.transit.example, request: "GET /api/tickets/items HTTP/2.0", host: "go.transit.example"`)
			key := c.gatewayLog()
			for k := range 12 {
				c.logs[key] = append(c.logs[key], `198.51.100.7 - - [`+at(1, 2).Add(time.Duration(k)*100*time.Millisecond).Format("02/Jan/2006:15:04:05 +0000")+`] "GET /api/tickets/items HTTP/2.0" 500 170 "-" "okhttp/4.12.0" 412 0.004 [city-core-tickets-http] [] - - - - 0af1`)
			}
			c.elsewhere(a)
			answer := c.wrong(a, 500, "auth-backend-failing")
			return answer.at(field(i, "metadata.annotations['nginx.ingress.kubernetes.io/auth-url']"), field(sso.Service, ""))
		}},
		{Name: "b5-name-without-endpoints", Family: "external-name", World: "arcade", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("profile")
			a.empty()
			c.drop(a.Deployment)
			for _, rs := range a.Sets {
				c.drop(rs)
			}
			a.Service.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "profiles.arcade.internal", Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}
			return c.fails(a, nobody(), "externalname-bad").at(field(a.Service, "spec.externalName"))
		}},
		{Name: "b5-another-workload-in-the-selector", Family: "service-selector", World: "arcade", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("lobby")
			worker := c.side("arcade", "lobby-indexer", 4001)
			for k, v := range a.Service.Spec.Selector {
				worker.Deployment.Spec.Template.Labels[k] = v
				for _, p := range worker.Pods {
					p.Labels[k] = v
				}
			}
			c.drop(worker.Service)
			worker.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Ports, s.Containers[0].ReadinessProbe, s.Containers[0].LivenessProbe = nil, nil, nil
			})
			c.settle()
			for k, up := range a.upstreams() {
				o := fine()
				if strings.HasPrefix(up, worker.Pods[0].Status.PodIP+":") {
					o = refused()
				}
				o.upstream = up
				c.between(a, o, onset().Add(time.Duration(k)*time.Second), 8*time.Minute, 14)
			}
			c.elsewhere(a)
			return c.wrong(a, 502, "selector-overmatch").at(field(a.Service, "spec.selector"), field(worker.Deployment, "spec.template.metadata.labels"))
		}},
		{Name: "b5-policy-admits-the-right-port", Family: "service-port", World: "transit", Gateways: []string{"nginx", "envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			c.yaml("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: maps, namespace: city-web, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {podSelector: {matchLabels: {app.kubernetes.io/name: maps}}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 3333, protocol: TCP}]}]}}")
			a.Service.Spec.Ports[0].TargetPort = intstr.FromInt32(3334)
			return c.fails(a, dropped(), "target-port-mismatch").at(field(a.Service, "spec.ports[0].targetPort"))
		}},
		{Name: "b5-server-listens-where-its-file-says", Family: "service-port", World: "arcade", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("profile")
			cm := c.yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: profile-site, namespace: arcade}, data: {default.conf: \"server {\\n  listen 8181;\\n}\\n\"}}")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Volumes = append(s.Volumes, corev1.Volume{Name: "site", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "profile-site"}}}})
				s.Containers[0].ReadinessProbe, s.Containers[0].LivenessProbe = nil, nil
			})
			return c.fails(a, refused(), "target-port-mismatch", "app-misconfigured").at(field(a.Service, "spec.ports[0].targetPort"), field(cm, "data['default.conf']"), field(cm, "data"))
		}},
		{Name: "b5-policy-checks-another-name", Family: "upstream-tls", World: "transit", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("tickets")
			c.yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: city-ca, namespace: city-core}, data: {ca.crt: x}}")
			p := c.yaml("{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {name: tickets, namespace: city-core}, spec: {targetRefs: [{group: '', kind: Service, name: tickets}], validation: {hostname: tickets.old.example, caCertificateRefs: [{group: '', kind: ConfigMap, name: city-ca}]}}}")
			a.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].ReadinessProbe.HTTPGet.Scheme, s.Containers[0].LivenessProbe.HTTPGet.Scheme = "HTTPS", "HTTPS"
			})
			o := badTLS()
			o.words = "CERTIFICATE_VERIFY_FAILED:verify cert failed: SAN matcher"
			return c.fails(a, o, "tls-sni-mismatch").at(field(p, "spec.validation.hostname"), field(p, "spec.validation"))
		}},
	}
}

func fivePods() []Recipe {
	return []Recipe{
		{Name: "b5-slow-check-in-the-app-s-words", Family: "readiness-probe", World: "medihub", Gateways: []string{"istio", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("billing")
			a.probing(`Readiness probe failed: Get "http://POD_IP:9000/readyz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`)
			a.log("INFO  health check completed status=UP in 1384ms", "INFO  health check completed status=UP in 1421ms")
			return c.fails(a, nobody(), "readiness-probe-too-tight").at(a.first("readinessProbe.timeoutSeconds"), a.first("readinessProbe"))
		}},
		{Name: "b5-no-setting-names-the-database", Family: "app-dependency", World: "medihub", Gateways: []string{"nginx", "traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("pharmacy")
			for range 6 {
				a.log(`ERROR psycopg.OperationalError: FATAL: password authentication failed for user "pharmacy"`)
			}
			return c.fails(a, app500(), "app-misconfigured", "dependency-unavailable").at(a.whole(), a.first("env"), field(c.database.Service, ""), field(c.database.Deployment, ""))
		}},
		{Name: "b5-cache-is-full", Family: "app-dependency", World: "voltgrid", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a, cache := c.App("readings"), c.App("meter-cache")
			a.SetEnv(corev1.EnvVar{Name: "CACHE_ADDR", Value: "meter-cache:80"})
			for range 6 {
				a.log("ERROR ReplyError: OOM command not allowed when used memory > 'maxmemory'. script: none")
			}
			return c.fails(a, app500(), "dependency-unavailable").dependency(c, cache).at(cache.whole(), field(cache.Service, ""))
		}},
		{Name: "b5-a-setting-that-leads-nowhere-hurts-nobody", Family: "startup", World: "arcade", Gateways: []string{"traefik"}, Break: func(c *Cluster) Answer {
			a := c.App("match")
			a.SetEnv(corev1.EnvVar{Name: "KAFKA_BROKERS", Value: "events-kafka:9092"})
			all := intstr.FromString("100%")
			a.Deployment.Spec.Strategy.RollingUpdate.MaxUnavailable = &all
			rolled := now().Add(-90 * time.Second)
			a.rolloutAt(rolled, func(t *corev1.PodTemplateSpec) {
				t.Spec.Containers[0].ReadinessProbe = nil
				t.Spec.Containers[0].Image += "-next"
			})
			c.settle()
			c.between(a, refused(), rolled.Add(7*time.Second), 30*time.Second, 14)
			c.between(a, fine(), rolled.Add(42*time.Second), 40*time.Second, 14)
			c.elsewhere(a)
			return c.wrong(a, 502, "readiness-probe-missing").at(a.first("readinessProbe"), a.spec("containers[0]"))
		}},
		{Name: "b5-volume-for-one-pod-only", Family: "storage", World: "arcade", Gateways: []string{"envoy-gateway"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			pvc := &corev1.PersistentVolumeClaim{TypeMeta: tm("v1", "PersistentVolumeClaim"), ObjectMeta: metav1.ObjectMeta{Name: "store-shared", Namespace: "arcade"},
				Spec:   corev1.PersistentVolumeClaimSpec{VolumeName: "pvc-77", AccessModes: []corev1.PersistentVolumeAccessMode{"ReadWriteOncePod"}},
				Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}
			c.add(pvc)
			a.reckless(func(t *corev1.PodTemplateSpec) {
				t.Spec.Volumes = []corev1.Volume{{Name: "shared", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "store-shared"}}}}
			})
			a.pending("0/4 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode. preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod.")
			return c.fails(a, nobody(), "volume-unavailable", "unschedulable").at(field(pvc, "spec.accessModes"), a.spec("volumes[0].persistentVolumeClaim.claimName"), a.spec("volumes"), a.spec("volumes[0]"))
		}},
		{Name: "b5-no-replicasets-in-the-dump", Family: "partial", World: "medihub", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("visits")
			a.dies("Error", 1, "")
			c.unread("ReplicaSet", "Event", "EndpointSlice")
			return c.fails(a, nobody(), "container-crashloop", "bad-rollout").at(a.spec("containers[0]"), a.first("image"), a.spec(""), a.whole())
		}},
	}
}
