package plan

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/verify"
)

// EventKind says what happened in an incident.
type EventKind string

// The kinds of events, in the order in which they come. What ends in "-ing" is recorded before an
// act, so that a crash in between leaves a mark; each is followed by the event of its result.
const (
	EventPlanned     EventKind = "planned"      // Plan was chosen
	EventNoPlan      EventKind = "no-plan"      // there is none; Outcome and Because say why
	EventRehearsed   EventKind = "rehearsed"    // the API server tried the changes without storing them: OK
	EventAnswered    EventKind = "answered"     // the plan may be carried out, or not: OK
	EventApplying    EventKind = "applying"     // change Index is about to be made
	EventApplied     EventKind = "applied"      // change Index was made
	EventNotApplied  EventKind = "not-applied"  // change Index was certainly not made
	EventInDoubt     EventKind = "in-doubt"     // whether change Index was made cannot be told
	EventWaited      EventKind = "waited"       // controllers have carried change Index through: OK
	EventJudged      EventKind = "judged"       // verification came to a Judgement
	EventUndoing     EventKind = "undoing"      // undo Index is about to be made
	EventUndone      EventKind = "undone"       // undo Index was made
	EventNotUndone   EventKind = "not-undone"   // undo Index could not be made
	EventUndoChecked EventKind = "undo-checked" // the cluster is as it was before the attempt: OK
	EventReleasing   EventKind = "releasing"    // the fields are about to be given back to who held them
	EventReleased    EventKind = "released"     // they were: OK; or not, and Because says why
	EventClosed      EventKind = "closed"       // Outcome
)

// Event is something that happened in an incident, as the journal keeps it.
type Event struct {
	At       time.Time   `json:"at"`
	Incident string      `json:"incident"`
	Kind     EventKind   `json:"kind"`
	Index    int         `json:"index,omitempty"`
	OK       bool        `json:"ok,omitempty"`
	Plan     *model.Plan `json:"plan,omitempty"`
	// Saved: the plan was made before, and a person chose it. No other one is tried after it; on EventPlanned.
	Saved bool `json:"saved,omitempty"`
	// Target is what the incident is about; on EventPlanned.
	Target *model.Target `json:"target,omitempty"`
	// Cause is what the diagnosis put first, whether or not the plan is for that; on EventPlanned and EventNoPlan.
	Cause *Cause `json:"cause,omitempty"`
	// UID is that of the object that a creation made.
	UID       string            `json:"uid,omitempty"`
	Judgement *verify.Judgement `json:"judgement,omitempty"`
	// Away: the API server was away meanwhile, or so shortly before that gateways and controllers may not have caught up; on
	// EventWaited and EventJudged. That a change did not help then says little about the change.
	Away    bool    `json:"away,omitempty"`
	Outcome Outcome `json:"outcome,omitempty"`
	Because string  `json:"because,omitempty"`
}

// Cause is a cause and where it is.
type Cause struct {
	ID     model.CauseID `json:"id"`
	Object model.Ref     `json:"object"`
}

// FirstCause is that which a diagnosis puts first; nil: it names none.
func FirstCause(d model.Diagnosis) *Cause {
	if len(d.Causes) == 0 {
		return nil
	}
	return &Cause{d.Causes[0].ID, d.Causes[0].Object.Ref}
}

// Outcome is how an incident ended.
type Outcome string

// The outcomes.
const (
	Mended      Outcome = "mended"        // verified on traffic
	Unverified  Outcome = "unverified"    // changed, the model agrees, but no traffic proves it
	NothingToDo Outcome = "nothing"       // no cause was found
	OnlyAdvice  Outcome = "advice"        // a person must act; nothing was changed
	Refused     Outcome = "refused"       // no plan is safe, or a guard forbids it; nothing was changed
	Declined    Outcome = "declined"      // a person said no; nothing was changed
	NotHelped   Outcome = "not-helped"    // what was tried did not help and was taken back
	UndoFailed  Outcome = "undo-failed"   // what did not help could not be taken back: a person must look
	Interrupted Outcome = "interrupted"   // an earlier run stopped in the middle; nothing of it is left, or it says what
	CouldNotAct Outcome = "could-not-act" // the API server did not accept the change; nothing was changed
)

// Outcomes lists them all.
func Outcomes() []Outcome {
	return []Outcome{Mended, Unverified, NothingToDo, OnlyAdvice, Refused, Declined, NotHelped, UndoFailed, Interrupted, CouldNotAct}
}

// Changed reports whether the outcome leaves a change in the cluster.
func (o Outcome) Changed() bool { return o == Mended || o == Unverified || o == UndoFailed }
