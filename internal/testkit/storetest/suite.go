// Package storetest has the tests that every history passes, and a real PostgreSQL for them.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/store"
)

// Noon is when the incidents of the tests begin.
func Noon() time.Time { return time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC) }

// Sample is an incident with everything in it.
func Sample(cluster, id string) model.Incident {
	noon := Noon()
	service := model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "cart"}
	return model.Incident{
		APIVersion: model.APIVersion, Kind: model.KindIncident, Cluster: cluster, ID: id, Phase: model.PhaseResolved,
		Because: "30 requests in a row succeeded", Routes: []string{"shop.example.com/cart", "shop.example.com/100%_sure"}, Requests: 900, Errors: 214,
		Statuses: []int{502, 0}, Cause: "target-port-mismatch", Confidence: 0.97,
		Object: model.FieldRef{Ref: service, Field: "spec.ports[0].targetPort"}, Summary: "Service shop/cart sends to port 8080, where nobody listens",
		Started: noon, Opened: noon.Add(300 * time.Millisecond), Updated: noon.Add(9 * time.Second), Closed: noon.Add(9 * time.Second),
		Proposal: &model.IncidentPlan{ID: "p1", Action: "patch-service", Summary: "targetPort 8080 -> 9090", Risk: model.RiskLow, Kubectl: "kubectl patch ...", Diff: "-8080\n+9090\n"},
		Timeline: []model.IncidentEvent{
			{At: noon.Add(300 * time.Millisecond), Kind: "Detected", Text: "214 of 900 requests failed"},
			{At: noon.Add(time.Second), Kind: "planned", Text: "targetPort 8080 -> 9090"},
		},
		Actions: []model.IncidentAction{{
			At: noon.Add(2 * time.Second), Action: "patch-service", Result: model.ActionApplied,
			Change: model.Change{Op: model.OpPatch, Target: service, ResourceVersion: "77", Fields: []model.FieldChange{{Path: "/spec/ports/0/targetPort", Old: []byte("8080"), New: []byte("9090")}}},
		}},
		Decisions: []model.IncidentDecision{{At: noon.Add(1500 * time.Millisecond), Plan: "p1", Verdict: model.Allow, Who: "alice@example.com", Through: "slack"}},
	}
}

// Run tests a kind of history. open gives a store of its own, empty, for each name.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("what is saved is read", func(t *testing.T) {
		s := open(t)
		want := Sample("eu-1", "shop/cart-1")
		save(t, s, want)
		equal(t, want, get(t, s, "eu-1", "shop/cart-1"))
	})
	t.Run("an incident that goes on", func(t *testing.T) {
		s := open(t)
		want := model.Incident{
			APIVersion: model.APIVersion, Kind: model.KindIncident, Cluster: "eu-1", ID: "a", Phase: model.PhaseDetected, Routes: []string{}, Statuses: []int{},
			Opened: Noon(), Updated: Noon(), Timeline: []model.IncidentEvent{}, Actions: []model.IncidentAction{}, Decisions: []model.IncidentDecision{},
		}
		save(t, s, want)
		equal(t, want, get(t, s, "eu-1", "a"))
	})
	t.Run("the newest state counts, in whatever order they come", func(t *testing.T) {
		s := open(t)
		early, late := Sample("eu-1", "a"), Sample("eu-1", "a")
		early.Phase, early.Closed, early.Updated = model.PhaseMending, time.Time{}, early.Updated.Add(-time.Second)
		early.Timeline = early.Timeline[:1]
		save(t, s, early)
		equal(t, early, get(t, s, "eu-1", "a"))
		save(t, s, late)
		save(t, s, late)
		save(t, s, early)
		equal(t, late, get(t, s, "eu-1", "a"))
	})
	t.Run("clusters are apart", func(t *testing.T) {
		s := open(t)
		here, there := Sample("eu-1", "a"), Sample("us-1", "a")
		there.Summary = "another one"
		save(t, s, here)
		save(t, s, there)
		equal(t, here, get(t, s, "eu-1", "a"))
		equal(t, there, get(t, s, "us-1", "a"))
		if n, err := s.Prune(t.Context(), store.Retention{Cluster: "us-1", Before: Noon().Add(time.Hour)}); err != nil || n != 1 {
			t.Fatalf("got %d, %v", n, err)
		}
		equal(t, here, get(t, s, "eu-1", "a"))
	})
	t.Run("what is not there", func(t *testing.T) {
		if _, err := open(t).Get(t.Context(), "eu-1", "none"); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("what cannot be kept", func(t *testing.T) {
		s := open(t)
		for _, i := range []model.Incident{{}, {Cluster: "a", ID: "b"}, {ID: "b", Updated: Noon()}} {
			if err := s.Save(t.Context(), i); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("%v: got %v", i, err)
			}
		}
	})
	t.Run("bytes that are no text", func(t *testing.T) {
		s := open(t)
		i := Sample("eu-1", "a")
		i.Summary, i.Routes = "a\x00b\xffc '; DROP TABLE incidents; --", []string{"x\x00\xfe/"}
		save(t, s, i)
		got := get(t, s, "eu-1", "a")
		if got.Summary != "a\uFFFDb\uFFFDc '; DROP TABLE incidents; --" || len(got.Routes) != 1 {
			t.Errorf("got %q, %q", got.Summary, got.Routes)
		}
	})
	t.Run("lists", func(t *testing.T) { lists(t, open(t)) })
	t.Run("retention", func(t *testing.T) { retention(t, open(t)) })
	t.Run("many at once", func(t *testing.T) { manyAtOnce(t, open(t)) })
	t.Run("a context that ended", func(t *testing.T) {
		s := open(t)
		save(t, s, Sample("eu-1", "a"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Save(ctx, Sample("eu-1", "b")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		save(t, s, Sample("eu-1", "b"))
	})
}

func lists(t *testing.T, s store.Store) {
	for n, phase := range model.Phases() {
		i := Sample("eu-1", fmt.Sprintf("i%d", n))
		i.Phase, i.Opened = phase, Noon().Add(time.Duration(n)*time.Minute)
		if n == 3 {
			i.Cluster, i.Cause, i.Routes = "us-1", "other", []string{"shop.example.com/cart/more"}
		}
		save(t, s, i)
	}
	for name, c := range map[string]struct {
		q    store.Query
		want string
	}{
		"all, the newest first": {store.Query{}, "i8 i7 i6 i5 i4 i3 i2 i1 i0"},
		"limited":               {store.Query{Limit: 2}, "i8 i7"},
		"one cluster":           {store.Query{Cluster: "us-1"}, "i3"},
		"one incident":          {store.Query{ID: "i4"}, "i4"},
		"phases":                {store.Query{Phases: []model.Phase{model.PhaseDetected, model.PhaseEscalated}}, "i8 i0"},
		"a cause":               {store.Query{Cause: "other"}, "i3"},
		"a time":                {store.Query{Since: Noon().Add(time.Minute), Until: Noon().Add(3 * time.Minute)}, "i2 i1"},
		"a route":               {store.Query{Route: "shop.example.com/cart", Cluster: "us-1"}, ""},
		"a route with marks":    {store.Query{Route: "shop.example.com/100%_sure", Limit: 1}, "i8"},
		"a pattern is no route": {store.Query{Route: "shop.example.com/%"}, ""},
		"everything together":   {store.Query{Cluster: "eu-1", Cause: "target-port-mismatch", Phases: []model.Phase{model.PhaseResolved}, Route: "shop.example.com/cart", Since: Noon(), Until: Noon().Add(time.Hour), Limit: 5}, "i6"},
	} {
		found, err := s.List(t.Context(), c.q)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ids := make([]string, 0, len(found))
		for _, i := range found {
			ids = append(ids, i.ID)
			if len(i.Timeline)+len(i.Actions)+len(i.Decisions) > 0 {
				t.Errorf("%s: a list has no timelines, got %v", name, i)
			}
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func retention(t *testing.T, s store.Store) {
	for n := range 6 {
		i := Sample("eu-1", fmt.Sprintf("i%d", n))
		i.Updated = Noon().Add(time.Duration(n) * time.Hour)
		i.Closed = i.Updated
		if n == 0 {
			i.Phase, i.Closed = model.PhaseMending, time.Time{} // the oldest one goes on
		}
		save(t, s, i)
	}
	for _, step := range []struct {
		r    store.Retention
		n    int
		left string
	}{
		{store.Retention{Cluster: "eu-1"}, 0, "i0 i1 i2 i3 i4 i5"},
		{store.Retention{Cluster: "us-1", Most: 1}, 0, "i0 i1 i2 i3 i4 i5"},
		{store.Retention{Cluster: "eu-1", Before: Noon().Add(2 * time.Hour)}, 1, "i0 i2 i3 i4 i5"},
		{store.Retention{Cluster: "eu-1", Most: 2}, 2, "i0 i4 i5"},
		{store.Retention{Cluster: "eu-1", Before: Noon().Add(24 * time.Hour), Most: 1}, 2, "i0"},
	} {
		n, err := s.Prune(t.Context(), step.r)
		if err != nil || n != step.n {
			t.Errorf("%+v: got %d, %v, want %d", step.r, n, err, step.n)
		}
		var left []string
		for n := range 6 {
			if _, err := s.Get(t.Context(), "eu-1", fmt.Sprintf("i%d", n)); err == nil {
				left = append(left, fmt.Sprintf("i%d", n))
			}
		}
		if got := strings.Join(left, " "); got != step.left {
			t.Errorf("%+v: left are %q, want %q", step.r, got, step.left)
		}
	}
	// What belonged to a deleted incident is gone as well: it would turn up in a new one of the name.
	bare := Sample("eu-1", "i5")
	bare.Timeline, bare.Actions, bare.Decisions = []model.IncidentEvent{}, []model.IncidentAction{}, []model.IncidentDecision{}
	save(t, s, bare)
	equal(t, bare, get(t, s, "eu-1", "i5"))
}

func manyAtOnce(t *testing.T, s store.Store) {
	const writers, each = 4, 10
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for n := range each {
				i := Sample("eu-1", "shared")
				i.Updated = Noon().Add(time.Duration(w*each+n) * time.Second)
				i.Errors = w*each + n
				if err := s.Save(t.Context(), i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got := get(t, s, "eu-1", "shared"); got.Errors != writers*each-1 || len(got.Timeline) != 2 {
		t.Errorf("got %d errors, %d events", got.Errors, len(got.Timeline))
	}
}

func save(t *testing.T, s store.Store, i model.Incident) {
	t.Helper()
	if err := s.Save(t.Context(), i); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s store.Store, cluster, id string) model.Incident {
	t.Helper()
	i, err := s.Get(t.Context(), cluster, id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func equal(t *testing.T, want, got model.Incident) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
