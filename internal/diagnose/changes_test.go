package diagnose

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
)

// TestChangesNameTheAuthor breaks a selector the way kubectl edit does, beside an older and an unrelated
// change.
func TestChangesNameTheAuthor(t *testing.T) {
	objects := patched(t, base(t), []byte(`items:
- apiVersion: v1
  kind: Service
  metadata:
    name: cart
    namespace: shop
    creationTimestamp: "2026-04-01T11:00:00Z"
    managedFields:
    - {manager: helm, operation: Update, time: "2026-04-01T11:00:00Z", fieldsV1: {"f:spec": {"f:selector": {}}}}
    - {manager: kubectl-edit, operation: Update, time: "2026-05-01T11:50:00Z", fieldsV1: {"f:spec": {"f:selector": {"f:app": {}}}}}
    - {manager: annotator, operation: Update, time: "2026-05-01T11:59:00Z", fieldsV1: {"f:metadata": {"f:annotations": {"f:note": {}}}}}
  spec: {selector: {app: kart}}
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: cart-1, namespace: shop}
  endpoints: []
`))
	d := Diagnose(Input{Snapshot: build(t, objects, nil)})
	if len(d.Causes) == 0 || d.Causes[0].ID != "selector-mismatch" {
		t.Fatalf("selector-mismatch is not first:\n%s", show(d))
	}
	i := slices.IndexFunc(d.Causes[0].Evidence, func(e model.Evidence) bool { return e.Kind == "change" })
	if i < 0 || d.Causes[0].Evidence[i].Text != "kubectl-edit changed spec.selector.app: now kart" {
		t.Errorf("the author is not named: %+v", d.Causes[0].Evidence)
	}
	var got []string
	for _, c := range d.Changes[:min(2, len(d.Changes))] {
		got = append(got, clock(c.At)+" "+c.String())
	}
	want := []string{
		"11:59:00 annotator changed metadata.annotations['note']",
		"11:50:00 kubectl-edit changed spec.selector.app: now kart",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestNothingWrongNothingChanged(t *testing.T) {
	if d := Diagnose(Input{Snapshot: build(t, base(t), nil)}); d.Changes == nil || len(d.Changes) != 0 {
		t.Errorf("changes of a healthy cluster: %v", d.Changes)
	}
}
