package app

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// The form that a controller's ConfigMap sets is read without that anybody tells it.
func TestFormatsIn(t *testing.T) {
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for _, text := range []string{
		`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"edge","name":"nginx-config"},"data":{"log-format":"$status own"}}`,
		`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"edge","name":"lb-1"},"spec":{"containers":[{"name":"nginx-ingress","image":"nginx/nginx-ingress:5.1.1","args":["-nginx-configmaps=$(POD_NAMESPACE)/nginx-config"]}]}}`,
		`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"edge","name":"other-1"},"spec":{"containers":[{"name":"nginx-ingress","image":"nginx/nginx-ingress:5.1.1","args":["-nginx-configmaps=$(POD_NAMESPACE)/gone"]}]}}`,
	} {
		o, err := snapshot.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	formats := formatsIn(b.Seal(time.Unix(1_800_000_000, 0)), all.Formats{})
	nginx, _ := all.Named("nginx")
	for pod, want := range map[string]int{"lb-1": 502, "other-1": 0} {
		var s model.Signal
		formats.Parser(nginx, model.Ref{Namespace: "edge", Name: pod}).Parse([]byte("502 own"), &s)
		if s.Status != want {
			t.Errorf("%s: read %d, want %d", pod, s.Status, want)
		}
	}
}
