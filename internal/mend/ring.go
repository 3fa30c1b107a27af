package mend

import (
	"slices"
	"sync"

	"github.com/gatemend/gatemend/internal/model"
)

// Ring is a [Feed] that keeps the latest signals. It is safe for use by several goroutines.
type Ring struct {
	mu    sync.Mutex
	most  int            // signals kept
	kept  []model.Signal // the latest ones in order, and some before them; never written again, so that readers share it
	count uint64         // signals so far
}

// NewRing makes a ring that keeps that many signals, at least one. It takes no memory before there are any.
func NewRing(keep int) *Ring { return &Ring{most: max(keep, 1)} }

// Add takes in a signal and drops the oldest if the ring is full.
func (r *Ring) Add(s model.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) == cap(r.kept) && len(r.kept) >= r.most {
		// Beside those that are kept there is room for a quarter more, so that few are copied.
		kept := make([]model.Signal, 0, r.most+r.most/4+1)
		r.kept = append(kept, r.kept[len(r.kept)-r.most+1:]...)
	}
	r.kept = append(r.kept, s)
	r.count++
}

// Read gives the signals from a position on that are still kept, and the position after them. They are shared by all who
// read: nobody may change them.
func (r *Ring) Read(from uint64) (signals []model.Signal, next uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(r.count-min(from, r.count), uint64(len(r.kept)), uint64(r.most))
	return slices.Clip(r.kept[len(r.kept)-int(n):]), r.count
}
