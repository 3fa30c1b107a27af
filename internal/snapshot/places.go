package snapshot

import (
	"hash/maphash"
	"math/bits"
)

// places find objects in a list by the hashes of their keys. A map of 50,000 pods takes five times the memory, and all
// of a large dump's tables are kept for as long as the program runs.
type places struct {
	seed  maphash.Seed
	slots []slot // a power of two, more than there are objects
}

// slot is the place of one object.
type slot struct {
	hash uint32 // half of its key's: objects are seldom looked at in vain
	next uint32 // to its index in the list; 0: the slot is free
}

// newPlaces notes the keys of a list of n objects, each of which has another one.
func newPlaces(n int, keyAt func(int) key) places {
	if n == 0 {
		return places{}
	}
	p := places{seed: maphash.MakeSeed(), slots: make([]slot, 1<<bits.Len(uint(n+n/2)))}
	for i := range n {
		hash, at := p.start(keyAt(i))
		for p.slots[at].next != 0 {
			at = (at + 1) % len(p.slots)
		}
		p.slots[at] = slot{hash, uint32(i + 1)}
	}
	return p
}

// find gives the index of a key, of which is says whether the object at an index has it.
func (p places) find(k key, is func(int) bool) (int, bool) {
	if len(p.slots) == 0 {
		return 0, false
	}
	for hash, at := p.start(k); p.slots[at].next != 0; at = (at + 1) % len(p.slots) {
		if s := p.slots[at]; s.hash == hash && is(int(s.next)-1) {
			return int(s.next) - 1, true
		}
	}
	return 0, false
}

// start is the hash of a key, and the slot at which it is looked for first.
func (p places) start(k key) (hash uint32, at int) {
	h := maphash.Comparable(p.seed, k)
	return uint32(h >> 32), int(h % uint64(len(p.slots)))
}
