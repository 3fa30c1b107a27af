package field

// internLimit bounds an Interner: texts that differ on every line (ids in paths) must not grow it.
const internLimit = 4096

// internLength is the longest text that is remembered; longer ones hardly ever repeat.
const internLength = 256

// Interner turns bytes into strings and hands out the same string for the same bytes, so that a
// parser does not allocate for what it saw before. The zero value is ready. It remembers at most 4096
// texts of at most 256 bytes, then forgets all and begins anew.
type Interner struct {
	seen map[string]string
}

// String returns b as a string.
func (t *Interner) String(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > internLength {
		return string(b)
	}
	if s, ok := t.seen[string(b)]; ok {
		return s
	}
	if t.seen == nil {
		t.seen = make(map[string]string, 64)
	}
	if len(t.seen) >= internLimit {
		clear(t.seen) // keeps the room, which would be needed again
	}
	s := string(b)
	t.seen[s] = s
	return s
}
