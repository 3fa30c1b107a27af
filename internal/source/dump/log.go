package dump

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"
)

// How much is kept of a log's end: much of each until all together are large, then little.
const (
	mostLog   = 8 << 20
	leastLog  = 64 << 10
	mostLogs  = 256 << 20
	mostNames = 20_000
)

// logs keeps the ends of the logs that a dump holds.
type logs struct {
	all   []*Log
	bytes int
}

// begin starts a log; nil if there are too many already.
func (ls *logs) begin(l Log) *Log {
	if len(ls.all) >= mostNames {
		return nil
	}
	ls.all = append(ls.all, &l)
	return &l
}

// add adds a line, and drops the beginning of what becomes too long.
func (ls *logs) add(l *Log, line []byte) {
	if l == nil {
		return
	}
	if l.stamped {
		if stamp, rest, found := bytes.Cut(line, []byte{' '}); found {
			if _, err := time.Parse(time.RFC3339, string(stamp)); err == nil {
				line = rest
			}
		}
	}
	most := mostLog
	if ls.bytes > mostLogs {
		most = leastLog
	}
	if len(l.Text)+len(line) > 2*most {
		ls.bytes -= len(l.Text)
		end := l.Text[max(0, len(l.Text)-most):]
		if i := bytes.IndexByte(end, '\n'); i >= 0 {
			end = end[i+1:]
		}
		l.Text = append([]byte(nil), end...)
		ls.bytes += len(l.Text)
	}
	l.Text = append(l.Text, line...)
	ls.bytes += len(line)
}

// read reads a file that is a log.
func (ls *logs) read(l Log, r io.Reader) error {
	kept := ls.begin(l)
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := b.ReadSlice('\n')
		if len(line) > 0 {
			ls.add(kept, line)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
