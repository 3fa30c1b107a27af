package tally

import (
	"cmp"
	"math"
	"slices"
)

// queue puts the cells of chunks into an order that does not depend on where a log was cut: the detector sees all
// that was heard of in one second at once, by the times that the lines have, and by route.
//
// A line is heard of in the newest second that the log had come to by then: lines of requests that took long may be
// stamped with their begin, and what one process writes may be late. A chunk's counter knows what the chunk had come
// to; what the log had come to before is added here, which is the same as if it had been known there.
type queue struct {
	cells []queued
	tidy  int   // how many cells of different times and routes there were when they were last put in order
	heard int64 // the newest second of the log so far
	given int64 // the cells of all seconds before this one were given away
}

// oldest is how long ago a stamp may be, in seconds; older ones count as so old. It bounds what waits in the queue, and is
// more than gateways wait for an answer unless they are told to.
const oldest = 120

func newQueue() queue { return queue{heard: math.MinInt64, given: math.MinInt64} }

// queued is a cell that waits. Its key is what cells are ordered by: when it was heard of, its time and its route.
type queued struct {
	key              uint64
	requests, errors int32
}

// The parts of a key. A time in nanoseconds since 1970 has at most 34 bits of seconds, before 1970 or after.
const (
	routeBits = 14 // more than maxRoutes
	ageBits   = 7  // more than oldest
	firstTime = -1 << 34
)

// keyOf makes the key of a cell whose time is not older than oldest.
func keyOf(c cell) uint64 {
	return uint64(c.heard-firstTime)<<(ageBits+routeBits) | uint64(oldest-(c.heard-c.second))<<routeBits | uint64(c.route)
}

// cell is what was put into the queue.
func (q queued) cell() cell {
	heard := int64(q.key>>(ageBits+routeBits)) + firstTime
	age := oldest - int64(q.key>>routeBits&(1<<ageBits-1))
	return cell{route: int32(q.key & (1<<routeBits - 1)), requests: q.requests, errors: q.errors, second: heard - age, heard: heard}
}

// take takes in the cells of the next chunk, whose routes are the tally's.
func (q *queue) take(cells []cell) {
	before := q.heard
	for _, c := range cells {
		c.heard = max(c.heard, before)
		c.second = max(c.second, c.heard-oldest)
		q.heard = max(q.heard, c.heard)
		q.cells = append(q.cells, queued{keyOf(c), c.requests, c.errors})
	}
	// What is heard in one second is a few cells, unless the times of a log go back: then it is what that second and the
	// older ones allow, and is not put in order anew for each chunk.
	const few = 1 << 14
	if len(q.cells) > few+2*q.tidy {
		q.order()
	}
}

// order sorts the cells, and puts those together that are of the same time and route.
func (q *queue) order() {
	slices.SortFunc(q.cells, func(a, b queued) int { return cmp.Compare(a.key, b.key) })
	kept := q.cells[:0]
	for _, c := range q.cells {
		if n := len(kept); n > 0 && c.key == kept[n-1].key {
			kept[n-1].requests += c.requests
			kept[n-1].errors += c.errors
			continue
		}
		kept = append(kept, c)
	}
	q.cells, q.tidy = kept, len(kept)
}

// past gives away the cells of seconds that are over: no line that is still to come belongs to them.
func (q *queue) past(see func(cell)) {
	if q.given == q.heard {
		return
	}
	q.given = q.heard
	q.order()
	n, _ := slices.BinarySearchFunc(q.cells, keyOf(cell{heard: q.heard, second: q.heard - oldest}), func(c queued, key uint64) int { return cmp.Compare(c.key, key) })
	q.give(n, see)
}

// all gives away all cells.
func (q *queue) all(see func(cell)) {
	q.order()
	q.give(len(q.cells), see)
}

func (q *queue) give(n int, see func(cell)) {
	for _, c := range q.cells[:n] {
		see(c.cell())
	}
	q.cells = slices.Delete(q.cells, 0, n)
	q.tidy = len(q.cells)
}
