// Package feed is where a source of signals puts what it hears: a bounded queue with one reader, a count
// of what was lost, and notes of what cannot be heard at present.
//
// A source that can wait, because what it reads stays where it is, uses [Feed.Send], and nothing is lost.
// One that cannot uses [Feed.Offer] with the patience that its sender has.
package feed

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Feed is a queue of signals. It is for any number of writers and one reader.
type Feed struct {
	name    string
	signals chan model.Signal
	dropped atomic.Int64

	mu      sync.Mutex
	unseen  map[string]string // what -> why
	notices []string
	told    int64 // of dropped, how many were told of
}

// mostNotices is how many notices wait to be read; those after them are not kept, as nobody reads.
const mostNotices = 64

// New returns a feed in which up to buffer signals wait for the reader. The name is for people.
func New(name string, buffer int) *Feed {
	return &Feed{name: name, signals: make(chan model.Signal, buffer), unseen: map[string]string{}}
}

// Signals is where signals arrive; it is closed by Close.
func (f *Feed) Signals() <-chan model.Signal { return f.signals }

// Close ends the feed. No signal may be put in afterwards.
func (f *Feed) Close() { close(f.signals) }

// Send puts a signal in, waiting for the reader as long as it takes. It reports false if ctx ended first.
func (f *Feed) Send(ctx context.Context, s model.Signal) bool {
	select {
	case f.signals <- s:
		return true
	default:
	}
	select {
	case f.signals <- s:
		return true
	case <-ctx.Done():
		return false
	}
}

// Offer puts a signal in if there is room within the given time, or else drops and counts it.
func (f *Feed) Offer(ctx context.Context, s model.Signal, patience time.Duration) bool {
	select {
	case f.signals <- s:
		return true
	default:
	}
	if patience > 0 {
		wait, stop := context.WithTimeout(ctx, patience)
		defer stop()
		if f.Send(wait, s) {
			return true
		}
	}
	f.dropped.Add(1)
	return false
}

// Full reports whether a signal would have to wait.
func (f *Feed) Full() bool { return len(f.signals) == cap(f.signals) }

// Dropped is how many signals were lost because the reader was too slow.
func (f *Feed) Dropped() int64 { return f.dropped.Load() }

// Note records why something cannot be seen at present; an empty reason takes the note back.
func (f *Feed) Note(what, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if why == "" {
		delete(f.unseen, what)
		return
	}
	f.unseen[what] = why
}

// Unseen returns what cannot be seen at present, and why, sorted.
func (f *Feed) Unseen() []model.Unseen {
	f.mu.Lock()
	defer f.mu.Unlock()
	unseen := make([]model.Unseen, 0, len(f.unseen))
	for what, why := range f.unseen {
		unseen = append(unseen, model.Unseen{What: what, Why: why})
	}
	slices.SortFunc(unseen, func(a, b model.Unseen) int { return cmp.Compare(a.What, b.What) })
	return unseen
}

// Tell keeps a sentence that a person should be told once: what was lost, for one.
func (f *Feed) Tell(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.notices) < mostNotices {
		f.notices = append(f.notices, text)
	}
}

// Notices returns the sentences that were kept since the last call, and how many signals were dropped
// since then, if any were.
func (f *Feed) Notices() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	told := f.notices
	f.notices = nil
	if n := f.dropped.Load(); n > f.told {
		told = append(told, fmt.Sprintf("%d signals of %s were lost: they came faster than they could be counted", n-f.told, f.name))
		f.told = n
	}
	return told
}

// Put puts a signal in if there is room, or else drops and counts it.
func (f *Feed) Put(s model.Signal) bool {
	select {
	case f.signals <- s:
		return true
	default:
		f.dropped.Add(1)
		return false
	}
}

// Room is how many signals can be put in without waiting.
func (f *Feed) Room() int { return cap(f.signals) - len(f.signals) }

// TooMany says that some sources are not read because so many are; empty if there are none.
func TooMany(left []string, most int) string {
	if len(left) == 0 {
		return ""
	}
	return fmt.Sprintf("%d are not read, %s for one, as %d are already", len(left), slices.Min(left), most)
}
