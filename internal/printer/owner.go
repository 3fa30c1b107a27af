package printer

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// owners shows who keeps what a plan changes, and what to put into their sources.
func (p *page) owners(plan model.Plan) {
	for _, m := range plan.Managers {
		text := plain(m.Object.String()+" "+m.Field) + " by " + plain(m.Manager)
		if !m.At.IsZero() {
			text += ", " + m.At.UTC().Format("2006-01-02 15:04:05 MST")
		}
		p.field("Written", text)
	}
	for _, o := range plan.Owners {
		what := o.Object.String()
		if o.Field != "" {
			what += " " + o.Field
		}
		p.field("Owner", plain(what)+": "+plain(o.String())+", by "+plain(o.Because))
	}
	for _, q := range plan.Proposals {
		label := "Propose"
		for _, step := range q.Do {
			p.field(label, plain(step))
			label = ""
		}
		p.proposed("as a patch in kustomization.yaml:", q.Kustomization)
		p.proposed("as values, where the chart is like those of 'helm create':", q.HelmValues)
		p.git(q.Git)
	}
}

// proposed shows a text of several lines as it is, below the proposal.
func (p *page) proposed(title, text string) {
	if text == "" {
		return
	}
	p.field("", title)
	for line := range strings.Lines(text) {
		p.line("    %s", plain(strings.TrimRight(line, "\n")))
	}
}

// git shows the commit in the source, or why there is none.
func (p *page) git(g *model.GitChange) {
	switch {
	case g == nil:
	case g.Because != "":
		p.field("Git", plain(g.Because))
	default:
		p.field("Git", "branch "+plain(g.Branch)+" in "+plain(g.Dir)+" changes "+plain(strings.Join(g.Files, ", "))+", commit "+plain(g.Commit[:min(len(g.Commit), 12)]))
		p.verbatim("", "git -C "+model.ShellWord(plain(g.Dir))+" push origin "+model.ShellWord(plain(g.Branch)))
		p.diff(g.Diff)
	}
}
