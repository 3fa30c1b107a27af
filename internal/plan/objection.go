package plan

import (
	"fmt"

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
