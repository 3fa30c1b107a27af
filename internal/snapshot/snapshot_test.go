package snapshot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// meta is the metadata of an object in the shop's namespace.
func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name}
}

func build(t *testing.T, cover map[snapshot.Kind]snapshot.Coverage, objects ...metav1.Object) *snapshot.Snapshot {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, o := range objects {
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	for k, c := range cover {
		b.Cover(k, c, "", "")
	}
	return b.Seal(time.Date(2026, 4, 18, 6, 8, 0, 0, time.UTC))
}

// TestEveryKindHasItsTable: each kind that Decode makes an object of is what KindOf says of it, goes
// into its own table, and is found again by the reference that RefOf makes.
func TestEveryKindHasItsTable(t *testing.T) {
	for _, k := range snapshot.Kinds() {
		if k == snapshot.Other {
			continue
		}
		t.Run(string(k), func(t *testing.T) {
			empty, ok := snapshot.New(k).(metav1.Object)
			if !ok {
				t.Fatalf("New gives %T, which has no metadata", snapshot.New(k))
			}
			empty.SetName("x")
			if got := snapshot.KindOf(empty); got != k {
				t.Fatalf("KindOf says %s", got)
			}
			data, err := snapshot.JSONOf(empty)
			if err != nil {
				t.Fatal(err)
			}
			again, err := snapshot.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			s := build(t, nil, again)
			ref := snapshot.RefOf(again)
			if ref.Kind != string(k) || ref.APIVersion == "" {
				t.Errorf("RefOf says %+v", ref)
			}
			if _, p := s.Lookup(ref); p != snapshot.Present {
				t.Errorf("Lookup says %v, want present", p)
			}
			n := 0
			for range s.AllOf(k) {
				n++
			}
			if n != 1 {
				t.Errorf("AllOf yields %d objects, want 1", n)
			}
		})
	}
}

func TestPresence(t *testing.T) {
	for name, tc := range map[string]struct {
		coverage  snapshot.Coverage
		scope     string
		namespace string
		want      snapshot.Presence
	}{
		"all were listed":              {snapshot.Complete, "", "shop", snapshot.Absent},
		"the kind is not installed":    {snapshot.NotServed, "", "shop", snapshot.Absent},
		"nobody looked":                {snapshot.NotRead, "", "shop", snapshot.Unknown},
		"RBAC said no":                 {snapshot.Denied, "", "shop", snapshot.Unknown},
		"the server did not answer":    {snapshot.Failed, "", "shop", snapshot.Unknown},
		"some are missing":             {snapshot.Partial, "", "shop", snapshot.Unknown},
		"this namespace was listed":    {snapshot.Partial, "shop", "shop", snapshot.Absent},
		"another namespace was listed": {snapshot.Partial, "other", "shop", snapshot.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			b := snapshot.NewBuilder()
			if err := b.Add(&corev1.Service{ObjectMeta: meta("cart")}); err != nil {
				t.Fatal(err)
			}
			b.Cover(snapshot.Services, tc.coverage, tc.scope, "because")
			s := b.Seal(time.Time{})
			if _, p := s.Services().Get("shop", "cart"); p != snapshot.Present {
				t.Errorf("what is there is %v", p)
			}
			if o, p := s.Services().Get(tc.namespace, "basket"); p != tc.want || o != nil {
				t.Errorf("what is not there is %v (%v), want %v", p, o, tc.want)
			}
			if o, p := s.Lookup(model.Ref{Kind: "Service", Namespace: tc.namespace, Name: "basket"}); p != tc.want || o != nil {
				t.Errorf("Lookup says %v (%v), want %v", p, o, tc.want)
			}
			if got := s.Services().Covers(tc.namespace); got != (tc.want == snapshot.Absent) {
				t.Errorf("Covers says %v", got)
			}
		})
	}
}

func TestSecretsLoseTheirValues(t *testing.T) {
	s := build(t, nil, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db", Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}},
		Data:       map[string][]byte{"password": []byte("hunter2")},
		StringData: map[string]string{"user": "hunter2"},
	})
	secret, p := s.Secrets().Get("shop", "db")
	if p != snapshot.Present {
		t.Fatalf("the Secret is %v", p)
	}
	data, err := snapshot.JSONOf(secret)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "hunter2") || strings.Contains(string(data), "aHVudGVyMg") {
		t.Errorf("a value is left: %s", data)
	}
	for _, key := range []string{"password", "user"} {
		if _, ok := secret.Data[key]; !ok {
			t.Errorf("key %q is lost", key)
		}
	}
}

func TestAddReplaces(t *testing.T) {
	b := snapshot.NewBuilder()
	for _, label := range []string{"old", "new"} {
		o := &corev1.Service{ObjectMeta: meta("cart")}
		o.Labels = map[string]string{"is": label}
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
		if b.Len(snapshot.Services) != 1 {
			t.Errorf("%d Services before the seal, want 1", b.Len(snapshot.Services))
		}
	}
	got, _ := b.Seal(time.Time{}).Services().Get("shop", "cart")
	if got.Labels["is"] != "new" {
		t.Errorf("the %s one was kept", got.Labels["is"])
	}
}

func TestNamed(t *testing.T) {
	b := snapshot.NewBuilder()
	for _, at := range [][2]string{{"shop", "cart"}, {"shop", "web"}, {"bank", "cart"}, {"bank", "cart-2"}, {"art", "web"}} {
		if err := b.Add(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: at[0], Name: at[1]}}); err != nil {
			t.Fatal(err)
		}
	}
	services := b.Seal(time.Time{}).Services()
	for name, want := range map[string][]string{"cart": {"bank", "shop"}, "cart-2": {"bank"}, "web": {"art", "shop"}, "basket": nil} {
		var got []string
		for o := range services.Named(name) {
			got = append(got, o.Namespace)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is in %v, want %v", name, got, want)
		}
	}
}

func TestOthersOfOneName(t *testing.T) {
	of := func(kind string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": kind, "metadata": map[string]any{"name": "x"}}}
	}
	if s := build(t, nil, of("A"), of("B")); s.Others().Len() != 2 {
		t.Errorf("%d objects, want both kinds kept apart", s.Others().Len())
	}
}

func TestDecode(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want snapshot.Kind
		err  string
	}{
		"a known kind":              {`{"apiVersion":"v1","kind":"Pod"}`, snapshot.Pods, ""},
		"a beta with the same form": {`{"apiVersion":"gateway.networking.k8s.io/v1beta1","kind":"ReferenceGrant"}`, snapshot.ReferenceGrants, ""},
		"a new event":               {`{"apiVersion":"events.k8s.io/v1","kind":"Event","note":"hello"}`, snapshot.Events, ""},
		"a kind of another group":   {`{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"x"}}`, snapshot.Other, ""},
		"a version that is too new": {`{"apiVersion":"apps/v9","kind":"Deployment"}`, "", "unknown API version"},
		"no kind":                   {`{"apiVersion":"v1"}`, "", "no kind"},
		"not JSON":                  {`{`, "", "unexpected end"},
		"a field of the wrong type": {`{"apiVersion":"v1","kind":"Pod","spec":3}`, "", "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := snapshot.Decode([]byte(tc.in))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("got %v, want an error about %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := snapshot.KindOf(o); got != tc.want {
				t.Errorf("got a %s, want a %s", got, tc.want)
			}
		})
	}
}

func TestAsOf(t *testing.T) {
	s := build(t, nil)
	at := s.At()
	later := s.AsOf(at.Add(time.Minute))
	if !s.At().Equal(at) || !later.At().Equal(at.Add(time.Minute)) {
		t.Errorf("at %v and %v", s.At(), later.At())
	}
}
