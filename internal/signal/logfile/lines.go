package logfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine is the longest line that is read as a whole; the rest of a longer one is skipped. No proxy
// writes lines near it.
const maxLine = 256 << 10

// lines reads a stream line by line, whatever the length of a line. It decompresses gzip and Zstandard.
type lines struct {
	r      *bufio.Reader
	buffer []byte
	number int
	bytes  int64
}

func newLines(r io.Reader) (*lines, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	plain, err := decompress(b)
	if err != nil {
		return nil, err
	}
	if plain != io.Reader(b) {
		b = bufio.NewReaderSize(plain, 64<<10)
	}
	return &lines{r: b}, nil
}

// next returns the next line without its end; it is valid until the next call. ended is false for
// a last line without a newline. A compressed stream that stops in the middle is an error after its
// last readable line.
func (l *lines) next() (line []byte, ended bool, err error) {
	l.buffer = l.buffer[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.bytes += int64(len(part))
		if l.number == 0 && len(l.buffer) == 0 {
			part = bytes.TrimLeft(part, "\x00") // see Blocks.hole
		}
		if room := maxLine - len(l.buffer); room > 0 {
			l.buffer = append(l.buffer, part[:min(len(part), room)]...)
		}
		switch {
		case err == nil:
			return bytes.TrimRight(l.take(), "\r\n"), true, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case len(l.buffer) > 0:
			return l.take(), false, nil // the error comes again at the next call
		default:
			return nil, false, err
		}
	}
}

// take counts the line that is in the buffer.
func (l *lines) take() []byte {
	if l.number++; l.number == 1 {
		return bytes.TrimPrefix(l.buffer, mark())
	}
	return l.buffer
}

// mark is what editors on Windows put before a text in UTF-8, and gateways do not.
func mark() []byte { return []byte("\uFEFF") }
