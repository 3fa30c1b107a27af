package nodefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/signal/logfile"
)

// How reading moves on from a file that was rotated away. Writers hold the old file for a moment after
// the new one is there.
const (
	quietFor    = 100 * time.Millisecond // nothing more came from the old file
	stayAtMost  = 5 * time.Second        // though it is still being written
	goneFor     = 10 * time.Second       // a file that is missing so long was deleted, not rotated
	doubtFor    = 500 * time.Millisecond // whether a file is gone: it may just be copied or compressed
	turnOfLines = 2000                   // at once, before other logs have their turn
)

// track is one log that is followed. It belongs to one goroutine.
type track struct {
	follower  *Follower
	container Container
	gateway   Gateway
	counter   Counter // nil: the gateway's parser reads, or nothing was opened yet
	source    string
	unwrapper logfile.Unwrapper
	since     time.Time // lines before are not wanted

	at     *opened // nil: nothing is open
	placed *opened // the file that place is in
	place  place
	passed []head // the files that were read to their end since placed
	skip   int    // lines still to pass over, which were taken before the last end

	fresh   time.Time // when the file that is read last had something new
	left    time.Time // when it was first seen that another file has its name; zero: it has it
	doubt   time.Time // when the file that was read last was first not found; zero: it was
	deleted bool      // the file that is read is gone, and known to be
	missing time.Time // since when there is no file of that name; zero: there is one
}

// advance reads on for a while. more is true if there is more to be read at once; gone if the log is
// over for good.
func (t *track) advance(ctx context.Context) (more, gone bool) {
	if t.at == nil {
		if err := t.begin(); err != nil {
			return false, t.lost(err)
		}
		if t.at == nil {
			return false, false
		}
	}
	if t.at.truncated() {
		t.cut()
		return t.at != nil, false
	}
	for range turnOfLines {
		line, err := t.at.next(t.follower.scratch)
		switch {
		case err == nil:
			if !t.take(ctx, line) {
				return false, false
			}
			if t.at.broken {
				t.at.broken = false
				t.follower.Note(t.source, "")
			}
			t.fresh = t.follower.options.Now()
		case errors.Is(err, io.EOF):
			return t.ended(ctx)
		case errors.Is(err, errCut):
			t.cut()
			return t.at != nil, false
		default:
			return t.broken(ctx, err), false
		}
	}
	return true, false
}

// begin opens the first file: where reading stopped, or the oldest that is wanted. It opens none yet while
// the former is looked for.
func (t *track) begin() error {
	all, err := members(t.container.Path)
	if err != nil {
		return err
	}
	if t.place.Head.Size > 0 {
		for _, m := range slices.Backward(all) {
			if m.holds(t.place.Head, t.place.Offset) && t.resume(m) == nil {
				return nil
			}
		}
		if t.doubts() {
			return nil
		}
		t.gap("the file that was read last is gone, and with it what was not read")
		// There may be a copy of it that was made before it was read so far.
		t.place, t.follower.changed = place{Done: remember(t.place.Done, t.place.Head)}, true
	}
	if all = t.wanted(all); len(all) == 0 {
		return fs.ErrNotExist
	}
	t.skip, t.missing = 0, time.Time{}
	if o := t.first(all, t.unread); o != nil {
		t.use(o)
	}
	return nil
}

// resume opens the file that the place is in.
func (t *track) resume(m member) error {
	o, err := m.reopen(t.place.Head, t.place.Offset)
	if err != nil {
		return err
	}
	t.use(o)
	t.placed, t.skip = o, t.place.Taken
	return nil
}

// use reads on in a file.
func (t *track) use(o *opened) {
	t.count()
	t.at, t.fresh = o, t.follower.options.Now()
	t.left, t.doubt, t.missing, t.deleted = time.Time{}, time.Time{}, time.Time{}, false
	t.follower.Note(t.source, "")
}

// lost handles that no file could be opened, and reports whether the log is over.
func (t *track) lost(err error) (gone bool) {
	if !errors.Is(err, fs.ErrNotExist) {
		t.follower.Note(t.source, err.Error())
		return false
	}
	now := t.follower.options.Now()
	if t.missing.IsZero() {
		t.missing = now
	}
	return now.Sub(t.missing) > goneFor
}

// cut goes on after the file was truncated: in the copy that was made before, if there is one.
func (t *track) cut() {
	t.at.file.Close()
	t.at, t.placed, t.passed, t.unwrapper = nil, nil, nil, logfile.Unwrapper{}
	if err := t.begin(); err != nil {
		t.lost(err)
	}
}

// ended looks what became of a file that was read to its end.
func (t *track) ended(ctx context.Context) (more, gone bool) {
	now := t.follower.options.Now()
	info, err := os.Stat(t.container.Path)
	switch {
	case err != nil:
		gone := t.lost(err)
		if t.leave(ctx) { // what was rotated is read all the same
			return true, false
		}
		return false, gone && t.over(now)
	case os.SameFile(info, t.at.info):
		t.left, t.missing = time.Time{}, time.Time{}
		return false, false
	case t.left.IsZero():
		t.left = now
	}
	t.missing = time.Time{}
	next := t.next()
	if len(next) == 0 {
		return false, false
	}
	if next[0].current && t.stays(info, now) {
		return false, false
	}
	return t.leave(ctx), false
}

// over reports whether a log is over whose file is gone and whose rotated files were read.
func (t *track) over(now time.Time) bool {
	if now.Sub(t.fresh) <= goneFor {
		return false
	}
	if !t.left.IsZero() {
		t.gap("it was deleted before it was read to its end")
	}
	return true
}

// broken handles that a file cannot be read on: the next one is read. While there is none, it is tried again.
func (t *track) broken(ctx context.Context, err error) (more bool) {
	t.at.broken = true
	t.follower.Note(t.source, err.Error())
	if more = t.leave(ctx); more {
		t.gap(err.Error())
	}
	return more
}

// stays reports whether more may come in the file that is read, though the next one is there.
func (t *track) stays(next os.FileInfo, now time.Time) bool {
	switch {
	case next.Size() == 0:
		return true // nobody writes it yet
	case now.Sub(t.fresh) >= quietFor && now.Sub(t.left) >= quietFor:
		return false
	case now.Sub(t.left) < stayAtMost:
		return true
	default:
		t.gap("a rotated file was still written while the new one was, too")
		return false
	}
}

// gap counts and says that something was gone before it was read.
func (t *track) gap(why string) {
	t.follower.counts.gaps.Add(1)
	t.follower.Tell(fmt.Sprintf("some lines of the log %s may be lost: %s", t.source, why))
}

// take takes in one line, and reports whether it was taken: not if ctx ended.
func (t *track) take(ctx context.Context, line []byte) bool {
	// A file that was truncated under a writer that does not append begins with zeros.
	line = bytes.TrimRight(bytes.TrimLeft(line, "\x00"), "\r")
	text, stamp, complete := t.unwrapper.Unwrap(line)
	if complete {
		switch {
		case t.skip > 0:
			t.skip--
		case t.parse(ctx, text, stamp):
			t.place.Taken++
			t.follower.changed = true
		default:
			return false
		}
	}
	switch {
	case !t.unwrapper.Pending():
		t.settle()
	case t.place.Head.Size == 0: // the very first line was split: the place is before it
		t.place.Head, t.placed, t.follower.changed = t.at.known(), t.at, true
	}
	return true
}

// settle moves the place to where reading is.
func (t *track) settle() {
	if t.placed != t.at {
		t.place.Done = remember(t.place.Done, t.passed...)
		t.placed, t.passed = t.at, nil
	}
	t.place.Head, t.place.Offset, t.place.Taken = t.at.known(), t.at.offset, 0
	t.follower.changed = true
}

func (t *track) parse(ctx context.Context, text []byte, stamp time.Time) bool {
	if stamp.Before(t.since) && !stamp.IsZero() {
		return true
	}
	if t.counter != nil {
		t.tell(t.counter.Take(text, stamp), text)
		return true
	}
	var signal model.Signal
	class := t.gateway.Parser.Parse(text, &signal)
	if class == proxy.Access || class == proxy.ErrorLine {
		signal.At = logfile.Moment(signal, stamp)
		if signal.At.Before(t.since) {
			return true
		}
		signal.Gateway, signal.Source = t.gateway.Pod, t.source
		if !t.follower.Send(ctx, signal) {
			return false
		}
	}
	t.tell(class, text)
	return true
}

// tell counts a line that was read.
func (t *track) tell(class proxy.Class, text []byte) {
	c := &t.follower.counts
	c.lines.Add(1)
	switch {
	case class == proxy.Access:
		c.requests.Add(1)
	case class == proxy.ErrorLine:
		c.errors.Add(1)
	case class != proxy.Event && len(text) > 0:
		c.foreign.Add(1)
	}
}

func (t *track) close() {
	if t.at != nil {
		t.at.file.Close()
	}
	t.follower.Note(t.source, "")
	if t.counter != nil {
		t.counter.Close()
	}
}
