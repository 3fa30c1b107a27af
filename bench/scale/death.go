package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	deathSpace = "deaths"
	deathCount = 10
)

// measureDeaths has pods die, one after the other, each the only one of its Service. Their states and EndpointSlices are
// written here, at once, so that nothing but gatemend is measured: the time from when the API server was told until gatemend
// warned.
func (p *plane) measureDeaths(ctx context.Context, c *controller) ([]time.Duration, error) {
	to := p.newStore()
	defer to.close()
	var out []time.Duration
	for i := range deathCount {
		name := fmt.Sprintf("doomed-%d", i)
		d, err := p.measureDeath(ctx, c, to, app{number: p.bench.size.services + i, namespace: deathSpace, name: name, host: name + ".example"})
		if err != nil {
			return out, fmt.Errorf("have a pod die: %w", err)
		}
		out = append(out, d)
	}
	return out, nil
}

func (p *plane) measureDeath(ctx context.Context, c *controller, to store, a app) (time.Duration, error) {
	name := a.name
	svc := a.service()
	svc.Spec.Selector = nil // so that the slice is ours
	if _, err := p.kube.CoreV1().Services(deathSpace).Create(ctx, svc, metav1.CreateOptions{}); err != nil {
		return 0, err
	}
	if _, err := p.kube.NetworkingV1().Ingresses(deathSpace).Create(ctx, a.ingress(), metav1.CreateOptions{}); err != nil {
		return 0, err
	}
	pod := a.pod(name+"-00000", nodeName(0), "")
	a.running(pod, 0)
	stored, err := to.encode("pods", pod)
	if err != nil {
		return 0, err
	}
	if err := to.put(ctx, []record{stored}); err != nil {
		return 0, err
	}
	if pod, err = p.kube.CoreV1().Pods(deathSpace).Get(ctx, pod.Name, metav1.GetOptions{}); err != nil {
		return 0, err
	}
	ready, port, portName := true, int32(8080), "http"
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: name + "-own", Labels: map[string]string{discoveryv1.LabelServiceName: name}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: &portName, Port: &port}},
		Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{pod.Status.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: deathSpace, Name: pod.Name},
		}},
	}
	if slice, err = p.kube.DiscoveryV1().EndpointSlices(deathSpace).Create(ctx, slice, metav1.CreateOptions{}); err != nil {
		return 0, err
	}
	if err := sleep(ctx, 3*time.Second); err != nil { // gatemend has seen it live
		return 0, err
	}
	pod.Status.Phase, pod.Status.Reason, pod.Status.Conditions = corev1.PodFailed, "Evicted", nil
	slice.Endpoints[0].Conditions.Ready = new(bool)
	began := time.Now()
	if _, err := p.kube.CoreV1().Pods(deathSpace).UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil {
		return 0, err
	}
	if _, err := p.kube.DiscoveryV1().EndpointSlices(deathSpace).Update(ctx, slice, metav1.UpdateOptions{}); err != nil {
		return 0, err
	}
	s, err := c.await(ctx, "a warning of "+name, 30*time.Second, func(s said) bool { return strings.Contains(s.Text, "Service "+deathSpace+"/"+name+" ") })
	return s.Time.Sub(began), err
}
