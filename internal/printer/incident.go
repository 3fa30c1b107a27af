package printer

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// IncidentList is several incidents as data.
type IncidentList struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Items      []model.Incident `json:"items"`
}

// Incidents makes a document of several incidents.
func Incidents(items []model.Incident) IncidentList {
	return IncidentList{APIVersion: model.APIVersion, Kind: model.KindIncident + "List", Items: items}
}

func wholeIncident(i model.Incident) model.Incident {
	i.Routes = each(i.Routes, same)
	i.Timeline = each(i.Timeline, same)
	i.Actions = each(i.Actions, same)
	i.Decisions = each(i.Decisions, same)
	return i
}

// IncidentTable writes a line for each incident.
func IncidentTable(w io.Writer, items []model.Incident, now time.Time) error {
	if len(items) == 0 {
		_, err := fmt.Fprintln(w, "no incidents")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "OPENED\tCLUSTER\tID\tPHASE\tROUTE\tCAUSE\tOBJECT\tERRORS\tLASTED")
	for _, i := range items {
		object := "-"
		if !i.Object.IsZero() {
			object = i.Object.Ref.String()
		}
		route := "-"
		if len(i.Routes) > 0 {
			route = i.Routes[0]
		}
		if more := len(i.Routes) - 1; more > 0 {
			route += fmt.Sprintf(" +%d", more)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", i.Opened.UTC().Format("2006-01-02 15:04:05"), i.Cluster, i.ID, i.Phase,
			route, cmp.Or(string(i.Cause), "-"), object, i.Errors, i.Duration(now).Round(time.Second))
	}
	return table.Flush()
}

// Incident writes one incident for people: what it is about, then what happened, was decided and was changed.
func Incident(w io.Writer, i model.Incident, s Style, now time.Time) error {
	p := &page{style: s}
	p.heading(s.paint(bold, i.Title()), string(i.Phase))
	p.field("Incident", i.ID+" in cluster "+i.Cluster)
	p.field("Lasted", fmt.Sprintf("%s, from %s", i.Duration(now).Round(100*time.Millisecond), fullTime(i.Started)))
	p.field("Requests", Share(i.Requests, i.Errors))
	if i.Cause != "" {
		p.field("Cause", fmt.Sprintf("%s (%s): %s", i.Cause, certainty(i.Confidence), i.Summary))
	}
	if i.Because != "" {
		p.field(string(i.Phase), i.Because)
	}
	if plan := i.Proposal; plan != nil {
		p.field("Plan", fmt.Sprintf("%s: %s (risk %s)", plan.Action, plan.Summary, plan.Risk))
		if plan.Kubectl != "" {
			p.verbatim("", plan.Kubectl)
		}
	}
	section := func(title string, n int) {
		if n > 0 {
			p.blank()
			p.line("%s", s.paint(bold, title))
		}
	}
	section("Timeline", len(i.Timeline))
	for _, e := range i.Timeline {
		p.item(2, fmt.Sprintf("%s  %-12s", fullTime(e.At), e.Kind), e.Text)
	}
	section("Decisions", len(i.Decisions))
	for _, d := range i.Decisions {
		p.item(2, fmt.Sprintf("%s  %-12s", fullTime(d.At), d.Verdict), strings.TrimSuffix(fmt.Sprintf("%s, through %s: %s", d.Who, d.Through, d.Because), ": "))
	}
	section("Changes", len(i.Actions))
	for _, a := range i.Actions {
		text := fmt.Sprintf("%s: %s %s", a.Action, a.Change.Op, a.Change.Target)
		for _, f := range a.Change.Fields {
			text += fmt.Sprintf(", %s %s -> %s", f.Path, orNothing(f.Old), orNothing(f.New))
		}
		if a.Because != "" {
			text += ": " + a.Because
		}
		p.item(2, fmt.Sprintf("%s  %-12s", fullTime(a.At), a.Result), text)
	}
	return p.flush(w)
}

func orNothing(value []byte) string {
	if len(value) == 0 {
		return "(nothing)"
	}
	return string(value)
}

func fullTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05.0")
}
