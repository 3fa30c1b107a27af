package snapshot_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// world is what a snapshot should hold, by the plainest of means.
type world map[model.Ref]metav1.Object

func (w world) build(t *testing.T) *snapshot.Snapshot {
	t.Helper()
	return build(t, map[snapshot.Kind]snapshot.Coverage{snapshot.Pods: snapshot.Complete}, slices.Collect(maps.Values(w))...)
}

// random makes an object of one of the kinds that lookups are made of.
func random(r *rand.Rand) metav1.Object {
	meta := metav1.ObjectMeta{Namespace: fmt.Sprintf("ns-%d", r.IntN(4)), Name: fmt.Sprintf("o-%d", r.IntN(12)), UID: types.UID(fmt.Sprint(r.Uint32()))}
	meta.Labels = map[string]string{"app": fmt.Sprint(r.IntN(3)), discoveryv1.LabelServiceName: fmt.Sprintf("o-%d", r.IntN(3))}
	owned := true
	meta.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "o-1", UID: types.UID(fmt.Sprintf("rs-%d", r.IntN(3))), Controller: &owned}}
	switch r.IntN(4) {
	case 0:
		meta.Namespace = ""
		return &corev1.Node{ObjectMeta: meta}
	case 1:
		return &discoveryv1.EndpointSlice{ObjectMeta: meta}
	case 2:
		about := corev1.ObjectReference{Kind: "Pod", Namespace: meta.Namespace, Name: fmt.Sprintf("o-%d", r.IntN(3))}
		if r.IntN(2) == 0 {
			about.Kind, about.Namespace = "Node", ""
		}
		return &corev1.Event{ObjectMeta: meta, InvolvedObject: about, LastTimestamp: metav1.NewTime(time.Unix(int64(r.IntN(9)), 0))}
	default:
		return &corev1.Pod{ObjectMeta: meta, Status: corev1.PodStatus{PodIP: fmt.Sprintf("10.0.0.%d", r.IntN(4))}}
	}
}

// answers are what lookups of all sorts say.
func answers(s *snapshot.Snapshot) map[string]any {
	out := map[string]any{"pods": s.Pods().Len()}
	for _, k := range []snapshot.Kind{snapshot.Nodes, snapshot.EndpointSlices, snapshot.Events, snapshot.Pods} {
		out["all "+string(k)] = slices.Collect(s.AllOf(k))
	}
	for ns := range 4 {
		ns := fmt.Sprintf("ns-%d", ns)
		for i := range 12 {
			name := fmt.Sprintf("o-%d", i)
			_, presence := s.Pods().Get(ns, name)
			out[fmt.Sprint("get ", ns, name)] = presence
			out[fmt.Sprint("slices ", ns, name)] = s.SlicesOf(ns, name)
			out[fmt.Sprint("events ", ns, name)] = s.EventsOf(model.Ref{Kind: "Pod", Namespace: ns, Name: name})
			out[fmt.Sprint("node's events ", name)] = s.EventsOf(model.Ref{Kind: "Node", Name: name})
		}
		for i := range 3 {
			out[fmt.Sprint("labelled ", ns, i)] = s.PodsSelected(ns, map[string]string{"app": fmt.Sprint(i)})
			out[fmt.Sprint("of ", ns, i)] = s.PodsOf(&metav1.ObjectMeta{Namespace: ns, UID: types.UID(fmt.Sprintf("rs-%d", i))})
			out[fmt.Sprint("ip ", i)] = s.PodsByIP(fmt.Sprintf("10.0.0.%d", i))
		}
	}
	return out
}

// A snapshot that was made of others step by step answers like one that was made of all objects at once, the ones before it
// stay as they were, and Since tells exactly what is different.
func TestStepByStep(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := world{}
		for range 30 {
			o := random(r)
			w[snapshot.RefOf(o)] = o
		}
		first := w.build(t)
		asItWas := answers(first)
		was := maps.Clone(w)
		now := first
		for range 10 {
			var put []metav1.Object
			var remove []model.Ref
			changed := map[model.Ref]bool{}
			for range r.IntN(6) {
				o := random(r)
				ref := snapshot.RefOf(o)
				if changed[ref] {
					continue
				}
				changed[ref] = true
				if _, known := w[ref]; known && r.IntN(2) == 0 {
					delete(w, ref)
					remove = append(remove, ref)
					continue
				}
				w[ref] = o
				put = append(put, o)
			}
			now = now.WithObjects(put, remove)
			if diff := cmp.Diff(answers(w.build(t)), answers(now)); diff != "" {
				t.Fatalf("seed %d: at once, and step by step:\n%s", seed, diff)
			}
		}
		if diff := cmp.Diff(asItWas, answers(first)); diff != "" {
			t.Fatalf("seed %d: the first snapshot changed:\n%s", seed, diff)
		}
		told := map[model.Ref]bool{}
		for d := range now.Since(first, snapshot.Kinds()...) {
			o := d.After
			if o == nil {
				o = d.Before
			}
			ref := snapshot.RefOf(o)
			told[ref] = true
			if a, b := was[ref], w[ref]; a != d.Before || b != d.After {
				t.Errorf("seed %d: %s went from %v to %v, not from %v to %v", seed, ref, a, b, d.Before, d.After)
			}
		}
		for _, side := range []world{was, w} {
			for ref := range side {
				if was[ref] != w[ref] && !told[ref] {
					t.Errorf("seed %d: the change of %s is not told", seed, ref)
				}
			}
		}
	}
}

func TestSameView(t *testing.T) {
	all := build(t, map[snapshot.Kind]snapshot.Coverage{snapshot.Pods: snapshot.Complete})
	some := build(t, map[snapshot.Kind]snapshot.Coverage{snapshot.Pods: snapshot.Partial})
	if !all.WithObjects([]metav1.Object{&corev1.Pod{ObjectMeta: meta("a")}}, nil).SameView(all) {
		t.Error("another pod makes another view")
	}
	if some.SameView(all) {
		t.Error("that not all pods are seen any more makes no other view")
	}
}
