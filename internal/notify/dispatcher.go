package notify

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Route is a channel with what is sent there, and how often.
type Route struct {
	Name    string
	Channel Channel
	// Match says which messages go there; nil: all.
	Match func(Message) bool
	// Follow: of an incident that was told of once, all that follows is told, whatever Match says.
	Follow bool
	// PerMinute and Burst bound how often something is sent; default 60 and 5.
	PerMinute, Burst int
	// Settle is how long the first message of an incident waits for more to be known, so that it says why and not
	// only what; default 0 where messages can be changed, else 5 s.
	Settle time.Duration
}

// Options are those of a [Dispatcher]. The zero value of each number means its default.
type Options struct {
	Routes []Route
	Spool  Spool
	Now    func() time.Time
	// Jitter gives numbers from 0 to 1, by which pauses after failures differ; nil: they do not.
	Jitter func() float64
	// Told is told how sending goes; nil: nobody is.
	Told func(Notice)
	// FoldAfter new incidents within FoldWindow, further ones are told of together in one message; default 20 in
	// 5 minutes.
	FoldAfter  int
	FoldWindow time.Duration
	// MaxEntries is how many incidents are remembered for each channel; default 5,000.
	MaxEntries int
	// Keep is how long they are remembered after the last message; default 7 days.
	Keep time.Duration
	// GiveUp is how long a message is tried; default 24 hours.
	GiveUp time.Duration
	// Timeout bounds one try; default 15 s.
	Timeout time.Duration
}

func (o Options) defaults() Options {
	if o.FoldAfter <= 0 {
		o.FoldAfter = 20
	}
	if o.MaxEntries <= 0 {
		o.MaxEntries = 5000
	}
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&o.FoldWindow, 5 * time.Minute}, {&o.Keep, 7 * 24 * time.Hour}, {&o.GiveUp, 24 * time.Hour}, {&o.Timeout, 15 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.otherwise
		}
	}
	if o.Jitter == nil {
		o.Jitter = func() float64 { return 0.5 }
	}
	if o.Told == nil {
		o.Told = func(Notice) {}
	}
	return o
}

// Notice is how one try to send went.
type Notice struct {
	Channel string
	Key     string
	// Err is why it failed; nil: it was sent.
	Err error
	// Lost: it is not tried again.
	Lost bool
	// Waiting is how many messages of the channel wait.
	Waiting int
}

// Dispatcher brings messages to channels.
type Dispatcher struct {
	lanes []*lane
}

// New makes a dispatcher that goes on with what the spool has. It fails only where it cannot go on: what of the
// spool could not be read is told.
func New(o Options) (*Dispatcher, error) {
	o = o.defaults()
	if o.Now == nil || o.Spool == nil {
		return nil, errors.New("a dispatcher of notifications needs a clock and a spool")
	}
	spool := &sharedSpool{inner: o.Spool}
	d := &Dispatcher{}
	entries, err := o.Spool.Load()
	if err != nil {
		o.Told(Notice{Err: err, Lost: true})
	}
	for _, r := range o.Routes {
		if r.PerMinute <= 0 {
			r.PerMinute = 60
		}
		if r.Burst <= 0 {
			r.Burst = 5
		}
		if r.Settle <= 0 && !r.Channel.Updates() {
			r.Settle = 5 * time.Second
		}
		l := &lane{
			route: r, o: o, spool: spool, wake: make(chan struct{}, 1), entries: map[string]*Entry{},
			limiter: rate.NewLimiter(rate.Limit(float64(r.PerMinute)/60), r.Burst),
		}
		for _, e := range entries {
			if e.Channel == r.Name {
				l.entries[e.Key] = &e
			}
		}
		d.lanes = append(d.lanes, l)
	}
	return d, nil
}

// Notify has a message brought to all channels that it is for. It waits for nobody.
func (d *Dispatcher) Notify(m Message) {
	for _, l := range d.lanes {
		l.notify(m)
	}
}

// Run sends until the context ends. What was not sent by then is sent after the next start.
func (d *Dispatcher) Run(ctx context.Context) {
	var group sync.WaitGroup
	for _, l := range d.lanes {
		group.Go(func() { l.run(ctx) })
	}
	group.Wait()
}

// Waiting says how many messages of each channel wait.
func (d *Dispatcher) Waiting() map[string]int {
	waiting := make(map[string]int, len(d.lanes))
	for _, l := range d.lanes {
		l.mu.Lock()
		waiting[l.route.Name] = l.waiting()
		l.mu.Unlock()
	}
	return waiting
}

// sharedSpool lets several goroutines use a spool, one at a time.
type sharedSpool struct {
	mu    sync.Mutex
	inner Spool
}

func (s *sharedSpool) put(e Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inner.Put(e)
}

func (s *sharedSpool) delete(channel, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inner.Delete(channel, key)
}
