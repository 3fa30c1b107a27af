package nodefile

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/nginx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// access is a line of nginx for one request.
func access(path string) string {
	return fmt.Sprintf(`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET %s HTTP/1.1" 200 12 "-" "x" 5 0.001 [shop-web-80] [] 10.1.0.5:80 12 0.001 200 id`, path)
}

// logDir is a container's folder in the kubelet's layout.
func logDir(t *testing.T, root string) string {
	t.Helper()
	dir := filepath.Join(root, "edge_lb-1_0001", "controller")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func want(c Container) (Gateway, bool) {
	return Gateway{Pod: model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: c.Namespace, Name: c.Pod}, Parser: nginx.NewParser()}, true
}

// reader runs a follower and collects the paths of its requests.
type reader struct {
	*Follower
	stop  context.CancelFunc
	paths chan []string
}

func follow(t *testing.T, o Options) *reader {
	t.Helper()
	if o.Want == nil {
		o.Want = want
	}
	o.Now, o.Poll = time.Now, 2*time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	r := &reader{Follower: Follow(ctx, o), stop: stop, paths: make(chan []string, 1)}
	go func() {
		var all []string
		for s := range r.Signals() {
			all = append(all, s.Request.Path)
		}
		r.paths <- all
	}()
	return r
}

// end waits until so many requests were read, and ends the follower.
func (r *reader) end(t *testing.T, requests int) []string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); r.Counts().Requests < int64(requests); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited in vain for %d requests: %+v, unseen %v", requests, r.Counts(), r.Unseen())
			break
		}
	}
	r.stop()
	return <-r.paths
}

// node writes logs as a container runtime and the kubelet do.
type node struct {
	t       *testing.T
	path    string
	file    *os.File
	written []string // paths
	rotated int
	clock   int64 // of stamps, in ns
	plain   bool  // no runtime's prefix
	half    bool  // a line of stdout was begun
}

func newNode(t *testing.T, path string) *node {
	n := &node{t: t, path: path, clock: time.Date(2026, 5, 4, 8, 30, 15, 0, time.UTC).UnixNano()}
	n.create()
	t.Cleanup(func() { n.file.Close() })
	return n
}

func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) create() {
	var err error
	n.file, err = os.OpenFile(n.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	n.must(err)
}

func (n *node) put(stream, flag, text string) {
	n.clock += 1000
	line := text + "\n"
	if !n.plain {
		line = time.Unix(0, n.clock).UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + stream + " " + flag + " " + line
	}
	_, err := n.file.WriteString(line)
	n.must(err)
}

func (n *node) request() string {
	path := fmt.Sprintf("/%d", len(n.written))
	n.written = append(n.written, path)
	return access(path)
}

func (n *node) write(count int) {
	stream := "stdout"
	if n.half {
		stream = "stderr" // the runtime puts nothing of the same stream in between
	}
	for range count {
		n.put(stream, "F", n.request())
	}
}

// split writes the first part of a line, and returns what writes the second.
func (n *node) split() (end func()) {
	line := access("/split")
	n.put("stdout", "P", line[:40])
	n.half = true
	return func() {
		n.half = false
		n.put("stdout", "F", line[40:])
		n.written = append(n.written, "/split")
	}
}

// rotate renames the file; late are lines that the runtime still writes to it. The files before are
// compressed.
func (n *node) rotate(late int) {
	n.rotated++
	previous, err := filepath.Glob(n.path + ".*")
	n.must(err)
	n.must(os.Rename(n.path, fmt.Sprintf("%s.20260504-%06d", n.path, n.rotated)))
	n.write(late)
	n.must(n.file.Close())
	n.create()
	for _, p := range previous {
		if !strings.HasSuffix(p, ".gz") {
			n.compress(p)
		}
	}
}

func (n *node) compress(path string) {
	b, err := os.ReadFile(path)
	n.must(err)
	f, err := os.Create(path + ".tmp")
	n.must(err)
	z := gzip.NewWriter(f)
	_, err = z.Write(b)
	n.must(err)
	n.must(z.Close())
	n.must(f.Close())
	n.must(os.Rename(path+".tmp", path+".gz"))
	n.must(os.Remove(path))
}

// copyTruncate is logrotate's way.
func (n *node) copyTruncate() {
	n.rotated++
	from, err := os.Open(n.path)
	n.must(err)
	to, err := os.Create(fmt.Sprintf("%s-20260504-%06d", n.path, n.rotated))
	n.must(err)
	_, err = io.Copy(to, from)
	n.must(err)
	n.must(from.Close())
	n.must(to.Close())
	n.must(os.Truncate(n.path, 0))
}

func same(t *testing.T, wrote, read []string) {
	t.Helper()
	if d := cmp.Diff(wrote, read); d != "" {
		t.Errorf("(-written +read)\n%s", d)
	}
}

// inOrder checks that nothing was read that was not written, nothing twice, and nothing out of order.
func inOrder(t *testing.T, wrote, read []string) {
	t.Helper()
	for _, line := range read {
		i := slices.Index(wrote, line)
		if i < 0 {
			t.Fatalf("%q was read twice, out of order, or never written", line)
		}
		wrote = wrote[i+1:]
	}
}

func TestFollows(t *testing.T) {
	for name, o := range map[string]Options{"inotify": {}, "looking": {NoInotify: true}} {
		t.Run(name, func(t *testing.T) {
			o.Root = t.TempDir()
			n := newNode(t, filepath.Join(logDir(t, o.Root), "0.log"))
			n.write(3)
			r := follow(t, o)
			n.write(2)
			n.put("stderr", "F", "2026/05/04 08:30:15 [notice] 1#1: reload")
			n.split()()
			got := r.end(t, 6)
			same(t, n.written, got)
			if c := r.Counts(); c.Lines != 7 || c.Requests != 6 || c.Foreign != 0 || c.Gaps != 0 {
				t.Errorf("counts %+v", c)
			}
		})
	}
}

func TestSignal(t *testing.T) {
	root := t.TempDir()
	n := newNode(t, filepath.Join(logDir(t, root), "0.log"))
	n.write(1)
	ctx, stop := context.WithCancel(t.Context())
	f := Follow(ctx, Options{Root: root, Want: want, Now: time.Now})
	s := <-f.Signals()
	stop()
	for range f.Signals() {
	}
	if want := time.Date(2026, 5, 4, 8, 30, 15, 1000, time.UTC); !s.At.Equal(want) || s.Gateway.String() != "Pod edge/lb-1" || s.Source != "edge/lb-1/controller" {
		t.Errorf("got %+v, want the stamp's time %v", s, want)
	}
}

// Links are followed to where the rotated files are; restarts of a container begin a file of their own.
func TestLinksAndRestarts(t *testing.T) {
	root, links := t.TempDir(), t.TempDir()
	dir := logDir(t, root)
	link := func(number, id string) {
		if err := os.Symlink(filepath.Join(dir, number+".log"), filepath.Join(links, "lb-1_edge_controller-"+strings.Repeat(id, 64)+".log")); err != nil {
			t.Fatal(err)
		}
	}
	n := newNode(t, filepath.Join(dir, "0.log"))
	link("0", "a")
	r := follow(t, Options{Root: links})
	n.write(10)
	n.rotate(0)
	n.write(10)
	n.must(n.file.Close())
	n.path = filepath.Join(dir, "1.log")
	n.create()
	link("1", "b")
	n.write(10)
	got := r.end(t, 30)
	slices.Sort(got)
	slices.Sort(n.written)
	same(t, n.written, got)
}

func TestSince(t *testing.T) {
	root := t.TempDir()
	n := newNode(t, filepath.Join(logDir(t, root), "0.log"))
	n.write(5)
	since := time.Unix(0, n.clock+1).UTC()
	n.write(5)
	same(t, n.written[5:], follow(t, Options{Root: root, Since: since}).end(t, 5))
}

func TestNothingThere(t *testing.T) {
	root := filepath.Join(t.TempDir(), "pods")
	r := follow(t, Options{Root: root})
	await(t, func() bool { return len(r.Unseen()) == 1 })
	n := newNode(t, filepath.Join(logDir(t, root), "0.log"))
	n.write(1)
	same(t, n.written, r.end(t, 1))
	if u := r.Unseen(); len(u) != 0 {
		t.Errorf("unseen %v", u)
	}
}

// A link to a log that cannot be reached is told, as long as that is so; one beside a good one is left by a former container.
func TestLostLink(t *testing.T) {
	root, links := t.TempDir(), t.TempDir()
	dir := logDir(t, root)
	for number, id := range map[string]string{"0": "a", "1": "b"} {
		if err := os.Symlink(filepath.Join(dir, number+".log"), filepath.Join(links, "lb-1_edge_controller-"+strings.Repeat(id, 64)+".log")); err != nil {
			t.Fatal(err)
		}
	}
	r := follow(t, Options{Root: links})
	await(t, func() bool {
		return len(r.Unseen()) == 1 && strings.Contains(r.Unseen()[0].Why, "edge/lb-1/controller")
	})
	n := newNode(t, filepath.Join(dir, "1.log"))
	n.write(1)
	same(t, n.written, r.end(t, 1))
	if u := r.Unseen(); len(u) != 0 {
		t.Errorf("unseen %v", u)
	}
}

// That there are too many logs is told as long as it is so.
func TestTooManyLogs(t *testing.T) {
	root := t.TempDir()
	first := newNode(t, filepath.Join(logDir(t, root), "0.log"))
	first.write(1)
	r := follow(t, Options{Root: root, MaxLogs: 1})
	await(t, func() bool { return r.Counts().Requests == 1 })
	dir := filepath.Join(root, "edge_lb-2_0002", "controller")
	first.must(os.MkdirAll(dir, 0o755))
	newNode(t, filepath.Join(dir, "0.log")).write(1)
	await(t, func() bool {
		return len(r.Unseen()) == 1 && strings.Contains(r.Unseen()[0].Why, "edge/lb-2/controller")
	})
	first.must(os.RemoveAll(filepath.Dir(dir)))
	await(t, func() bool { return len(r.Unseen()) == 0 })
	same(t, first.written, r.end(t, 1))
}

func await(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// What was deleted unread is said.
func TestGap(t *testing.T) {
	root := t.TempDir()
	o := Options{Root: root, Checkpoint: filepath.Join(t.TempDir(), "checkpoint")}
	n := newNode(t, filepath.Join(logDir(t, root), "0.log"))
	n.write(5)
	same(t, n.written, follow(t, o).end(t, 5))
	n.write(5)
	n.must(os.Remove(n.path))
	n.must(n.file.Close())
	n.create()
	n.write(5)
	r := follow(t, o)
	same(t, n.written[10:], r.end(t, 5))
	if told := r.Notices(); r.Counts().Gaps != 1 || len(told) != 1 || !strings.Contains(told[0], "edge/lb-1/controller") {
		t.Errorf("%d gaps, told %q", r.Counts().Gaps, told)
	}
}

// A file may be copied, cut and written anew beyond where reading is while what was read of it is still being taken.
func TestCutWhileTaken(t *testing.T) {
	n := newNode(t, filepath.Join(logDir(t, t.TempDir()), "0.log"))
	n.write(300)
	ctx, stop := context.WithCancel(t.Context())
	f := Follow(ctx, Options{Root: filepath.Dir(filepath.Dir(filepath.Dir(n.path))), Want: want, Now: time.Now, Poll: 2 * time.Millisecond})
	read := []string{(<-f.Signals()).Request.Path} // so all 300 are read, and the second line waits to be taken
	n.copyTruncate()
	n.write(310)
	for waiting := true; waiting && len(read) < len(n.written); {
		select {
		case s := <-f.Signals():
			read = append(read, s.Request.Path)
		case <-time.After(10 * time.Second):
			waiting = false
		}
	}
	stop()
	for range f.Signals() {
	}
	same(t, n.written, read)
}

func TestBadCheckpoint(t *testing.T) {
	root := t.TempDir()
	o := Options{Root: root, Checkpoint: filepath.Join(t.TempDir(), "checkpoint")}
	n := newNode(t, filepath.Join(logDir(t, root), "0.log"))
	n.write(5)
	n.must(os.WriteFile(o.Checkpoint, []byte(`{"version":1,"logs":{"x":{"offset":-1}}}`), 0o600))
	r := follow(t, o)
	same(t, n.written, r.end(t, 5))
	if told := r.Notices(); len(told) != 1 {
		t.Errorf("told %q", told)
	}
	same(t, nil, follow(t, o).end(t, 0)) // the checkpoint was replaced by a good one
}

func TestLongLine(t *testing.T) {
	root := t.TempDir()
	n := newNode(t, filepath.Join(logDir(t, root), "0.log"))
	n.plain = true
	n.write(1)
	n.put("", "", strings.Repeat("x", 3*maxLine))
	n.write(1)
	same(t, n.written, follow(t, Options{Root: root}).end(t, 2))
}

// Whatever becomes of the files, and whenever following ends and begins again, every line comes once. A follower
// that gets no processor for long enough may find a file deleted that it had not read to its end; that is told.
func TestEveryLineOnce(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			root := t.TempDir()
			o := Options{Root: root, Checkpoint: filepath.Join(t.TempDir(), "checkpoint"), NoInotify: random.IntN(2) == 0}
			n := newNode(t, filepath.Join(logDir(t, root), "0.log"))
			copies := random.IntN(2) == 0
			n.plain = copies && random.IntN(2) == 0
			var read, told []string
			end := func() {}
			for range 4 {
				r := follow(t, o)
				for range 1 + random.IntN(12) {
					end = n.step(random, copies, end)
				}
				if random.IntN(2) == 0 {
					time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond) // at random, to stop anywhere
				}
				read = append(read, r.end(t, 0)...)
				told = append(told, r.Notices()...)
				for range random.IntN(8) { // while nobody follows
					end = n.step(random, copies, end)
				}
			}
			end()
			n.write(1)
			r := follow(t, o)
			wanted := len(n.written) - len(read)
			if len(told) > 0 {
				wanted = 1
			}
			read = append(read, r.end(t, wanted)...)
			told = append(told, r.Notices()...)
			if len(told) == 0 {
				same(t, n.written, read)
				return
			}
			t.Logf("told %q", told)
			inOrder(t, n.written, read)
		})
	}
}

// step does something at random to the log. end writes the end of a split line, if there is one.
func (n *node) step(random *rand.Rand, copies bool, end func()) func() {
	switch random.IntN(6) {
	case 0:
		if copies {
			n.copyTruncate()
			n.write(1)
			return end
		}
		n.rotate(random.IntN(3))
		n.write(1)
	case 1:
		if !n.plain {
			end()
			ended, finish := false, n.split()
			return func() {
				if !ended {
					finish()
				}
				ended = true
			}
		}
	case 2:
		end()
	case 3:
		n.write(random.IntN(3000))
	case 4:
		if !n.plain {
			n.put("stderr", "F", "2026/05/04 08:30:15 [notice] 1#1: reload")
		}
	default:
		time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
		n.write(1 + random.IntN(5))
	}
	return end
}

// After a crash, reading goes on where the last checkpoint was: lines come again, none is left out.
func TestCrash(t *testing.T) {
	root := t.TempDir()
	o := Options{Root: root, Checkpoint: filepath.Join(t.TempDir(), "checkpoint")}
	n := newNode(t, filepath.Join(logDir(t, root), "0.log"))
	n.write(100)
	follow(t, o).end(t, 100)
	old, err := os.ReadFile(o.Checkpoint)
	n.must(err)
	n.write(50)
	n.rotate(3)
	n.write(50)
	follow(t, o).end(t, 103)
	n.must(os.WriteFile(o.Checkpoint, old, 0o600)) // what a crash leaves
	n.write(7)
	same(t, n.written[100:], follow(t, o).end(t, 110))
}

func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(`{"version":1,"logs":{"/var/log/pods/a_b_c/d/0.log":{"head":{"size":512,"hash":12},"offset":4096,"taken":1,"done":[{"size":1,"hash":2}]}}}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCheckpoint(b)
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "checkpoint")
		if err := c.save(path); err != nil {
			t.Fatal(err)
		}
		again, found, err := loadCheckpoint(path)
		if err != nil || !found || !cmp.Equal(c, again, cmp.AllowUnexported(checkpoint{}), cmpopts.EquateEmpty()) {
			t.Errorf("wrote %+v, read %+v, %v", c, again, err)
		}
	})
}
