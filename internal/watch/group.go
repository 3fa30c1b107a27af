package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/printer"
)

// alarmNews is an alarm on its way to the worker.
type alarmNews struct {
	detect.Alarm
	// follows: another alarm, which is worked on already, most likely has the same cause.
	follows bool
}

// incidents are the open alarms that have something in common, by the routes of their alarms.
type incidents map[string]detect.Incident

// incidentsOf sorts the open alarms of a detector, if any of them is new.
func (w *Watcher) incidentsOf(d *detect.Detector, changed []detect.Alarm) incidents {
	opened := 0
	for _, a := range changed {
		if !a.Ended && !a.Worse {
			opened++
		}
	}
	open := d.Open()
	if opened == 0 || len(open) < 2 {
		return nil
	}
	found := incidents{}
	for _, i := range detect.Group(open, dependencies(w.locator(), d)) {
		if len(i.Shared) == 0 {
			continue
		}
		for _, a := range i.Alarms {
			found[a.Route] = i
		}
	}
	return found
}

// dependencies are those of all routes that have traffic.
func dependencies(m *path.Map, d *detect.Detector) []detect.Dependencies {
	var out []detect.Dependencies
	for _, r := range m.Routes() {
		if name := r.String(); d.Knows(name) {
			out = append(out, detect.Dependencies{Route: name, Parts: m.Parts(r)})
		}
	}
	return out
}

// lead is the route whose alarm was told first.
func lead(i detect.Incident) string {
	return slices.MinFunc(i.Alarms, func(a, b detect.Alarm) int {
		return cmp.Or(a.Opened.Compare(b.Opened), a.From.Compare(b.From), cmp.Compare(a.Route, b.Route))
	}).Route
}

// first is the route of the alarm that began the incident to which one that opens belongs; empty: it begins its own.
func (i incidents) first(a detect.Alarm) string {
	of, ok := i[a.Route]
	if !ok || a.Ended || a.Worse {
		return ""
	}
	if route := lead(of); route != a.Route {
		return route
	}
	return ""
}

// tellIncidents says what failing routes have in common, once it is twice as many as were told of. For people
// that takes the place of an alarm for each route.
func (w *Watcher) tellIncidents(found incidents, changed []detect.Alarm, now time.Time) error {
	for _, a := range changed {
		of, ok := found[a.Route]
		if a.Ended {
			delete(w.grown, a.Route)
		}
		if !ok || a.Ended {
			continue
		}
		if first := lead(of); len(of.Alarms) >= 2*max(1, w.grown[first]) {
			w.grown[first] = len(of.Alarms)
			if err := w.Print(incidentDoc(of, now)); err != nil {
				return err
			}
		}
	}
	return nil
}

func incidentDoc(i detect.Incident, now time.Time) printer.EventDoc {
	const named = 3
	doc := printer.NewEvent(printer.EventIncident, now, "")
	for _, a := range i.Alarms {
		doc.Routes = append(doc.Routes, a.Route)
		doc.Requests += a.Requests
		doc.Errors += a.Errors
	}
	parts := make([]string, 0, len(i.Shared))
	for _, part := range i.Shared {
		parts = append(parts, part.String())
	}
	names := strings.Join(doc.Routes[:min(named, len(doc.Routes))], ", ")
	if more := len(doc.Routes) - named; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	doc.Text = fmt.Sprintf("%d routes fail that need %s: %s", len(doc.Routes), strings.Join(parts, " or "), names)
	doc.Shared, doc.FirstError = i.Shared, i.Alarms[0].From.UTC()
	return doc
}
