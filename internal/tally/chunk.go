package tally

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Chunk is a piece of a log: whole lines, each with its newline but the last of the log. What a Counter
// finds in it that depends on the order of lines is kept beside it.
type Chunk struct {
	// Text are the lines. A Source appends to Text[:0].
	Text []byte
	// File is the index of the file among those that the tally was told of.
	File int
	// Bytes is how much was read for it.
	Bytes int
	// Cut is set if the last line may go on: the file ended without a newline.
	Cut bool

	// Stamps are when the container runtime got each line, in nanoseconds since 1970; 0, and for lines beyond them, it is not known.
	Stamps []int64

	// Idle is how long nothing was logged while somebody waited for it.
	Idle time.Duration

	counter                     int // who counted it
	lines, parsed, bad, outside int
	blank                       int      // of parsed: nothing in them, or only the begin of a line
	events                      int      // of parsed: known, but about no request
	undated                     int      // of parsed: without a time
	requests                    bool     // there is one
	from, to                    int64    // of the requests with a time, in nanoseconds since 1970; from > to: there are none
	routes                      []Route  // new to the counter
	strangers                   []counts // of the last of routes, which the counter has no room for
	cells                       []cell
	failed                      []failed
	broken                      []broken
	slow                        []slow
	format                      string   // of the last lines
	formats                     []string // of all that were parsed
	formed                      int      // of parsed: those in formats
}

// cell counts the requests of one route with one time that were heard of in one second.
type cell struct {
	route            int32
	requests, errors int32
	second           int64 // as the lines are stamped
	heard            int64 // the newest second that the log had come to, in the chunk; see queue
}

// failed is a request that failed, one of which a try failed, or a line of an error log.
type failed struct {
	signal     model.Signal
	line       int // in the chunk
	begin, end int // of the line in Text
}

// broken is a line that no parser knows.
type broken struct{ line, begin, end int }

// slow is a request that may be among the slowest.
type slow struct {
	signal model.Signal
	line   int
}

func (c *Chunk) reset() {
	*c = Chunk{
		Text: c.Text, File: c.File, Bytes: c.Bytes, Cut: c.Cut, Stamps: c.Stamps, Idle: c.Idle, from: 1<<63 - 1, to: -1 << 63,
		routes: c.routes[:0], strangers: c.strangers[:0], cells: c.cells[:0], failed: c.failed[:0], broken: c.broken[:0], slow: c.slow[:0],
		formats: c.formats[:0],
	}
}

// stamp is when the present line was written, for one that does not say so itself; zero if nobody knows.
func (c *Chunk) stamp() time.Time {
	if i := c.lines - 1; i < len(c.Stamps) && c.Stamps[i] != 0 {
		return time.Unix(0, c.Stamps[i]).UTC()
	}
	return time.Time{}
}

// wrote notes what the lines since the last call were written in.
func (c *Chunk) wrote(format string) {
	if parsed := c.parsed - c.blank; parsed > c.formed {
		c.formats, c.formed = append(c.formats, format), parsed
	}
	c.format = format
}
