package podlog

import (
	"bufio"
	"errors"
	"io"
)

// maxLine is the longest line that is kept; the rest of a longer one is skipped.
const maxLine = 256 << 10

// lineReader reads lines of any length in bounded memory.
type lineReader struct {
	from *bufio.Reader
	line []byte
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{from: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next complete line, valid until the next call; what is left at the end of a stream that
// broke comes again.
func (r *lineReader) next() ([]byte, error) {
	r.line = r.line[:0]
	for {
		part, err := r.from.ReadSlice('\n')
		if room := maxLine - len(r.line); room > 0 {
			r.line = append(r.line, part[:min(len(part), room)]...)
		}
		switch {
		case err == nil:
			return trimEnd(r.line), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func trimEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
