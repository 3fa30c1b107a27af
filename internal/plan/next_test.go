package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/verify"
)

// world is what a made-up cluster remembers while the incident is explored.
type world struct {
	made, undone map[int]int // times that each change, or its undo, took effect in the present attempt
	approved     bool
	acted        bool
	late         bool // the answer is old when the next step is looked for
	saved        bool // a person has chosen the plan
	holds        bool // fields stand under gatemend's name, and nobody was told
}

func (w world) clone() world {
	c := world{made: map[int]int{}, undone: map[int]int{}, approved: w.approved, acted: w.acted, late: w.late, saved: w.saved, holds: w.holds}
	for k, v := range w.made {
		c.made[k] = v
	}
	for k, v := range w.undone {
		c.undone[k] = v
	}
	return c
}

// outcomes of one step: the events that may be recorded, and what happens to the cluster.
type branch struct {
	events []Event
	effect func(*world)
}

func planOf(changes int, guards ...model.GuardResult) *model.Plan {
	p := &model.Plan{Guards: guards}
	for i := range changes {
		p.Remedy.Changes = append(p.Remedy.Changes, model.Change{
			Op: model.OpPatch, Target: model.Ref{Kind: "Service", Namespace: "shop", Name: fmt.Sprint(i)},
			Fields: []model.FieldChange{{Path: "/spec", Old: []byte("1"), New: []byte("2")}},
		})
	}
	return p
}

// evicting is a plan whose first change cannot be taken back.
func evicting() *model.Plan {
	p := planOf(2)
	p.Remedy.Changes[0] = model.Change{Op: model.OpEvict, Target: model.Ref{Kind: "Pod", Namespace: "shop", Name: "p"}}
	return p
}

// creating is a plan whose undo is a deletion.
func creating() *model.Plan {
	p := planOf(1)
	p.Remedy.Changes[0] = model.Change{Op: model.OpCreate, Target: model.Ref{Kind: "Service", Namespace: "shop", Name: "s"}, Object: []byte("{}")}
	return p
}

// branches lists everything that can come of a step, crashes included: a crash after an announcement
// leaves the cluster changed or not, and no result in the record.
func branches(s Step, start time.Time) []branch {
	i := s.Index
	ev := func(k EventKind, ok bool) Event { return Event{Kind: k, Index: i, OK: ok, At: start, Because: "x"} }
	judged := func(v verify.Verdict) branch {
		return branch{events: []Event{{Kind: EventJudged, Judgement: &verify.Judgement{Verdict: v, Because: "x"}}}}
	}
	make1 := func(w *world) { w.made[i]++; w.acted, w.holds = true, true }
	undo1 := func(w *world) { w.undone[i]++ }
	switch s.Kind {
	case StepPlan:
		return []branch{
			{events: []Event{{Kind: EventPlanned, Plan: planOf(1)}}},
			{events: []Event{{Kind: EventPlanned, Plan: planOf(2)}}},
			{events: []Event{{Kind: EventPlanned, Plan: planOf(2), Saved: true}}},
			{events: []Event{{Kind: EventPlanned, Plan: evicting()}}},
			{events: []Event{{Kind: EventPlanned, Plan: creating()}}},
			{events: []Event{{Kind: EventPlanned, Plan: planOf(1, model.GuardResult{Guard: "g", Absolute: true})}}},
			{events: []Event{{Kind: EventNoPlan, Outcome: OnlyAdvice}}},
		}
	case StepRehearse:
		return []branch{{events: []Event{ev(EventRehearsed, true)}}, {events: []Event{ev(EventRehearsed, false)}}}
	case StepAsk:
		no := ev(EventAnswered, false)
		no.Outcome = Declined
		return []branch{
			{events: []Event{ev(EventAnswered, true)}, effect: func(w *world) { w.approved = true }},
			{events: []Event{ev(EventAnswered, true)}, effect: func(w *world) { w.approved, w.late = true, true }}, // and then nothing happens for long
			{events: []Event{no}},
		}
	case StepApply:
		begin := ev(EventApplying, false)
		out := []branch{
			{events: []Event{begin, ev(EventApplied, false)}, effect: make1},
			{events: []Event{begin, ev(EventNotApplied, false)}},
			{events: []Event{begin}, effect: make1}, // crash after the act
			{events: []Event{begin}},                // crash before it
		}
		if i > 0 {
			out = append(out, judged(verify.WorseElsewhere)) // what was made for the fault before breaks another route
		}
		return out
	case StepConfirm:
		return []branch{
			{events: []Event{ev(EventApplied, false)}}, {events: []Event{ev(EventNotApplied, false)}}, {events: []Event{ev(EventInDoubt, false)}},
		}
	case StepWait:
		return []branch{{events: []Event{ev(EventWaited, true)}}, {events: []Event{ev(EventWaited, false)}}}
	case StepVerify:
		return []branch{judged(verify.Helped), judged(verify.NotHelped), judged(verify.WorseElsewhere), judged(verify.Unverified), judged(verify.NeedMore)}
	case StepUndo:
		begin := ev(EventUndoing, false)
		return []branch{
			{events: []Event{begin, ev(EventUndone, false)}, effect: undo1},
			{events: []Event{begin, ev(EventNotUndone, false)}},
			{events: []Event{begin}, effect: undo1},
			{events: []Event{begin}},
		}
	case StepConfirmUndo:
		return []branch{{events: []Event{ev(EventUndone, false)}}, {events: []Event{ev(EventNotUndone, false)}}}
	case StepCheckUndo:
		return []branch{{events: []Event{ev(EventUndoChecked, true)}}, {events: []Event{ev(EventUndoChecked, false)}}}
	case StepRelease:
		begin, released := ev(EventReleasing, false), ev(EventReleased, true)
		released.Because = ""
		return []branch{
			{events: []Event{begin, released}, effect: func(w *world) { w.holds = false }},
			{events: []Event{begin, ev(EventReleased, false)}, effect: func(w *world) { w.holds = false }}, // told, and left
			{events: []Event{begin}, effect: func(w *world) { w.holds = false }},                           // crash after the act
			{events: []Event{begin}}, // crash before it
		}
	default:
		return []branch{{events: []Event{{Kind: EventClosed, Outcome: s.Outcome, Because: s.Because}}}}
	}
}

// TestEveryPathEndsAndActsOnce explores every record that can come about, crashes at every step
// included: before a crash and after it the record is the same, as it is kept.
func TestEveryPathEndsAndActsOnce(t *testing.T) {
	start, known := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), map[Step][]branch{}
	for _, plans := range []int{1, 2} {
		ends, paths := map[Outcome]int{}, 0
		const deepest = 80
		var explore func(s State, w world, depth int, trail string)
		explore = func(s State, w world, depth int, trail string) {
			now := start
			if w.late {
				now = start.Add(time.Hour)
			}
			step := Next(s, now, Limits{MaxPlans: plans})
			if step.Kind == StepNone {
				ends[s.Ending]++
				paths++
				checkEnd(t, s, w, trail)
				return
			}
			if depth > deepest {
				t.Fatalf("no end after %d steps: %s", depth, trail)
			}
			if step.Kind == StepApply && !w.approved {
				t.Fatalf("a change without a decision: %s", trail)
			}
			if step.Kind == StepApply && step.Index == 0 && w.late {
				t.Fatalf("a change on an old decision: %s", trail)
			}
			if step.Kind == StepPlan && (s.Plans >= plans || w.saved) {
				t.Fatalf("another plan after %d, saved %v: %s", s.Plans, w.saved, trail)
			}
			if known[step] == nil {
				known[step] = branches(step, start)
				for _, b := range known[step] {
					for i, e := range b.events {
						b.events[i] = kept(t, e)
					}
				}
			}
			for n, b := range known[step] {
				w2, next := w.clone(), s
				for _, e := range b.events {
					if e.Kind == EventPlanned && w.holds && !irreversible(s.Plan) {
						t.Fatalf("another plan while fields of the last one are held: %s", trail)
					}
					if e.Kind == EventPlanned {
						w2 = world{made: map[int]int{}, undone: map[int]int{}, acted: w.acted, saved: e.Saved}
					}
					next = next.After(e)
				}
				if step.Kind == StepConfirm && n == 0 && w.made[step.Index] == 0 || step.Kind == StepConfirm && n == 1 && w.made[step.Index] > 0 {
					continue // the cluster does not lie
				}
				if step.Kind == StepConfirmUndo && n == 0 && w.undone[step.Index] == 0 {
					w2.undone[step.Index]++ // confirming an undo that is not there makes it
				}
				if b.effect != nil {
					b.effect(&w2)
				}
				checkOnce(t, w2, trail)
				if step.Kind == StepVerify && len(b.events) == 1 && b.events[0].Judgement.Verdict == verify.NeedMore {
					if again := Next(next, now, Limits{MaxPlans: plans}); again.Kind != StepVerify {
						t.Fatalf("a judgement that needs more is followed by %s: %s", again.Kind, trail)
					}
					continue // the same once more
				}
				if step.Kind == StepRelease && !next.Released {
					checkCutOff(t, s, next, known[step][0].events, now, Limits{MaxPlans: plans}, trail)
					continue // what follows is what follows one that was not cut off
				}
				explore(next, w2, depth+1, fmt.Sprintf("%s %s%d/%d", trail, step.Kind, step.Index, n))
			}
		}
		explore(State{}, world{made: map[int]int{}, undone: map[int]int{}}, 0, "")
		for _, want := range []Outcome{Mended, Unverified, OnlyAdvice, Refused, Declined, NotHelped, UndoFailed, Interrupted, CouldNotAct} {
			if ends[want] == 0 {
				t.Errorf("with %d plans no path ends as %q", plans, want)
			}
		}
		t.Logf("%d paths with at most %d plans: %v", paths, plans, ends)
	}
}

// checkCutOff checks that a release which was cut off is done again, and that the record is then as without the cut.
func checkCutOff(t *testing.T, before, cut State, whole []Event, now time.Time, l Limits, trail string) {
	t.Helper()
	if again := Next(cut, now, l); again.Kind != StepRelease {
		t.Fatalf("a release that was cut off is followed by %s: %s", again.Kind, trail)
	}
	for _, e := range whole {
		before = before.After(e)
	}
	if last := whole[len(whole)-1]; !reflect.DeepEqual(cut.After(last), before) {
		t.Fatalf("a release that was cut off leaves another record: %s", trail)
	}
}

// kept is an event as a journal gives it back.
func kept(t *testing.T, e Event) Event {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var out Event
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// checkOnce checks that nothing was done twice.
func checkOnce(t *testing.T, w world, trail string) {
	t.Helper()
	for i, times := range w.made {
		if times > 1 {
			t.Fatalf("change %d was made %d times: %s", i, times, trail)
		}
	}
	for i, times := range w.undone {
		if times > 1 {
			t.Fatalf("change %d was undone %d times: %s", i, times, trail)
		}
	}
}

// checkEnd checks what must hold at the end of every path.
func checkEnd(t *testing.T, s State, w world, trail string) {
	t.Helper()
	left := 0
	for i := range w.made {
		left += w.made[i]
	}
	for i := range w.undone {
		left -= w.undone[i]
	}
	switch s.Ending {
	case NotHelped, CouldNotAct, Declined, Refused, OnlyAdvice:
		if left != 0 && !irreversible(s.Plan) {
			t.Fatalf("%s leaves %d changes: %s", s.Ending, left, trail)
		}
		if w.acted && s.Ending != NotHelped {
			t.Fatalf("%s after something was tried: %s", s.Ending, trail)
		}
		if w.holds && !irreversible(s.Plan) {
			t.Fatalf("%s, and fields are held still: %s", s.Ending, trail)
		}
	case Mended, Unverified:
		if left != len(s.Plan.Remedy.Changes) {
			t.Fatalf("%s with %d changes in place: %s", s.Ending, left, trail)
		}
	case NothingToDo, UndoFailed, Interrupted: // any number of changes may be in place
	}
	if (s.Ending == Mended) != (s.Judgement != nil && s.Judgement.Verdict == verify.Helped && s.Undone == 0) {
		t.Fatalf("%s with judgement %v: %s", s.Ending, s.Judgement, trail)
	}
}

// irreversible reports whether a plan has a change that nothing takes back: a pod's eviction.
func irreversible(p *model.Plan) bool {
	return p != nil && p.Remedy.Changes[0].Op == model.OpEvict
}

func TestAnOldAnswerIsNotActedOn(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := Fold([]Event{
		{Kind: EventPlanned, Plan: planOf(1)}, {Kind: EventRehearsed, OK: true}, {Kind: EventAnswered, OK: true, At: at},
	})
	if got := Next(s, at.Add(30*time.Second), Limits{}).Kind; got != StepApply {
		t.Errorf("half a minute after the answer: got %s, want %s", got, StepApply)
	}
	if got := Next(s, at.Add(2*time.Hour), Limits{}); got.Kind != StepClose || got.Outcome != Interrupted {
		t.Errorf("two hours after the answer: got %+v, want it to be closed as interrupted", got)
	}
}

// That something was taken back is said only where there was something to take back.
func TestWhatWasTakenBackIsSaid(t *testing.T) {
	evicted := evicting()
	evicted.Remedy.Changes = evicted.Remedy.Changes[:1]
	for name, tc := range map[string]struct {
		plan   *model.Plan
		undone []Event
		want   bool
	}{
		"a pod was evicted":    {evicted, nil, false},
		"an object was edited": {planOf(1), []Event{{Kind: EventUndoing}, {Kind: EventUndone}, {Kind: EventUndoChecked, OK: true}, {Kind: EventReleasing}, {Kind: EventReleased, OK: true}}, true},
	} {
		s := Fold(append([]Event{
			{Kind: EventPlanned, Plan: tc.plan}, {Kind: EventRehearsed, OK: true}, {Kind: EventAnswered, OK: true}, {Kind: EventApplying}, {Kind: EventApplied},
			{Kind: EventWaited, OK: true}, {Kind: EventJudged, Judgement: &verify.Judgement{Verdict: verify.NotHelped, Because: "12 requests failed"}},
		}, tc.undone...))
		got := Next(s, time.Now(), Limits{MaxPlans: 1})
		if got.Outcome != NotHelped || strings.Contains(got.Because, "taken back") != tc.want {
			t.Errorf("%s: %s: %q", name, got.Outcome, got.Because)
		}
	}
}
