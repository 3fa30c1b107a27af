package nodefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/gatemend/gatemend/internal/signal/feed"
)

// Follower follows the logs of a node until its context is done.
type Follower struct {
	*feed.Feed
	options Options
	counts  counters

	// The rest belongs to the goroutine that reads.
	tracks  map[string]*track // by path
	kept    checkpoint
	resumed bool // there was a checkpoint
	changed bool // since it was saved
	scratch []byte
	watched map[string]bool
}

type counters struct {
	lines, requests, errors, foreign, rotated, gaps, open atomic.Int64
}

// what names the source for people.
const what = "log files of the node"

// The rhythm of what is not done at every look.
const (
	discoverEvery = time.Second
	saveEvery     = time.Second
)

// Follow begins to follow. It returns at once; everything it starts ends with ctx, after which the
// channel of signals is closed.
func Follow(ctx context.Context, o Options) *Follower {
	f := &Follower{
		// Nothing waits in the queue, so that what was sent was taken: the checkpoint goes by it.
		Feed: feed.New(what, 0), options: o.withDefaults(),
		tracks: map[string]*track{}, scratch: make([]byte, chunk), watched: map[string]bool{},
	}
	go func() {
		defer f.Close()
		f.run(ctx)
	}()
	return f
}

// Counts says how much was read so far.
func (f *Follower) Counts() Counts {
	c := &f.counts
	return Counts{
		Lines: c.lines.Load(), Requests: c.requests.Load(), Errors: c.errors.Load(), Foreign: c.foreign.Load(),
		Rotated: c.rotated.Load(), Gaps: c.gaps.Load(), Open: int(c.open.Load()),
	}
}

func (f *Follower) run(ctx context.Context) {
	var err error
	if f.kept, f.resumed, err = loadCheckpoint(f.options.Checkpoint); err != nil {
		f.Tell(err.Error() + "; logs are read as if there were none")
	}
	watcher, wake := f.inotify()
	if watcher != nil {
		defer func() { _ = watcher.Close() }() // nothing was written by it
	}
	poll := time.NewTicker(f.options.Poll)
	defer poll.Stop()
	var discovered, saved time.Time
	for ctx.Err() == nil {
		now := f.options.Now()
		if now.Sub(discovered) >= discoverEvery {
			f.discover(watcher)
			discovered = now
		}
		for f.turn(ctx) && ctx.Err() == nil { // until there is nothing to read at once
			if now := f.options.Now(); now.Sub(saved) >= saveEvery {
				f.save()
				saved = now
			}
		}
		if now.Sub(saved) >= saveEvery {
			f.save()
			saved = now
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		case path := <-wake:
			if f.tracks[path] == nil {
				discovered = time.Time{} // something new
			}
		}
	}
	f.save()
	for _, t := range f.tracks {
		t.close()
	}
}

// turn lets every log have a turn, and reports whether one has more to be read.
func (f *Follower) turn(ctx context.Context) (more bool) {
	for path, t := range f.tracks {
		again, gone := t.advance(ctx)
		if gone {
			t.close()
			delete(f.tracks, path)
			delete(f.kept.Logs, path)
			f.changed = true
		}
		more = more || again
	}
	f.counts.open.Store(int64(len(f.tracks)))
	return more
}

// discover looks for logs that are wanted and not followed yet.
func (f *Follower) discover(watcher *fsnotify.Watcher) {
	containers, lost, err := find(f.options.Root)
	if err != nil {
		f.Note(what, err.Error())
		return
	}
	f.Note(what, f.unreachable(containers, lost))
	var left []string // to be read by nobody
	for _, c := range containers {
		if f.tracks[c.Path] != nil {
			continue
		}
		gateway, ok := f.options.Want(c)
		if !ok {
			continue
		}
		t := &track{follower: f, container: c, gateway: gateway, source: c.source()}
		if len(f.tracks) >= f.options.MaxLogs {
			left = append(left, t.source)
			continue
		}
		if t.place = f.kept.Logs[c.Path]; !f.resumed {
			t.since = f.options.Since
		}
		f.tracks[c.Path] = t
	}
	f.Note("further "+what, feed.TooMany(left, f.options.MaxLogs))
	f.forget()
	f.watch(watcher)
}

// unreachable says why the log of a gateway cannot be reached: all links to it lead nowhere, as they do where the folder that
// holds the files is not mounted. Links to former containers stay for a while, beside one that is good.
func (f *Follower) unreachable(found []Container, lost []lostLink) string {
	for _, l := range lost {
		same := func(c Container) bool { return c.Namespace == l.Namespace && c.Pod == l.Pod && c.Name == l.Name }
		if _, wanted := f.options.Want(l.Container); wanted && !slices.ContainsFunc(found, same) {
			return fmt.Sprintf("the link to the log of %s leads nowhere (is the folder with the logs themselves mounted?): %v", l.source(), l.why)
		}
	}
	return ""
}

// forget drops what is kept of logs whose folders are gone.
func (f *Follower) forget() {
	for path := range f.kept.Logs {
		if _, err := os.Stat(filepath.Dir(path)); f.tracks[path] == nil && errors.Is(err, fs.ErrNotExist) {
			delete(f.kept.Logs, path)
		}
	}
}

// watch has changes told in the folders of what is followed, as far as inotify can. What it cannot is
// found by looking; so are containers that are new in a pod.
func (f *Follower) watch(watcher *fsnotify.Watcher) {
	if watcher == nil {
		return
	}
	wanted := map[string]bool{f.options.Root: true}
	for path := range f.tracks {
		wanted[filepath.Dir(path)] = true
	}
	for dir := range f.watched {
		if !wanted[dir] {
			_ = watcher.Remove(dir) // it is gone, and its watch with it
			delete(f.watched, dir)
		}
	}
	for dir := range wanted {
		if !f.watched[dir] && watcher.Add(dir) == nil {
			f.watched[dir] = true
		}
	}
}

// inotify starts to listen for changes; nil where that cannot be.
func (f *Follower) inotify() (*fsnotify.Watcher, <-chan string) {
	if f.options.NoInotify {
		return nil, nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, nil // files are looked at every now and then instead
	}
	wake := make(chan string, 1)
	go func() { // ends when the watcher is closed
		for e := range watcher.Events {
			if !e.Has(fsnotify.Write) && !e.Has(fsnotify.Create) {
				continue // renamed and deleted files are read to their end anyway
			}
			select {
			case wake <- e.Name:
			default:
			}
		}
	}()
	go func() {
		for range watcher.Errors { // an overflow: what was missed is found by looking
		}
	}()
	return watcher, wake
}

// save keeps how far was read.
func (f *Follower) save() {
	if f.options.Checkpoint == "" || !f.changed {
		return
	}
	for path, t := range f.tracks {
		f.kept.Logs[path] = t.place
	}
	err := f.kept.save(f.options.Checkpoint)
	if err != nil {
		f.Note(f.options.Checkpoint, err.Error())
		return
	}
	f.Note(f.options.Checkpoint, "")
	f.changed = false
}
