package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/rates"
	"github.com/gatemend/gatemend/internal/tui"
	"github.com/gatemend/gatemend/internal/watch"
)

// show draws a moment on the screen.
func show(s *tui.Screen) func(watch.Moment) {
	return func(m watch.Moment) {
		f := tui.Frame{Now: m.Now, What: m.What, Routes: m.Routes, Warnings: m.Warnings}
		for _, a := range m.Alarms {
			f.Alarms = append(f.Alarms, tui.Alarm(a))
		}
		s.Show(f)
	}
}

// headline is an event as the screen shows it on one line.
func headline(e printer.EventDoc) tui.Event {
	what := e.Type
	if e.Step != "" {
		what = e.Step
	}
	return tui.Event{What: e.At.UTC().Format("15:04:05") + " " + what, Route: e.Route, Text: e.Text}
}

// glance diagnoses one route for the screen, aside from the alarms that are being worked on.
func glance(ctx context.Context, s *watch.Session, r rates.Route, style printer.Style) string {
	target := model.Target{Object: &r.Object}
	if r.Object.IsZero() {
		host, path, _ := strings.Cut(r.Key, "/")
		target = model.Target{Request: &model.Request{Host: host, Path: "/" + path}}
	}
	d, err := s.Diagnose(ctx, s.Live.Snapshot(), target, s.Now().Add(-s.Since), time.Time{})
	if err != nil {
		return err.Error()
	}
	var text strings.Builder
	if err := printer.Diagnosis(&text, d, style); err != nil {
		return err.Error()
	}
	return text.String()
}

// onScreen watches until the screen is left or the context ends, and gives the terminal back.
func onScreen(ctx context.Context, w *watch.Watcher, screen *tui.Screen, leave context.CancelFunc) error {
	left := make(chan error, 1)
	go func() {
		left <- screen.Run()
		leave()
	}()
	err := w.Run(ctx)
	leave()
	select {
	case shown := <-left:
		return errors.Join(err, shown)
	case <-time.After(leaveWithin):
		return err // a terminal that takes nothing is no reason to stay
	}
}

// leaveWithin is how long the screen has to give the terminal back.
const leaveWithin = 2 * time.Second

// screenAsker asks on the screen.
type screenAsker struct {
	screen *tui.Screen
	style  printer.Style
}

// Ask shows the plan and waits for y or n.
func (a screenAsker) Ask(ctx context.Context, p model.Plan) (mend.Answer, error) {
	var text strings.Builder
	if err := printer.Plan(&text, p, a.style); err != nil {
		return mend.Answer{}, fmt.Errorf("show the plan: %w", err)
	}
	yes, err := a.screen.Ask(ctx, text.String(), p.Remedy.Change.Target)
	switch {
	case err != nil:
		return mend.Answer{}, err //nolint:wrapcheck // the context's own
	case !yes:
		return mend.Answer{Because: "the answer was no"}, nil
	default:
		return mend.Answer{Yes: true, Person: true}, nil
	}
}
