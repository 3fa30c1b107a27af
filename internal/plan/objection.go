package plan

import (
	"fmt"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
)

// objection is the rule that a candidate breaks, and how; nil: it breaks none.
type objection struct{ rule, because string }

func objects(rule, format string, args ...any) *objection {
	return &objection{rule, fmt.Sprintf(format, args...)}
}

// String reads "still-fails: ...".
func (o *objection) String() string {
	if o == nil {
		return ""
	}
	return o.rule + ": " + o.because
}

// to is the refusal of a remedy for an objection.
func (o *objection) to(r model.Remedy) model.Refusal {
	return model.Refusal{Action: r.Action, Rule: o.rule, Because: o.because}
}

// refusals are those of a plan by its absolute guards.
func refusals(p model.Plan) []model.Refusal {
	var out []model.Refusal
	for _, g := range p.Guards {
		if g.Absolute {
			out = append(out, model.Refusal{Action: p.Remedy.Action, Rule: g.Guard, Because: g.Because})
		}
	}
	return out
}

// tried says why a remedy is not tried again: it did not help, for the same cause at the same object.
func tried(m Memory, f model.Finding, r model.Remedy) *objection {
	for _, a := range m.Attempts {
		if !a.Helped && a.Cause == f.ID && a.Object.Ref == f.Object.Ref && a.Action == r.Action && a.Target == r.Change.Target {
			ended := "did not help"
			if !a.Acted {
				ended = "could not be carried out"
			}
			return objects(catalogue.RuleTriedBefore, "it was tried at %s and %s", a.At.UTC().Format("15:04:05"), ended)
		}
	}
	return nil
}
