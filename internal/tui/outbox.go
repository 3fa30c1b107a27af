package tui

import (
	"sync"

	tea "charm.land/bubbletea/v2"
)

// outbox holds what is to be shown until the terminal takes it. Whoever has something to show does not wait: a terminal that
// takes nothing, because somebody pressed Ctrl-S or a connection hangs, must not keep anybody from hearing of requests. Of
// frames the last one counts, and of events as many as are kept anyway.
type outbox struct {
	wake chan struct{} // has room for one

	mu        sync.Mutex
	frame     *Frame
	events    []Event
	questions []Question
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// put has something done to what waits.
func (o *outbox) put(do func(*outbox)) {
	o.mu.Lock()
	do(o)
	o.events = o.events[max(0, len(o.events)-keptEvents):]
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default: // it is awake
	}
}

// take gives out what waits.
func (o *outbox) take() []tea.Msg {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []tea.Msg
	for _, e := range o.events {
		all = append(all, e)
	}
	if o.frame != nil {
		all = append(all, *o.frame)
	}
	for _, q := range o.questions {
		all = append(all, q)
	}
	o.events, o.frame, o.questions = nil, nil, nil
	return all
}

// deliver sends what waits until the screen is left.
func (o *outbox) deliver(send func(tea.Msg), left <-chan struct{}) {
	for {
		select {
		case <-o.wake:
			for _, m := range o.take() {
				send(m)
			}
		case <-left:
			return
		}
	}
}
