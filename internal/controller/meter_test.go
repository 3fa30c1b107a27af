package controller

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// Each thing is counted once, however often a state is stored that tells it; what a former leader has stored is not.
func TestEachThingIsCountedOnce(t *testing.T) {
	at := time.Now().Add(-time.Minute)
	i, _ := lived(t, plantest.Faults()[0], at, plan.Event{Kind: plan.EventApplying}, plan.Event{Kind: plan.EventApplied},
		plan.Event{Kind: plan.EventClosed, Outcome: plan.Mended, Because: "b"})
	of := metrics.New(metrics.Build{}, func() []metrics.Source { return nil })
	m := newMeter(of)
	before := i.DeepCopy() // before the change was made
	before.Status.Actions, before.Status.ResolvedAt = nil, nil
	m.take(before, true)
	m.take(i, false)
	m.take(i, false)
	other := i.DeepCopy()
	other.Name = "cart-2"
	m.waits(client.ObjectKeyFromObject(i), at)
	m.waits(client.ObjectKeyFromObject(i), at.Add(time.Second))
	m.waits(client.ObjectKeyFromObject(other), at)
	m.looked(client.ObjectKeyFromObject(other))
	of.Incidents(func() (metrics.Incidents, bool) {
		return m.standing([]*v1alpha1.Incident{i, other}, at.Add(5*time.Second)), true
	})

	w := httptest.NewRecorder()
	of.Handler("").ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	action, cause := i.Status.Actions[0].Action, i.Status.Diagnosis.Cause
	for _, want := range []string{
		`gatemend_actions_total{action="` + action + `",result="Applied"} 1`, "gatemend_incident_mending_seconds_count 1",
		"gatemend_incident_detection_seconds_count 0", // the former leader's
		`gatemend_incidents{cause="` + cause + `",phase="Resolved"} 2`, "gatemend_incidents_waiting 1", "gatemend_incidents_waiting_seconds 5",
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	m.forget(client.ObjectKeyFromObject(i))
	if len(m.counted) != 0 || len(m.waiting) != 0 {
		t.Errorf("kept %v, %v", m.counted, m.waiting)
	}
}

// The incident of a route is found without looking at all of them, as long as it is not over.
func TestTheLedgerKnowsOpenIncidents(t *testing.T) {
	i, _ := lived(t, plantest.Faults()[0], time.Now())
	l := newLedger(nil, nil)
	if err := l.put(i); err != nil {
		t.Fatal(err)
	}
	if key, ok := l.of(i.Spec.Route); !ok || key != client.ObjectKeyFromObject(i) {
		t.Errorf("got %v, %v", key, ok)
	}
	next := i.DeepCopy()
	next.Status.Phase = v1alpha1.PhaseResolved
	if err := l.put(next); err != nil {
		t.Fatal(err)
	}
	if key, ok := l.of(i.Spec.Route); ok {
		t.Errorf("got %v, which is over", key)
	}
	if err := l.put(i); err != nil {
		t.Fatal(err)
	}
	l.forget(client.ObjectKeyFromObject(i))
	if key, ok := l.of(i.Spec.Route); ok {
		t.Errorf("got %v, which was deleted", key)
	}
}
