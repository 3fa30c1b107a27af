package printer

import (
	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
)

// remedies shows what mends a finding: the first in full, the others by name. Where no action does, it is what a person
// should do.
func (p *page) remedies(d model.Diagnosis, f model.Finding) {
	shown := 0
	for _, r := range d.Remedies {
		if !mends(r, f, d.Causes) {
			continue
		}
		if shown++; shown > 1 {
			p.field("Or", plain(r.Summary)+" ("+string(r.Risk)+" risk)")
			continue
		}
		p.verbatim("Fix", fixCommand(f))
		p.field("", plain(r.Summary)+promise(r))
		if r.Why != "" {
			p.field("", plain(r.Why))
		}
		if r.Kubectl != "" {
			p.verbatim("By hand", plain(r.Kubectl))
		}
	}
	if c, ok := catalogue.Lookup(f.ID); ok && shown == 0 {
		p.field("To do", c.Fix())
	}
}

// mends reports whether a remedy is shown under a finding: it names the cause, and where several
// findings share that id, it changes the finding's own object.
func mends(r model.Remedy, f model.Finding, all []model.Finding) bool {
	if r.Cause != f.ID {
		return false
	}
	if r.Change.Target == f.Object.Ref {
		return true
	}
	same := 0
	for _, o := range all {
		if o.ID == f.ID {
			same++
		}
		if same > 1 {
			return false
		}
	}
	return same == 1
}

// promise says what to expect of a remedy, behind its summary.
func promise(r model.Remedy) string {
	text := " (" + string(r.Risk) + " risk"
	if r.Predicts != "" {
		text += ", predicted afterwards: " + r.Predicts
	}
	if r.Machine != model.MachineFix {
		text += ", a person must agree"
	}
	if len(r.Undo) > 0 {
		text += ", taken back if errors do not stop"
	}
	return text + ")"
}

// fixCommand is what a person types to mend a finding, starting from a route that fails by it.
func fixCommand(f model.Finding) string {
	ref := f.Object.Ref
	if len(f.Routes) > 0 {
		ref = f.Routes[0]
	}
	command := "gatemend fix " + model.ShellWord(plain(ref.Resource()))
	if ref.Namespace != "" {
		command += " -n " + model.ShellWord(plain(ref.Namespace))
	}
	return command + " --cause " + string(f.ID)
}
