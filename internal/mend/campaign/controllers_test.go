package campaign

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/testkit/simapi"
)

// reconcile is what controllers and kubelets do, at once.
func (w *world) reconcile() {
	for _, o := range w.api.All("HorizontalPodAutoscaler") {
		w.scale(typed[autoscalingv2.HorizontalPodAutoscaler](w.t, o))
	}
	for _, o := range w.api.All("Deployment") {
		w.roll(typed[appsv1.Deployment](w.t, o))
	}
	for _, o := range w.api.All("Pod") {
		w.run(typed[corev1.Pod](w.t, o))
	}
	for _, o := range w.api.All("Deployment") {
		w.count(typed[appsv1.Deployment](w.t, o))
	}
	for _, app := range w.apps {
		w.slice(app)
	}
}

// scale is an autoscaler that measures nothing: it keeps within its bounds, and is off at zero replicas.
func (w *world) scale(hpa *autoscalingv2.HorizontalPodAutoscaler) {
	o := w.api.Get("Deployment", hpa.Namespace, hpa.Spec.ScaleTargetRef.Name)
	if o == nil {
		return
	}
	if d := typed[appsv1.Deployment](w.t, o); *d.Spec.Replicas > 0 {
		*d.Spec.Replicas = min(max(*d.Spec.Replicas, *hpa.Spec.MinReplicas), hpa.Spec.MaxReplicas)
		w.put(d, "apps/v1", "Deployment")
	}
}

// roll gives a Deployment the ReplicaSet of its template, and that its pods; those of others go.
func (w *world) roll(d *appsv1.Deployment) {
	newest := 0
	var current *appsv1.ReplicaSet
	for _, o := range w.api.All("ReplicaSet") {
		rs := typed[appsv1.ReplicaSet](w.t, o)
		if !metav1.IsControlledBy(rs, d) {
			continue
		}
		newest = max(newest, revision(rs))
		have := rs.Spec.Template.DeepCopy()
		delete(have.Labels, "pod-template-hash")
		if asText(have) == asText(&d.Spec.Template) {
			current = rs
		}
	}
	if current == nil {
		hash := fmt.Sprint("h", newest+1)
		current = &appsv1.ReplicaSet{}
		current.Name, current.Namespace = fmt.Sprintf("%s-%d", d.Name, newest+1), d.Namespace
		current.UID = types.UID(fmt.Sprintf("r-%s-%d", d.Name, newest+1))
		current.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))}
		current.Spec.Template = *d.Spec.Template.DeepCopy()
		current.Spec.Template.Labels = maps.Clone(d.Spec.Template.Labels)
		current.Spec.Template.Labels["pod-template-hash"] = hash
		current.Spec.Selector = &metav1.LabelSelector{MatchLabels: maps.Clone(current.Spec.Template.Labels)}
		current.Labels = maps.Clone(current.Spec.Template.Labels)
	}
	if revision(current) != newest || newest == 0 {
		metav1.SetMetaDataAnnotation(&current.ObjectMeta, "deployment.kubernetes.io/revision", strconv.Itoa(newest+1))
	}
	current.Spec.Replicas = d.Spec.Replicas
	w.put(current, "apps/v1", "ReplicaSet")
	want := int(*d.Spec.Replicas)
	free := 0
	for _, o := range w.api.All("Pod") {
		p := typed[corev1.Pod](w.t, o)
		owner := metav1.GetControllerOf(p)
		if owner == nil || !strings.HasPrefix(owner.Name, d.Name+"-") {
			continue
		}
		switch {
		case owner.UID == current.UID && labels.SelectorFromSet(current.Spec.Selector.MatchLabels).Matches(labels.Set(p.Labels)) && want > 0:
			want--
		case owner.UID == current.UID && p.Labels["app"] == "": // quarantined: its ReplicaSet lets go of it
			p.OwnerReferences = nil
			w.put(p, "v1", "Pod")
		default:
			w.api.Remove(o)
		}
	}
	for ; want > 0; want-- {
		for w.api.Get("Pod", d.Namespace, fmt.Sprintf("%s-%d", current.Name, free)) != nil || w.used(fmt.Sprintf("%s-%d", current.Name, free)) {
			free++
		}
		p := &corev1.Pod{Spec: *current.Spec.Template.Spec.DeepCopy()}
		p.Name, p.Namespace, p.Labels = fmt.Sprintf("%s-%d", current.Name, free), d.Namespace, maps.Clone(current.Spec.Template.Labels)
		p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(current, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))}
		w.put(p, "v1", "Pod")
	}
}

// used reports whether a pod of a name was there before: names do not come again.
func (w *world) used(name string) bool {
	if w.api.Get("Pod", plantest.Namespace, name) != nil {
		return true
	}
	_, gone := w.names()[name]
	return gone
}

// names remembers the names of all pods that there were, in an object of its own so that it is found again.
func (w *world) names() map[string]string {
	o := w.api.Get("ConfigMap", "gatemend", "some")
	if o == nil {
		return nil
	}
	all, _, err := unstructured.NestedStringMap(o.Object, "data")
	if err != nil {
		return nil
	}
	return all
}

func (w *world) remember(name string) {
	o := w.api.Get("ConfigMap", "gatemend", "some").DeepCopy()
	if err := unstructured.SetNestedField(o.Object, "", "data", name); err != nil {
		w.t.Error(err)
	}
	w.api.Put(o)
}

func revision(rs *appsv1.ReplicaSet) int {
	n, err := strconv.Atoi(rs.Annotations["deployment.kubernetes.io/revision"])
	if err != nil {
		return 0
	}
	return n
}

// run is the scheduler and the kubelet of a pod.
func (w *world) run(p *corev1.Pod) {
	if _, known := w.names()[p.Name]; !known {
		w.remember(p.Name)
	}
	for _, o := range w.api.All("Node") {
		if node := typed[corev1.Node](w.t, o); p.Spec.NodeName == "" && !node.Spec.Unschedulable {
			p.Spec.NodeName = node.Name
		}
	}
	ready := p.Spec.NodeName != "" && healthy(&p.Spec) && p.Annotations["sick"] == ""
	if p.Status.PodIP == "" {
		p.Status.PodIP = fmt.Sprintf("10.1.%d.%d", len(w.names())/250, len(w.names())%250+1)
		p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	}
	p.Status.Phase = corev1.PodRunning
	if p.Spec.NodeName == "" {
		p.Status.Phase = corev1.PodPending
	}
	condition := corev1.ConditionFalse
	if ready {
		condition = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: condition}}
	p.Status.ContainerStatuses = nil
	for _, c := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Ready: ready, Image: c.Image, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		})
	}
	w.put(p, "v1", "Pod")
}

// needs is how long the application takes to start with the image v3, and how much memory any takes.
const (
	needs  = 60 // seconds
	memory = "100Mi"
)

// healthy reports whether a pod of the application comes up and stays up.
func healthy(spec *corev1.PodSpec) bool {
	c := spec.Containers[0]
	limit, limited := c.Resources.Limits[corev1.ResourceMemory]
	least := resource.MustParse(memory)
	switch {
	case !slices.Contains([]string{"shop:v1", "shop:v2", "shop:v3"}, c.Image),
		slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "MODE" }),
		limited && limit.Cmp(least) < 0,
		c.ReadinessProbe == nil || c.ReadinessProbe.HTTPGet == nil || c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.ReadinessProbe.HTTPGet.Port.IntVal != 8080:
		return false
	}
	probe := c.StartupProbe
	if probe == nil {
		probe = c.LivenessProbe
	}
	return c.Image != "shop:v3" || probe == nil || probe.InitialDelaySeconds+probe.PeriodSeconds*probe.FailureThreshold >= needs
}

// count writes a Deployment's status.
func (w *world) count(d *appsv1.Deployment) {
	var all, ready int32
	newest := 0
	for _, o := range w.api.All("ReplicaSet") {
		if rs := typed[appsv1.ReplicaSet](w.t, o); metav1.IsControlledBy(rs, d) {
			newest = max(newest, revision(rs))
		}
	}
	for _, o := range w.api.All("Pod") {
		if p := typed[corev1.Pod](w.t, o); p.Labels["app"] == d.Name && metav1.GetControllerOf(p) != nil {
			all++
			if simapi.Ready(o) {
				ready++
			}
		}
	}
	for _, o := range w.api.All("ReplicaSet") {
		rs := typed[appsv1.ReplicaSet](w.t, o)
		if !metav1.IsControlledBy(rs, d) {
			continue
		}
		if rs.Status = (appsv1.ReplicaSetStatus{}); revision(rs) == newest {
			rs.Status = appsv1.ReplicaSetStatus{Replicas: all, ReadyReplicas: ready, AvailableReplicas: ready}
		} else {
			rs.Spec.Replicas = new(int32)
		}
		w.put(rs, "apps/v1", "ReplicaSet")
	}
	metav1.SetMetaDataAnnotation(&d.ObjectMeta, "deployment.kubernetes.io/revision", strconv.Itoa(newest))
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: all, UpdatedReplicas: all, ReadyReplicas: ready, AvailableReplicas: ready}
	w.put(d, "apps/v1", "Deployment")
}

// slice is what the EndpointSlice controller writes for a Service.
func (w *world) slice(app string) {
	old := w.api.Get("EndpointSlice", plantest.Namespace, app+"-x")
	o := w.api.Get("Service", plantest.Namespace, app)
	if o == nil {
		if old != nil {
			w.api.Remove(old)
		}
		return
	}
	svc := typed[corev1.Service](w.t, o)
	slice := map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
		"metadata": map[string]any{"name": app + "-x", "namespace": plantest.Namespace, "labels": map[string]any{"kubernetes.io/service-name": app}},
	}
	endpoints, ports := []any{}, []any{}
	for _, o := range w.api.All("Pod") {
		p := typed[corev1.Pod](w.t, o)
		if !labels.SelectorFromSet(svc.Spec.Selector).Matches(labels.Set(p.Labels)) || p.Spec.NodeName == "" {
			continue
		}
		endpoints = append(endpoints, map[string]any{
			"addresses": []any{p.Status.PodIP}, "conditions": map[string]any{"ready": simapi.Ready(o)},
			"targetRef": map[string]any{"kind": "Pod", "namespace": p.Namespace, "name": p.Name, "uid": string(p.UID)},
		})
		if port := target(svc, p); port > 0 && len(ports) == 0 {
			ports = append(ports, map[string]any{"name": svc.Spec.Ports[0].Name, "port": int64(port), "protocol": "TCP"})
		}
	}
	slice["endpoints"], slice["ports"] = endpoints, ports
	w.api.Put(&unstructured.Unstructured{Object: slice})
}

// target is the port of a pod to which a Service sends, 0 if none.
func target(svc *corev1.Service, p *corev1.Pod) int32 {
	want := svc.Spec.Ports[0].TargetPort
	if want.StrVal == "" {
		return want.IntVal
	}
	for _, c := range p.Spec.Containers[0].Ports {
		if c.Name == want.StrVal {
			return c.ContainerPort
		}
	}
	return 0
}
