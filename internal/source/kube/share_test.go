package kube

import (
	"fmt"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// replica is the i-th pod of a controller, as it comes from the API server.
func replica(controller types.UID, i int, image string) *corev1.Pod {
	yes := true
	token := fmt.Sprintf("kube-api-access-%05d", i)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: fmt.Sprintf("cart-%d", i), Labels: map[string]string{"app": "cart"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "cart", UID: controller, Controller: &yes}},
		},
		Spec: corev1.PodSpec{
			NodeName:   fmt.Sprintf("node-%d", i),
			Containers: []corev1.Container{{Name: "app", Image: image, VolumeMounts: []corev1.VolumeMount{{Name: token, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}}}},
			Volumes:    []corev1.Volume{{Name: token, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}}},
		},
	}
}

// packOf gives the packed form of a pod, of which it leaves the original alone.
func packOf(t *testing.T, s *sharer, p *corev1.Pod) *packedPod {
	t.Helper()
	p = p.DeepCopy()
	trim(p)
	o, err := s.pack(p)
	if err != nil {
		t.Fatal(err)
	}
	packed, ok := o.(*packedPod)
	if !ok {
		t.Fatalf("a pod is packed as %T", o)
	}
	return packed
}

func TestPodsOfOneControllerShare(t *testing.T) {
	s := newSharer()
	first, second, other, changed := replica("a", 1, "cart:1"), replica("a", 2, "cart:1"), replica("b", 3, "cart:1"), replica("a", 4, "cart:2")
	var all []*packedPod
	for _, p := range []*corev1.Pod{first, second, other, changed} {
		want := p.DeepCopy()
		want.Spec.Volumes[0].Name, want.Spec.Containers[0].VolumeMounts[0].Name = "kube-api-access-xxxxx", "kube-api-access-xxxxx"
		packed := packOf(t, s, p)
		if diff := cmp.Diff(metav1.Object(want), packed.Open()); diff != "" {
			t.Errorf("%s is another pod now:\n%s", p.Name, diff)
		}
		if packed.GetNamespace() != p.Namespace || packed.GetName() != p.Name || packed.GetObjectMeta().GetResourceVersion() != p.ResourceVersion {
			t.Errorf("%s is %s/%s in version %s", p.Name, packed.GetNamespace(), packed.GetName(), packed.GetObjectMeta().GetResourceVersion())
		}
		all = append(all, packed)
	}
	if all[0].common != all[1].common {
		t.Error("two pods of one controller do not share what they have in common")
	}
	if all[0].common == all[2].common || all[0].common == all[3].common {
		t.Error("pods with different containers or controllers share")
	}
}

// While somebody holds what was opened, it is the same object: diagnoses compare pods by it.
func TestOpenGivesTheSame(t *testing.T) {
	s := newSharer()
	pod := packOf(t, s, replica("a", 1, "cart:1"))
	first := pod.Open()
	runtime.GC()
	if again := pod.Open(); again != first {
		t.Error("opened twice, it is two pods")
	}
	runtime.KeepAlive(first)
	o, err := s.pack(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart", ResourceVersion: "7"}})
	svc, ok := o.(snapshot.Packed)
	if err != nil || !ok {
		t.Fatalf("a Service is packed as %T: %v", o, err)
	}
	opened := svc.Open()
	runtime.GC()
	if svc.Open() != opened {
		t.Error("opened twice, it is two Services")
	}
	runtime.KeepAlive(opened)
}

// A pod with everything in it comes out as it went in, but for what is left out on purpose.
func TestPackedPodIsWhole(t *testing.T) {
	for seed := range int64(200) {
		var pod corev1.Pod
		fill := randfill.NewWithSeed(seed).NilChance(.3).NumElements(0, 3).Funcs(
			func(q *quantity.Quantity, c randfill.Continue) {
				*q = *quantity.NewQuantity(c.Int63n(1<<20), quantity.DecimalSI)
			},
			func(x *metav1.Time, c randfill.Continue) { *x = metav1.Unix(c.Int63n(1<<31), 0) },
			func(x *metav1.FieldsV1, _ randfill.Continue) { *x = *metav1.NewFieldsV1("{}") },
			func(x *intstr.IntOrString, c randfill.Continue) { *x = intstr.FromInt32(c.Int31n(1 << 16)) },
		)
		fill.Fill(&pod)
		pod.TypeMeta = metav1.TypeMeta{}
		data, err := pod.Marshal() // as it comes from the API server: nothing is there that its form cannot say
		if err != nil {
			t.Fatal(err)
		}
		pod = corev1.Pod{}
		if err := pod.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		want := pod.DeepCopy()
		trim(want)
		if diff := cmp.Diff(metav1.Object(want), packOf(t, newSharer(), &pod).Open(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: it is another pod now:\n%s", seed, diff)
		}
	}
}

// What is no packed form gives an error, and no panic.
func FuzzDecodePod(f *testing.F) {
	its := takeOwn(replica("a", 1, "cart:1"))
	whole, err := its.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:3])
	f.Add("")
	f.Fuzz(func(t *testing.T, data string) {
		var its own
		if its.decode(data) != nil {
			return
		}
		again, err := its.encode()
		if err != nil {
			t.Fatal(err)
		}
		var same own
		if err := same.decode(again); err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
	})
}

func TestConditionsThatTellNothingGo(t *testing.T) {
	condition := func(of corev1.PodConditionType, s corev1.ConditionStatus) corev1.PodCondition {
		return corev1.PodCondition{Type: of, Status: s}
	}
	const yes, no = corev1.ConditionTrue, corev1.ConditionFalse
	for name, tc := range map[string]struct{ all, want []corev1.PodCondition }{
		"of a pod that is ready": {
			[]corev1.PodCondition{condition(corev1.PodScheduled, yes), condition("example.com/gate", yes), condition(corev1.PodReady, yes), condition(corev1.ContainersReady, yes)},
			[]corev1.PodCondition{condition("example.com/gate", yes), condition(corev1.PodReady, yes)},
		},
		"not of one that is not": {
			[]corev1.PodCondition{condition(corev1.PodScheduled, yes), condition(corev1.PodReady, no), condition(corev1.ContainersReady, yes)},
			[]corev1.PodCondition{condition(corev1.PodScheduled, yes), condition(corev1.PodReady, no), condition(corev1.ContainersReady, yes)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &corev1.Pod{Status: corev1.PodStatus{Conditions: tc.all}}
			trim(p)
			if diff := cmp.Diff(tc.want, p.Status.Conditions); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A volume that only looks like the token's keeps its name.
func TestOtherVolumesKeepTheirNames(t *testing.T) {
	p := &corev1.Pod{Spec: corev1.PodSpec{Volumes: []corev1.Volume{
		{Name: "kube-api-access-of-ours", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}},
		{Name: "kube-api-access-12345"},
	}}}
	want := p.DeepCopy()
	trim(p)
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}

// Controllers whose pods are all gone are forgotten.
func TestSharerForgets(t *testing.T) {
	s := newSharer()
	const controllers = 10_000
	for i := range controllers {
		packOf(t, s, replica(types.UID(fmt.Sprint(i)), i, "cart:1"))
		if i%1000 == 0 {
			runtime.GC()
		}
	}
	if n := len(s.commons); n > controllers/2 {
		t.Errorf("%d of %d controllers are remembered, none of which has a pod", n, controllers)
	}
}

// An EndpointSlice is found by its Service without being opened.
func TestPackedSlice(t *testing.T) {
	yes, node := true, "node-1"
	es := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-x", ResourceVersion: "9", Labels: map[string]string{discoveryv1.LabelServiceName: "cart"}},
		Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{"10.0.0.1"}, NodeName: &node, Conditions: discoveryv1.EndpointConditions{Ready: &yes},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: "cart-1", UID: "u", ResourceVersion: "1"},
		}},
	}
	want := es.DeepCopy()
	want.Endpoints[0].TargetRef.UID, want.Endpoints[0].TargetRef.ResourceVersion = "", ""
	trimSlice(es)
	o, err := newSharer().pack(es)
	packed, ok := o.(snapshot.Packed)
	if err != nil || !ok {
		t.Fatalf("it is packed as %T: %v", o, err)
	}
	if packed.Kind() != snapshot.EndpointSlices || packed.About() != "cart" {
		t.Errorf("it is a %s of %q", packed.Kind(), packed.About())
	}
	if diff := cmp.Diff(metav1.Object(want), packed.Open()); diff != "" {
		t.Error(diff)
	}
	b := snapshot.NewBuilder()
	if err := b.Put(packed); err != nil {
		t.Fatal(err)
	}
	if got := b.Seal(time.Time{}).SlicesOf("shop", "cart"); len(got) != 1 || got[0].Name != "cart-x" {
		t.Errorf("the Service has %v", got)
	}
}

// BenchmarkOpenPod opens pods of one controller that nobody holds.
func BenchmarkOpenPod(b *testing.B) {
	s := newSharer()
	const n = 10
	var pods []snapshot.Packed
	for i := range n {
		o, err := s.pack(replica("a", i, "cart:1"))
		packed, ok := o.(*packedPod)
		if err != nil || !ok {
			b.Fatal(err)
		}
		pods = append(pods, packed)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p, ok := pods[i%n].(*packedPod)
		if ok {
			p.view.last = weak.Pointer[corev1.Pod]{}
		}
		pods[i%n].Open()
	}
}
