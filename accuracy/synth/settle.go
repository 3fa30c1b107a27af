package synth

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// settle does what controllers do when objects have changed: EndpointSlices and statuses.
func (c *Cluster) settle() {
	for _, o := range slices.Clone(c.objects) {
		switch x := o.(type) {
		case *corev1.Service:
			if len(x.Spec.Selector) > 0 {
				c.slice(x)
			}
		case *appsv1.ReplicaSet:
			n, ready := c.count(x.UID)
			x.Status = appsv1.ReplicaSetStatus{Replicas: n, ReadyReplicas: ready, AvailableReplicas: ready, ObservedGeneration: x.Generation}
		case *appsv1.Deployment:
			c.deployment(x)
		}
	}
}

func isReady(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == "True" })
}

func (c *Cluster) pods(yield func(*corev1.Pod) bool) {
	for _, o := range c.objects {
		if p, ok := o.(*corev1.Pod); ok && !yield(p) {
			return
		}
	}
}

func (c *Cluster) count(owner any) (n, ready int32) {
	for p := range c.pods {
		if p.Status.Phase == corev1.PodFailed || len(p.OwnerReferences) == 0 || any(p.OwnerReferences[0].UID) != owner {
			continue
		}
		n++
		if isReady(p) {
			ready++
		}
	}
	return n, ready
}

func (c *Cluster) deployment(d *appsv1.Deployment) {
	var n, ready int32
	for _, o := range c.objects {
		if rs, ok := o.(*appsv1.ReplicaSet); ok && rs.OwnerReferences[0].UID == d.UID {
			a, b := c.count(rs.UID)
			n, ready = n+a, ready+b
		}
	}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: ready, AvailableReplicas: ready, UnavailableReplicas: max(0, *d.Spec.Replicas-ready)}
	available := appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: "True", Reason: "MinimumReplicasAvailable", Message: "Deployment has minimum availability.", LastTransitionTime: stamp(old())}
	if ready < *d.Spec.Replicas {
		available = appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: "False", Reason: "MinimumReplicasUnavailable", Message: "Deployment does not have minimum availability.", LastTransitionTime: stamp(onset())}
	}
	d.Status.Conditions = []appsv1.DeploymentCondition{available}
}

// slice makes the EndpointSlice of a Service, as the endpoints controller does. Service ports are only
// published where the pods have the target.
func (c *Cluster) slice(svc *corev1.Service) {
	yes := true
	es := &discoveryv1.EndpointSlice{
		TypeMeta: tm("discovery.k8s.io/v1", "EndpointSlice"),
		ObjectMeta: metav1.ObjectMeta{
			Name: svc.Name + "-" + hashOf(svc.Namespace + svc.Name)[:5], Namespace: svc.Namespace,
			Labels:          map[string]string{discoveryv1.LabelServiceName: svc.Name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: svc.Name, UID: svc.UID, Controller: &yes}},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, sp := range svc.Spec.Ports {
		if port, found := c.target(svc, sp.TargetPort); found {
			es.Ports = append(es.Ports, discoveryv1.EndpointPort{Name: &sp.Name, Port: &port, Protocol: &sp.Protocol})
		}
	}
	for p := range c.pods {
		if p.Namespace != svc.Namespace || !labels.SelectorFromSet(svc.Spec.Selector).Matches(labels.Set(p.Labels)) || p.Status.PodIP == "" || p.Status.Phase == corev1.PodFailed || len(es.Ports) == 0 {
			continue
		}
		ready, terminating := isReady(p) || svc.Spec.PublishNotReadyAddresses, p.DeletionTimestamp != nil
		es.Endpoints = append(es.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{p.Status.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &ready, Terminating: &terminating},
			NodeName: &p.Spec.NodeName, TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID},
		})
	}
	c.add(es)
}

// target is the port of the pods that a Service's port leads to.
func (c *Cluster) target(svc *corev1.Service, port intstr.IntOrString) (int32, bool) {
	if port.Type == intstr.Int {
		return port.IntVal, true
	}
	for p := range c.pods {
		if p.Namespace != svc.Namespace || !labels.SelectorFromSet(svc.Spec.Selector).Matches(labels.Set(p.Labels)) {
			continue
		}
		for _, cp := range p.Spec.Containers[0].Ports {
			if cp.Name == port.StrVal {
				return cp.ContainerPort, true
			}
		}
	}
	return 0, false
}

// upstreams lists the ready addresses of an app's Service, as the proxy has them.
func (a *App) upstreams() []string {
	var out []string
	for _, o := range a.c.objects {
		es, ok := o.(*discoveryv1.EndpointSlice)
		if !ok || es.Namespace != a.Service.Namespace || es.Labels[discoveryv1.LabelServiceName] != a.Service.Name {
			continue
		}
		for _, e := range es.Endpoints {
			if *e.Conditions.Ready && len(es.Ports) > 0 {
				out = append(out, fmt.Sprintf("%s:%d", e.Addresses[0], *es.Ports[0].Port))
			}
		}
	}
	return out
}

// at spreads the i-th of n moments over the minutes since the onset.
func at(i, n int) time.Time {
	span := now().Add(-20 * time.Second).Sub(onset())
	return onset().Add(span * time.Duration(i+1) / time.Duration(n+1)).Truncate(time.Millisecond)
}
