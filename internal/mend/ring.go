package mend

import (
	"sync"

	"github.com/gatemend/gatemend/internal/model"
)

// Ring is a [Feed] that keeps the latest signals. It is safe for use by several goroutines.
type Ring struct {
	mu    sync.Mutex
	most  int            // signals kept
	kept  []model.Signal // position p is at index p modulo most
	count uint64         // signals so far
}

// NewRing makes a ring that keeps that many signals, at least one. It takes no memory before there are any.
func NewRing(keep int) *Ring { return &Ring{most: max(keep, 1)} }

// Add takes in a signal and drops the oldest if the ring is full.
func (r *Ring) Add(s model.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) < r.most {
		r.kept = append(r.kept, s)
	} else {
		r.kept[r.count%uint64(r.most)] = s
	}
	r.count++
}

// Read gives the signals from a position on that are still kept, and the position after them.
func (r *Ring) Read(from uint64) (signals []model.Signal, next uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := uint64(r.most)
	if r.count > n {
		from = max(from, r.count-n)
	}
	signals = make([]model.Signal, 0, r.count-min(from, r.count))
	for p := from; p < r.count; p++ {
		signals = append(signals, r.kept[p%n])
	}
	return signals, r.count
}
