package plan

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Memory is what is known of the time before the snapshot.
type Memory struct {
	// Deleted are objects that were deleted a short while ago, the last one at the end.
	Deleted []metav1.Object
	// Attempts are remedies that were tried, oldest first.
	Attempts []Attempt
	// Changed are the times of gatemend's own changes, for the rate limit.
	Changed []time.Time
}

// Attempt is a remedy that was tried.
type Attempt struct {
	// Plan is the number of the plan in its incident, from 1.
	Plan   int            `json:"plan,omitempty"`
	At     time.Time      `json:"at"`
	Cause  model.CauseID  `json:"cause"`
	Object model.FieldRef `json:"object"`
	Action string         `json:"action"`
	// Target is the object that was changed.
	Target model.Ref `json:"target"`
	// Acted: at least one change was made. Otherwise the API server did not accept it.
	Acted  bool `json:"acted,omitempty"`
	Helped bool `json:"helped"`
	// TakenBack: what was made of it and can be taken back was.
	TakenBack bool `json:"takenBack,omitempty"`
	// Away: the API server was away meanwhile. What was taken back then may be tried once more.
	Away    bool   `json:"away,omitempty"`
	Because string `json:"because,omitempty"`
}

// NoChance reports whether an attempt was made while the API server was away, did not help, and nothing of it is left. One that
// could not be taken back, or cannot, is there still: making it again would be no other try.
func (a Attempt) NoChance() bool { return a.Acted && a.Away && !a.Helped && a.TakenBack }

// Excuse leaves the attempts that tell something about the next one. What was taken back while the API server was away has not
// had its chance: it gets one more, and no third.
func Excuse(attempts []Attempt) []Attempt {
	var out, excused []Attempt
	for _, a := range attempts {
		same := func(b Attempt) bool {
			return b.Cause == a.Cause && b.Object.Ref == a.Object.Ref && b.Action == a.Action && b.Target == a.Target
		}
		if a.NoChance() && !slices.ContainsFunc(excused, same) {
			excused = append(excused, a)
			continue
		}
		out = append(out, a)
	}
	return out
}

// MinConfidence is the least confidence of a finding on which anything may be changed.
const MinConfidence = 0.9

// MaxChanges is how many changes may be made in ten minutes where nobody says otherwise.
const MaxChanges = 10

// Policy is what may be done without asking further. The zero value of each field means its default.
type Policy struct {
	// MinConfidence is the least confidence to act on; default [MinConfidence].
	MinConfidence float64
	// AllowOwner says whether an object that somebody else keeps may be edited in place; nil: never.
	AllowOwner func(s *snapshot.Snapshot, p model.Plan, o model.Owner) bool
	// Protected are namespaces in which nothing is changed; default kube-system, kube-public,
	// kube-node-lease and gatemend.
	Protected []string
	// MaxChanges within Window; default [MaxChanges] in 10 minutes.
	MaxChanges int
	Window     time.Duration
}

func (p Policy) defaults() Policy {
	p.MinConfidence = cmp.Or(p.MinConfidence, MinConfidence)
	p.MaxChanges = cmp.Or(p.MaxChanges, MaxChanges)
	p.Window = cmp.Or(p.Window, 10*time.Minute)
	if p.Protected == nil {
		p.Protected = []string{"kube-system", "kube-public", "kube-node-lease", "gatemend"}
	}
	return p
}

// Input is what a plan is made from.
type Input struct {
	Diagnosis model.Diagnosis
	Snapshot  *snapshot.Snapshot
	Map       *path.Map // of the snapshot; nil: it is made
	Memory    Memory
	Policy    Policy
}

// The reasons for which there is no plan.
var (
	ErrNothingToDo = errors.New("nothing to do") // the diagnosis names no cause
	ErrOnlyAdvice  = errors.New("only advice")   // no action fits any cause: a person must
	ErrAllRefused  = errors.New("all refused")   // no candidate passed the what-if
)

// AdviceError says for which causes there is no action. It is [ErrOnlyAdvice].
type AdviceError struct{ Causes []model.CauseID }

func (e *AdviceError) Error() string {
	ids := make([]string, len(e.Causes))
	for i, id := range e.Causes {
		ids[i] = string(id)
	}
	text := "no action mends " + strings.Join(ids, ", ")
	if len(e.Causes) > 0 {
		if cause, ok := catalogue.Lookup(e.Causes[0]); ok && cause.Fix() != "" {
			return text + ". What a person should do: " + cause.Fix()
		}
	}
	return text + ": a person must decide"
}

// Is makes an AdviceError an [ErrOnlyAdvice].
func (e *AdviceError) Is(target error) bool { return target == ErrOnlyAdvice }

// RefusedError lists the candidates and why none may be taken. It is [ErrAllRefused].
type RefusedError struct {
	Refused []model.Refusal
	// Without are the causes for which there is no action: what a person does about them may be what the candidates lack.
	Without []model.CauseID
}

func (e *RefusedError) Error() string {
	parts := make([]string, len(e.Refused))
	for i, r := range e.Refused {
		parts[i] = r.String()
	}
	text := "no candidate is safe: " + strings.Join(parts, "; ")
	if len(e.Without) > 0 {
		text += "; " + (&AdviceError{Causes: e.Without}).Error()
	}
	return text
}

// Is makes a RefusedError an [ErrAllRefused].
func (e *RefusedError) Is(target error) bool { return target == ErrAllRefused }
