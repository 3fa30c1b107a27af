package controller

import (
	"sync"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/watch"
)

// news is what is to be written of a group.
type news struct {
	counts    bool // something was heard of one of its alarms
	first     bool // of its first one
	diagnosis *model.Diagnosis
	about     *watch.Case // what is to be mended
	tried     bool        // they could not be written; they wait for [newsQueue.tryAgain]
}

// and is news with newer ones.
func (n news) and(fresh news) news {
	n.counts, n.first, n.tried = n.counts || fresh.counts, n.first || fresh.first, fresh.tried
	if fresh.diagnosis != nil {
		n.diagnosis = fresh.diagnosis
	}
	if fresh.about != nil {
		n.about = fresh.about
	}
	return n
}

// newsQueue holds what waits to be written: of each group only the latest news, which one writer has at a time. It is safe for
// use by many goroutines.
type newsQueue struct {
	wake chan struct{} // tells one of those that wait to look

	mu   sync.Mutex
	of   map[string]news // by the first route of a group
	busy map[string]bool // of which news are being written
}

func newNewsQueue() *newsQueue {
	return &newsQueue{wake: make(chan struct{}, 1), of: map[string]news{}, busy: map[string]bool{}}
}

// add adds to what waits to be written of a group.
func (q *newsQueue) add(route string, fresh news) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.of[route] = q.of[route].and(fresh)
	q.poke()
}

func (q *newsQueue) poke() {
	select {
	case q.wake <- struct{}{}:
	default: // somebody is going to look anyhow
	}
}

// next takes the news of a group of which nobody writes just now; first those that tell why it fails, as a repair waits for them.
func (q *newsQueue) next() (route string, n news, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	more := false
	for r, of := range q.of {
		if of.tried || q.busy[r] {
			continue
		}
		more = more || ok
		if !ok || of.diagnosis != nil && n.diagnosis == nil {
			route, n, ok = r, of, true
		}
	}
	if ok {
		delete(q.of, route)
		q.busy[route] = true
	}
	if more {
		q.poke()
	}
	return route, n, ok
}

// done ends the writing of news that were taken. Those that could not be written are kept, under newer ones.
func (q *newsQueue) done(route string, n news, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.busy, route)
	fresh, some := q.of[route]
	if err != nil {
		n.tried = true
		if some {
			n = n.and(fresh)
		}
		q.of[route] = n
	}
	if some {
		q.poke()
	}
}

// tryAgain has what could not be written written.
func (q *newsQueue) tryAgain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for route, n := range q.of {
		n.tried = false
		q.of[route] = n
	}
	q.poke()
}
