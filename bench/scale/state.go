package main

import (
	"fmt"
	"hash/fnv"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// digest stands for those of all images.
const digest = "sha256:7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730"

// stamp gives an object what the API server gives it when it is made.
func stamp(o client.Object, sort string) {
	h := fnv.New128a()
	fmt.Fprint(h, sort, o.GetNamespace(), o.GetName())
	sum := h.Sum(nil)
	o.SetUID(types.UID(fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])))
	made := metav1.NewTime(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	o.SetCreationTimestamp(made)
	o.SetGeneration(1)
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: "helm", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1", Time: &made, FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:app.kubernetes.io/managed-by":{},"f:app.kubernetes.io/name":{},"f:app.kubernetes.io/part-of":{}}},"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:targetPort":{}}},"f:selector":{},"f:ingressClassName":{},"f:rules":{}}}`),
	}})
}

// running gives the i-th pod of an app the status of one that runs.
func (a app) running(p *corev1.Pod, i int) {
	stamp(p, "Pod")
	started := metav1.NewTime(p.CreationTimestamp.Add(time.Duration(a.number%3600) * time.Second))
	n := a.number*16 + i
	ip := fmt.Sprintf("10.%d.%d.%d", 16+n/62_500, n/250%250, n%250+1)
	p.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}, HostIP: "172.16.0.1", HostIPs: []corev1.HostIP{{IP: "172.16.0.1"}},
		StartTime: &started, QOSClass: corev1.PodQOSBurstable,
	}
	for _, c := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled} {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: c, Status: corev1.ConditionTrue, LastTransitionTime: started})
	}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "app", Image: p.Spec.Containers[0].Image, ImageID: p.Spec.Containers[0].Image + "@" + digest,
		ContainerID: "containerd://" + string(p.UID) + "0000000000000000000000000000", Ready: true, Started: new(true),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}},
	}}
}

// endpoints is the slice of a Service, without endpoints yet, as the endpoint controller writes it.
func (a app) endpoints(svc *corev1.Service) *discoveryv1.EndpointSlice {
	stamp(svc, "services/specs")
	port, name, protocol, yes := int32(8080), "http", corev1.ProtocolTCP, true
	es := &discoveryv1.EndpointSlice{ObjectMeta: a.meta(), AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &protocol}}}
	es.Name, es.GenerateName = a.name+"-x7k2p", a.name+"-"
	es.Labels[discoveryv1.LabelServiceName], es.Labels[discoveryv1.LabelManagedBy] = a.name, "endpointslice-controller.k8s.io"
	es.Labels[corev1.IsHeadlessService] = ""
	es.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: a.name, UID: svc.UID, Controller: &yes, BlockOwnerDeletion: &yes}}
	return es
}

// endpointOf is a pod that runs, in a slice.
func endpointOf(p *corev1.Pod) discoveryv1.Endpoint {
	ready, serving, terminating, node := true, true, false, p.Spec.NodeName
	var zone int
	if _, err := fmt.Sscanf(node, "node-%d", &zone); err != nil {
		zone = 0
	}
	in := fmt.Sprintf("zone-%d", zone%3)
	return discoveryv1.Endpoint{
		Addresses: []string{p.Status.PodIP}, NodeName: &node, Zone: &in,
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID},
	}
}
