// Package catalogue lists the causes of gateway errors: what each is, which part of the path it
// belongs to, and how far a machine may go in mending it.
//
// The ids are a contract: output, policies and documentation use them. Each cause that gatemend
// can find also has a page in text/, all with the same headings; pages are what
// `gatemend explain` prints and what the documentation is made from.
//
// [Rules] are the reasons for which a repair of a cause is not made, with ids that are a contract as well.
package catalogue

import (
	"embed"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// Cause is one entry of the catalogue.
type Cause struct {
	ID     model.CauseID
	Family string
	// Machine says how far a machine may go by default.
	Machine model.Machine
	// Unready says until when pods of the workload that the cause is about do not become ready; empty: it keeps none from it.
	Unready Until
	// Is says in one clause what is wrong, at which object.
	Is string
	// Actions are the kinds of repair that may be tried, in order; none where only a person can mend it, as
	// [Cause.Fix] says.
	Actions []string
	// Text is the long text in Markdown; empty for causes that gatemend does not find yet.
	Text string
}

// Until says what of a workload must change before its new pods become ready.
type Until string

// What must change.
const (
	// UntilFixed is for what stands in one field of the template, which the finding names.
	UntilFixed Until = "fixed"
	// UntilOther is for what may lie in an object that the pods ask for, or in a whole container: pods that run the same are no
	// better, however they are probed and limited.
	UntilOther Until = "other"
)

// Family is a part of a request's path under which causes are grouped.
type Family struct {
	ID string
	Is string // what the causes of the family have in common
}

//go:embed text/*.md
var pages embed.FS

// Causes lists every cause, grouped by family.
func Causes() []Cause {
	all, act := slices.Clone(table()), actions()
	for i := range all {
		all[i].Text, all[i].Actions = page(all[i].ID), act[all[i].ID]
	}
	return all
}

// Families lists the families in the order in which a request meets their parts.
func Families() []Family { return families() }

// Lookup finds a cause by its id.
func Lookup(id model.CauseID) (Cause, bool) {
	c, ok := entry(id)
	if ok {
		c.Text, c.Actions = page(id), actions()[id]
	}
	return c, ok
}

// entry is a cause without its text.
func entry(id model.CauseID) (Cause, bool) {
	i := slices.IndexFunc(table(), func(c Cause) bool { return c.ID == id })
	if i < 0 {
		return Cause{}, false
	}
	return table()[i], true
}

// Fix is what a person should do, from the cause's page, in one line.
func (c Cause) Fix() string {
	_, rest, _ := strings.Cut(c.Text, "\n## Fix\n")
	text, _, _ := strings.Cut(rest, "\n## ")
	return strings.Join(strings.Fields(text), " ")
}

// FamilyOf is the family of a cause, empty if the catalogue does not have it.
func FamilyOf(id model.CauseID) string {
	c, _ := entry(id)
	return c.Family
}

// UnreadyOf is [Cause.Unready] of a cause, empty if the catalogue does not have it.
func UnreadyOf(id model.CauseID) Until {
	c, _ := entry(id)
	return c.Unready
}

// page is the long text of a cause, empty if it has none.
func page(id model.CauseID) string {
	data, err := pages.ReadFile("text/" + string(id) + ".md")
	if err != nil {
		return "" // no page: the meta-test says for which causes that is allowed
	}
	return strings.TrimSpace(string(data)) + "\n"
}
