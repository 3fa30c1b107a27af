package diagnose

import (
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// The steps of confidence; the package comment says what they mean.
const (
	seen     = 0.97
	proven   = 0.9
	likely   = 0.7
	possible = 0.4
)

// stage orders analyzers: later ones look only at what earlier ones left unexplained.
type stage uint8

const (
	byState stage = iota // objects show it
	byWords              // what proxies and applications logged shows it
	byRest               // nothing deeper is visible
)

// Analyzer finds one cause. It is a value: it cannot fail, and reads nothing but its view.
type Analyzer struct {
	Cause  model.CauseID
	Doc    string          // one sentence
	Inputs []snapshot.Kind // the kinds it reads
	stage  stage
	run    func(v *view) []finding
}

// finding is a Finding while it is being weighed.
type finding struct {
	model.Finding
	routes []*route
	via    []*route // the edges on which it was found
	// kinds are the failures that it predicts; none means any.
	kinds []model.FailureKind
	// only are the failures that it explains, where those are fewer than all of its kinds; nil means all.
	only map[*model.Signal]bool
	// symptomOf is set when another finding of the same object lies deeper.
	symptomOf model.CauseID
	// dormant is set when what is wrong does not hurt requests at the moment.
	dormant bool
	// stopped is set when all failures that it explains are past, while others go on.
	stopped bool
	// shown are requests that show it although the gateway itself did not fail: an application answered
	// that it knows no such page.
	shown map[*route][]model.Signal
	// covers is set where requests should not have gone that way at all: what is wrong further along it, on
	// no other route, follows.
	covers bool
	// unlogged is set where the requests that fail do not reach a gateway that could log them.
	unlogged bool
	// atRest is set where only objects speak, and not through the walk: it counts while no request was seen at all.
	atRest bool
	// against are the neighbours that it is not.
	against []model.RuledOut
}

// find starts a finding.
func find(id model.CauseID, confidence float64, at model.FieldRef, summary string) finding {
	return finding{Finding: model.Finding{
		ID: id, Family: catalogue.FamilyOf(id), Confidence: confidence, Object: at, Summary: summary,
		Evidence: []model.Evidence{},
	}}
}

// on says which routes fail because of it.
func (f finding) on(routes ...*route) finding {
	for _, r := range routes {
		if !slices.Contains(f.routes, r) {
			f.routes = append(f.routes, r)
		}
	}
	return f
}

// showing adds the requests of a route that show it although they do not count as failed.
func (f finding) showing(r *route, signals []model.Signal) finding {
	if len(signals) == 0 {
		return f
	}
	next := map[*route][]model.Signal{r: signals}
	for k, v := range f.shown {
		if k != r {
			next[k] = v
		}
	}
	f.shown = next
	return f
}

// not says why a neighbour is not it.
func (f finding) not(id model.CauseID, because string) finding {
	f.against = append(slices.Clip(f.against), model.RuledOut{ID: id, Because: because})
	return f
}

// as says which failures it predicts.
func (f finding) as(kinds ...model.FailureKind) finding { f.kinds = kinds; return f }

// because adds a fact.
func (f finding) because(kind, text string, object model.Ref, at time.Time) finding {
	e := model.Evidence{Kind: kind, Text: text, At: at}
	if !object.IsZero() {
		e.Object = &object
	}
	f.Evidence = append(slices.Clip(f.Evidence), e)
	return f
}

// since sets when it began, if that is known and newer than what is set.
func (f finding) since(at time.Time) finding {
	if at.After(f.Since) {
		f.Since = at
	}
	return f
}

// relates names an object that a repair needs.
func (f finding) relates(role string, ref model.Ref) finding {
	if ref.IsZero() {
		return f
	}
	next := map[string]model.Ref{role: ref}
	for k, v := range f.Related {
		if _, ok := next[k]; !ok {
			next[k] = v
		}
	}
	f.Related = next
	return f
}

// wants names the right value of the field, as JSON.
func (f finding) wants(json string) finding { f.Wanted = json; return f }

// predicts reports whether the finding explains a failure of that kind.
func (f finding) predicts(kind model.FailureKind) bool {
	return len(f.kinds) == 0 || kind == model.OtherFailure || slices.Contains(f.kinds, kind)
}

// objectMissing is the field of a finding whose object does not exist: what is wrong is that nothing has its name.
const objectMissing = "metadata.name (object missing)"

// At points at a field of an object.
func at(ref model.Ref, field string) model.FieldRef { return model.FieldRef{Ref: ref, Field: field} }
