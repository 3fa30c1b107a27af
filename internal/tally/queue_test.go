package tally

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What waits in the queue comes out as it was, in order, and with what belongs together in one.
func TestQueue(t *testing.T) {
	const (
		last  = math.MaxInt64 / int64(time.Second)
		first = math.MinInt64 / int64(time.Second)
	)
	at := func(heard, age int64, route, requests, errors int32) cell {
		return cell{route: route, requests: requests, errors: errors, second: heard - age, heard: heard}
	}
	q := newQueue()
	var got []cell
	see := func(c cell) { got = append(got, c) }
	q.take([]cell{at(first, 0, maxRoutes, 1, 0)})
	q.take([]cell{at(7, 0, 2, 5, 1), at(7, 3, 2, 1, 0), at(7, 0, 1, 2, 2)})
	q.past(see)
	q.take([]cell{at(7, 0, 2, 4, 1), at(5, 0, 9, 1, 1), at(7, 500, 3, 1, 0)}) // the second is heard of at 7, the third is older than any
	q.past(see)
	q.take([]cell{at(last, 0, 0, 3, 3)})
	q.past(see)
	q.all(see)
	want := []cell{
		at(first, 0, maxRoutes, 1, 0),
		at(7, oldest, 3, 1, 0), at(7, 3, 2, 1, 0), at(7, 2, 9, 1, 1), at(7, 0, 1, 2, 2), at(7, 0, 2, 9, 2),
		at(last, 0, 0, 3, 3),
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(cell{})); d != "" {
		t.Errorf("seen (-want +got)\n%s", d)
	}
}
