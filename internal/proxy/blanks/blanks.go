// Package blanks finds in one pass where a line of a log ends and where the blanks in it are that set its fields apart, which are those outside
// quotes. Whoever knows which field is which can then look at each without going through those before it, one after the other.
//
// On x86-64 it looks at 64 bytes at a time, in assembly, as simdjson does (Langdale and Lemire, "Parsing Gigabytes of JSON per
// Second", 2019, section 3); elsewhere at eight. A fuzz test compares all ways with a loop over bytes.
package blanks

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Most is how many blanks of a line are told; no known form has more outside quotes.
const Most = 32

// Line is the first line of a text.
type Line struct {
	End    int              // where its newline is; the length of the text if it has none
	N      int              // blanks outside quotes; some number above Most if there are more than that, or more than 16 so near to each other
	Quotes int              // of '"', also escaped ones
	At     [Most + 17]int32 // where the first N are; what is behind them means nothing
}

// Find finds the first line of a text.
func (l *Line) Find(text []byte) {
	if !l.fast(text) {
		l.find(text)
	}
}

// find is what fast does, for all machines.
func (l *Line) find(text []byte) {
	l.N, l.Quotes = 0, 0
	if l.End = bytes.IndexByte(text, '\n'); l.End < 0 {
		l.End = len(text)
	}
	line := text[:l.End]
	for i := 0; i < len(line); {
		x := eight(line, i)
		quotes, m := equal(x, '"'), equal(x, ' ')
		if quotes != 0 {
			m &= quotes&-quotes - 1
		}
		for ; m != 0; m &= m - 1 {
			if l.N == Most {
				l.N, l.Quotes = Most+1, bytes.Count(line, []byte{'"'})
				return
			}
			l.At[l.N] = int32(i + first(m))
			l.N++
		}
		if i += 8; quotes == 0 {
			continue
		}
		l.Quotes++
		if i += first(quotes) - 7; i < len(line) {
			n := bytes.IndexByte(line[i:], '"')
			if n < 0 {
				return
			}
			l.Quotes++
			i += n + 1
		}
	}
}

// eight returns eight bytes from i on, the first one lowest; zeros stand for those behind the end.
func eight(b []byte, i int) uint64 {
	if len(b)-i >= 8 {
		return binary.LittleEndian.Uint64(b[i:])
	}
	var rest [8]byte
	copy(rest[:], b[i:])
	return binary.LittleEndian.Uint64(rest[:])
}

// first is the index of the first byte of a mask that is not zero. See package field.
func first(mask uint64) int { return bits.OnesCount64((mask-1)&^mask) >> 3 }

// equal masks the bytes of x that are c, 0x80 for each. See package field.
func equal(x uint64, c byte) uint64 {
	const each = 0x0101010101010101
	x ^= each * uint64(c)
	return ^(x&(0x7f*each) + 0x7f*each | x) & (0x80 * each)
}
