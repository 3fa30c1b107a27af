package controller

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/store/sqlite"
	"github.com/gatemend/gatemend/internal/verify"
)

// lived is an incident as the controller writes it: events are taken in as the journal does, one after the other.
func lived(t *testing.T, f plantest.Fault, at time.Time, events ...plan.Event) (*v1alpha1.Incident, []plan.Event) {
	t.Helper()
	shop := plantest.Shop("cart", "web")
	f.Break(shop)
	d := model.Diagnosis{Causes: []model.Finding{f.Finding}, Observed: f.Observed}
	p, err := plan.Make(plan.Input{Diagnosis: d, Snapshot: shop.Snapshot(), Memory: plan.Memory{Deleted: f.Deleted}})
	if err != nil {
		t.Fatal(err)
	}
	detected := metav1.NewMicroTime(at.Add(time.Second))
	i := &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-1", CreationTimestamp: metav1.NewTime(at.Add(time.Second))},
		Spec:       v1alpha1.IncidentSpec{Route: "shop.example.com/cart", Since: metav1.NewMicroTime(at)},
		Status: v1alpha1.IncidentStatus{
			Phase: v1alpha1.PhaseDetected, DetectedAt: &detected, Diagnosis: diagnosisOf(d), Attempts: 1,
			Observed: &v1alpha1.Observed{Requests: 9, Errors: 4, Statuses: []int32{502, 0}},
		},
	}
	tell(&i.Status, detected, "detected", "4 of 9 requests failed")
	all := append([]plan.Event{{Kind: plan.EventPlanned, Plan: &p}}, events...)
	for n := range all {
		all[n].At, all[n].Incident = at.Add(time.Duration(n+2)*time.Second), attemptID("shop/cart-1", 1)
		entry, err := entryOf(1, all[n])
		if err != nil {
			t.Fatal(err)
		}
		i.Status.Journal = append(i.Status.Journal, stored(t, entry))
		took(&i.Status, all[:n+1], all[n])
	}
	i.Status.Decisions = []v1alpha1.DecisionRecord{
		{At: detected, Plan: planID(p), Verdict: "approve", Rule: "shop/all", Because: "shop/all: mode approve"},
		{At: detected, Plan: planID(p), Verdict: "Approve", User: "ann", Through: "slack", Because: "seen"},
		{At: detected, Plan: planID(p), Verdict: "Reject", User: "bob"},
		{At: detected, Plan: planID(p), Verdict: "perhaps", Rule: "r"},
	}
	kept, err := eventsOf(i) // as another leader reads them
	if err != nil {
		t.Fatal(err)
	}
	return i, kept
}

// What the history tells of an incident is what the incident says, for every kind of plan, before and after it was stored.
func TestHistoryTellsTheIncident(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC)
	history, err := sqlite.Open(filepath.Join(t.TempDir(), "history.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = history.Close() })
	for _, f := range plantest.Faults() {
		i, events := lived(t, f, at,
			plan.Event{Kind: plan.EventApplying}, plan.Event{Kind: plan.EventApplied, UID: "u"}, plan.Event{Kind: plan.EventWaited, OK: true},
			plan.Event{Kind: plan.EventJudged, Judgement: &verify.Judgement{Verdict: verify.Helped, Because: "b"}},
			plan.Event{Kind: plan.EventClosed, Outcome: plan.Mended, Because: "30 requests in a row succeeded"})
		got := recordOf("eu-1", i, events)
		if got.Phase != model.PhaseResolved || got.ID != "shop/cart-1" || got.Cluster != "eu-1" || got.Requests != 9 || got.Errors != 4 || !got.Started.Equal(at) {
			t.Errorf("%s: %+v", f.Name, got)
		}
		if !got.Closed.Equal(at.Add(7*time.Second)) || !got.Updated.Equal(got.Closed) || !got.Opened.Equal(at.Add(time.Second)) {
			t.Errorf("%s: opened %s, closed %s, updated %s", f.Name, got.Opened, got.Closed, got.Updated)
		}
		if got.Cause != f.Finding.ID || got.Object.Ref != f.Finding.Object.Ref || got.Proposal == nil || got.Proposal.ID != i.Status.Plan.ID {
			t.Errorf("%s: cause %s of %s, plan %+v", f.Name, got.Cause, got.Object, got.Proposal)
		}
		whole := lastPlan(events)
		if len(whole.Remedy.Changes) > 0 { // advice changes nothing
			if len(got.Actions) != 1 || got.Actions[0].Result != model.ActionApplied || got.Actions[0].Action != whole.Remedy.Action {
				t.Fatalf("%s: actions %+v", f.Name, got.Actions)
			}
			if d := cmp.Diff(asJSON(t, whole.Remedy.Changes[0]), asJSON(t, got.Actions[0].Change)); d != "" {
				t.Errorf("%s: the change is another one\n%s", f.Name, d)
			}
		}
		if err := history.Save(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		back, err := history.Get(t.Context(), "eu-1", "shop/cart-1")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(asJSON(t, got), asJSON(t, back)); d != "" {
			t.Errorf("%s: the history has another incident\n%s", f.Name, d)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestHistoryTellsWhoDecided(t *testing.T) {
	i, events := lived(t, plantest.Faults()[0], time.Now())
	at := i.Status.Decisions[0].At.UTC()
	id := i.Status.Plan.ID
	want := []model.IncidentDecision{
		{At: at, Plan: id, Verdict: model.Approve, Who: "shop/all", Through: "policy", Because: "mode approve"},
		{At: at, Plan: id, Verdict: model.Allow, Who: "ann", Through: "slack", Because: "seen"},
		{At: at, Plan: id, Verdict: model.Refuse, Who: "bob", Through: "kubectl"},
		{At: at, Plan: id, Verdict: model.Refuse, Who: "r", Through: "policy"},
	}
	if d := cmp.Diff(want, recordOf("c", i, events).Decisions); d != "" {
		t.Error(d)
	}
}

// Both words for phases are the same, so that the history has every one.
func TestPhasesAreThoseOfTheHistory(t *testing.T) {
	for _, p := range []v1alpha1.Phase{
		v1alpha1.PhaseDetected, v1alpha1.PhaseDiagnosed, v1alpha1.PhaseProposed, v1alpha1.PhaseAwaitingApproval, v1alpha1.PhaseMending,
		v1alpha1.PhaseVerifying, v1alpha1.PhaseResolved, v1alpha1.PhaseUndone, v1alpha1.PhaseEscalated,
	} {
		if !slices.Contains(model.Phases(), model.Phase(p)) {
			t.Errorf("%s", p)
		}
	}
}

// An incident that somebody deletes while it goes on does not go on for ever in what is told of it, and what is told is
// newer than all that was told before.
func TestADeletedIncidentEnds(t *testing.T) {
	i, _ := lived(t, plantest.Faults()[0], time.Now(), plan.Event{Kind: plan.EventApplying})
	l := newLedger(nil, nil)
	var told []model.Incident
	l.changed = func(i *v1alpha1.Incident, events []plan.Event) { told = append(told, recordOf("c", i, events)) }
	if err := l.put(i); err != nil {
		t.Fatal(err)
	}
	l.forget(client.ObjectKeyFromObject(i))
	if len(told) != 2 || told[0].Phase != model.PhaseMending || told[1].Phase != model.PhaseResolved || !told[1].Updated.After(told[0].Updated) || told[1].Closed.IsZero() {
		t.Errorf("told %+v", told)
	}
	i.Status.Phase = v1alpha1.PhaseResolved
	if err := l.put(i); err != nil {
		t.Fatal(err)
	}
	if l.forget(client.ObjectKeyFromObject(i)); len(told) != 3 {
		t.Errorf("that an incident was deleted after its end was told")
	}
}

// What was left to a person is tried again once something else is wrong, and otherwise where what stood against it may be
// gone; whether there was a plan makes no difference.
func TestWhatIsTriedAgain(t *testing.T) {
	began := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	port := plan.Cause{ID: "target-port-mismatch", Object: plantest.Ref("Service", "cart")}
	elsewhere := plan.Cause{ID: port.ID, Object: plantest.Ref("Service", "web")}
	crash := plan.Cause{ID: "app-error", Object: plantest.Ref("Deployment", "cart")}
	planned := &model.Plan{Finding: model.Finding{ID: port.ID}}
	for name, tc := range map[string]struct {
		mode     Mode
		attempts int32
		last     plan.Event // the first of the last repair
		outcome  plan.Outcome
		now      plan.Cause
		want     time.Duration // after the last repair; negative: never
	}{
		"no plan, the same":                          {Auto, 1, plan.Event{Kind: plan.EventNoPlan, Cause: &crash}, plan.OnlyAdvice, crash, tryAgain},
		"no plan, the same, and nobody may":          {Propose, 1, plan.Event{Kind: plan.EventNoPlan, Cause: &crash}, plan.OnlyAdvice, crash, -1},
		"no plan, another cause":                     {Auto, 1, plan.Event{Kind: plan.EventNoPlan, Cause: &crash}, plan.OnlyAdvice, port, 2 * trySoon},
		"no plan, another cause, to be proposed":     {Propose, 1, plan.Event{Kind: plan.EventNoPlan, Cause: &crash}, plan.OnlyAdvice, port, 2 * trySoon},
		"all refused, another cause":                 {Propose, 1, plan.Event{Kind: plan.EventNoPlan, Cause: &port}, plan.Refused, crash, 2 * trySoon},
		"a plan, elsewhere":                          {Auto, 1, plan.Event{Kind: plan.EventPlanned, Plan: planned, Cause: &port}, plan.Refused, elsewhere, 2 * trySoon},
		"a plan for the second cause, the same":      {Auto, 1, plan.Event{Kind: plan.EventPlanned, Plan: planned, Cause: &crash}, plan.Declined, crash, -1},
		"said no, the same":                          {Auto, 1, plan.Event{Kind: plan.EventPlanned, Plan: planned, Cause: &port}, plan.Declined, port, -1},
		"said no, another cause":                     {Auto, 1, plan.Event{Kind: plan.EventPlanned, Plan: planned, Cause: &port}, plan.Declined, crash, 2 * trySoon},
		"did not help, the same":                     {Auto, 1, plan.Event{Kind: plan.EventPlanned, Plan: planned, Cause: &port}, plan.NotHelped, port, -1},
		"it goes to and fro":                         {Auto, 9, plan.Event{Kind: plan.EventPlanned, Plan: planned, Cause: &port}, plan.Refused, crash, tryAgain},
		"an earlier release's journal, the same":     {Auto, 1, plan.Event{Kind: plan.EventPlanned, Plan: planned}, plan.Declined, port, -1},
		"an earlier release's journal, another":      {Auto, 1, plan.Event{Kind: plan.EventPlanned, Plan: planned}, plan.Declined, crash, 2 * trySoon},
		"an earlier release's journal, without plan": {Auto, 1, plan.Event{Kind: plan.EventNoPlan}, plan.OnlyAdvice, crash, tryAgain},
	} {
		t.Run(name, func(t *testing.T) {
			i := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-1"}}
			i.Status.Attempts = tc.attempts
			i.Status.Diagnosis = diagnosisOf(model.Diagnosis{Causes: []model.Finding{{ID: tc.now.ID, Object: model.FieldRef{Ref: tc.now.Object}}}})
			events := []plan.Event{tc.last, {Kind: plan.EventClosed, Outcome: tc.outcome}}
			for n := range events {
				events[n].At, events[n].Incident = began, attemptID("shop/cart-1", tc.attempts)
			}
			r := &incidentReconciler{mode: tc.mode, now: func() time.Time { return began.Add(time.Second) }}
			wait, again := r.retryAfter(i, events)
			if want := tc.want >= 0; again != want || again && wait != tc.want-time.Second {
				t.Errorf("again: %v, after %s, want %v, after %s", again, wait, want, tc.want-time.Second)
			}
		})
	}
}

// What did not help is tried again where the API server was away meanwhile.
func TestWhatAnOutageSpoiltIsTriedAgain(t *testing.T) {
	for _, away := range []bool{false, true} {
		i, events := lived(t, plantest.Faults()[0], time.Now(), plan.Event{Kind: plan.EventApplying}, plan.Event{Kind: plan.EventApplied, UID: "u"},
			plan.Event{Kind: plan.EventWaited, OK: true},
			plan.Event{Kind: plan.EventJudged, Away: away, Judgement: &verify.Judgement{Verdict: verify.NotHelped}},
			plan.Event{Kind: plan.EventUndoing}, plan.Event{Kind: plan.EventUndone}, plan.Event{Kind: plan.EventUndoChecked, OK: true},
			plan.Event{Kind: plan.EventReleased, OK: true}, plan.Event{Kind: plan.EventClosed, Outcome: plan.NotHelped})
		r := &incidentReconciler{mode: Auto, now: time.Now}
		if _, again := r.retryAfter(i, events); again != away {
			t.Errorf("the API server was away: %v, and it is tried again: %v", away, again)
		}
	}
}

// What was mended is the incident's cause, whatever the repair itself made the failures look like meanwhile. A repair that did not
// help proves nothing.
func TestTheCauseIsThatWhichWasMended(t *testing.T) {
	f := plantest.Faults()[0]
	for outcome, want := range map[plan.Outcome]string{plan.Mended: string(f.Finding.ID), plan.NotHelped: "termination-race"} {
		i, events := lived(t, f, time.Now(), plan.Event{Kind: plan.EventApplying}, plan.Event{Kind: plan.EventApplied, UID: "u"}, plan.Event{Kind: plan.EventWaited, OK: true})
		i.Status.Diagnosis = &v1alpha1.Diagnosis{Cause: "termination-race", Where: "Deployment shop/cart", Summary: "pods stop too soon"}
		closed := plan.Event{At: time.Now(), Kind: plan.EventClosed, Outcome: outcome, Because: "b"}
		took(&i.Status, append(events, closed), closed)
		if got := i.Status.Diagnosis; got.Cause != want {
			t.Errorf("%s: the cause is %s, want %s", outcome, got.Cause, want)
		}
		if c := meta.FindStatusCondition(i.Status.Conditions, v1alpha1.ConditionDiagnosed); outcome == plan.Mended && (c == nil || !strings.HasPrefix(c.Message, want)) {
			t.Errorf("%s: condition %+v", outcome, c)
		}
	}
}

// That a repair stands still, because nobody can see whether it helps, is logged and told of.
func TestAStandstillIsTold(t *testing.T) {
	i, _ := lived(t, plantest.Faults()[0], time.Now(), plan.Event{Kind: plan.EventApplying})
	l := newLedger(nil, nil)
	if err := l.put(i); err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	var told []string
	r := &incidentReconciler{
		ledger: l, log: slog.New(slog.NewTextHandler(&logged, nil)),
		told: func(_ *v1alpha1.Incident, reason, text string) { told = append(told, reason+": "+text) },
	}
	r.options(client.ObjectKeyFromObject(i), plan.Policy{}).OnSilence("it does not answer")
	if len(told) != 1 || !strings.HasPrefix(told[0], "Waiting: ") || !strings.HasSuffix(told[0], ": it does not answer") || !strings.Contains(logged.String(), "it does not answer") {
		t.Errorf("told %q, logged %q", told, &logged)
	}
}
