package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// ErrNoPlan says that something that was saved is no plan that gatemend makes.
var ErrNoPlan = errors.New("not a plan that gatemend makes")

// basis notes the objects that changes are made on.
func basis(s *snapshot.Snapshot, changes []model.Change) []model.Basis {
	var out []model.Basis
	for _, c := range changes {
		if slices.ContainsFunc(out, func(b model.Basis) bool { return b.Object == c.Target }) {
			continue
		}
		out = append(out, basisOf(s, c.Target))
	}
	return out
}

func basisOf(s *snapshot.Snapshot, ref model.Ref) model.Basis {
	o, presence := s.Lookup(ref)
	if presence != snapshot.Present {
		return model.Basis{Object: ref, Absent: true}
	}
	b := model.Basis{Object: ref, UID: string(o.GetUID()), ResourceVersion: o.GetResourceVersion()}
	if text, err := yamlOf(o); err == nil {
		sum := sha256.Sum256(text)
		b.Digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	return b
}

// Restore makes a plan that was saved good for the cluster as it is now: every object that it changes must be
// as it was when the plan was made, the model must still predict that it helps, and guards are asked anew.
// Nothing of the file is taken on trust but what is to be changed and why: the cause is as certain as the diagnosis
// of this moment says, and where that does not name it, only a person may still believe in it. The error is
// [ErrNoPlan], [ErrMoved] or [ErrAllRefused].
func Restore(saved model.Plan, in Input) (model.Plan, error) {
	if err := wellFormed(saved); err != nil {
		return model.Plan{}, err
	}
	faults := slices.Clone(saved.Each())
	var doubts []model.GuardResult
	for i := range faults {
		f, confirmed := distrusted(faults[i], in.Diagnosis)
		if !confirmed {
			doubts = append(doubts, model.GuardResult{
				Guard:   "unconfirmed",
				Because: fmt.Sprintf("a diagnosis now does not name %s at %s any more, so that a person must say that it still holds", f.Finding.ID, f.Finding.Object.Ref),
			})
		}
		for _, c := range f.Remedy.Changes {
			if why := movedSince(in.Snapshot, saved.Basis, c); why != "" {
				return model.Plan{}, &movedError{objects(catalogue.RuleChangedSince, "%s has changed since it was made: %s; make another plan", c.Target, why)}
			}
		}
		if why := tried(in.Memory, f.Finding, f.Remedy); why != nil {
			return model.Plan{}, &RefusedError{Refused: []model.Refusal{why.to(f.Remedy)}}
		}
		f.Remedy.Changes = unversioned(f.Remedy.Changes)
		faults[i] = f
	}
	p, refused := planFrom(in, newWalks(in).try(faults...), faults...)
	if refused != nil {
		return model.Plan{}, &movedError{refused}
	}
	p.Guards = append(p.Guards, doubts...)
	return p, nil
}

// distrusted is a fault of a saved plan with everything made anew that is not what is to be changed and why. confirmed: a
// diagnosis of this moment names it, and is so certain.
func distrusted(f model.Fault, now model.Diagnosis) (_ model.Fault, confirmed bool) {
	r := &f.Remedy
	r.Change, r.Undo, r.Cause = r.Changes[0], remedy.Undo(r.Changes), f.Finding.ID
	r.Machine = levelOf(f.Finding.ID, *r)
	if a, ok := remedy.Named(r.Action); ok {
		r.Touches = a.Reach
	}
	certain, confirmed := certainty(now, f.Finding)
	if confirmed {
		f.Finding.Confidence = min(f.Finding.Confidence, certain)
	}
	return f, confirmed
}

// certainty is how certain a diagnosis is of a finding's cause at the finding's object; ok is false if it does not
// name it.
func certainty(d model.Diagnosis, f model.Finding) (confidence float64, ok bool) {
	for _, all := range [][]model.Finding{d.Causes, d.AlsoWrong} {
		for _, now := range all {
			if now.ID == f.ID && now.Object.Same(f.Object.Ref) {
				return now.Confidence, true
			}
		}
	}
	return 0, false
}

// wellFormed says what a file must hold to be a plan: a known cause, one of its actions, and changes that an
// action makes. A deletion is none: it only ever takes back what was created.
func wellFormed(p model.Plan) error {
	if p.APIVersion != model.APIVersion || p.Kind != model.KindPlan {
		return fmt.Errorf("%w: it is %s %q", ErrNoPlan, p.APIVersion, p.Kind)
	}
	for _, f := range p.Each() {
		if err := wellFormedFault(f); err != nil {
			return err
		}
	}
	if n := len(p.Faults); n == 1 || n > 1 && !wellPlaced(p.Faults) {
		return fmt.Errorf("%w: its repairs are not made one after the other", ErrNoPlan)
	}
	return nil
}

func wellFormedFault(f model.Fault) error {
	cause, known := catalogue.Lookup(f.Finding.ID)
	switch {
	case !known:
		return fmt.Errorf("%w: there is no cause %q", ErrNoPlan, f.Finding.ID)
	case !slices.Contains(cause.Actions, f.Remedy.Action):
		return fmt.Errorf("%w: %q is no action for %s", ErrNoPlan, f.Remedy.Action, cause.ID)
	case len(f.Remedy.Changes) == 0:
		return fmt.Errorf("%w: it changes nothing", ErrNoPlan)
	}
	for _, c := range f.Remedy.Changes {
		if c.Target.Name == "" || c.Target.Kind == "" || c.Target.Kind == string(snapshot.Secrets) {
			return fmt.Errorf("%w: no action changes %s", ErrNoPlan, c.Target)
		}
		switch c.Op {
		case model.OpPatch:
			if len(c.Fields) == 0 {
				return fmt.Errorf("%w: it changes no field of %s", ErrNoPlan, c.Target)
			}
		case model.OpCreate, model.OpEvict:
		case model.OpDelete:
			return fmt.Errorf("%w: no plan deletes anything, as this would %s", ErrNoPlan, c.Target)
		default:
			return fmt.Errorf("%w: %q is no operation", ErrNoPlan, c.Op)
		}
	}
	return nil
}

// levelOf is how far a machine may go with a remedy: what the file says, but never further than the cause's
// own level, and not at all where a person has to carry it out.
func levelOf(id model.CauseID, r model.Remedy) model.Machine {
	if a, ok := remedy.Named(r.Action); ok && a.ByHand {
		return model.MachineAdvise
	}
	if cause, _ := catalogue.Lookup(id); cause.Machine == model.MachineFix && r.Machine == model.MachineFix {
		return model.MachineFix
	}
	return model.MachinePropose
}

// movedSince says in what an object is another one than the plan was made on, empty if in nothing that
// matters: its status is written all the time.
func movedSince(s *snapshot.Snapshot, on []model.Basis, c model.Change) string {
	i := slices.IndexFunc(on, func(b model.Basis) bool { return b.Object == c.Target })
	if i < 0 {
		return "the plan does not say on which state of it it was made"
	}
	was, now := on[i], basisOf(s, c.Target)
	_, presence := s.Lookup(c.Target)
	switch {
	case was.Absent != (c.Op == model.OpCreate):
		return "the plan does not say on which state of it it was made"
	case was.Absent && presence == snapshot.Present:
		return "it exists now"
	case was.Absent:
		return ""
	case presence == snapshot.Unknown:
		return "it could not be looked at"
	case presence == snapshot.Absent:
		return "it does not exist any more"
	case was.UID != now.UID:
		return "it was deleted and created anew"
	case was.ResourceVersion == now.ResourceVersion && was.ResourceVersion != "":
		return ""
	case c.Op == model.OpEvict:
		return "" // a pod's status is all that may change of it, and the UID names it
	case was.Digest != now.Digest || was.Digest == "":
		return fmt.Sprintf("the plan was made on version %s, and this is version %s", was.ResourceVersion, now.ResourceVersion)
	default:
		return ""
	}
}
