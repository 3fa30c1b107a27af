package field

import "hash/maphash"

// Interner turns bytes into strings and hands out the same string for the same bytes, so that a
// parser does not allocate for what it saw before. The zero value is ready. It remembers at most 4096
// texts of at most 256 bytes; a new one takes the place of one that was not asked for lately, so that texts that differ on
// every line (ids in paths) do not make it grow.
type Interner struct {
	seed maphash.Seed
	sets [][internWays]string // nil: nothing was asked for yet
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
		t.seed, t.sets = maphash.MakeSeed(), make([][internWays]string, internSets)
	}
	set := &t.sets[maphash.Bytes(t.seed, b)%internSets]
	for i, s := range set {
		if s == string(b) {
			if i > 0 {
				set[i], set[i-1] = set[i-1], s // what repeats moves away from the end
			}
			return s
		}
	}
	s := string(b)
	copy(set[1:], set[:])
	set[0] = s
	return s
}
