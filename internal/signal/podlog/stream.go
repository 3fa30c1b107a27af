package podlog

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/signal/logfile"
)

// stream follows the log of one container.
type stream struct {
	follower  *Follower
	pod       model.Ref
	uid       types.UID
	container string
	parser    proxy.Parser
	start     func(later time.Duration)
	leave     func()             // ends the following of the pod
	cancel    context.CancelFunc // nil: it was never started
	ended     chan struct{}      // closed when it has
	rests     bool
	after     time.Time // lines up to it were counted elsewhere
	place     place
	before    ended       // as last looked
	fresh     bool        // before is as the pod is: it need not be looked at
	last      atomic.Bool // the pod is over: its log is read once more
	finished  string      // the id of the ended container whose log was read to its end
}

func newStream(f *Follower, pod *corev1.Pod, container string, p proxy.Proxy) *stream {
	ref := model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
	return &stream{
		follower:  f,
		pod:       ref,
		uid:       pod.UID,
		container: container,
		parser:    f.options.Formats.Parser(p, ref),
		place:     place{seed: maphash.MakeSeed(), since: f.options.Since},
		before:    endedOf(pod, container),
		fresh:     true,
	}
}

// what names the log for people, and is Signal.Source.
func (s *stream) what() string { return logOf(s.pod.Namespace, s.pod.Name, s.container) }

func logOf(namespace, pod, container string) string { return namespace + "/" + pod + "/" + container }

// begin starts to follow; the follower's lock is held.
func (s *stream) begin(ctx context.Context, later time.Duration) {
	ctx, s.cancel = context.WithCancel(ctx)
	ended := make(chan struct{})
	s.ended = ended
	s.follower.group.Go(func() {
		defer close(ended)
		if later == 0 || pause(ctx, later) {
			s.follow(ctx)
		}
	})
}

// follow reads the log until ctx is done or the pod is over, opening it again whenever it ends.
func (s *stream) follow(ctx context.Context) {
	wait, tries := s.follower.options.Retry, 0
	for {
		heard, err, last := false, error(nil), s.last.Load()
		if !s.fresh {
			err = s.look(ctx)
		}
		if s.fresh = false; err == nil {
			heard, err = s.read(ctx)
		}
		if last {
			tries++
		}
		switch {
		case ctx.Err() != nil:
			return
		case last && (err == nil || tries == lastTries):
			s.leave()
			return
		case err != nil:
			s.follower.noteStream(s, why(err))
		}
		if heard {
			wait = s.follower.options.Retry
		}
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, longest(err)*s.follower.options.Retry)
		s.follower.counts.reopened.Add(1)
	}
}

// lastTries is how often the log of a pod that is over is asked for: its node may be in trouble too, or have deleted it.
const lastTries = 5

// longest is how many times the first wait the longest one is. What only a person can change is asked for seldom, and so is
// an API server that says that it is asked too much; one that was away, or a kubelet, is back at any moment, and until its
// log is open again a gateway goes unseen.
func longest(err error) time.Duration {
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsTooManyRequests(err) {
		return 32
	}
	return 8
}

// why says in few words why a log cannot be read.
func why(err error) string {
	switch {
	case apierrors.IsForbidden(err):
		return "reading the pod's log is forbidden"
	case apierrors.IsNotFound(err):
		return errGone.Error()
	default:
		return err.Error()
	}
}

// pause waits, give or take a fifth so that many streams do not come back in the same instant.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d - d/5 + time.Duration(rand.Int64N(int64(d/5*2)+1)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// ask is the request for what was not read yet.
func (s *stream) ask() *corev1.PodLogOptions {
	options := &corev1.PodLogOptions{Container: s.container, Timestamps: true}
	if since := s.place.start(); !since.IsZero() {
		options.SinceTime = &metav1.Time{Time: since}
	}
	return options
}

func (s *stream) open(ctx context.Context, options *corev1.PodLogOptions) (io.ReadCloser, error) {
	body, err := s.follower.client.CoreV1().Pods(s.pod.Namespace).GetLogs(s.pod.Name, options).Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return body, nil
}

// read opens the log once and reads it to its end. heard is true if any new line came.
func (s *stream) read(ctx context.Context) (heard bool, err error) {
	s.place.reopen()
	s.finish(ctx)
	options := s.ask()
	options.Follow = true
	body, err := s.open(ctx, options)
	if err != nil {
		return false, err
	}
	defer body.Close()
	s.follower.noteStream(s, "")
	s.follower.counts.open.Add(1)
	defer s.follower.counts.open.Add(-1)
	lines := newLineReader(body)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return heard, nil
		}
		if err != nil {
			return heard, fmt.Errorf("read log: %w", err)
		}
		l, ok := s.stamped(line)
		if !ok || s.known(l) {
			continue
		}
		if s.place.due {
			s.readPrevious(ctx) // the container may have been restarted before its pod's status said so
		}
		s.take(l)
		heard = true
	}
}

// stampedLine is a line as it comes with `timestamps=true`.
type stampedLine struct {
	mark
	stamp time.Time
	text  []byte
}

// stamped takes a line apart. A line without a stamp is none of the container's: with one the kubelet says that
// it cannot read on.
func (s *stream) stamped(line []byte) (stampedLine, bool) {
	stamp, text, ok := cutStamp(line)
	if !ok {
		s.follower.counts.lines.Add(1)
		s.follower.counts.foreign.Add(1)
		return stampedLine{}, false
	}
	return stampedLine{s.place.mark(stamp, text), stamp, text}, true
}

// known reports whether a line was read before, or counted elsewhere.
func (s *stream) known(l stampedLine) bool {
	return s.place.repeats(l.mark) || !s.after.IsZero() && !l.stamp.After(s.after)
}

// take reads a new line.
func (s *stream) take(l stampedLine) {
	if s.place.due {
		s.missed(l.stamp)
	}
	s.place.advance(l.mark)
	c := &s.follower.counts
	c.lines.Add(1)
	var signal model.Signal
	switch s.parser.Parse(l.text, &signal) {
	case proxy.Access:
		c.requests.Add(1)
	case proxy.ErrorLine:
		c.errors.Add(1)
	case proxy.Event:
		return
	default:
		if len(l.text) > 0 {
			c.foreign.Add(1)
		}
		return
	}
	signal.At = logfile.Moment(signal, l.stamp)
	signal.Gateway = s.pod
	signal.Source = s.what()
	s.follower.feed.Put(signal)
}

// missed tells that lines may be lost between the last one and one of the given time: the log does not reach
// back to it any more.
func (s *stream) missed(until time.Time) {
	s.follower.counts.gaps.Add(1)
	from := s.place.newest
	s.follower.feed.Tell(fmt.Sprintf("%s: lines between %s and %s may be lost (%s): the log was rotated, or its container is gone, before it could be read on",
		s.what(), from.UTC().Format(clock), until.UTC().Format(clock), max(until.Sub(from), 0).Round(time.Millisecond)))
}

// clock is how people are told times.
const clock = "15:04:05.000Z"
