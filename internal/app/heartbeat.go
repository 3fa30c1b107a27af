package app

import (
	"context"
	"errors"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// How long the API server may tell nothing before it is asked whether it is there, and how long it may take to answer.
const (
	beatEvery  = 5 * time.Second
	beatWithin = 5 * time.Second
)

// heartbeat knows whether the API server answers. One that hangs breaks no stream: logs and objects
// just stand still, and standing still must not look like peace.
//
// In a cluster of some size it tells of a change every second, and need not be asked.
type heartbeat struct {
	ask   func(context.Context) error
	heard func() uint64 // grows with all that it tells

	mu   sync.Mutex
	why  string
	back time.Time // the end of the last time in which it could not be heard
}

// run asks until the context ends.
func (h *heartbeat) run(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	last := h.heard()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n := h.heard(); n != last {
			last = n
			h.is("")
			continue
		}
		h.beat(ctx)
	}
}

// beat asks once. A refusal is an answer.
func (h *heartbeat) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	err := h.ask(ctx)
	why := ""
	if _, answered := errors.AsType[*apierrors.StatusError](err); err != nil && !answered {
		why = "it does not answer, so nothing is seen until it does: " + oneLine(err)
	}
	h.is(why)
}

// is notes why the API server cannot be heard.
func (h *heartbeat) is(why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.why != "" && why == "" {
		h.back = time.Now()
	}
	h.why = why
}

// silent says why the API server cannot be heard, empty if it can.
func (h *heartbeat) silent() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.why
}

// returned is when the API server could be heard again after the last time in which it could not; zero: it always could.
func (h *heartbeat) returned() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.back
}
