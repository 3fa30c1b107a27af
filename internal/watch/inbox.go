package watch

import "sync"

// inbox holds the news of alarms until the worker has time for them, which during a repair or a storm may be minutes. None
// is lost: of each route there is at most the latest beginning and the end after it.
type inbox struct {
	some chan struct{} // gets one when there is news

	mu      sync.Mutex
	waiting map[string][]alarmNews // by route
	routes  []string               // in the order of their first news
}

func newInbox() *inbox {
	return &inbox{some: make(chan struct{}, 1), waiting: map[string][]alarmNews{}}
}

// put never waits.
func (b *inbox) put(n alarmNews) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.waiting[n.Route]
	switch {
	case len(before) == 0:
		b.routes = append(b.routes, n.Route)
	case hearsay(n.Alarm) && !before[len(before)-1].Ended:
		return // the route is looked at anyhow
	case n.Ended && before[len(before)-1].Ended:
		before = before[:len(before)-1]
	case !n.Ended:
		before = nil // nobody looked at what was before, and it is the same route that fails now
	}
	b.waiting[n.Route] = append(before, n)
	select {
	case b.some <- struct{}{}:
	default: // it is known that there is some
	}
}

// take empties the inbox.
func (b *inbox) take() (all []alarmNews) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.routes {
		all = append(all, b.waiting[r]...)
	}
	clear(b.waiting)
	b.routes = b.routes[:0]
	return all
}
