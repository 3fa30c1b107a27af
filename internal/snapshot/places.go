package snapshot

import (
	"hash/maphash"
	"iter"
	"math/bits"
)

// places find objects in a list by the hashes of their keys. A map of 50,000 pods takes ten times the memory, and all
// of a large dump's tables are kept for as long as the program runs.
type places struct {
	seed  maphash.Seed
	slots []uint32 // index in the list, from 1; 0: free
}

// newPlaces notes the keys of a list of n objects, each of which has another one.
func newPlaces(n int, keyAt func(int) key) places {
	if n == 0 {
		return places{}
	}
	p := places{seed: maphash.MakeSeed(), slots: make([]uint32, 1<<bits.Len(uint(n+n/2)))}
	for i := range n {
		at := p.start(keyAt(i))
		for p.slots[at] != 0 {
			at = (at + 1) % len(p.slots)
		}
		p.slots[at] = uint32(i + 1)
	}
	return p
}

// of yields the indexes at which a key may be found.
func (p places) of(k key) iter.Seq[int] {
	return func(yield func(int) bool) {
		if len(p.slots) == 0 {
			return
		}
		for at := p.start(k); p.slots[at] != 0 && yield(int(p.slots[at])-1); at = (at + 1) % len(p.slots) {
		}
	}
}

func (p places) start(k key) int {
	return int(maphash.Comparable(p.seed, k) % uint64(len(p.slots)))
}
