package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/gatemend/gatemend/internal/model"
)

// Screen takes a terminal over until it is left.
type Screen struct {
	program *tea.Program
	outbox  *outbox
	ended   chan struct{}
}

// New prepares a screen. in and out must be the same terminal.
func New(ctx context.Context, in io.Reader, out io.Writer, o Options) *Screen {
	profile := colorprofile.ASCII
	if o.Color {
		profile = colorprofile.ANSI
	}
	return &Screen{
		program: tea.NewProgram(newView(o), tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out),
			tea.WithColorProfile(profile), tea.WithoutSignalHandler()),
		outbox: newOutbox(),
		ended:  make(chan struct{}),
	}
}

// Run shows the screen until somebody leaves it or the context of [New] ends. The terminal is as before then.
func (s *Screen) Run() error {
	var delivery sync.WaitGroup
	delivery.Go(func() { s.outbox.deliver(s.program.Send, s.ended) })
	defer delivery.Wait()
	defer close(s.ended)
	_, err := s.program.Run()
	if err == nil || errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, tea.ErrInterrupted) {
		return nil // killed: the context ended
	}
	return fmt.Errorf("show the screen: %w", err)
}

// Show replaces what is shown. It does not wait for the terminal.
func (s *Screen) Show(f Frame) { s.outbox.put(func(o *outbox) { o.frame = &f }) }

// Say adds a line to the last events. It does not wait for the terminal.
func (s *Screen) Say(e Event) { s.outbox.put(func(o *outbox) { o.events = append(o.events, e) }) }

// Ask shows a plan and waits for the answer. No answer, because the screen was left, is a no.
func (s *Screen) Ask(ctx context.Context, text string, target model.Ref) (bool, error) {
	answer := make(chan bool, 1)
	q := Question{Text: text, Target: target, answer: answer}
	s.outbox.put(func(o *outbox) { o.questions = append(o.questions, q) })
	select {
	case yes := <-answer:
		return yes, nil
	case <-s.ended:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}
