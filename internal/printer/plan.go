package printer

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// Plan writes a plan for people: what would be done, why, what it would change on the model, how it
// is taken back, and what stands against it.
func Plan(w io.Writer, plan model.Plan, s Style) error {
	p := &page{style: s}
	r := plan.Remedy
	p.item(0, p.style.paint(bold, "Plan:"), p.style.paint(bold, plain(r.Summary)))
	p.field("Action", plain(actions(plan))+", "+string(r.Risk)+" risk")
	label := "Mends"
	for _, f := range plan.Each() {
		p.field(label, string(f.Finding.ID)+" at "+plain(f.Finding.Object.String()))
		p.field("", plain(f.Finding.Summary))
		label = "and then"
	}
	if r.Why != "" {
		p.field("Because", plain(r.Why))
	}
	if r.Touches != "" {
		p.field("Touches", plain(r.Touches))
	}
	p.blank()
	p.diff(plan.Diff)
	p.effects(plan)
	if len(r.Undo) > 0 {
		p.field("Undo", fmt.Sprintf("%s kept; taken back if the errors do not stop", count(len(r.Undo), "reverse change")))
	} else {
		p.field("Undo", "none: this cannot be taken back")
	}
	p.field("Proof", proof(r.Proof))
	if r.Kubectl != "" {
		p.verbatim("By hand", plain(r.Kubectl))
	}
	p.owners(plan)
	if d := plan.Policy; d != nil {
		p.field("Policy", p.style.paint(bold, d.Verdict.String())+", "+plain(d.String()))
	}
	for _, f := range plan.Refused {
		p.field("Not taken", plain(f.String()))
	}
	for _, g := range plan.Guards {
		text := plain(g.Guard) + ": " + plain(g.Because)
		if g.Absolute {
			text += " (a yes does not lift this)"
		}
		p.field("Guard", p.style.paint(yellow, text))
	}
	return p.flush(w)
}

// actions names what a plan does, in order.
func actions(plan model.Plan) string {
	var out []string
	for _, f := range plan.Each() {
		if !slices.Contains(out, f.Remedy.Action) {
			out = append(out, f.Remedy.Action)
		}
	}
	return strings.Join(out, ", then ")
}

func proof(kind model.Proof) string {
	switch kind {
	case model.ProofRollout:
		return "one rollout without errors"
	case model.ProofTraffic:
		return "errors stop on the route's real traffic"
	default:
		return "not known"
	}
}

// diff shows a unified diff as it is, coloured by its signs.
func (p *page) diff(text string) {
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n")
		switch {
		case strings.HasPrefix(l, "+++"), strings.HasPrefix(l, "---"):
			l = p.style.paint(bold, l)
		case strings.HasPrefix(l, "+"):
			l = p.style.paint(green, l)
		case strings.HasPrefix(l, "-"):
			l = p.style.paint(red, l)
		case strings.HasPrefix(l, "@@"):
			l = p.style.paint(cyan, l)
		}
		p.line("    %s", l)
	}
	if text != "" {
		p.blank()
	}
}

// effects compares the walks before and after. Routes to which nothing happens take one line.
func (p *page) effects(plan model.Plan) {
	label, same := "What if", 0
	for i, b := range plan.Before {
		if i >= len(plan.After) {
			break
		}
		before, after := orUnknown(b.Predicts), orUnknown(plan.After[i].Predicts)
		if before == after && !p.style.Wide && !slices.Contains(plan.Mends, i) {
			same++
			continue
		}
		p.field(label, fmt.Sprintf("%s: %s -> %s", plain(b.Request.String()), before, after))
		label = ""
	}
	if same > 0 {
		p.field(label, count(same, "route")+" answered as before")
	}
}

func orUnknown(predicts string) string {
	if predicts == "" {
		return "unknown"
	}
	return predicts
}
