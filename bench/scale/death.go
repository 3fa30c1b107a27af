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

// measureDeaths has pods die, one after the other, each the only one of its Service. Their EndpointSlices are written here,
// at once, so that nothing but gatemend is measured: the time from when the API server was told until gatemend warned.
func (p *plane) measureDeaths(ctx context.Context, c *controller) ([]time.Duration, error) {
	var out []time.Duration
	for i := range deathCount {
		d, err := p.measureDeath(ctx, c, fmt.Sprintf("doomed-%d", i))
		if err != nil {
			return out, fmt.Errorf("have a pod die: %w", err)
		}
		out = append(out, d)
	}
	return out, nil
}

func (p *plane) measureDeath(ctx context.Context, c *controller, name string) (time.Duration, error) {
	a := app{namespace: deathSpace, name: name, host: name + ".example"}
	svc := a.service()
	svc.Spec.Selector = nil // so that the slice is ours
	if _, err := p.kube.CoreV1().Services(deathSpace).Create(ctx, svc, metav1.CreateOptions{}); err != nil {
		return 0, err
	}
	if _, err := p.kube.NetworkingV1().Ingresses(deathSpace).Create(ctx, a.ingress(), metav1.CreateOptions{}); err != nil {
		return 0, err
	}
	if _, err := p.kube.CoreV1().Pods(deathSpace).Create(ctx, a.pod(name+"-00000", nodeName(0), ""), metav1.CreateOptions{}); err != nil {
		return 0, err
	}
	pod, err := p.awaitPod(ctx, name+"-00000")
	if err != nil {
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
	if err := sleep(ctx, time.Second); err != nil { // gatemend has seen it live
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

// awaitPod waits until a pod has an address.
func (p *plane) awaitPod(ctx context.Context, name string) (*corev1.Pod, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("pod %s has no address within a minute", name))
	defer cancel()
	for {
		pod, err := p.kube.CoreV1().Pods(deathSpace).Get(ctx, name, metav1.GetOptions{})
		if err != nil || pod.Status.PodIP != "" {
			return pod, err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}
