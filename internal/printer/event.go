package printer

import (
	"fmt"
	"io"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// KindEvent is the kind of the documents that watch and fix print as things happen.
const KindEvent = "Event"

// The types of events.
const (
	EventWatching  = "watching"  // what is watched
	EventAlarm     = "alarm"     // a route has begun to fail
	EventIncident  = "incident"  // several routes fail that have something in common
	EventCalm      = "calm"      // a route no longer fails
	EventFailing   = "failing"   // what is failing right now, said again from time to time
	EventDiagnosis = "diagnosis" // why a route fails
	EventMend      = "mend"      // one step of a repair
	EventWarning   = "warning"   // something could not be looked at
	EventNotice    = "notice"    // somebody else says that something fails
	EventCounted   = "counted"   // how many requests there were lately, of a log
)

// EventDoc is something that happened at a time, on one line of text or JSON.
type EventDoc struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Type       string    `json:"type"`
	At         time.Time `json:"at"`
	Route      string    `json:"route,omitempty"`
	Text       string    `json:"text"`
	// Step is the name of a repair's step: planned, applied, verified, undone, ...
	Step string `json:"step,omitempty"`
	// FirstError is when the first failing request was seen, on alarms.
	FirstError time.Time `json:"firstError,omitzero"`
	// Routes are those of an incident, and Shared what they have in common: the most specific first.
	Routes    []string         `json:"routes,omitempty"`
	Shared    []model.Ref      `json:"shared,omitempty"`
	Requests  int              `json:"requests,omitempty"`
	Errors    int              `json:"errors,omitempty"`
	Diagnosis *model.Diagnosis `json:"diagnosis,omitempty"`
	Plan      *model.Plan      `json:"plan,omitempty"`
	// Routine marks a step that people need not read: the next one says that it was done. Data has it.
	Routine bool `json:"-"`
}

// NewEvent is an event with its header filled in.
func NewEvent(kind string, at time.Time, text string) EventDoc {
	return EventDoc{APIVersion: model.APIVersion, Kind: KindEvent, Type: kind, At: at.UTC(), Text: text}
}

// Event writes an event for people: one line, and below it the diagnosis or plan that it carries. Only
// what is said nowhere else is wrapped; what a page below repeats in full is cut.
func Event(w io.Writer, e EventDoc, s Style) error {
	if e.Routine && !s.Wide {
		return nil
	}
	p := &page{style: s}
	color := map[string]string{
		EventAlarm: bold + red, EventIncident: bold + red, EventCalm: bold + green, EventWarning: yellow, EventNotice: yellow, EventMend: bold + cyan,
	}[e.Type]
	what := e.Type
	if e.Step != "" {
		what = e.Step
	}
	head := e.At.UTC().Format("15:04:05.000") + "  " + s.paint(color, fmt.Sprintf("%-9s", what)) + " "
	text := plain(e.Text)
	room := s.width() - columns(head) - 1
	if e.Route != "" {
		room -= columns(plain(e.Route)) + 1
	}
	if e.Diagnosis != nil || e.Plan != nil || e.Type == EventWatching {
		text = cut(text, max(room, 20))
	}
	if e.Route != "" {
		text = s.paint(bold, plain(e.Route)) + "  " + text
	}
	p.item(0, head, text)
	if e.Diagnosis != nil || e.Plan != nil {
		p.blank()
	}
	if err := p.flush(w); err != nil {
		return err
	}
	if e.Diagnosis != nil {
		if err := Diagnosis(w, *e.Diagnosis, s); err != nil {
			return err
		}
	}
	if e.Plan != nil {
		if err := Plan(w, *e.Plan, s); err != nil {
			return err
		}
	}
	if e.Diagnosis != nil || e.Plan != nil {
		return write(w, []byte("\n"))
	}
	return nil
}
