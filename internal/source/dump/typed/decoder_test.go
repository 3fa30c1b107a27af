package typed

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// fresh are objects of the types that the fast way is tried on.
func fresh() []any {
	return []any{
		&corev1.Pod{}, &corev1.Service{}, &corev1.Secret{}, &corev1.Event{}, &corev1.Node{}, &discoveryv1.EndpointSlice{},
		&appsv1.Deployment{}, &networkingv1.Ingress{}, &networkingv1.NetworkPolicy{}, &gatewayv1.HTTPRoute{}, &gatewayv1.Gateway{},
	}
}

// same decodes in both ways, the fast one twice, so that the second time finds what was remembered.
func same(t *testing.T, data []byte) {
	t.Helper()
	d := New()
	for i, want := range fresh() {
		wantErr := kjson.UnmarshalCaseSensitivePreserveInts(data, want)
		for range 2 {
			got := fresh()[i]
			err := d.Decode(data, got)
			if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Fatalf("%T: error %v, want %v, of\n%s", got, err, wantErr, data)
			}
			if diff := cmp.Diff(want, got); wantErr == nil && diff != "" {
				t.Fatalf("%T (-want +got):\n%s\nof\n%s", got, diff, data)
			}
		}
	}
}

func TestDecode(t *testing.T) {
	for _, text := range []string{
		`{}`, `null`, `[]`, `7`, `"x"`, ``, `{`, `{}}`, `{"metadata":null}`, `{"metadata":{"name":null}}`, `{"kind":"Pod"} x`,
		`{"metadata":{"name":"a","name":"b"}}`, `{"metadata":{"labels":{"a":"b","a":"c"}}}`, `{"metadata":{"Name":"a"}}`,
		`{"metadata":{"na\u006de":"\u00e9\n\ud83d\ude00"}}`, "{\"metadata\":{\"name\":\"\xff\"}}", "{\"metadata\":{\"name\":\"a\tb\"}}",
		`{"metadata":{"name":"\ud800"}}`, `{"metadata":{"generation":01}}`, `{"metadata":{"generation":+1}}`, `{"metadata":{"generation":-0}}`,
		`{"metadata":{"generation":1.0}}`, `{"metadata":{"generation":99999999999999999999}}`, `{"metadata":{"creationTimestamp":"yesterday"}}`,
		`{"metadata":{"creationTimestamp":"2026-01-02T03:04:05+02:00"}}`, `{"metadata":{"labels":[]}}`, `{"metadata":{"labels":{},"finalizers":[],"ownerReferences":[null,{}]}}`,
		`{"spec":7}`, `{"spec":{"ports":[{"port":80,"targetPort":"http"},{"port":81,"targetPort":8080},]}}`, `{"spec":{"ports":[1 2]}}`,
		`{"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":"100m","memory":null,"x":7}}}],"x":{"unknown":[tru]}}}`,
		`{"data":{"a":"YWJj"},"immutable":true}`, `{"spec":{"rules":[{"timeouts":{"request":"10s"}}]}}`, `{"more":[}]}`, `{"more":{]}`,
		`{"status":{"conditions":[{"type":"Ready","status":"True","lastTransitionTime":null}]},"eventTime":"2026-01-02T03:04:05.123456Z"}`,
		`{"metadata":{"managedFields":[{"fieldsV1":{"f:a":{}},"time":"2026-01-02T03:04:05Z"}]}}`,
		`{"metadata":` + strings.Repeat("[", 20_000) + `}`, `{"more":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	} {
		same(t, []byte(text))
	}
}

// TestDecodeRecorded decodes objects of real clusters.
func TestDecodeRecorded(t *testing.T) {
	files, err := filepath.Glob("../../../../examples/*/dump/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(data), "\n---\n") {
			text, err := yaml.YAMLToJSON([]byte(doc))
			if err != nil {
				t.Fatal(err)
			}
			same(t, text)
		}
	}
}

// TestFast: the fast way is really taken for what a cluster holds.
func TestFast(t *testing.T) {
	const pod = `{"metadata":{"name":"a","labels":{"app":"cart"}},"spec":{"containers":[{"name":"app","resources":{"limits":{"cpu":"100m"}},"readinessProbe":{"httpGet":{"port":"http"}}}]}}`
	d := New()
	var first, second corev1.Pod
	for _, p := range []*corev1.Pod{&first, &second} {
		if err := d.Decode([]byte(strings.Replace(pod, `"a"`, `"`+string('a'+rune(len(first.Name)))+`"`, 1)), p); err != nil {
			t.Fatal(err)
		}
	}
	if first.Name != "a" || second.Name != "b" {
		t.Fatalf("names %q and %q", first.Name, second.Name)
	}
	if first.Spec.Containers[0].ReadinessProbe != second.Spec.Containers[0].ReadinessProbe {
		t.Error("two pods with the same probe do not share it")
	}
}

func FuzzDecode(f *testing.F) {
	for _, o := range []any{&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Args: []string{"x\ny"}}}}}, &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}} {
		data, err := json.Marshal(o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"metadata":{"labels":{"a":"b"},"generation":1,"creationTimestamp":"2026-01-02T03:04:05Z"},"spec":{"ports":[{"port":80,"targetPort":"http"}]}}`))
	f.Add([]byte(`{"spec":{"rules":[{"matches":[{"path":{"type":"Exact","value":"/"}}],"timeouts":{"request":"10s"}}]}}`))
	f.Fuzz(same)
}
