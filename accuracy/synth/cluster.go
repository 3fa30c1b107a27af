package synth

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// Cluster is a snapshot in the making.
type Cluster struct {
	world   world
	gateway gateway
	apps    []*App
	objects []metav1.Object
	events  []*corev1.Event
	logs    map[string][]string // by POD_CONTAINER
	nextIP  map[string]int

	odd    []model.Ref // which hurts nobody
	hidden []string    // kinds that the dump lacks

	front, coredns *App
	database       *App // of the worlds that have one
	corefile       *corev1.ConfigMap
	tls            *corev1.Secret
	class          *networkingv1.IngressClass
	ingress        *networkingv1.Ingress
	gw             *gatewayv1.Gateway
	httpRoutes     map[string]*gatewayv1.HTTPRoute
	nodes          []string
	uids           int
}

// App is a Deployment of the shop with all that belongs to it.
type App struct {
	c          *Cluster
	Name       string
	Path       string // of its route; empty: no route leads to it
	Port       int32  // on which the container listens
	Deployment *appsv1.Deployment
	Sets       []*appsv1.ReplicaSet // newest last
	Pods       []*corev1.Pod
	Service    *corev1.Service
	Ingress    *networkingv1.Ingress
	RuleIndex  int // in the Ingress
}

// Container is the app's only container in its Deployment.
func (a *App) Container() *corev1.Container { return &a.Deployment.Spec.Template.Spec.Containers[0] }

func stamp(t time.Time) metav1.Time { return metav1.NewTime(t) }

// NewCluster makes a healthy world behind a gateway.
func NewCluster(w world, g gateway) *Cluster {
	c := &Cluster{world: w, gateway: g, logs: map[string][]string{}, nextIP: map[string]int{}, nodes: w.nodes}
	for _, n := range append([]string{"default", "kube-system", g.namespace, "batch"}, w.namespaces()...) {
		c.add(&corev1.Namespace{TypeMeta: tm("v1", "Namespace"), ObjectMeta: metav1.ObjectMeta{Name: n, Labels: map[string]string{"kubernetes.io/metadata.name": n}}, Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive}})
	}
	for i, n := range c.nodes {
		c.add(node(n, i))
	}
	c.dns()
	for _, s := range w.apps {
		a := c.appIn(or(s.namespace, w.namespace), s.name, s.path, s.port, s.replicas)
		for _, e := range s.env {
			a.SetEnv(e)
		}
	}
	c.gatewayPods()
	c.routes()
	w.noise(c)
	return c
}

func tm(version, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: version, Kind: kind}
}

func (c *Cluster) add(o metav1.Object) {
	c.uids++
	if o.GetUID() == "" {
		o.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", c.uids)))
	}
	if at := o.GetCreationTimestamp(); at.IsZero() {
		o.SetCreationTimestamp(stamp(old()))
	}
	o.SetResourceVersion(fmt.Sprint(700000 + c.uids))
	c.objects = append(c.objects, o)
}

// drop takes an object out.
func (c *Cluster) drop(o metav1.Object) {
	for i, x := range c.objects {
		if x == o {
			c.objects = append(c.objects[:i:i], c.objects[i+1:]...)
			return
		}
	}
}

// App finds an app by name.
func (c *Cluster) App(name string) *App {
	for _, a := range c.apps {
		if a.Name == name {
			return a
		}
	}
	panic("no app " + name) // a mistake in a recipe
}

func node(name string, i int) *corev1.Node {
	zone := string(rune('a' + i%3))
	n := &corev1.Node{TypeMeta: tm("v1", "Node"), ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "topology.kubernetes.io/zone": "eu-1" + zone,
	}}}
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("10.0.0.%d", 11+i)}}
	n.Status.Allocatable = corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("16Gi"), "pods": resource.MustParse("110")}
	n.Status.Capacity = n.Status.Allocatable
	for _, t := range []corev1.NodeConditionType{"MemoryPressure", "DiskPressure", "PIDPressure"} {
		n.Status.Conditions = append(n.Status.Conditions, corev1.NodeCondition{Type: t, Status: "False", Reason: "KubeletHasSufficient", LastTransitionTime: stamp(old()), LastHeartbeatTime: stamp(now().Add(-time.Minute))})
	}
	n.Status.Conditions = append(n.Status.Conditions, corev1.NodeCondition{Type: "Ready", Status: "True", Reason: "KubeletReady", Message: "kubelet is posting ready status", LastTransitionTime: stamp(old()), LastHeartbeatTime: stamp(now().Add(-time.Minute))})
	return n
}

// Node finds a node.
func (c *Cluster) Node(name string) *corev1.Node {
	for _, o := range c.objects {
		if n, ok := o.(*corev1.Node); ok && n.Name == name {
			return n
		}
	}
	panic("no node " + name)
}

// app makes a Deployment in its second revision with its ReplicaSets, pods and Service.
func (c *Cluster) app(name, path string, port int32, replicas int32) *App {
	return c.appIn(c.world.namespace, name, path, port, replicas)
}

func (c *Cluster) appIn(ns, name, path string, port, replicas int32) *App {
	labels, selector := c.world.labels(name)
	spec := corev1.PodSpec{
		Containers: []corev1.Container{{
			Name: name, Image: "registry.example.org/" + name + ":2.4.1", ImagePullPolicy: "IfNotPresent",
			Ports:          []corev1.ContainerPort{{Name: "http", ContainerPort: port, Protocol: "TCP"}},
			ReadinessProbe: probe("/healthz", port), LivenessProbe: probe("/healthz", port),
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("128Mi")}, Limits: corev1.ResourceList{"memory": resource.MustParse("256Mi")}},
			Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 15}}},
		}},
		ServiceAccountName: "default", DNSPolicy: "ClusterFirst", RestartPolicy: "Always",
	}
	grace := int64(45)
	spec.TerminationGracePeriodSeconds = &grace
	if c.world.style != nil {
		c.world.style(&spec)
	}
	a := &App{c: c, Name: name, Path: path, Port: port}
	quarter := intstr.FromString("25%")
	a.Deployment = &appsv1.Deployment{
		TypeMeta:   tm("apps/v1", "Deployment"),
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, Labels: labels, Generation: 2, Annotations: map[string]string{"deployment.kubernetes.io/revision": "2"}},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: selector},
			Strategy: appsv1.DeploymentStrategy{Type: "RollingUpdate", RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &quarter, MaxUnavailable: &quarter}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}
	c.add(a.Deployment)
	a.set(1, 0, old())
	a.Sets[0].Spec.Template.Spec.Containers[0].Image = "registry.example.org/" + name + ":2.4.0"
	a.set(2, replicas, now().Add(-6*24*time.Hour))
	a.pods(replicas, now().Add(-6*24*time.Hour))
	a.Service = &corev1.Service{TypeMeta: tm("v1", "Service"), ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, Labels: labels}, Spec: corev1.ServiceSpec{
		Type: "ClusterIP", ClusterIP: fmt.Sprintf("10.96.1.%d", 10+len(c.apps)), Selector: selector,
		Ports: []corev1.ServicePort{{Name: "http", Port: 80, Protocol: "TCP", TargetPort: intstr.FromInt32(port)}},
	}}
	c.add(a.Service)
	c.apps = append(c.apps, a)
	return a
}

func probe(path string, port int32) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port), Scheme: "HTTP"}}, PeriodSeconds: 10, TimeoutSeconds: 1, FailureThreshold: 3, SuccessThreshold: 1}
}

// set adds a ReplicaSet of the Deployment's template.
func (a *App) set(revision int, replicas int32, at time.Time) {
	yes := true
	hash := hashOf(fmt.Sprint(a.Name, revision))
	labels := map[string]string{"pod-template-hash": hash}
	for k, v := range a.Deployment.Spec.Template.Labels {
		labels[k] = v
	}
	rs := &appsv1.ReplicaSet{
		TypeMeta: tm("apps/v1", "ReplicaSet"),
		ObjectMeta: metav1.ObjectMeta{
			Name: a.Name + "-" + hash, Namespace: a.Deployment.Namespace, Labels: labels, CreationTimestamp: stamp(at), Generation: 1,
			Annotations:     map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(revision)},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: a.Name, UID: a.Deployment.UID, Controller: &yes, BlockOwnerDeletion: &yes}},
		},
		Spec: appsv1.ReplicaSetSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: *a.Deployment.Spec.Template.DeepCopy()},
	}
	rs.Spec.Template.Labels = labels
	a.c.add(rs)
	a.Sets = append(a.Sets, rs)
}

// pods makes ready pods of the newest ReplicaSet.
func (a *App) pods(n int32, at time.Time) {
	rs := a.Sets[len(a.Sets)-1]
	yes := true
	for range n {
		i := len(a.Pods)
		p := &corev1.Pod{
			TypeMeta: tm("v1", "Pod"),
			ObjectMeta: metav1.ObjectMeta{
				Name: rs.Name + "-" + hashOf(fmt.Sprint(rs.Name, i))[:5], Namespace: a.Deployment.Namespace, Labels: rs.Spec.Template.Labels, CreationTimestamp: stamp(at),
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: rs.Name, UID: rs.UID, Controller: &yes, BlockOwnerDeletion: &yes}},
			},
			Spec: *rs.Spec.Template.Spec.DeepCopy(),
		}
		p.Spec.NodeName = a.c.nodes[(len(a.c.apps)+i)%3] // the last one stays free
		a.c.add(p)
		a.Pods = append(a.Pods, p)
		a.ready(p, at.Add(8*time.Second))
	}
}

// ready writes the status of a pod that serves since a time.
func (a *App) ready(p *corev1.Pod, at time.Time) {
	if p.Status.PodIP == "" {
		a.c.nextIP[p.Spec.NodeName]++
		n := slices.Index(a.c.nodes, p.Spec.NodeName)
		p.Status.PodIP = fmt.Sprintf("%s.%d.%d", a.c.world.pods, 1+n, 4+a.c.nextIP[p.Spec.NodeName])
		p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
		p.Status.HostIP = fmt.Sprintf("10.0.0.%d", 11+n)
	}
	started := true
	start := stamp(at.Add(-6 * time.Second))
	p.Status.Phase, p.Status.StartTime = corev1.PodRunning, &start
	p.Status.Conditions = nil
	for _, t := range []corev1.PodConditionType{"PodScheduled", "Initialized", "ContainersReady", "Ready"} {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: t, Status: "True", LastTransitionTime: stamp(at)})
	}
	p.Status.ContainerStatuses = nil
	for _, c := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: c.Image, Ready: true, Started: &started,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: start}},
		})
	}
}

// hashOf makes the letters that Kubernetes would put behind a name.
func hashOf(s string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // never fails
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	sum, out := h.Sum64(), make([]byte, 9)
	for i := range out {
		out[i], sum = letters[sum%uint64(len(letters))], sum/uint64(len(letters))
	}
	return string(out)
}

// SetEnv sets an environment variable of the app, everywhere, as if it had always been so.
func (a *App) SetEnv(e corev1.EnvVar) {
	a.everywhere(func(s *corev1.PodSpec) { s.Containers[0].Env = append(s.Containers[0].Env, e) })
}

// everywhere changes the Deployment, its current ReplicaSet and its pods.
func (a *App) everywhere(f func(*corev1.PodSpec)) {
	f(&a.Deployment.Spec.Template.Spec)
	for _, rs := range a.Sets {
		f(&rs.Spec.Template.Spec)
	}
	for _, p := range a.Pods {
		f(&p.Spec)
	}
}

// Rollout changes the template: a new ReplicaSet at the onset, all pods replaced.
func (a *App) Rollout(f func(*corev1.PodTemplateSpec)) {
	a.rolloutAt(onset(), f)
}

func (a *App) rolloutAt(at time.Time, f func(*corev1.PodTemplateSpec)) {
	f(&a.Deployment.Spec.Template)
	zero := int32(0)
	a.Sets[len(a.Sets)-1].Spec.Replicas = &zero
	for _, p := range a.Pods {
		a.c.drop(p)
	}
	a.Pods = nil
	revision := len(a.Sets) + 1
	a.Deployment.Annotations["deployment.kubernetes.io/revision"] = fmt.Sprint(revision)
	a.Deployment.Generation++
	a.set(revision, *a.Deployment.Spec.Replicas, at)
	a.pods(*a.Deployment.Spec.Replicas, at)
	a.c.event(a.Deployment, "Normal", "ScalingReplicaSet", fmt.Sprintf("Scaled up replica set %s to %d", a.Sets[len(a.Sets)-1].Name, *a.Deployment.Spec.Replicas), 1, at)
}
