package nodefile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// remember adds the heads of finished files, and forgets the oldest if they are too many.
func remember(done []head, more ...head) []head {
	done = append(done, more...)
	return done[max(0, len(done)-mostDone):]
}

// done reports whether a file was read to its end before.
func (t *track) done(m member) bool {
	return slices.ContainsFunc(t.place.Done, m.finished) || slices.ContainsFunc(t.passed, m.finished)
}

// wanted leaves out of all files of the log those that were read, and the rotated ones that are too old.
func (t *track) wanted(all []member) []member {
	return slices.DeleteFunc(all, func(m member) bool { return t.done(m) || !m.current && m.info.ModTime().Before(t.since) })
}

// unread lists the files that are wanted.
func (t *track) unread() []member {
	all, err := members(t.container.Path)
	if err != nil {
		return nil
	}
	return t.wanted(all)
}

// doubts reports whether the file that was read last may still turn up, though it is not found: it is just being
// renamed, copied or compressed.
func (t *track) doubts() bool {
	now := t.follower.options.Now()
	if t.doubt.IsZero() {
		t.doubt = now
	}
	if now.Sub(t.doubt) < doubtFor {
		return true
	}
	t.doubt = time.Time{}
	return false
}

// next lists the files after the one that is read.
func (t *track) next() []member {
	all, err := members(t.container.Path)
	if err != nil {
		return nil
	}
	own := slices.IndexFunc(all, func(m member) bool { return os.SameFile(m.info, t.at.info) })
	if own < 0 {
		own = slices.IndexFunc(all, func(m member) bool { return m.holds(t.at.begun(), t.at.offset) })
	}
	if own < 0 && !t.deleted && t.doubts() {
		return nil
	}
	t.deleted = own < 0 // all are newer then: the oldest go first
	if !t.deleted {
		t.doubt = time.Time{}
	}
	return slices.DeleteFunc(all[own+1:], t.done)
}

// leave goes on to the next file, and reports whether there is something to read at once.
func (t *track) leave(ctx context.Context) bool {
	next := t.next()
	if t.at.more() {
		return true // it came after the end was seen, and before there was another file
	}
	o := t.first(next, t.next)
	if o == nil {
		return false
	}
	if !o.again {
		if rest := t.at.rest(); len(rest) > 0 && !t.take(ctx, rest) {
			o.file.Close()
			return false
		}
		t.passed = remember(t.passed, t.at.known())
	}
	t.at.file.Close()
	t.use(o)
	t.follower.counts.rotated.Add(1)
	return true
}

// first opens the first of the listed files that has something in it; nil if none has, or it cannot be told yet
// which is the first. Between being listed and opened, files are renamed, or copied and cut: what is opened then
// may be what comes after the one that was listed. So its beginning is read, by which it is known from then on, and
// the files are listed again: if they are the same as before, it was the first when it was read.
//
// One that cannot be opened is passed over, as a gap, once there is another one. While there is none, that is what cannot
// be seen.
func (t *track) first(listed []member, list func() []member) *opened {
	var barred []error
	for _, m := range listed {
		o, err := t.enter(m)
		switch {
		case errors.Is(err, io.EOF):
			t.count() // there is nothing in it, and there will be
			continue
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errOther), errors.Is(err, errCut):
			return nil // it is looked for again
		case err != nil:
			barred = append(barred, err)
			continue
		}
		if !sameFiles(listed, list()) {
			o.file.Close()
			return nil
		}
		for _, err := range barred {
			t.gap(err.Error())
		}
		return o
	}
	if len(barred) > 0 {
		t.follower.Note(t.source, barred[0].Error())
	}
	return nil
}

// count begins to count the log, once it is known that it can be read: before, whoever reads it in another way goes on.
func (t *track) count() {
	if t.counter == nil && t.gateway.Count != nil {
		t.counter = t.gateway.Count()
	}
}

// enter opens a file and reads its beginning. One that begins like the file that is read is what that is a copy of,
// and reading goes on in it at the same place.
func (t *track) enter(m member) (*opened, error) {
	if t.at != nil && m.holds(t.at.begun(), t.at.offset) {
		o, err := m.reopen(t.at.begun(), t.at.offset)
		if err != nil {
			return nil, err
		}
		o.again, o.skip = true, t.at.skip
		return o, nil
	}
	o, err := m.open()
	if err != nil {
		return nil, err
	}
	if err := o.fill(t.follower.scratch); err != nil { // io.EOF, if it is empty
		o.file.Close()
		return nil, err
	}
	return o, nil
}
