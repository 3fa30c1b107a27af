package synth

import (
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// world is a company: its cluster's names, and the habits that they tell of.
type world struct {
	name      string // of its Ingress, Gateway's certificate and so on
	namespace string // of most apps
	host      string
	pods      string // the first two numbers of its pods' addresses
	nodes     []string
	apps      []spec
	labels    func(app string) (labels, selector map[string]string)
	style     func(*corev1.PodSpec) // how its containers are written
	noise     func(*Cluster)        // what is odd in every real cluster and hurts nobody
}

// spec is one of a world's apps.
type spec struct {
	name, namespace, path string
	port, replicas        int32
	env                   []corev1.EnvVar
}

// namespaces lists those of the apps.
func (w world) namespaces() []string {
	out := []string{w.namespace}
	for _, a := range w.apps {
		if a.namespace != "" && !slices.Contains(out, a.namespace) {
			out = append(out, a.namespace)
		}
	}
	return out
}

func worldOf(name string) world {
	for _, w := range []world{clinic(), grid(), city(), arcade()} {
		if w.name == name {
			return w
		}
	}
	return shop()
}

// The shop's namespace and host, which its recipes name.
const (
	namespace = "store"
	host      = "shop.example.org"
)

func shop() world {
	return world{
		name: "shop", namespace: namespace, host: host, pods: "10.244", nodes: []string{"node-a", "node-b", "node-c", "node-d"},
		apps: []spec{
			{name: "web", path: "/", port: 3000, replicas: 2},
			{name: "cart", path: "/cart", port: 7070, replicas: 2, env: []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}}},
			{name: "catalog", path: "/catalog", port: 8080, replicas: 3},
			{name: "checkout", path: "/checkout", port: 5050, replicas: 2, env: []corev1.EnvVar{{Name: "PAYMENTS_URL", Value: "http://payments:80"}}},
			{name: "payments", port: 8443, replicas: 2},
			{name: "search", path: "/search", port: 9200, replicas: 2},
		},
		labels: func(app string) (labels, selector map[string]string) {
			return map[string]string{"app.kubernetes.io/name": app, "app.kubernetes.io/part-of": "shop"}, map[string]string{"app.kubernetes.io/name": app}
		},
		noise: shopNoise,
	}
}

func shopNoise(c *Cluster) {
	catalog := c.App("catalog")
	restarted(catalog.Pods[0], 4, 5*24*time.Hour)
	c.loops("mailer", "10.96.1.40")
	c.cordon("node-d")
	c.scaler("catalog", 3, "ScalingLimited", "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
	c.evicted(c.App("checkout"))
}

// restarted: a pod's container died often, but long ago.
func restarted(p *corev1.Pod, times int32, ago time.Duration) {
	p.Status.ContainerStatuses[0].RestartCount = times
	p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: stamp(now().Add(-ago))}
}

// loops adds a crash loop that no route leads to.
func (c *Cluster) loops(name, ip string) {
	a := c.appIn("batch", name, "", 8025, 1)
	c.apps = c.apps[:len(c.apps)-1]
	a.Service.Spec.ClusterIP = ip
	a.crash("Error", 1, "", 61)
	c.odd = append(c.odd, ref(a.Deployment))
}

func (c *Cluster) cordon(name string) {
	n := c.Node(name)
	n.Spec.Unschedulable = true
	n.Spec.Taints = []corev1.Taint{{Key: "node.kubernetes.io/unschedulable", Effect: corev1.TaintEffectNoSchedule}}
	c.odd = append(c.odd, model.Ref{APIVersion: "v1", Kind: "Node", Name: name})
}

// scaler adds an autoscaler that says something of itself.
func (c *Cluster) scaler(name string, most int32, condition autoscalingv2.HorizontalPodAutoscalerConditionType, status corev1.ConditionStatus, reason, message string) *autoscalingv2.HorizontalPodAutoscaler {
	a := c.App(name)
	h := &autoscalingv2.HorizontalPodAutoscaler{TypeMeta: tm("autoscaling/v2", "HorizontalPodAutoscaler")}
	h.Name, h.Namespace = name, a.Deployment.Namespace
	h.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: most, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name}}
	h.Status = autoscalingv2.HorizontalPodAutoscalerStatus{CurrentReplicas: *a.Deployment.Spec.Replicas, DesiredReplicas: *a.Deployment.Spec.Replicas,
		Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: condition, Status: status, Reason: reason, Message: message}}}
	c.add(h)
	c.odd = append(c.odd, ref(h))
	return h
}

// evicted leaves a pod over that was evicted days ago.
func (c *Cluster) evicted(a *App) {
	gone := a.Pods[0].DeepCopy()
	gone.Name, gone.UID = gone.Name[:len(gone.Name)-5]+"evict", ""
	gone.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: ephemeral-storage."}
	gone.CreationTimestamp = stamp(now().Add(-9 * 24 * time.Hour))
	c.add(gone)
}
