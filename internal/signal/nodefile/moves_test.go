package nodefile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/signal/feed"
)

// log is a track that a test moves step by step, with a clock of its own.
type log struct {
	*track
	now  time.Time
	read []string
}

func newLog(n *node) *log {
	l := &log{now: time.Unix(0, n.clock)}
	f := &Follower{
		Feed:    feed.New(what, 100_000),
		options: Options{Now: func() time.Time { return l.now }},
		scratch: make([]byte, chunk),
	}
	c := Container{Path: n.path}
	gateway, _ := want(c)
	l.track = &track{follower: f, container: c, gateway: gateway, source: c.source()}
	return l
}

// step lets the log be read until there is nothing to be read at once, after some time went by.
func (l *log) step(t *testing.T, after time.Duration) (gone bool) {
	t.Helper()
	l.now = l.now.Add(after)
	for more := true; more && !gone; {
		more, gone = l.advance(t.Context())
	}
	for {
		select {
		case s := <-l.follower.Signals():
			l.read = append(l.read, s.Request.Path)
		default:
			return gone
		}
	}
}

// settled lets the log be read until it has come to rest, and checks that all that was written was read, once.
func (l *log) settled(t *testing.T, n *node) {
	t.Helper()
	for range 40 {
		l.step(t, quietFor)
	}
	l.close()
	same(t, n.written, l.read)
	if gaps := l.follower.Counts().Gaps; gaps != 0 {
		t.Errorf("%d gaps: %v", gaps, l.follower.Notices())
	}
}

// What happens between looking at the files and opening one.
func TestListedThenMoved(t *testing.T) {
	moves := map[string]func(n *node){
		"renamed":         func(n *node) { n.rotate(0); n.write(600) },
		"renamed twice":   func(n *node) { n.rotate(0); n.write(3); n.rotate(1); n.write(600) },
		"copied":          func(n *node) { n.copyTruncate(); n.write(600) },
		"copied twice":    func(n *node) { n.copyTruncate(); n.write(3); n.copyTruncate(); n.write(600) },
		"copied to empty": func(n *node) { n.copyTruncate() },
		"as they were":    func(n *node) { n.write(1) },
	}
	for name, move := range moves {
		t.Run("first "+name, func(t *testing.T) {
			n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
			n.write(300)
			l := newLog(n)
			listed := l.unread()
			move(n)
			if o := l.first(listed, l.unread); o != nil {
				l.use(o)
			}
			l.settled(t, n)
		})
		t.Run("next "+name, func(t *testing.T) {
			n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
			n.write(5)
			l := newLog(n)
			l.step(t, 0)
			n.rotate(0)
			n.write(300)
			l.step(t, 0)
			listed := l.next()
			move(n)
			if o := l.first(listed, l.next); o != nil {
				l.passed = remember(l.passed, l.at.known())
				l.use(o)
			}
			l.settled(t, n)
		})
		t.Run("resumed "+name, func(t *testing.T) {
			n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
			n.write(300)
			l := newLog(n)
			l.step(t, 0)
			n.write(1)
			before := l.place
			all, err := members(n.path)
			n.must(err)
			move(n)
			l.at.file.Close()
			l.at, l.placed = nil, nil
			if err := l.resume(all[0]); err == nil && name != "as they were" {
				t.Errorf("another file was taken for the one that was read")
			}
			if l.place.Offset != before.Offset {
				t.Errorf("the place moved")
			}
			l.settled(t, n)
		})
	}
}

// Lines come late to a file that was rotated, after its end was seen, and it is rotated again at once.
func TestLateThenRotated(t *testing.T) {
	n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
	n.write(5)
	l := newLog(n)
	l.step(t, 0)
	n.write(7)
	n.rotate(3)
	n.write(1)
	n.rotate(0)
	n.write(1)
	if !l.leave(t.Context()) {
		t.Error("nothing is left to be read")
	}
	l.settled(t, n)
}

// A line that was split while the log is rotated twice: the files in between are not read again.
func TestSplitOverRotations(t *testing.T) {
	n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
	n.write(5)
	end := n.split()
	l := newLog(n)
	for range 3 {
		n.rotate(1)
		n.write(5)
		for range 3 {
			l.step(t, quietFor)
		}
	}
	end()
	n.write(2)
	l.step(t, 0)
	if len(l.place.Done) != 3 || len(l.unread()) != 1 {
		t.Errorf("done %v, unread %v", l.place.Done, l.unread())
	}
	l.settled(t, n)
}

// A copy is read while it is made, and what it is a copy of is not cut for a long time.
func TestCopyInTheMaking(t *testing.T) {
	n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
	n.write(5)
	l := newLog(n)
	l.step(t, 0)
	n.copyTruncate()
	n.write(50)
	whole, err := os.ReadFile(n.path)
	n.must(err)
	copied, err := os.Create(n.path + "-20260504-000002")
	n.must(err)
	for _, part := range [][]byte{whole[:700], whole[700:3000], whole[3000:]} {
		_, err = copied.Write(part)
		n.must(err)
		for range 5 {
			l.step(t, quietFor)
		}
	}
	n.must(copied.Close())
	n.must(os.Truncate(n.path, 0))
	n.write(60)
	l.settled(t, n)
}

// A copy that was made before the last lines were written and read, which were cut away with the rest.
func TestCopyTooShort(t *testing.T) {
	n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
	n.write(50)
	l := newLog(n)
	l.step(t, 0)
	whole, err := os.ReadFile(n.path)
	n.must(err)
	n.write(5)
	l.step(t, 0)
	n.must(os.WriteFile(n.path+"-20260504-000001", whole, 0o600))
	n.must(os.Truncate(n.path, 0))
	n.write(60)
	for range 20 {
		l.step(t, quietFor)
	}
	l.close()
	same(t, n.written, l.read)
	if gaps := l.follower.Counts().Gaps; gaps != 1 { // lines may have come to it after it was copied
		t.Errorf("%d gaps: %v", gaps, l.follower.Notices())
	}
}

// A short file without stamps does not stand for all that begin like it.
func TestSameBeginning(t *testing.T) {
	n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
	n.plain = true
	l := newLog(n)
	for _, notice := range []string{"start", "reload", "stop"} {
		n.put("", "", "[notice] 1#1: "+notice)
		for range 5 {
			l.step(t, quietFor)
		}
		n.rotate(0)
	}
	n.put("", "", "[notice] 1#1: reload")
	n.write(9)
	l.settled(t, n)
}

// A file that was rotated is read to its end though the log was deleted otherwise.
func TestDeletedBehind(t *testing.T) {
	n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
	n.write(5)
	l := newLog(n)
	l.step(t, 0)
	n.rotate(0)
	n.write(5)
	n.rotate(0)
	n.must(os.Remove(n.path + ".20260504-000001.gz"))
	n.must(os.Remove(n.path))
	for range 20 {
		if l.step(t, goneFor/5) {
			same(t, n.written, l.read)
			return
		}
	}
	t.Errorf("it is never over: read %v", l.read)
}

// A compressed file that is damaged is left when there is another, and that is told once.
func TestDamaged(t *testing.T) {
	n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
	n.write(5000)
	n.rotate(0)
	n.compress(n.path + ".20260504-000001")
	zipped, err := os.ReadFile(n.path + ".20260504-000001.gz")
	n.must(err)
	n.must(os.WriteFile(n.path+".20260504-000001.gz", zipped[:len(zipped)/2], 0o600))
	l := newLog(n)
	for range 3 {
		l.step(t, quietFor)
	}
	if u := l.follower.Unseen(); len(u) != 1 {
		t.Errorf("unseen %v", u)
	}
	n.write(5)
	for range 3 {
		l.step(t, quietFor)
	}
	l.close()
	inOrder(t, n.written, l.read)
	same(t, n.written[5000:], l.read[len(l.read)-5:])
	if gaps, u := l.follower.Counts().Gaps, l.follower.Unseen(); gaps != 1 || len(u) != 0 {
		t.Errorf("%d gaps, unseen %v", gaps, u)
	}
}

// counts is a counter of lines that says how many logs are being counted.
type counts struct{ begun *int }

func (c counts) Take(line []byte, _ time.Time) proxy.Class { return proxy.Access }
func (c counts) Close()                                    { *c.begun-- }

// A log that cannot be opened is not counted, so that it stays with whoever reads it in another way, and that is told once.
// One that is still empty is counted: its first lines would be read twice otherwise.
func TestCountsWhatOpens(t *testing.T) {
	for name, c := range map[string]struct {
		prepare       func(n *node)
		begun, unseen int
	}{
		"empty":          {func(*node) {}, 1, 0},
		"with lines":     {func(n *node) { n.write(1) }, 1, 0},
		"missing":        {func(n *node) { n.must(os.Remove(n.path)) }, 0, 0},
		"not to be read": {func(n *node) { n.must(os.Rename(n.path, n.path+".gz")); n.write(1) }, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
			c.prepare(n)
			l, begun := newLog(n), 0
			l.gateway.Count = func() Counter { begun++; return counts{&begun} }
			for range 5 {
				l.step(t, quietFor)
			}
			if u := l.follower.Unseen(); begun != c.begun || len(u) != c.unseen {
				t.Errorf("%d logs are counted, want %d; unseen %v", begun, c.begun, u)
			}
			if told := l.follower.Notices(); len(told) != 0 {
				t.Errorf("told %v", told)
			}
			l.close()
			if u := l.follower.Unseen(); begun != 0 || len(u) != 0 {
				t.Errorf("after the end %d logs are counted, unseen %v", begun, u)
			}
		})
	}
}
