package watch

import (
	"slices"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Who may list pods of one namespace alone does not see gateways of others: it is said, with what to ask for.
func TestForbidden(t *testing.T) {
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	if u, some := forbidden(b.Seal(time.Time{})); some {
		t.Errorf("all may be listed: got %+v", u)
	}
	b = snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	b.Cover(snapshot.GRPCRoutes, snapshot.NotServed, "", "")
	b.Cover(snapshot.Services, snapshot.Partial, "", "it is not current")
	b.Cover(snapshot.Ingresses, snapshot.Denied, "", "no, says the server")
	b.Cover(snapshot.Pods, snapshot.Partial, "shop", "only namespace shop")
	want := model.Unseen{What: "all objects of kind Ingress, Pod", Why: "no, says the server (the ClusterRole gatemend-reader lets them be seen)"}
	if u, some := forbidden(b.Seal(time.Time{})); !some || u != want {
		t.Errorf("got %+v, want %+v", u, want)
	}
}

func TestBlindness(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	envoy := []model.Unseen{{What: "envoy", Why: "read log: unexpected EOF"}}
	later := []model.Unseen{{What: "envoy", Why: "connection refused"}}
	b := blindness{}
	for _, step := range []struct {
		name   string
		after  time.Duration
		unseen []model.Unseen
		want   []string
	}{
		{"all is seen", 0, nil, nil},
		{"a stream breaks off", 100 * time.Millisecond, envoy, nil},
		{"and is back at once", 300 * time.Millisecond, nil, nil},
		{"it breaks off again", time.Second, envoy, nil},
		{"and is still away, for another reason", 2 * time.Second, later, []string{"cannot look at envoy: connection refused"}},
		{"which is said once", 3 * time.Second, envoy, nil},
		{"it is back", 9 * time.Second, nil, []string{"envoy can be looked at again, after 8s"}},
		{"which is said once too", 10 * time.Second, nil, nil},
	} {
		if got := b.update(step.unseen, start.Add(step.after)); !slices.Equal(got, step.want) {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
}
