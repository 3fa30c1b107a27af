//go:build lab

package controller_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/install"
)

// takenOverWithin is what a leader's death may cost, from its last moment to another one's first.
const takenOverWithin = 15 * time.Second

// mended are faults that one change of one object mends.
var mended = []string{"wrong-selector", "wrong-target-port", "readiness-path"}

// killLeaders has incidents during which the leader is killed, at moments that a seed draws: none is lost, no change is made
// twice, and another replica leads in time.
func (b *bench) killLeaders(t *testing.T, incidents int, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	var gaps []time.Duration
	for i := range incidents {
		name := mended[i%len(mended)]
		before, wrote := b.incidents(t), len(b.wrote(t))
		f := b.breaks(t, name)
		for range 1 + rng.IntN(2) {
			alive := time.Duration(rng.IntN(9000)) * time.Millisecond
			time.Sleep(alive)
			gap := b.killLeader(t)
			gaps = append(gaps, gap)
			t.Logf("incident %d, %s: the leader was killed after %s; another led after %s", i+1, name, alive, gap.Round(10*time.Millisecond))
			if gap > takenOverWithin {
				t.Errorf("another replica led after %s only", gap)
			}
		}
		b.awaitNew(t, f, before, "Resolved")
		b.calm(t)
		if now := b.wrote(t); len(now) != wrote+1 {
			t.Errorf("incident %d, %s: it changed %v", i+1, name, now[wrote:])
		}
		b.awaitReplicas(t)
	}
	if len(gaps) == 0 {
		return
	}
	slices.Sort(gaps)
	t.Logf("%d incidents, %d leaders killed; another one led after %s (median), %s (at most)",
		incidents, len(gaps), gaps[len(gaps)/2].Round(10*time.Millisecond), gaps[len(gaps)-1].Round(10*time.Millisecond))
}

// incidents are the names of all that there are.
func (b *bench) incidents(t *testing.T) map[string]bool {
	t.Helper()
	list, err := b.Client.Dynamic.Resource(incidents).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, i := range list.Items {
		out[i.GetName()] = true
	}
	return out
}

// lease is that of the leader.
func (b *bench) lease(t *testing.T) *coordinationv1.Lease {
	t.Helper()
	l, err := b.Client.Kube.CoordinationV1().Leases(install.Namespace).Get(t.Context(), "gatemend-controller", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// leader is the holder of the lease, and its pod; ok is false while nobody leads.
func (b *bench) leader(t *testing.T) (holder string, pod *corev1.Pod, ok bool) {
	t.Helper()
	l := b.lease(t)
	if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "" {
		return "", nil, false
	}
	name, _, _ := strings.Cut(*l.Spec.HolderIdentity, "_")
	pod, err := b.Client.Kube.CoreV1().Pods(install.Namespace).Get(t.Context(), name, metav1.GetOptions{})
	running := err == nil && len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].State.Running != nil
	return *l.Spec.HolderIdentity, pod, running
}

// killLeader kills the process that leads, without a word, and gives the time until another one leads. Its pod goes, too: the
// kubelet would wait longer each time before it starts another container in it.
func (b *bench) killLeader(t *testing.T) time.Duration {
	t.Helper()
	var holder string
	var pod *corev1.Pod
	b.Await(t, "a leader", time.Minute, func() bool {
		var ok bool
		holder, pod, ok = b.leader(t)
		return ok
	})
	killed := time.Now()
	if err := b.Kill(t.Context(), 1, pod.Status.ContainerStatuses[0].ContainerID); err != nil {
		t.Fatal(err)
	}
	now := int64(0)
	if err := b.Client.Kube.CoreV1().Pods(install.Namespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
	b.Await(t, "another leader", time.Minute, func() bool {
		h := b.lease(t).Spec.HolderIdentity
		return h != nil && *h != "" && *h != holder
	})
	return time.Since(killed)
}
