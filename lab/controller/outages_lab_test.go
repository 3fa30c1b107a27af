//go:build lab

package controller_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// mostMemory is what a replica may take: the limit of its container is twice that.
const mostMemory = 256 << 20

// moment is as long as a lease holds.
const moment = 11 * time.Second

// outages takes one thing after the other away for a time while something is to be mended; with 0 the first one alone, for a
// moment. All of it ends, and gatemend goes on by itself.
func (b *bench) outages(t *testing.T, away time.Duration) {
	t.Helper()
	ctx := t.Context()
	all := []struct {
		name, fault string
		happens     func() error
	}{
		{"the API server ends, and with it every watch", "wrong-selector", func() error {
			return meanwhile(away, b.StopAPIServer, func() error { return b.StartAPIServer(ctx) })
		}},
		{"the API server does not answer", "wrong-target-port", func() error {
			return meanwhile(away, func() error { return b.Halt("kube-apiserver") }, func() error { return b.Proceed("kube-apiserver") })
		}},
		{"etcd is slow", "readiness-path", func() error { return b.slow("etcd", away) }},
		{"the gateways' pods are replaced", "wrong-selector", func() error { return b.replaceGateways(ctx) }},
	}
	if away == 0 {
		away, all = moment, all[:1]
	}
	for _, o := range all {
		was := b.resident(t)
		before := b.incidents(t)
		wrote := len(b.wrote(t))
		f := b.breaks(t, o.fault)
		began := time.Now()
		if err := o.happens(); err != nil {
			t.Fatal(err)
		}
		back := time.Now()
		b.awaitNew(t, f, before, "Resolved")
		t.Logf("%s: mended %s after that was over, %s after the fault", o.name, time.Since(back).Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))
		b.calm(t)
		if now := b.wrote(t); len(now) != wrote+1 {
			t.Errorf("%s: it changed %v", o.name, now[wrote:])
		}
		b.awaitReplicas(t)
		t.Logf("%s: a replica has %d MiB at most, before %d", o.name, b.resident(t)>>20, was>>20)
	}
}

// resident is the memory that the largest replica has now, in bytes.
func (b *bench) resident(t *testing.T) uint64 {
	t.Helper()
	pods, err := b.Client.Kube.CoreV1().Pods(b.namespace).List(t.Context(), ownPods)
	if err != nil {
		t.Fatal(err)
	}
	most := uint64(0)
	for _, bytes := range b.memory(t, pods.Items, "VmRSS") {
		most = max(most, bytes)
	}
	return most
}

// meanwhile takes something away for a time.
func meanwhile(away time.Duration, take, give func() error) error {
	if err := take(); err != nil {
		return err
	}
	time.Sleep(away)
	return give()
}

// slow lets a part of the control plane run for a fifth of the time.
func (b *bench) slow(component string, long time.Duration) error {
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		err := meanwhile(400*time.Millisecond, func() error { return b.Halt(component) }, func() error { return b.Proceed(component) })
		if err != nil {
			return err
		}
	}
	return nil
}

// replaceGateways deletes all pods of all gateways.
func (b *bench) replaceGateways(ctx context.Context) error {
	for _, g := range manifest.Gateways() {
		service, err := b.Client.Kube.CoreV1().Services(g.Namespace).Get(ctx, g.Service, metav1.GetOptions{})
		if err != nil {
			return err
		}
		selector := metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: service.Spec.Selector})
		if err := b.Client.Kube.CoreV1().Pods(g.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: selector}); err != nil {
			return err
		}
	}
	return nil
}

// memory is a field of the status of each pod's process, in bytes: VmRSS is what is resident now, VmHWM the most that was.
func (b *bench) memory(t *testing.T, pods []corev1.Pod, field string) map[string]uint64 {
	t.Helper()
	out := map[string]uint64{}
	for _, p := range pods {
		for _, c := range p.Status.ContainerStatuses {
			if c.State.Running == nil {
				continue
			}
			pid, err := b.PID(t.Context(), 1, c.ContainerID)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(data), field+":") // see proc_pid_status(5)
			var kib uint64
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				t.Fatal(err)
			}
			out[p.Name] = kib << 10
		}
	}
	return out
}

// bounded checks that no replica takes much memory, or was killed for it.
func (b *bench) bounded(t *testing.T) {
	t.Helper()
	pods, err := b.Client.Kube.CoreV1().Pods(b.namespace).List(t.Context(), ownPods)
	if err != nil {
		t.Fatal(err)
	}
	for pod, bytes := range b.memory(t, pods.Items, "VmHWM") {
		t.Logf("%s had %d MiB at most", pod, bytes>>20)
		if bytes > mostMemory {
			t.Errorf("%s had %d MiB", pod, bytes>>20)
		}
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
