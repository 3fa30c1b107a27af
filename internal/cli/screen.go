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
)

// drawEvery is how often the screen shows a new moment.
const drawEvery = 500 * time.Millisecond

// show draws the present moment on the screen.
func (w *watcher) show() {
	if w.screen == nil {
		return
	}
	now := w.session.now()
	gateways, unseen := w.session.live.Gateways()
	f := tui.Frame{
		Now:    now,
		What:   fmt.Sprintf("%d routes behind %d gateway pods", len(w.locator().Routes()), len(gateways)),
		Routes: w.rates.Routes(now),
	}
	for _, a := range w.voices.open(w.detector, w.counted) {
		f.Alarms = append(f.Alarms, tui.Alarm{Route: a.Route, Since: a.From, Requests: a.Requests, Errors: a.Errors, Cause: w.causes[a.Route]})
	}
	for _, u := range append(unseen, w.sources.unseen()...) {
		f.Warnings = append(f.Warnings, u.What+": "+u.Why)
	}
	w.screen.Show(f)
}

// remember keeps what the screen says of an alarm: its cause, until it ends.
func (w *watcher) remember(e printer.EventDoc) {
	switch e.Type {
	case printer.EventDiagnosis:
		w.causes[e.Route] = e.Text
	case printer.EventCalm:
		delete(w.causes, e.Route)
	}
}

// headline is an event on one line of the screen.
func headline(e printer.EventDoc) string {
	what := e.Type
	if e.Step != "" {
		what = e.Step
	}
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", e.At.UTC().Format("15:04:05"), what, e.Route, e.Text)), " ")
}

// glance diagnoses one route for the screen, aside from the alarms that are being worked on.
func (s *session) glance(ctx context.Context, r rates.Route, style printer.Style) string {
	target := model.Target{Object: &r.Object}
	if r.Object.IsZero() {
		host, path, _ := strings.Cut(r.Key, "/")
		target = model.Target{Request: &model.Request{Host: host, Path: "/" + path}}
	}
	d, err := s.diagnose(ctx, s.live.Snapshot(), target, s.now().Add(-s.since), time.Time{})
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
func (w *watcher) onScreen(ctx context.Context, leave context.CancelFunc) error {
	left := make(chan error, 1)
	go func() {
		left <- w.screen.Run()
		leave()
	}()
	err := w.run(ctx)
	leave()
	return errors.Join(err, <-left)
}

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
