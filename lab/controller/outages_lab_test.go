//go:build lab

package controller_test

import (
	"encoding/json"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/install"
	"github.com/gatemend/gatemend/lab/manifest"
)

// mostMemory is what a replica may take: the limit of its container is twice that.
const mostMemory = 256 << 20

// outages takes one thing after the other away while something is to be mended. All of it ends, and gatemend goes on by itself.
func (b *bench) outages(t *testing.T, away time.Duration) {
	t.Helper()
	ctx := t.Context()
	for _, o := range []struct {
		name, fault string
		take        func() error
		give        func() error
	}{
		{"the API server ends, and with it every watch", "wrong-selector", b.StopAPIServer, func() error { return b.StartAPIServer(ctx) }},
		{"the API server does not answer", "wrong-target-port", func() error { return b.Halt("kube-apiserver") }, func() error { return b.Proceed("kube-apiserver") }},
		{"etcd is slow", "readiness-path", nil, nil},
		{"the gateways' pods are replaced", "wrong-selector", func() error { return b.replaceGateways(t) }, nil},
	} {
		before := b.incidents(t)
		wrote := len(b.wrote(t))
		f := b.breaks(t, o.fault)
		began := time.Now()
		switch {
		case o.take == nil:
			b.slow(t, "etcd", away)
		default:
			if err := o.take(); err != nil {
				t.Fatal(err)
			}
			if o.give != nil {
				time.Sleep(away)
				if err := o.give(); err != nil {
					t.Fatal(err)
				}
			}
		}
		back := time.Now()
		b.awaitNew(t, f, before, "Resolved")
		t.Logf("%s: mended %s after that was over, %s after the fault", o.name, time.Since(back).Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))
		b.calm(t)
		if now := b.wrote(t); len(now) != wrote+1 {
			t.Errorf("%s: it changed %v", o.name, now[wrote:])
		}
		b.replicas(t)
	}
}

// slow lets a part of the control plane run for a fifth of the time.
func (b *bench) slow(t *testing.T, component string, long time.Duration) {
	t.Helper()
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err := b.Halt(component); err != nil {
			t.Fatal(err)
		}
		time.Sleep(400 * time.Millisecond)
		if err := b.Proceed(component); err != nil {
			t.Fatal(err)
		}
	}
}

// replaceGateways deletes all pods of all gateways.
func (b *bench) replaceGateways(t *testing.T) error {
	for _, g := range manifest.Gateways() {
		service, err := b.Client.Kube.CoreV1().Services(g.Namespace).Get(t.Context(), g.Service, metav1.GetOptions{})
		if err != nil {
			return err
		}
		selector := metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: service.Spec.Selector})
		if err := b.Client.Kube.CoreV1().Pods(g.Namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: selector}); err != nil {
			return err
		}
	}
	return nil
}

// memory is the working set of each container of gatemend, as its kubelet says.
func (b *bench) memory(t *testing.T) map[string]uint64 {
	t.Helper()
	data, err := b.Client.Kube.CoreV1().RESTClient().Get().Resource("nodes").Name(b.Nodes()[0].Name).SubResource("proxy").Suffix("stats/summary").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var summary struct {
		Pods []struct {
			PodRef     struct{ Name, Namespace string }
			Containers []struct {
				Memory struct{ WorkingSetBytes uint64 }
			}
		}
	}
	if err := json.Unmarshal(data, &summary); err != nil {
		t.Fatal(err)
	}
	out := map[string]uint64{}
	for _, p := range summary.Pods {
		if p.PodRef.Namespace == install.Namespace {
			for _, c := range p.Containers {
				out[p.PodRef.Name] += c.Memory.WorkingSetBytes
			}
		}
	}
	return out
}

// bounded checks that no replica takes much memory, or was killed for it.
func (b *bench) bounded(t *testing.T) {
	t.Helper()
	for pod, bytes := range b.memory(t) {
		t.Logf("%s takes %d MiB", pod, bytes>>20)
		if bytes > mostMemory {
			t.Errorf("%s takes %d MiB", pod, bytes>>20)
		}
	}
	pods, err := b.Client.Kube.CoreV1().Pods(install.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			for _, s := range []corev1.ContainerState{c.State, c.LastTerminationState} {
				if s.Terminated != nil && s.Terminated.Reason == "OOMKilled" {
					t.Errorf("%s was killed for its memory", p.Name)
				}
			}
		}
	}
}
