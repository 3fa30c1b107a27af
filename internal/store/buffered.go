package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// BufferOptions are those of a [Buffered]. The zero value of each field but Now means its default.
type BufferOptions struct {
	// MaxWaiting is how many incidents may wait for the store; default 2,000, some
	// tens of megabytes. Of an incident only the last state
	// waits. When there are more, the one that has waited longest is dropped and counted.
	MaxWaiting int
	// Timeout bounds each use of the store; default 10 s.
	Timeout time.Duration
	// Retry and MaxRetry are the first and the longest pause after a failure; default 1 s and 30 s.
	Retry, MaxRetry time.Duration
	// Keep is how long incidents are kept after their last update; default: for ever.
	Keep time.Duration
	// Most is how many ended incidents of the cluster are kept; default: any number.
	Most int
	// Cluster is the one whose history is pruned; that of others is theirs to prune.
	Cluster string
	// PruneEvery is the pause between prunings; default 1 hour.
	PruneEvery time.Duration
	Now        func() time.Time
	// Changed is told when writing begins to fail and when it works again. It must not call the Buffered.
	Changed func(BufferState)
}

func (o BufferOptions) defaults() BufferOptions {
	o.MaxWaiting = orElse(o.MaxWaiting, 2000)
	o.Timeout = orElse(o.Timeout, 10*time.Second)
	o.Retry = orElse(o.Retry, time.Second)
	o.MaxRetry = max(orElse(o.MaxRetry, 30*time.Second), o.Retry)
	o.PruneEvery = orElse(o.PruneEvery, time.Hour)
	return o
}

func orElse[T int | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// BufferState is how writing goes.
type BufferState struct {
	Waiting int // incidents that are not written yet
	Dropped int // incidents whose last state was never written, since the start
	// Err is why the last write failed; nil: it did not.
	Err error
	// Since is when writing began to fail.
	Since time.Time
}

// Buffered writes incidents to a store that may be slow or away. Save never waits; Run does the writing.
type Buffered struct {
	store Store
	o     BufferOptions
	more  chan struct{} // one token: something waits

	mu     sync.Mutex
	order  []incidentKey // in the order of arrival
	latest map[incidentKey]model.Incident
	state  BufferState
}

type incidentKey struct{ cluster, id string }

// NewBuffered makes a Buffered over a store. Nothing is written before Run.
func NewBuffered(s Store, o BufferOptions) *Buffered {
	return &Buffered{store: s, o: o.defaults(), more: make(chan struct{}, 1), latest: map[incidentKey]model.Incident{}}
}

// Save has an incident written as soon as the store takes it. The incident must not be changed afterwards.
func (b *Buffered) Save(i model.Incident) {
	key := incidentKey{i.Cluster, i.ID}
	b.mu.Lock()
	defer b.mu.Unlock()
	waiting, known := b.latest[key]
	switch {
	case known && waiting.Updated.After(i.Updated):
		return
	case !known && len(b.order) >= b.o.MaxWaiting:
		delete(b.latest, b.order[0])
		b.order = b.order[1:]
		b.state.Dropped++
		fallthrough
	case !known:
		b.order = append(b.order, key)
	}
	b.latest[key] = i
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// State tells how writing goes.
func (b *Buffered) State() BufferState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stateLocked()
}

func (b *Buffered) stateLocked() BufferState {
	s := b.state
	s.Waiting = len(b.order)
	return s
}

// Run writes what is saved until the context ends, and then, for at most the time-out, what still waits. From
// time to time it deletes what need not be kept.
func (b *Buffered) Run(ctx context.Context) {
	prune := time.NewTimer(0)
	defer prune.Stop()
	pause := b.o.Retry
	var retry <-chan time.Time
	for {
		ready := b.more
		if retry != nil {
			ready = nil // the store is away: what is new waits with the rest
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.o.Timeout)
			defer cancel()
			_ = b.flush(last) // the state tells what was not written
			return
		case <-prune.C:
			b.prune(ctx)
			prune.Reset(b.o.PruneEvery)
			continue
		case <-ready:
		case <-retry:
		}
		if err := b.flush(ctx); err != nil {
			retry = time.After(pause)
			pause = min(2*pause, b.o.MaxRetry)
			continue
		}
		retry, pause = nil, b.o.Retry
	}
}

// flush writes until nothing waits or the store fails.
func (b *Buffered) flush(ctx context.Context) error {
	for {
		i, ok := b.first()
		if !ok {
			return nil
		}
		err := b.write(ctx, i)
		if err != nil && !errors.Is(err, ErrInvalid) {
			b.failed(err)
			return err
		}
		b.wrote(i, err != nil)
	}
}

func (b *Buffered) write(ctx context.Context, i model.Incident) error {
	ctx, cancel := context.WithTimeout(ctx, b.o.Timeout)
	defer cancel()
	return b.store.Save(ctx, i)
}

func (b *Buffered) first() (model.Incident, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.order) == 0 {
		return model.Incident{}, false
	}
	return b.latest[b.order[0]], true
}

// wrote takes an incident out of the queue, unless a newer state of it came, or it was dropped, while it was
// being written.
func (b *Buffered) wrote(i model.Incident, refused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if refused {
		b.state.Dropped++
	}
	key := incidentKey{i.Cluster, i.ID}
	if now, waits := b.latest[key]; waits && len(b.order) > 0 && b.order[0] == key && !now.Updated.After(i.Updated) {
		delete(b.latest, key)
		b.order = b.order[1:]
	}
	if b.state.Err != nil {
		b.state.Err, b.state.Since = nil, time.Time{}
		b.tell()
	}
}

func (b *Buffered) failed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.state.Err == nil
	b.state.Err = err
	if first {
		b.state.Since = b.o.Now()
		b.tell()
	}
}

func (b *Buffered) tell() {
	if b.o.Changed != nil {
		b.o.Changed(b.stateLocked())
	}
}

// prune deletes what need not be kept. Its failure is that of the store, which the next write meets too.
func (b *Buffered) prune(ctx context.Context) {
	if b.o.Keep <= 0 && b.o.Most <= 0 {
		return
	}
	r := Retention{Cluster: b.o.Cluster, Most: b.o.Most}
	if b.o.Keep > 0 {
		r.Before = b.o.Now().Add(-b.o.Keep)
	}
	ctx, cancel := context.WithTimeout(ctx, b.o.Timeout)
	defer cancel()
	if _, err := b.store.Prune(ctx, r); err != nil && ctx.Err() == nil {
		b.failed(err)
	}
}
