package podlog

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Rest ends the reading of a gateway's log, as somebody else reads it, until Resume. It returns the stamp of the newest line that
// was read; zero: none was. No signal of the gateway arrives after it has returned.
func (f *Follower) Rest(pod model.Ref) (read time.Time) {
	f.mu.Lock()
	f.resting[pod] = true
	s := f.stream(pod)
	if s == nil || s.rests {
		f.mu.Unlock()
		return time.Time{}
	}
	s.rests = true
	s.cancel()
	f.feed.Note(s.what(), "") // it is not lost
	f.mu.Unlock()
	<-s.ended
	return s.place.newest
}

// Resume reads the log of a gateway again that was left to somebody else, from behind the line with the given stamp; zero:
// from where it was left.
func (f *Follower) Resume(pod model.Ref, after time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.resting, pod)
	s := f.stream(pod)
	if s == nil || !s.rests || f.over {
		return
	}
	s.rests, s.fresh = false, false // the container may have been restarted meanwhile
	if after.After(s.place.newest) {
		s.place = place{seed: s.place.seed, since: after}
		s.after = after
	}
	s.start(0)
}

// stream finds that of a pod; the lock is held.
func (f *Follower) stream(pod model.Ref) *stream {
	for _, s := range f.streams {
		if s.pod == pod {
			return s
		}
	}
	return nil
}

// running is how many logs are read; the lock is held.
func (f *Follower) running() (n int) {
	for _, s := range f.streams {
		if !s.rests {
			n++
		}
	}
	return n
}
