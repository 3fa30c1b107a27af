package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/tui"
)

// teller prints events as they happen, and appends them to a file for programs.
type teller struct {
	out    io.Writer
	output string
	style  printer.Style
	file   io.WriteCloser // nil: none
}

// newTeller opens the file of --events, if one is named.
func newTeller(env Env, f outputFlags, events string) (*teller, error) {
	t := &teller{out: env.Out, output: f.output, style: f.style(env.Terminal)}
	if events == "" {
		return t, nil
	}
	file, err := env.OpenEvents(events)
	if err != nil {
		return nil, fmt.Errorf("open events: %w", err)
	}
	t.file = file
	return t, nil
}

// tell prints one event.
func (t *teller) tell(e printer.EventDoc) error {
	var recorded error
	if t.file != nil {
		recorded = printer.JSONLine(t.file, e)
	}
	if t.output == outputJSON {
		return errors.Join(printer.JSONLine(t.out, e), recorded)
	}
	return errors.Join(printer.Event(t.out, e, t.style), recorded)
}

// toScreen shows events on the screen instead of printing them.
func (t *teller) toScreen(s *tui.Screen) func(printer.EventDoc) error {
	return func(e printer.EventDoc) error {
		if !e.Routine {
			s.Say(headline(e))
		}
		if t.file == nil {
			return nil
		}
		return printer.JSONLine(t.file, e)
	}
}

// close closes the file; every event was written when it happened.
func (t *teller) close() {
	if t.file != nil {
		_ = t.file.Close()
	}
}
