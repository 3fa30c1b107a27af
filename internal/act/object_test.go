package act

import (
	"encoding/json"
	"strings"
	"testing"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/gatemend/gatemend/internal/model"
)

func TestPristine(t *testing.T) {
	object := json.RawMessage(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"cart","namespace":"shop","uid":"u","resourceVersion":"7",
		"generation":2,"creationTimestamp":"2026-01-01T00:00:00Z","deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["x"],"managedFields":[{}],
		"labels":{"team":"shop"},"ownerReferences":[{"name":"o"}]},"spec":{"clusterIP":"10.0.0.7"},"status":{"loadBalancer":{}}}`)
	target := model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "cart"}
	o, err := pristine(model.Change{Op: model.OpCreate, Target: target, Object: object})
	if err != nil {
		t.Fatal(err)
	}
	data, err := o.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"apiVersion":"v1","kind":"Service","metadata":{"labels":{"team":"shop"},"name":"cart","namespace":"shop","ownerReferences":[{"name":"o"}]},"spec":{"clusterIP":"10.0.0.7"}}`
	if got := strings.TrimSpace(string(data)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	target.Name = "basket"
	if _, err := pristine(model.Change{Op: model.OpCreate, Target: target, Object: object}); err == nil {
		t.Error("another object than the change names was let through")
	}
	if _, err := pristine(model.Change{Op: model.OpCreate, Target: target, Object: json.RawMessage(`{`)}); err == nil {
		t.Error("half an object was let through")
	}
}

func TestWithoutAddresses(t *testing.T) {
	for name, tc := range map[string]struct {
		spec, want string
		found      bool
	}{
		"an address":      {`{"clusterIP":"10.0.0.7","clusterIPs":["10.0.0.7"],"ports":[{"port":80,"nodePort":30080}]}`, `{"ports":[{"port":80}]}`, true},
		"headless":        {`{"clusterIP":"None","clusterIPs":["None"],"ports":[{"port":80}]}`, `{"clusterIP":"None","clusterIPs":["None"],"ports":[{"port":80}]}`, false},
		"nothing to take": {`{"ports":[{"port":80}]}`, `{"ports":[{"port":80}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			ref := model.Ref{APIVersion: "v1", Kind: "Service", Name: "cart"}
			o, err := pristine(model.Change{Target: ref, Object: json.RawMessage(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"cart"},"spec":` + tc.spec + `}`)})
			if err != nil {
				t.Fatal(err)
			}
			if got := withoutAddresses(o); got != tc.found {
				t.Errorf("found %v, want %v", got, tc.found)
			}
			got, err := json.Marshal(o.Object["spec"])
			if err != nil || string(got) != tc.want {
				t.Errorf("got %s, want %s (%v)", got, tc.want, err)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	const object = `{"a":{"b/c":[{"d":1},{"e":null}],"~":true}}`
	for pointer, want := range map[string]string{
		"": object, "/a/b~1c/0/d": "1", "/a/b~1c/1/e": "null", "/a/~0": "true",
		"/a/x": "-", "/a/b~1c/2": "-", "/a/b~1c/x": "-", "/a/b~1c/-1": "-", "/a/b~1c/0/d/y": "-",
	} {
		got, ok := lookup([]byte(object), pointer)
		if !ok {
			got = json.RawMessage("-")
		}
		if string(got) != want {
			t.Errorf("lookup(%q) = %s, want %s", pointer, got, want)
		}
	}
}

func TestBudget(t *testing.T) {
	cause := metav1.StatusCause{Type: policyv1.DisruptionBudgetCause, Message: "The disruption budget keep-one needs 1 healthy pods and has 1 currently"}
	if got := budget(metav1.Status{Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{cause}}}); got != "keep-one" {
		t.Errorf("got %q, want keep-one", got)
	}
	if got := budget(metav1.Status{}); got != "" {
		t.Errorf("got %q of nothing", got)
	}
}

func TestForbiddenError(t *testing.T) {
	e := &ForbiddenError{Verb: "patch", Resource: schema.GroupResource{Group: "apps", Resource: "deployments"}, Namespace: "shop", Words: "no"}
	want := `may not patch deployments.apps: no (to allow it, add in a Role in namespace "shop": {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]})`
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
}
