package podlog

import (
	"bytes"
	"hash/maphash"
	"time"

	"github.com/gatemend/gatemend/internal/proxy/field"
)

// remembered is how many lines back a place can tell repeats from new lines.
const remembered = 512

// place is how far a log was read. The API takes a starting time in whole seconds only, so after a
// reconnection lines of the same second come again: the last lines are remembered to leave them out.
// Stamps alone would not do, as two lines can have the same one, and lines of stdout and stderr are not
// always in order.
type place struct {
	seed   maphash.Seed
	since  time.Time // where to begin if nothing was read yet
	newest time.Time
	ring   [remembered]mark
	count  int
	repeat map[mark]int // lines that will come again; nil once past them
	oldest time.Time    // of the lines in repeat
}

// mark is one line that was read.
type mark struct {
	stamp int64
	hash  uint64
}

// reopen prepares for the repeats of a new connection and returns the time from which to ask for lines.
func (p *place) reopen() time.Time {
	if p.count == 0 {
		return p.since
	}
	p.repeat = make(map[mark]int, remembered)
	p.oldest = p.newest
	for _, m := range p.ring[:min(p.count, remembered)] {
		p.repeat[m]++
		if at := time.Unix(0, m.stamp); at.Before(p.oldest) {
			p.oldest = at
		}
	}
	return p.newest.Truncate(time.Second)
}

// advance takes in a line, and reports whether it is new.
func (p *place) advance(stamp time.Time, text []byte) bool {
	m := mark{stamp.UnixNano(), maphash.Bytes(p.seed, text)}
	if p.repeat != nil {
		switch {
		case p.repeat[m] > 0:
			p.repeat[m]--
			return false
		case p.count > remembered && stamp.Before(p.oldest):
			return false // further back than the ring reaches
		case stamp.After(p.newest.Add(time.Second)):
			p.repeat = nil
		}
	}
	p.ring[p.count%remembered] = m
	p.count++
	if stamp.After(p.newest) {
		p.newest = stamp
	}
	return true
}

// cutStamp splits what `timestamps=true` puts before each line.
func cutStamp(line []byte) (stamp time.Time, text []byte, ok bool) {
	first, text, _ := bytes.Cut(line, []byte{' '})
	stamp, ok = field.ISO(first)
	return stamp, text, ok
}
