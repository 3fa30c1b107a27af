package tui

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gatemend/gatemend/internal/model"
)

// stuck is a terminal that takes nothing until it is let go, and remembers all that it took then.
type stuck struct {
	free chan struct{}

	mu    sync.Mutex
	taken strings.Builder
}

func (s *stuck) Write(text []byte) (int, error) {
	<-s.free
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken.Write(text)
}

func (s *stuck) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.taken.String(), text)
}

// Nobody waits for a terminal that takes nothing; when it does again, it shows the last moment.
func TestStuckTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	terminal := &stuck{free: make(chan struct{})}
	in, keys := io.Pipe()
	defer keys.Close()
	s := New(ctx, in, terminal, Options{})
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	shown := make(chan struct{})
	go func() {
		for i := range 1000 {
			s.Say(Event{What: fmt.Sprintf("event-%d", i)})
			s.Show(Frame{Now: start, What: fmt.Sprintf("frame-%d", i)})
		}
		close(shown)
	}()
	select {
	case <-shown:
	case <-ctx.Done():
		t.Fatal("who shows something waits for the terminal")
	}
	asking, stop := context.WithCancel(ctx)
	stop()
	if yes, err := s.Ask(asking, "a plan", model.Ref{}); yes || err == nil {
		t.Errorf("asked nobody, and got %v, %v", yes, err)
	}
	close(terminal.free)
	for !terminal.has("Carry this out") && ctx.Err() == nil {
		s.program.Send(tea.WindowSizeMsg{Width: 80, Height: 24}) // a real one tells it; of this one the program believes that it has none
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !terminal.has("Carry this out") {
		t.Error("the terminal takes something again, and is shown nothing: " + terminal.taken.String())
	}
	if n := len(s.outbox.events); n > keptEvents {
		t.Errorf("%d events wait", n)
	}
}
