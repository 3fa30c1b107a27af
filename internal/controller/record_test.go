package controller

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/verify"
)

// stored is an entry as it comes back from an API server, which reads and writes all JSON anew.
func stored(t *testing.T, entry v1alpha1.JournalEntry) v1alpha1.JournalEntry {
	t.Helper()
	data, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	var anything any
	if err := json.Unmarshal(data, &anything); err != nil {
		t.Fatal(err)
	}
	if data, err = json.Marshal(anything); err != nil {
		t.Fatal(err)
	}
	var back v1alpha1.JournalEntry
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// What the engine goes on from is the same before and after an incident was stored, for every kind of plan.
func TestAJournalIsWhatWasWritten(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC)
	ids := map[string]plan.Event{}
	for _, f := range plantest.Faults() {
		shop := plantest.Shop("cart", "web")
		f.Break(shop)
		d := model.Diagnosis{Causes: []model.Finding{f.Finding}, Observed: f.Observed}
		p, err := plan.Make(plan.Input{Diagnosis: d, Snapshot: shop.Snapshot(), Memory: plan.Memory{Deleted: f.Deleted}})
		if err != nil {
			t.Fatal(err)
		}
		target := model.Target{Object: &f.Finding.Object.Ref}
		events := []plan.Event{
			{At: at, Incident: "shop/a#2", Kind: plan.EventPlanned, Plan: &p, Target: &target, Cause: plan.FirstCause(d)},
			{At: at, Incident: "shop/a#2", Kind: plan.EventNoPlan, Outcome: plan.OnlyAdvice, Because: "b", Cause: plan.FirstCause(d)},
			{At: at, Incident: "shop/a#2", Kind: plan.EventApplied, Index: 1, UID: "u"},
			{At: at, Incident: "shop/a#2", Kind: plan.EventJudged, Judgement: &verify.Judgement{Verdict: verify.Helped, Because: "b"}},
			{At: at, Incident: "shop/a#2", Kind: plan.EventClosed, Outcome: plan.Mended, Because: "b", OK: true},
		}
		for _, e := range events {
			entry, err := entryOf(2, e)
			if err != nil {
				t.Fatal(err)
			}
			back, err := eventOf("shop/a", stored(t, entry))
			if err != nil {
				t.Fatal(err)
			}
			want, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(back)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(normal(t, want), normal(t, got)); d != "" {
				t.Errorf("%s, %s (-want +got)\n%s", f.Name, e.Kind, d)
			}
			if back.Plan != nil && planID(*back.Plan) != planID(p) {
				t.Errorf("%s: the plan has another id once it was stored", f.Name)
			}
		}
		if other, twice := ids[planID(p)]; twice && !cmp.Equal(other.Plan.Remedy.Changes, p.Remedy.Changes) { // the same change is the same plan
			t.Errorf("the plan of %s has the id of another one", f.Name)
		}
		ids[planID(p)] = events[0]
	}
}

func normal(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A status bounds what people read of it.
func TestATimelineIsBounded(t *testing.T) {
	var s v1alpha1.IncidentStatus
	for i := range 1000 {
		tell(&s, metav1.NowMicro(), "x", strings.Repeat("é", 10*i))
	}
	if len(s.Timeline) != mostTold || s.Timeline[0].Text != "" || len([]rune(s.Timeline[mostTold-1].Text)) > 2048 {
		t.Errorf("%d entries", len(s.Timeline))
	}
}

// Actions say what became of each change, those of an attempt that was taken back in reverse.
func TestActionsTellWhatBecameOfChanges(t *testing.T) {
	change := func(name string) model.Change {
		return model.Change{Op: model.OpPatch, Target: model.Ref{Kind: "Service", Name: name}, Fields: []model.FieldChange{{Path: "/a", Old: []byte("1"), New: []byte("2")}}}
	}
	p := &model.Plan{Remedy: model.Remedy{Changes: []model.Change{change("a"), change("b")}}}
	step := func(k plan.EventKind, i int) plan.Event { return plan.Event{Kind: k, Index: i, Because: string(k)} }
	for name, tc := range map[string]struct {
		events []plan.Event
		want   string
	}{
		"announced": {[]plan.Event{step(plan.EventApplying, 0)}, "a Begun"},
		"refused":   {[]plan.Event{step(plan.EventApplying, 0), step(plan.EventNotApplied, 0)}, "a NotApplied"},
		"both":      {[]plan.Event{step(plan.EventApplying, 0), step(plan.EventApplied, 0), step(plan.EventApplying, 1), step(plan.EventApplied, 1)}, "a Applied, b Applied"},
		"one taken back": {[]plan.Event{
			step(plan.EventApplying, 0), step(plan.EventApplied, 0), step(plan.EventApplying, 1), step(plan.EventNotApplied, 1), step(plan.EventUndoing, 0), step(plan.EventUndone, 0),
		}, "a Undone, b NotApplied"},
		"half taken back": {[]plan.Event{
			step(plan.EventApplying, 0), step(plan.EventApplied, 0), step(plan.EventApplying, 1), step(plan.EventApplied, 1), step(plan.EventUndoing, 0), step(plan.EventUndone, 0), step(plan.EventUndoing, 1),
		}, "a Undoing, b Undone"},
		"a damaged journal": {[]plan.Event{step(plan.EventApplied, 7), step(plan.EventUndone, -3)}, ""},
	} {
		var got []string
		for _, a := range actionsOf(append([]plan.Event{{Kind: plan.EventPlanned, Plan: p}}, tc.events...)) {
			got = append(got, a.Object.Name+" "+a.Result)
		}
		if s := strings.Join(got, ", "); s != tc.want {
			t.Errorf("%s: %q, want %q", name, s, tc.want)
		}
	}
}

// A yes is needed in every namespace whose objects are changed, for that very plan; a no anywhere is a no.
func TestWhoDecides(t *testing.T) {
	begun := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	incident := types.NamespacedName{Namespace: "shop", Name: "i"}
	p := v1alpha1.Plan{ID: "aa", ApprovalNamespaces: []string{"data", "shop"}}
	by := func(user, namespace, plan string, d v1alpha1.Decision, after time.Duration) v1alpha1.RemediationApproval {
		a := v1alpha1.RemediationApproval{Spec: v1alpha1.RemediationApprovalSpec{
			Incident: v1alpha1.IncidentReference{Namespace: "shop", Name: "i"}, Plan: plan, Decision: d, User: user,
		}}
		a.Namespace, a.CreationTimestamp = namespace, metav1.NewTime(begun.Add(after))
		return a
	}
	yes, no := v1alpha1.Approve, v1alpha1.Reject
	for name, tc := range map[string]struct {
		approvals []v1alpha1.RemediationApproval
		want      string
	}{
		"nobody":                 {nil, "waits for data shop"},
		"one of two":             {[]v1alpha1.RemediationApproval{by("ann", "shop", "aa", yes, 1)}, "waits for data"},
		"both":                   {[]v1alpha1.RemediationApproval{by("bob", "data", "aa", yes, 1), by("ann", "shop", "aa", yes, 1)}, "yes of ann, bob"},
		"another plan":           {[]v1alpha1.RemediationApproval{by("bob", "data", "aa", yes, 1), by("ann", "shop", "bb", yes, 1)}, "waits for shop"},
		"a namespace of his own": {[]v1alpha1.RemediationApproval{by("eve", "eve", "aa", yes, 1), by("eve", "eve", "aa", no, 1)}, "waits for data shop"},
		"before it was vouched":  {[]v1alpha1.RemediationApproval{by("bob", "data", "aa", yes, -1), by("ann", "shop", "aa", yes, 1)}, "waits for data"},
		"a no":                   {[]v1alpha1.RemediationApproval{by("bob", "data", "aa", yes, 1), by("ann", "shop", "aa", yes, 1), by("cem", "data", "aa", no, 1)}, "no of cem"},
		"nobody's name":          {[]v1alpha1.RemediationApproval{by("", "data", "aa", yes, 1), by("ann", "shop", "aa", yes, 1)}, "waits for data"},
	} {
		v := decidedBy(tc.approvals, incident, p, begun)
		got := "waits for " + strings.Join(v.missing, " ")
		switch {
		case v.yes:
			got = "yes of " + v.names()
		case v.no:
			got = "no of " + v.names()
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	early := by("bob", "data", "aa", yes, -1)
	early.Name = "yes-1"
	if got := decidedBy([]v1alpha1.RemediationApproval{early, by("ann", "shop", "aa", yes, 1)}, incident, p, begun).wanted("aa", begun); !strings.HasSuffix(got, "namespace data; data/yes-1 is older than what vouches for whose it is, which holds since 03:02:01: say it again") {
		t.Errorf("it says %q", got)
	}
	if v := decidedBy([]v1alpha1.RemediationApproval{by("ann", "shop", "", yes, 1)}, incident, v1alpha1.Plan{}, begun); v.yes {
		t.Error("a plan without an id was approved")
	}
}
