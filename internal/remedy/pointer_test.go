package remedy

import (
	"slices"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	for _, tc := range []struct {
		field string
		want  []string // nil: an error
	}{
		{"spec.replicas", []string{"spec", "replicas"}},
		{"spec.ports[0].targetPort", []string{"spec", "ports", "0", "targetPort"}},
		{"metadata.annotations['a.b/c-d']", []string{"metadata", "annotations", "a.b/c-d"}},
		{`metadata.annotations["a.b/c"]`, []string{"metadata", "annotations", "a.b/c"}},
		{"metadata.annotations.a.b/c", []string{"metadata", "annotations", "a.b/c"}},
		{"spec.selector.app.kubernetes.io/name", []string{"spec", "selector", "app.kubernetes.io/name"}},
		{"spec.selector", []string{"spec", "selector"}},
		{"spec.template.spec.containers[1].readinessProbe.httpGet.port", []string{"spec", "template", "spec", "containers", "1", "readinessProbe", "httpGet", "port"}},
		{"", nil},
		{"metadata.name (object missing)[", nil},
		{"spec.ports[x]", nil},
		{"spec.ports[-1]", nil},
		{"spec..ports", nil},
		{"spec.ports['x", nil},
	} {
		got, err := tokens(tc.field)
		if (err != nil) != (tc.want == nil) || !slices.Equal(got, tc.want) {
			t.Errorf("tokens(%q) = %q, %v; want %q", tc.field, got, err, tc.want)
		}
	}
}

func TestPointerEscapes(t *testing.T) {
	if got, want := pointer([]string{"metadata", "annotations", "a/b~c"}), "/metadata/annotations/a~1b~0c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzTokens(f *testing.F) {
	for _, s := range []string{"spec.ports[0].targetPort", "metadata.annotations['a.b/c']", "a[", "[]", "['']", "spec.selector."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		got, err := tokens(field)
		if err != nil {
			return
		}
		if len(got) == 0 || slices.Contains(got, "") {
			t.Fatalf("tokens(%q) = %q: an empty step", field, got)
		}
		if p := pointer(got); strings.Count(p, "/") != len(got) {
			t.Fatalf("pointer(%q) = %q: a step is not escaped", got, p)
		}
	})
}
