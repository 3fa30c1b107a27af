package synth

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// clinic is a hospital's cluster: one namespace, short labels, probes by the port's name.
func clinic() world {
	return world{
		name: "medihub", namespace: "care-prod", host: "portal.medihub.example", pods: "172.20",
		nodes: []string{"ip-10-1-12-7.ec2.internal", "ip-10-1-40-91.ec2.internal", "ip-10-1-77-3.ec2.internal", "ip-10-1-99-20.ec2.internal"},
		apps: []spec{
			{name: "portal", path: "/", port: 3000, replicas: 2},
			{name: "patients", path: "/api/patients", port: 8080, replicas: 3, env: []corev1.EnvVar{{Name: "DB_HOST", Value: "records-db"}, {Name: "DB_PORT", Value: "5432"}}},
			{name: "visits", path: "/api/visits", port: 8000, replicas: 2, env: []corev1.EnvVar{{Name: "NOTIFY_ADDR", Value: "http://notify:80"}, {Name: "PATIENTS_ADDR", Value: "http://patients:80"}}},
			{name: "billing", path: "/api/billing", port: 9000, replicas: 2},
			{name: "pharmacy", path: "/api/pharmacy", port: 7000, replicas: 2},
			{name: "notify", port: 6000, replicas: 1},
		},
		labels: func(app string) (labels, selector map[string]string) {
			return map[string]string{"app": app}, map[string]string{"app": app}
		},
		style: func(s *corev1.PodSpec) {
			x := &s.Containers[0]
			x.Image = "ghcr.io/medihub/" + x.Name + ":5.12.0"
			x.ReadinessProbe.HTTPGet.Path, x.ReadinessProbe.HTTPGet.Port, x.ReadinessProbe.PeriodSeconds = "/readyz", intstr.FromString("http"), 5
			x.LivenessProbe.HTTPGet.Path, x.LivenessProbe.HTTPGet.Port, x.LivenessProbe.InitialDelaySeconds = "/livez", intstr.FromString("http"), 15
			x.Lifecycle = nil
			s.TerminationGracePeriodSeconds = nil
		},
		noise: func(c *Cluster) {
			restarted(c.App("billing").Pods[1], 4, 6*24*time.Hour)
			db := c.stateful("records-db", 5432, "pvc-9d1c")
			c.odd = append(c.odd, ref(db))
			c.loops("claims-importer", "10.96.1.41")
			c.waitsForGPU("scan-upscaler")
			c.retired("billing-beta")
			c.failedJob("nightly-reconcile-29312280")
		},
	}
}

// grid is an energy company's cluster: several namespaces, Helm's labels, a sidecar in each pod.
func grid() world {
	return world{
		name: "voltgrid", namespace: "metering", host: "api.voltgrid.example", pods: "192.168",
		nodes: []string{"gke-prod-pool-1-0a7c", "gke-prod-pool-1-44bd", "gke-prod-pool-2-91ef", "gke-prod-spot-7720"},
		apps: []spec{
			{name: "frontdoor", path: "/", port: 8088, replicas: 2},
			{name: "readings", path: "/v2/readings", port: 8081, replicas: 3, env: []corev1.EnvVar{{Name: "TARIFFS_BASE_URL", Value: "http://tariffs.pricing.svc.cluster.local:80"}}},
			{name: "ingest", path: "/v2/ingest", port: 4100, replicas: 2},
			{name: "tariffs", namespace: "pricing", path: "/v2/tariffs", port: 8090, replicas: 2},
			{name: "forecast", namespace: "pricing", path: "/v2/forecast", port: 8501, replicas: 2},
			{name: "meter-cache", port: 6379, replicas: 1},
		},
		labels: func(app string) (labels, selector map[string]string) {
			selector = map[string]string{"app.kubernetes.io/name": app, "app.kubernetes.io/instance": "vg-" + app}
			return map[string]string{"app.kubernetes.io/name": app, "app.kubernetes.io/instance": "vg-" + app, "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/version": "1.9.3", "helm.sh/chart": app + "-0.14.2"}, selector
		},
		style: func(s *corev1.PodSpec) {
			x := &s.Containers[0]
			x.Image = "europe-docker.pkg.dev/voltgrid/apps/" + x.Name + ":1.9.3"
			x.ReadinessProbe.HTTPGet.Path, x.LivenessProbe.HTTPGet.Path = "/healthz/ready", "/healthz/live"
			x.ReadinessProbe.TimeoutSeconds = 3
			s.Containers = append(s.Containers, corev1.Container{Name: "log-shipper", Image: "cr.fluentbit.io/fluent/fluent-bit:4.0.7", Ports: []corev1.ContainerPort{{Name: "metrics", ContainerPort: 2020, Protocol: "TCP"}}})
		},
		noise: func(c *Cluster) {
			restarted(c.App("tariffs").Pods[0], 7, 11*24*time.Hour)
			c.cordon("gke-prod-spot-7720")
			c.scaler("ingest", 2, "ScalingActive", "False", "FailedGetResourceMetric", "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API")
			c.evicted(c.App("forecast"))
			c.retired("readings-v1")
			for _, p := range c.App("frontdoor").Pods[:1] { // of a rollout that is over
				e := c.event(p, "Warning", "Unhealthy", `Readiness probe failed: Get "http://192.168.1.5:8088/healthz/ready": dial tcp 192.168.1.5:8088: connect: connection refused`, 3, now().Add(-54*time.Minute))
				e.LastTimestamp = stamp(now().Add(-53 * time.Minute))
			}
			c.failedJob("tariff-sync-29311100")
		},
	}
}

// stateful makes a database that works: a StatefulSet's pod, its claim and its headless Service.
func (c *Cluster) stateful(name string, port int32, volume string) *metav1.PartialObjectMetadata {
	a := c.app(name, "", port, 1)
	c.apps = c.apps[:len(c.apps)-1]
	class, ns := "gp3", c.world.namespace
	c.add(&storagev1.StorageClass{TypeMeta: tm("storage.k8s.io/v1", "StorageClass"), ObjectMeta: metav1.ObjectMeta{Name: class, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}}, Provisioner: "ebs.csi.aws.com"})
	c.add(&corev1.PersistentVolumeClaim{TypeMeta: tm("v1", "PersistentVolumeClaim"), ObjectMeta: metav1.ObjectMeta{Name: "data-" + name, Namespace: ns},
		Spec:   corev1.PersistentVolumeClaimSpec{StorageClassName: &class, VolumeName: volume, AccessModes: []corev1.PersistentVolumeAccessMode{"ReadWriteOnce"}},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}})
	a.everywhere(func(s *corev1.PodSpec) {
		s.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-" + name}}}}
		s.Containers[0].Image, s.Containers[0].Ports[0].Name = "docker.io/library/postgres:17.2", "db"
		probe := corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(port)}}
		s.Containers[0].ReadinessProbe.ProbeHandler, s.Containers[0].LivenessProbe.ProbeHandler = probe, probe
	})
	a.Service.Spec.Ports[0].Name, a.Service.Spec.Ports[0].Port = "db", port
	c.database = a
	return &metav1.PartialObjectMetadata{TypeMeta: a.Deployment.TypeMeta, ObjectMeta: a.Deployment.ObjectMeta}
}

// waitsForGPU adds batch work that waits since yesterday.
func (c *Cluster) waitsForGPU(name string) {
	a := c.app(name, "", 9999, 1)
	c.apps = c.apps[:len(c.apps)-1]
	c.drop(a.Service)
	a.pending("0/4 nodes are available: 4 Insufficient nvidia.com/gpu. preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod.")
	c.odd = append(c.odd, ref(a.Deployment))
}

// retired leaves a Service over whose workload is gone, and which nothing uses.
func (c *Cluster) retired(name string) {
	svc := &corev1.Service{TypeMeta: tm("v1", "Service"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: c.world.namespace}, Spec: corev1.ServiceSpec{
		Type: "ClusterIP", ClusterIP: "10.96.1.90", Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Name: "http", Port: 80, Protocol: "TCP", TargetPort: intstr.FromInt32(8080)}},
	}}
	c.add(svc)
	c.odd = append(c.odd, ref(svc))
}

// failedJob leaves a Job over that failed yesterday.
func (c *Cluster) failedJob(name string) {
	at := now().Add(-26 * time.Hour)
	j := &batchv1.Job{TypeMeta: tm("batch/v1", "Job"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: c.world.namespace, CreationTimestamp: stamp(at)}}
	j.Status.Failed = 3
	j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: "True", Reason: "BackoffLimitExceeded", Message: "Job has reached the specified backoff limit", LastTransitionTime: stamp(at.Add(10 * time.Minute))}}
	c.add(j)
	yes := true
	p := &corev1.Pod{TypeMeta: tm("v1", "Pod"), ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%s", name, hashOf(name)[:5]), Namespace: c.world.namespace, Labels: map[string]string{"job-name": name}, CreationTimestamp: stamp(at),
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: name, UID: j.UID, Controller: &yes}}},
		Spec:   corev1.PodSpec{NodeName: c.nodes[0], RestartPolicy: "Never", Containers: []corev1.Container{{Name: "job", Image: "ghcr.io/tools/batch:1"}}},
		Status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{Name: "job", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error", FinishedAt: stamp(at.Add(9 * time.Minute))}}}}}}
	c.add(p)
	c.odd = append(c.odd, ref(j))
}
