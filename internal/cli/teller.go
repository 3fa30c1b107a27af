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
	out    *outlet
	output string
	style  printer.Style
	file   io.WriteCloser // nil: none
}

// newTeller opens the file of --events, if one is named.
func newTeller(env Env, f outputFlags, events string) (*teller, error) {
	t := &teller{output: f.output, style: f.style(env.Terminal)}
	if events != "" {
		file, err := env.OpenEvents(events)
		if err != nil {
			return nil, fmt.Errorf("open events: %w", err)
		}
		t.file = file
	}
	t.out = newOutlet(env.Out, func(lost int64) func(io.Writer) error {
		return t.printed(printer.NewEvent(printer.EventWarning, env.Now(), fmt.Sprintf("%d events were not printed, as nobody read what was printed before", lost)))
	})
	return t, nil
}

// tell prints one event.
func (t *teller) tell(e printer.EventDoc) error {
	var recorded error
	if t.file != nil {
		recorded = printer.JSONLine(t.file, e)
	}
	return errors.Join(t.out.print(t.printed(e)), recorded)
}

// printed prints an event in the form that is wanted.
func (t *teller) printed(e printer.EventDoc) func(io.Writer) error {
	return func(out io.Writer) error {
		if t.output == outputJSON {
			return printer.JSONLine(out, e)
		}
		return printer.Event(out, e, t.style)
	}
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
	t.out.close()
	if t.file != nil {
		_ = t.file.Close()
	}
}
