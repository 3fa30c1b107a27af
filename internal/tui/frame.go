package tui

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/rates"
)

// Frame is what the screen shows of one moment.
type Frame struct {
	Now      time.Time
	What     string // what is watched, in a few words
	Routes   []rates.Route
	Alarms   []Alarm
	Warnings []string // what cannot be looked at
}

// Alarm is a route that is failing.
type Alarm struct {
	Route            string
	Since            time.Time
	Requests, Errors int
	Cause            string // empty: not known yet
}

// Event is something that happened, for one line.
type Event struct {
	What  string // when, and of what kind
	Route string // empty: it is about no single one
	Text  string
}

// Question is a plan that waits for a person's yes.
type Question struct {
	Text   string // the plan as it is printed elsewhere
	Target model.Ref
	answer chan<- bool
}

// Options of the screen.
type Options struct {
	Color bool
	// Diagnose explains a route as text of at most so many columns. It is called aside from the screen.
	Diagnose func(route rates.Route, width int) string
}
