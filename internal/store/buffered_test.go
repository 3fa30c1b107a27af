package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/store"
)

// flaky is a history that fails while err is set.
type flaky struct {
	mu     sync.Mutex
	err    error
	hangs  bool
	tries  int
	saved  []string // id and phase
	pruned []store.Retention
}

func (f *flaky) Save(ctx context.Context, i model.Incident) error {
	f.mu.Lock()
	f.tries++
	err, hangs := f.err, f.hangs
	f.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.saved = append(f.saved, i.ID+":"+string(i.Phase))
	return nil
}

func (f *flaky) set(err error, hangs bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.hangs = err, hangs
}

func (f *flaky) got() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.saved, " ")
}

func (f *flaky) Prune(_ context.Context, r store.Retention) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pruned = append(f.pruned, r)
	return 0, nil
}

func (f *flaky) Get(context.Context, string, string) (model.Incident, error) {
	return model.Incident{}, store.ErrNotFound
}
func (f *flaky) List(context.Context, store.Query) ([]model.Incident, error) { return nil, nil }
func (f *flaky) Close() error                                                { return nil }

func incident(id string, phase model.Phase, second int) model.Incident {
	return model.Incident{Cluster: "eu-1", ID: id, Phase: phase, Updated: time.Unix(int64(second), 0)}
}

func start(t *testing.T, f *flaky, o store.BufferOptions) (*store.Buffered, func()) {
	o.Now = time.Now // that of the bubble
	b := store.NewBuffered(f, o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	return b, func() { cancel(); <-done }
}

func TestBufferedWritesTheLastState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{err: errors.New("away")}
		var told []store.BufferState
		b, stop := start(t, f, store.BufferOptions{Changed: func(s store.BufferState) { told = append(told, s) }})
		b.Save(incident("a", model.PhaseDetected, 1))
		synctest.Wait()
		b.Save(incident("a", model.PhaseResolved, 3))
		b.Save(incident("a", model.PhaseMending, 2))
		b.Save(incident("b", model.PhaseDetected, 1))
		time.Sleep(90 * time.Second)
		// pauses of 1, 2, 4, 8, 16, 30, 30 s and no request in between, whatever is saved
		if f.tries != 7 {
			t.Errorf("%d tries in 90 s", f.tries)
		}
		if s := b.State(); s.Waiting != 2 || s.Dropped != 0 || s.Err == nil {
			t.Errorf("got %+v", s)
		}
		f.set(nil, false)
		time.Sleep(31 * time.Second)
		if got := f.got(); got != "a:Resolved b:Detected" {
			t.Errorf("got %s", got)
		}
		if len(told) != 2 || told[0].Err == nil || told[1].Err != nil {
			t.Errorf("told %+v", told)
		}
		stop()
	})
}

func TestBufferedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{hangs: true}
		b, stop := start(t, f, store.BufferOptions{MaxWaiting: 3})
		for n := range 10 {
			b.Save(incident(fmt.Sprint(n), model.PhaseDetected, 1))
			synctest.Wait()
		}
		if s := b.State(); s.Waiting != 3 || s.Dropped != 7 {
			t.Errorf("got %+v", s)
		}
		f.set(nil, false)
		time.Sleep(time.Minute)
		if got := f.got(); got != "7:Detected 8:Detected 9:Detected" {
			t.Errorf("got %s", got)
		}
		stop()
	})
}

func TestBufferedWritesAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{err: errors.New("away")}
		b, stop := start(t, f, store.BufferOptions{})
		b.Save(incident("a", model.PhaseDetected, 1))
		synctest.Wait()
		f.set(nil, false)
		stop()
		if got := f.got(); got != "a:Detected" {
			t.Errorf("got %q", got)
		}
	})
	// A store that hangs does not keep the program from ending.
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{hangs: true}
		b, stop := start(t, f, store.BufferOptions{Timeout: 2 * time.Second})
		b.Save(incident("a", model.PhaseDetected, 1))
		began := time.Now()
		stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if s := b.State(); s.Waiting != 1 || s.Err == nil {
			t.Errorf("got %+v", s)
		}
	})
}

func TestBufferedDropsWhatCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{err: fmt.Errorf("bad: %w", store.ErrInvalid)}
		b, stop := start(t, f, store.BufferOptions{})
		b.Save(incident("", model.PhaseDetected, 1))
		synctest.Wait()
		if s := b.State(); s.Waiting != 0 || s.Dropped != 1 || s.Err != nil {
			t.Errorf("got %+v", s)
		}
		stop()
	})
}

func TestBufferedPrunes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{}
		_, stop := start(t, f, store.BufferOptions{Cluster: "eu-1", Keep: 24 * time.Hour, Most: 7})
		began := time.Now()
		time.Sleep(150 * time.Minute)
		stop()
		if len(f.pruned) != 3 {
			t.Fatalf("got %v", f.pruned)
		}
		want := store.Retention{Cluster: "eu-1", Before: began.Add(-22 * time.Hour), Most: 7}
		if f.pruned[2] != want {
			t.Errorf("got %+v, want %+v", f.pruned[2], want)
		}
	})
}
