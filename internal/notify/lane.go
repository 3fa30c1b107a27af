package notify

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The pauses after failures: each is twice the one before.
const (
	firstPause = time.Second
	maxPause   = 5 * time.Minute
)

// lane is the way of messages to one channel.
type lane struct {
	route   Route
	o       Options
	spool   *sharedSpool
	limiter *rate.Limiter
	wake    chan struct{} // one token: something is to be looked at

	mu      sync.Mutex
	entries map[string]*Entry
	began   []time.Time // when the last incidents were new, oldest first
	fails   int         // in a row
	paused  time.Time   // until then the receiver is left alone
	pruned  time.Time
}

// notify takes a message in, unless it says nothing new.
func (l *lane) notify(m Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.o.Now()
	e, known := l.entries[m.Key]
	if known && m.At.Before(e.Updated) {
		return
	}
	if l.route.Match != nil && !l.route.Match(m) && (!known || !l.route.Follow) {
		return
	}
	if !known {
		l.makeRoom()
		e = &Entry{Channel: l.route.Name, Key: m.Key, Since: now, Folded: l.fold(now)}
		l.entries[m.Key] = e
	}
	e.Title, e.State, e.Updated = m.Title, m.State, m.At
	switch {
	case e.Folded != "":
		l.keep(e)
		l.retell(e.Folded, now)
	case l.offer(e, m, now, !known):
		l.keep(e)
		l.stir()
	}
}

// offer puts a message into the entry, if it is to be sent.
func (l *lane) offer(e *Entry, m Message, now time.Time, first bool) bool {
	digest := m.digest()
	switch {
	case e.Waiting != nil && e.Waiting.digest() == digest:
		return false
	case e.Sent == digest:
		had := e.Waiting != nil
		e.Waiting = nil // things are again as people know them
		return had
	case e.Sent != "" && !l.route.Channel.Updates() && !m.notable():
		return false
	}
	e.Waiting = &m
	if first {
		e.Next = now.Add(l.route.Settle)
	}
	return true
}

// keep writes an entry to the spool. Where that fails the entry is lost with the process only.
func (l *lane) keep(e *Entry) {
	if err := l.spool.put(*e); err != nil {
		l.o.Told(Notice{Channel: l.route.Name, Key: e.Key, Err: err, Waiting: l.waiting()})
	}
}

func (l *lane) forget(e *Entry) {
	delete(l.entries, e.Key)
	if err := l.spool.delete(e.Channel, e.Key); err != nil {
		l.o.Told(Notice{Channel: l.route.Name, Key: e.Key, Err: err, Waiting: l.waiting()})
	}
}

// makeRoom forgets the entry that is missed least when there are too many.
func (l *lane) makeRoom() {
	if len(l.entries) < l.o.MaxEntries {
		return
	}
	var least *Entry
	for _, e := range l.entries {
		if least == nil || missed(e, least) < 0 {
			least = e
		}
	}
	if least.Waiting != nil {
		l.o.Told(Notice{Channel: l.route.Name, Key: least.Key, Err: errors.New("too many messages wait"), Lost: true, Waiting: l.waiting()})
	}
	l.forget(least)
}

// missed orders entries: those without a message that waits, then those that are over, then the oldest come first.
func missed(a, b *Entry) int {
	rank := func(e *Entry) int {
		n := 0
		if e.Waiting != nil {
			n += 2
		}
		if e.State != Resolved {
			n++
		}
		return n
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Updated.Compare(b.Updated), strings.Compare(a.Key, b.Key))
}

func (l *lane) waiting() int {
	n := 0
	for _, e := range l.entries {
		if e.Waiting != nil {
			n++
		}
	}
	return n
}

func (l *lane) stir() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run sends what is due until the context ends.
func (l *lane) run(ctx context.Context) {
	for ctx.Err() == nil {
		e, pause := l.due()
		if e == nil {
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
			case <-l.wake:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		if l.limiter.Wait(ctx) == nil {
			l.send(ctx, e.Key)
		}
	}
}

// due gives the entry to be sent now, or how long there is nothing to be done.
func (l *lane) due() (*Entry, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.o.Now()
	l.prune(now)
	if l.paused.After(now) {
		return nil, l.paused.Sub(now)
	}
	var best *Entry
	pause := time.Hour
	for _, e := range l.entries {
		switch {
		case e.Waiting == nil:
		case e.Next.After(now):
			pause = min(pause, e.Next.Sub(now))
		// One that keeps failing must not stand in the way of the others.
		case best == nil || cmp.Or(cmp.Compare(e.Attempts, best.Attempts), e.Next.Compare(best.Next), strings.Compare(e.Key, best.Key)) < 0:
			best = e
		}
	}
	return best, pause
}

// prune forgets what has not been heard of for long.
func (l *lane) prune(now time.Time) {
	if now.Sub(l.pruned) < time.Hour {
		return
	}
	l.pruned = now
	for _, e := range l.entries {
		if e.Waiting == nil && now.Sub(e.Updated) > l.o.Keep {
			l.forget(e)
		}
	}
}

// send makes one try. What came meanwhile counts: the message is taken as late as possible.
func (l *lane) send(ctx context.Context, key string) {
	l.mu.Lock()
	e, ok := l.entries[key]
	if !ok || e.Waiting == nil {
		l.mu.Unlock()
		return
	}
	m, handle := *e.Waiting, e.Handle
	l.mu.Unlock()

	try, cancel := context.WithTimeout(ctx, l.o.Timeout)
	handle, err := l.route.Channel.Send(try, m, handle)
	cancel()
	if err != nil && ctx.Err() != nil {
		return // the program ends; it is tried after the next start
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	notice := Notice{Channel: l.route.Name, Key: key, Err: err}
	if e, ok = l.entries[key]; ok {
		if err == nil {
			l.sent(e, m, handle)
		} else {
			notice.Lost = l.failed(e, m, err)
		}
		l.keep(e)
	}
	notice.Waiting = l.waiting()
	l.o.Told(notice)
}

func (l *lane) sent(e *Entry, m Message, h Handle) {
	now := l.o.Now()
	l.fails, l.paused = 0, time.Time{}
	e.Sent, e.Handle, e.Attempts, e.Next = m.digest(), h, 0, now.Add(l.pauseAfter(m))
	if e.Waiting != nil && e.Waiting.digest() == e.Sent {
		e.Waiting = nil
	}
}

// failed plans the next try, or gives the message up.
func (l *lane) failed(e *Entry, m Message, err error) (lost bool) {
	now := l.o.Now()
	_, refused := errors.AsType[*RefusedError](err)
	if refused || now.Sub(m.At) > l.o.GiveUp {
		if e.Waiting != nil && e.Waiting.digest() == m.digest() {
			e.Waiting = nil
		}
		e.Attempts = 0
		return true
	}
	e.Attempts++
	l.fails++
	pause := min(firstPause<<min(l.fails-1, 20), maxPause)
	pause = pause/2 + time.Duration(l.o.Jitter()*float64(pause))
	if busy, ok := errors.AsType[*BusyError](err); ok {
		pause = max(pause, busy.After)
	}
	// The receiver is away for all of the channel's messages.
	l.paused = now.Add(pause)
	return false
}
