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
//
// A log only grows at its end, so the last line that was read comes again before any new one. Where it does
// not, what followed it is elsewhere: in the log of the container before a restart, or lost.
type place struct {
	seed   maphash.Seed
	since  time.Time // where to begin if nothing was read yet
	newest time.Time
	last   mark // the line that was read last
	due    bool // last has to come again, and has not yet
	ring   [remembered]mark
	count  int
	repeat map[mark]int // lines that will come again; nil once past them
	oldest time.Time    // of the lines in repeat
	past   time.Time    // after it, none of them comes
}

// mark is one line that was read.
type mark struct {
	stamp int64
	hash  uint64
}

func (m mark) at() time.Time { return time.Unix(0, m.stamp) }

// mark makes the mark of a line.
func (p *place) mark(stamp time.Time, text []byte) mark {
	return mark{stamp.UnixNano(), maphash.Bytes(p.seed, text)}
}

// begun reports whether a line was read.
func (p *place) begun() bool { return p.count > 0 }

// start is the time from which to ask for lines. It takes in the last line, which has not always the newest
// stamp.
func (p *place) start() time.Time {
	switch {
	case !p.begun():
		return p.since
	case p.last.at().Before(p.newest):
		return p.last.at().Truncate(time.Second)
	default:
		return p.newest.Truncate(time.Second)
	}
}

// reopen prepares for the repeats of a new connection.
func (p *place) reopen() {
	if !p.begun() {
		return
	}
	p.due = true
	p.past = p.newest.Add(time.Second)
	p.repeat = make(map[mark]int, remembered)
	p.oldest = p.newest
	for _, m := range p.ring[:min(p.count, remembered)] {
		p.repeat[m]++
		if m.at().Before(p.oldest) {
			p.oldest = m.at()
		}
	}
}

// repeats reports whether a line was read before the connection was opened again.
func (p *place) repeats(m mark) bool {
	switch {
	case p.repeat[m] > 0:
		p.repeat[m]--
		if m == p.last {
			p.due = false
		}
		return true
	case p.repeat != nil && p.count > remembered && m.at().Before(p.oldest):
		return true // further back than the ring reaches
	default:
		return false
	}
}

// advance takes in a new line.
func (p *place) advance(m mark) {
	if m.at().After(p.past) {
		p.repeat = nil
	}
	p.ring[p.count%remembered] = m
	p.count++
	p.last, p.due = m, false
	if m.at().After(p.newest) {
		p.newest = m.at()
	}
}

// cutStamp splits what `timestamps=true` puts before each line.
func cutStamp(line []byte) (stamp time.Time, text []byte, ok bool) {
	first, text, _ := bytes.Cut(line, []byte{' '})
	stamp, ok = field.ISO(first)
	return stamp, text, ok
}
