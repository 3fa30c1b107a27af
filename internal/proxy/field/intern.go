package field

import "hash/maphash"

// Interner turns bytes into strings and hands out the same string for the same bytes, so that a
// parser does not allocate for what it saw before. The zero value is ready. It remembers at most 4096
// texts of at most 256 bytes; a new one takes the place of an old one, so that texts that
// differ on every line (ids in paths) do not make it grow.
type Interner struct {
	seed maphash.Seed
	sets []internSet // nil: nothing was asked for yet
	turn uint32      // of a place to be overwritten
}

// internSet are texts whose hashes end alike, and more of those hashes, by which most of what differs is told without looking
// at the texts.
type internSet struct {
	tags  [internWays]uint32
	texts [internWays]string
}

const (
	internSets = 1024 // a power of two
	internWays = 4
	// internLength is the longest text that is remembered; longer ones hardly ever repeat.
	internLength = 256
)

// String returns b as a string.
func (t *Interner) String(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > internLength {
		return string(b)
	}
	if t.sets == nil {
		t.seed, t.sets = maphash.MakeSeed(), make([]internSet, internSets)
	}
	hash := maphash.Bytes(t.seed, b)
	set, tag := &t.sets[hash%internSets], uint32(hash>>32)
	for i, seen := range set.tags {
		if seen == tag && set.texts[i] == string(b) {
			return set.texts[i]
		}
	}
	i := t.turn % internWays
	t.turn++
	set.tags[i], set.texts[i] = tag, string(b)
	return set.texts[i]
}
