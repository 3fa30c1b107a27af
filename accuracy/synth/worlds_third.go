package synth

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// city is a transport company's cluster: Spring applications in two namespaces, three labels, agents on every node.
func city() world {
	return world{
		name: "transit", namespace: "city-web", host: "go.transit.example", pods: "10.20",
		nodes: []string{"aks-main-31-vmss000000", "aks-main-31-vmss000001", "aks-main-31-vmss000002", "aks-spot-77-vmss00000a"},
		apps: []spec{
			{name: "site", path: "/", port: 8080, replicas: 2},
			{name: "maps", path: "/maps", port: 3333, replicas: 2},
			{name: "trips", namespace: "city-core", path: "/api/trips", port: 8080, replicas: 3, env: []corev1.EnvVar{{Name: "SPRING_PROFILES_ACTIVE", Value: "prod"}}},
			{name: "tickets", namespace: "city-core", path: "/api/tickets", port: 8181, replicas: 2, env: []corev1.EnvVar{{Name: "FARES_URI", Value: "http://fares.city-core:80"}}},
			{name: "live", namespace: "city-core", path: "/live", port: 9001, replicas: 2},
			{name: "fares", namespace: "city-core", port: 7575, replicas: 2},
		},
		labels: func(app string) (labels, selector map[string]string) {
			return map[string]string{"app.kubernetes.io/name": app, "app.kubernetes.io/component": "server", "team": "mobility"},
				map[string]string{"app.kubernetes.io/name": app, "app.kubernetes.io/component": "server"}
		},
		style: func(s *corev1.PodSpec) {
			x := &s.Containers[0]
			x.Image = "registry.transit.example/mobility/" + x.Name + ":2026.05.2"
			x.ReadinessProbe.HTTPGet.Path, x.LivenessProbe.HTTPGet.Path = "/actuator/health/readiness", "/actuator/health/liveness"
			x.ReadinessProbe.HTTPGet.Port, x.LivenessProbe.HTTPGet.Port = intstr.FromString("http"), intstr.FromString("http")
			x.LivenessProbe.InitialDelaySeconds, x.ReadinessProbe.TimeoutSeconds = 60, 2
			x.Resources.Limits["cpu"], x.Resources.Limits["memory"] = resource.MustParse("2"), resource.MustParse("1Gi")
			s.ServiceAccountName = x.Name
		},
		noise: func(c *Cluster) {
			restarted(c.App("trips").Pods[2], 2, 3*24*time.Hour)
			c.daemon("kube-system", "kube-proxy", "mcr.microsoft.com/oss/kubernetes/kube-proxy:v1.33.3")
			c.daemon("kube-system", "csi-azuredisk-node", "mcr.microsoft.com/oss/kubernetes-csi/azuredisk-csi:v1.33.1")
			c.cordon("aks-spot-77-vmss00000a")
			c.doneJob("city-core", "gtfs-import-29312100")
			c.retired("kiosk-v1")
			c.budget(c.App("tickets"))
			c.sleepingClaim("city-web", "scratch")
		},
	}
}

// arcade is a game maker's cluster: Node.js servers in one namespace, no liveness probes, batch work that fails.
func arcade() world {
	return world{
		name: "arcade", namespace: "arcade", host: "play.arcade.example", pods: "100.64",
		nodes: []string{"talos-w1", "talos-w2", "talos-w3", "talos-w4"},
		apps: []spec{
			{name: "lobby", path: "/", port: 4000, replicas: 3},
			{name: "match", path: "/match", port: 4001, replicas: 2},
			{name: "scores", path: "/scores", port: 8000, replicas: 2, env: []corev1.EnvVar{{Name: "QUEUE_BROKERS", Value: "events:9092"}}},
			{name: "store", path: "/store", port: 5000, replicas: 2, env: []corev1.EnvVar{{Name: "WALLET_URL", Value: "http://wallet"}}},
			{name: "profile", path: "/profile", port: 8080, replicas: 2},
			{name: "wallet", port: 7000, replicas: 2},
		},
		labels: func(app string) (labels, selector map[string]string) {
			return map[string]string{"app": app, "track": "stable"}, map[string]string{"app": app}
		},
		style: func(s *corev1.PodSpec) {
			x := &s.Containers[0]
			x.Image = "harbor.arcade.example/games/" + x.Name + "@sha256:5f1c9a"
			x.Command = []string{"node", "server.js"}
			x.LivenessProbe = nil
			x.ReadinessProbe.ProbeHandler = corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("http")}}
		},
		noise: func(c *Cluster) {
			restarted(c.App("match").Pods[0], 9, 36*time.Hour)
			agents := c.daemon("monitoring-agents", "node-agent", "quay.io/agents/node:4")
			stuck := agents[3]
			c.breakPod(stuck, "CrashLoopBackOff")
			c.odd = append(c.odd, ref(stuck))
			c.scaler("lobby", 3, "ScalingLimited", "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
			c.evicted(c.App("profile"))
			c.failedJob("season-rollup-29311140")
			c.loops("telemetry-sink", "10.96.1.44")
			c.retired("lobby-preview")
		},
	}
}

// daemon makes a DaemonSet that runs well on every node, and gives its pods.
func (c *Cluster) daemon(ns, name, image string) []*unstructured.Unstructured {
	ds := c.yaml(fmt.Sprintf("{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: %[2]s, namespace: %[1]s, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {selector: {matchLabels: {k8s-app: %[2]s}}, template: {metadata: {labels: {k8s-app: %[2]s}}, spec: {hostNetwork: true, containers: [{name: %[2]s, image: '%[3]s'}]}}}, status: {desiredNumberScheduled: 4, currentNumberScheduled: 4, numberReady: 4, numberAvailable: 4}}", ns, name, image))
	var out []*unstructured.Unstructured
	for i, n := range c.nodes {
		out = append(out, c.yaml(fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: %[2]s-%[4]s, namespace: %[1]s, labels: {k8s-app: %[2]s}, creationTimestamp: '2026-05-01T00:00:00Z', ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: %[2]s, uid: %[5]s, controller: true}]}, spec: {hostNetwork: true, nodeName: %[6]s, containers: [{name: %[2]s, image: '%[3]s'}]}, status: {phase: Running, podIP: 10.0.0.%[7]d, hostIP: 10.0.0.%[7]d, conditions: [{type: PodScheduled, status: 'True'}, {type: Ready, status: 'True', lastTransitionTime: '2026-05-01T00:00:09Z'}], containerStatuses: [{name: %[2]s, image: '%[3]s', ready: true, started: true, state: {running: {startedAt: '2026-05-01T00:00:05Z'}}}]}}",
			ns, name, image, hashOf(name + n)[:5], ds.GetUID(), n, 11+i)))
	}
	return out
}

// daemonPod finds a DaemonSet's pod on a node.
func (c *Cluster) daemonPod(name, node string) *unstructured.Unstructured {
	for _, o := range c.objects {
		if p, ok := o.(*unstructured.Unstructured); ok && p.GetName() == name+"-"+hashOf(name + node)[:5] {
			return p
		}
	}
	panic("no pod of " + name) // a mistake in a recipe
}

// breakPod makes a pod of a DaemonSet wait.
func (c *Cluster) breakPod(p *unstructured.Unstructured, reason string) {
	status := p.Object["status"].(map[string]any)
	status["conditions"] = []any{map[string]any{"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": onset().Format(time.RFC3339)}}
	cs := status["containerStatuses"].([]any)[0].(map[string]any)
	cs["ready"], cs["restartCount"] = false, 41
	cs["state"] = map[string]any{"waiting": map[string]any{"reason": reason, "message": "back-off 5m0s restarting failed container"}}
	cs["lastState"] = map[string]any{"terminated": map[string]any{"exitCode": 1, "reason": "Error", "finishedAt": now().Add(-time.Minute).Format(time.RFC3339)}}
}

// doneJob leaves a Job over that completed.
func (c *Cluster) doneJob(ns, name string) {
	at := now().Add(-5 * time.Hour)
	j := &batchv1.Job{TypeMeta: tm("batch/v1", "Job"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, CreationTimestamp: stamp(at)}}
	j.Status.Succeeded = 1
	j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: "True", LastTransitionTime: stamp(at.Add(4 * time.Minute))}}
	c.add(j)
	yes := true
	c.add(&corev1.Pod{TypeMeta: tm("v1", "Pod"), ObjectMeta: metav1.ObjectMeta{Name: name + "-x7k2p", Namespace: ns, Labels: map[string]string{"job-name": name}, CreationTimestamp: stamp(at),
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: name, UID: j.UID, Controller: &yes}}},
		Spec: corev1.PodSpec{NodeName: c.nodes[1], RestartPolicy: "Never", Containers: []corev1.Container{{Name: "import", Image: "registry.transit.example/mobility/import:9"}}},
		Status: corev1.PodStatus{Phase: corev1.PodSucceeded, Conditions: []corev1.PodCondition{{Type: "Ready", Status: "False", Reason: "PodCompleted", LastTransitionTime: stamp(at.Add(4 * time.Minute))}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "import", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 0, Reason: "Completed", FinishedAt: stamp(at.Add(4 * time.Minute))}}}}}})
	c.odd = append(c.odd, ref(j))
}

// budget makes a PodDisruptionBudget that allows nothing.
func (c *Cluster) budget(a *App) {
	none := intstr.FromInt32(0)
	b := &policyv1.PodDisruptionBudget{TypeMeta: tm("policy/v1", "PodDisruptionBudget"), ObjectMeta: metav1.ObjectMeta{Name: a.Name, Namespace: a.Deployment.Namespace}, Spec: policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &none, Selector: a.Deployment.Spec.Selector}}
	b.Status = policyv1.PodDisruptionBudgetStatus{CurrentHealthy: 2, DesiredHealthy: 2, ExpectedPods: 2}
	c.add(b)
	c.odd = append(c.odd, ref(b))
}

// sleepingClaim waits for a first consumer that never comes.
func (c *Cluster) sleepingClaim(ns, name string) {
	class := "managed-csi"
	p := &corev1.PersistentVolumeClaim{TypeMeta: tm("v1", "PersistentVolumeClaim"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns}, Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}}
	c.add(p)
	c.event(p, "Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding", 900, old())
	c.odd = append(c.odd, ref(p))
}

// asStateful makes an app's workload a StatefulSet.
func (c *Cluster) asStateful(a *App) *appsv1.StatefulSet {
	d := a.Deployment
	ss := &appsv1.StatefulSet{TypeMeta: tm("apps/v1", "StatefulSet"), ObjectMeta: metav1.ObjectMeta{Name: d.Name, Namespace: d.Namespace, Labels: d.Labels, Generation: 1}}
	ss.Spec = appsv1.StatefulSetSpec{Replicas: d.Spec.Replicas, Selector: d.Spec.Selector, Template: d.Spec.Template, ServiceName: d.Name, PodManagementPolicy: appsv1.OrderedReadyPodManagement}
	c.add(ss)
	c.drop(d)
	for _, rs := range a.Sets {
		c.drop(rs)
	}
	yes := true
	for i, p := range a.Pods {
		p.Name = fmt.Sprintf("%s-%d", ss.Name, i)
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: ss.Name, UID: ss.UID, Controller: &yes}}
	}
	return ss
}
