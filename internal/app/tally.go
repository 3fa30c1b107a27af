package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/logfile"
	"github.com/gatemend/gatemend/internal/tally"
)

// countLogs reads logs and counts what they say.
func countLogs(ctx context.Context, c cli.LogCount) (model.LogReport, error) {
	inputs, err := logInputs(ctx, c)
	if err != nil {
		return model.LogReport{}, err
	}
	var source tally.Source
	var unread func(*tally.Tally) []model.Unseen
	workers := runtime.GOMAXPROCS(0)
	if c.Follow {
		followed := newFollowed(ctx, inputs)
		defer followed.close()
		source, unread, workers = followed, followed.unread, 1
	} else {
		blocks := &blockSource{blocks: logfile.NewBlocks(inputs), inputs: inputs}
		source, unread = blocks, blocks.unread
	}
	// What is kept of a log are a few megabytes, so a collection for each few more would find nothing and cost a hundredth of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	t, err := tally.Run(ctx, source, workers, c.Options, c.Notify)
	if err != nil {
		return model.LogReport{}, err
	}
	report := t.Finish()
	report.Unread = unread(t)
	return report, nil
}

// blockSource is a tally's source of files.
type blockSource struct {
	blocks *logfile.Blocks
	inputs []logfile.Input
}

// Next implements tally.Source.
func (s *blockSource) Next(c *tally.Chunk, begin func(string, bool)) error {
	text, at, err := s.blocks.Next(c.Text, func(i int) { begin(s.inputs[i].Name, s.inputs[i].Another) })
	c.Text, c.File, c.Bytes, c.Cut, c.Stamps = text, at.Input, at.Bytes, at.Cut, at.Stamps
	return err
}

func (s *blockSource) unread(t *tally.Tally) (all []model.Unseen) {
	for _, u := range s.blocks.Unread() {
		all = append(all, unseen(s.inputs[u.Input].Name, t.Lines(u.Input), u.Err))
	}
	return all
}

// unseen says up to where a log was read.
func unseen(name string, lines int, err error) model.Unseen {
	if lines > 0 {
		err = fmt.Errorf("read up to line %d: %w", lines, err)
	}
	return model.Unseen{What: "log " + name, Why: err.Error()}
}

// logInputs finds the files: those given, and those in folders, rotated ones before what goes on after them.
func logInputs(ctx context.Context, c cli.LogCount) ([]logfile.Input, error) {
	var names []string
	for _, p := range c.Paths {
		if p == "-" {
			names = append(names, p)
			continue
		}
		info, err := os.Stat(p)
		if err != nil {
			return nil, &cli.HintedError{Err: fmt.Errorf("read logs: %w", err), Hint: "give files, folders, or - for standard input"}
		}
		if !info.IsDir() {
			names = append(names, p)
			continue
		}
		found, err := logfile.Find(os.DirFS(p), ".")
		if err != nil {
			return nil, fmt.Errorf("read logs in %s: %w", p, err)
		}
		for _, f := range found {
			names = append(names, filepath.Join(p, f))
		}
	}
	sets := logfile.Sets(names)
	if !c.Follow { // else all are read at once
		sets = errorsFirst(sets, func(set []string) bool { return lacksRequests(ctx, set, c) })
	}
	var inputs []logfile.Input
	for _, set := range sets {
		for i, name := range set {
			inputs = append(inputs, logfile.Input{
				Name: name, Open: opener(ctx, name, c), Live: c.Follow, Another: i == 0 && len(inputs) > 0,
			})
		}
	}
	return inputs, nil
}

// errorsFirst puts logs of one folder together, and those that hold errors alone before those with requests, to which these may belong.
func errorsFirst(sets [][]string, alone func(set []string) bool) [][]string {
	var folders []string
	logs := map[string][][]string{}
	for _, set := range sets {
		folder := filepath.Dir(set[0])
		if logs[folder] == nil {
			folders = append(folders, folder)
		}
		logs[folder] = append(logs[folder], set)
	}
	var out [][]string
	for _, folder := range folders {
		var requests [][]string
		for _, set := range logs[folder] {
			if len(logs[folder]) > 1 && alone(set) {
				out = append(out, set)
			} else {
				requests = append(requests, set)
			}
		}
		out = append(out, requests...)
	}
	return out
}

// lookedAt is how much of a log is looked at to know whether it has requests.
const lookedAt = 64 << 10

// lacksRequests reports whether there is no request at the begin of a log's newest file that is not empty. A file that cannot be read has
// its say later.
func lacksRequests(ctx context.Context, set []string, c cli.LogCount) bool {
	for _, name := range slices.Backward(set) {
		if name == "-" {
			return false
		}
		blocks := logfile.NewBlocks([]logfile.Input{{Name: name, Open: opener(ctx, name, c)}})
		text, _, err := blocks.Next(nil, func(int) {})
		blocks.Close()
		if err != nil {
			return false
		}
		if len(text) > 0 {
			return !tally.Requests(text[:min(len(text), lookedAt)], c.Options)
		}
	}
	return false
}

func opener(ctx context.Context, name string, c cli.LogCount) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		switch {
		case name == "-":
			return io.NopCloser(c.In), nil
		case c.Follow:
			return openTail(ctx, name)
		default:
			return os.Open(name)
		}
	}
}

// tailEvery is how often a followed file is looked at for more.
const tailEvery = 100 * time.Millisecond

// tail reads a file that is being written, also across its rotation. Whoever writes goes on in the old file until it is
// told of the new one: that is read once it has something and the old one has been quiet for some looks. A file that
// became shorter, or begins with something else, was emptied, and is read from its start.
type tail struct {
	ctx   context.Context //nolint:containedctx // Read takes none, and a tail ends with what it is read for
	name  string
	file  *os.File
	at    int64
	begin []byte     // what was read of its first bytes
	empty bool       // it was emptied, and nothing was read since
	later []*os.File // that had the name since, oldest first
	quiet int        // looks at the file's end in a row since then
}

// beginSize is how many of its first bytes a file is known by: with the time in them, the first line or two tell it from any other.
const beginSize = 512

// quietLooks is for how many looks a file must have been quiet until the one after it is read.
const quietLooks = 5

func openTail(ctx context.Context, name string) (*tail, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return &tail{ctx: ctx, name: name, file: f}, nil
}

// Read waits for more, and ends with the context.
func (t *tail) Read(p []byte) (int, error) {
	wait := time.NewTicker(tailEvery)
	defer wait.Stop()
	for {
		n, err := t.more(p)
		if n > 0 || err != nil && !errors.Is(err, io.EOF) {
			t.quiet = 0
			return n, err
		}
		if t.turn() {
			continue
		}
		select {
		case <-wait.C:
		case <-t.ctx.Done():
			return 0, io.EOF
		}
	}
}

// more reads on in the file. What is of another file than what was read before, as this one was emptied and written anew in between, is
// not given out.
func (t *tail) more(p []byte) (int, error) {
	n, err := t.file.Read(p)
	if n == 0 {
		return 0, err
	}
	if t.at == int64(len(t.begin)) {
		t.begin = append(t.begin, p[:min(n, beginSize-len(t.begin))]...)
	}
	if !t.begins() { // asked after reading: it could be emptied in between
		return 0, t.rewind()
	}
	t.at += int64(n)
	if !t.empty {
		return n, err
	}
	// Whoever writes at its own place, and not at the end, leaves zeros before it.
	rest := bytes.TrimLeft(p[:n], "\x00")
	t.empty = len(rest) == 0
	return copy(p, rest), err
}

// begins reports whether the file still begins with what was read of it.
func (t *tail) begins() bool {
	now := make([]byte, len(t.begin))
	n, err := t.file.ReadAt(now, 0)
	return err != nil && !errors.Is(err, io.EOF) || bytes.Equal(now[:n], t.begin)
}

// rewind goes back to the start of the file, which was emptied.
func (t *tail) rewind() error {
	t.at, t.begin, t.empty = 0, nil, true
	_, err := t.file.Seek(0, io.SeekStart)
	return err
}

// turn goes over to the next file, or back to the start, and reports whether it did.
func (t *tail) turn() bool {
	t.look()
	if len(t.later) == 0 {
		return t.emptied() && t.rewind() == nil
	}
	next, err := t.later[0].Stat()
	if t.quiet++; t.quiet <= quietLooks || err == nil && next.Size() == 0 && len(t.later) == 1 {
		return false
	}
	_ = t.file.Close() // it was only read
	t.file, t.later, t.at, t.begin, t.empty, t.quiet = t.later[0], t.later[1:], 0, nil, false, 0
	return true
}

// look opens the file that has the name now, if it is another one: it may have lost the name again when its turn comes.
func (t *tail) look() {
	last := t.file
	if n := len(t.later); n > 0 {
		last = t.later[n-1]
	}
	known, err := last.Stat()
	if err != nil {
		return
	}
	now, err := os.Stat(t.name)
	if err != nil || os.SameFile(now, known) { // between two files there is none
		return
	}
	if f, err := os.Open(t.name); err == nil {
		t.later = append(t.later, f)
	}
}

// emptied reports whether the file is shorter than what was read of it.
func (t *tail) emptied() bool {
	mine, err := t.file.Stat()
	return err == nil && mine.Size() < t.at
}

// Close closes the files.
func (t *tail) Close() error {
	err := t.file.Close()
	for _, f := range t.later {
		err = errors.Join(err, f.Close())
	}
	return err
}

// followed is a tally's source of logs that are being written, all at once.
type followed struct {
	inputs []logfile.Input
	blocks chan liveBlock
	begun  []bool
	names  int   // that the tally was told
	places []int // of inputs among those
	live   int   // inputs that have not ended
	wait   *time.Ticker
	stop   context.CancelFunc
	ctx    context.Context //nolint:containedctx // ends the goroutines that read
	failed []logfile.Unread
}

type liveBlock struct {
	input  int
	text   []byte
	block  logfile.Block
	unread []logfile.Unread
	ended  bool
}

// newFollowed begins to read; each input has a goroutine, which ends when its input does, or after close with
// the next thing it reads.
func newFollowed(ctx context.Context, inputs []logfile.Input) *followed {
	f := &followed{
		inputs: inputs, blocks: make(chan liveBlock), begun: make([]bool, len(inputs)), places: make([]int, len(inputs)),
		live: len(inputs), wait: time.NewTicker(time.Second),
	}
	f.ctx, f.stop = context.WithCancel(ctx)
	for i := range inputs {
		go f.read(i)
	}
	return f
}

func (f *followed) close() {
	f.stop()
	f.wait.Stop()
}

func (f *followed) unread(t *tally.Tally) (all []model.Unseen) {
	for _, u := range f.failed {
		lines := 0
		if f.begun[u.Input] {
			lines = t.Lines(f.places[u.Input])
		}
		all = append(all, unseen(f.inputs[u.Input].Name, lines, u.Err))
	}
	return all
}

func (f *followed) read(i int) {
	blocks := logfile.NewBlocks(f.inputs[i : i+1])
	for {
		text, at, err := blocks.Next(nil, func(int) {})
		b := liveBlock{input: i, text: text, block: at, ended: err != nil}
		if b.ended {
			b.unread = blocks.Unread()
		}
		select {
		case f.blocks <- b:
		case <-f.ctx.Done():
			return
		}
		if b.ended {
			return
		}
	}
}

// Next implements tally.Source: it waits for lines, at most a second.
func (f *followed) Next(c *tally.Chunk, begin func(string, bool)) error {
	c.Idle, c.Bytes, c.Cut, c.Stamps = 0, 0, false, nil
	for f.live > 0 {
		select {
		case b := <-f.blocks:
			if b.ended {
				f.live--
				for _, u := range b.unread {
					f.failed = append(f.failed, logfile.Unread{Input: b.input, Err: u.Err})
				}
			}
			if len(b.text) == 0 {
				continue
			}
			if !f.begun[b.input] {
				f.begun[b.input], f.places[b.input] = true, f.names
				f.names++
				begin(f.inputs[b.input].Name, false)
			}
			c.Text = append(c.Text, b.text...)
			c.File, c.Bytes, c.Cut, c.Stamps = f.places[b.input], b.block.Bytes, b.block.Cut, b.block.Stamps
			return nil
		case <-f.wait.C:
			c.Idle = time.Second
			return nil
		case <-f.ctx.Done():
			return io.EOF
		}
	}
	return io.EOF
}
