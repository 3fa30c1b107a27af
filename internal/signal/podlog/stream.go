package podlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// maxLine is the longest line that is kept; the rest of a longer one is skipped.
const maxLine = 256 << 10

// stream follows the log of one container.
type stream struct {
	follower  *Follower
	pod       model.Ref
	container string
	parser    proxy.Parser
	cancel    context.CancelFunc
	place     place
	buffer    []byte
}

func newStream(f *Follower, pod *corev1.Pod, container string, p proxy.Proxy) *stream {
	return &stream{
		follower:  f,
		pod:       model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name},
		container: container,
		parser:    p.NewParser(),
		place:     place{seed: maphash.MakeSeed(), since: f.options.Since},
	}
}

// what names the log for people, and is Signal.Source.
func (s *stream) what() string {
	return s.pod.Namespace + "/" + s.pod.Name + "/" + s.container
}

// follow reads the log until ctx is done, opening it again whenever it ends.
func (s *stream) follow(ctx context.Context) {
	wait := s.follower.options.Retry
	for ctx.Err() == nil {
		heard, err := s.read(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.follower.note(s.what(), why(err))
		}
		if heard {
			wait = s.follower.options.Retry
		}
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, 32*s.follower.options.Retry)
		s.follower.counts.reopened.Add(1)
	}
}

// why says in few words why a log cannot be read.
func why(err error) string {
	switch {
	case apierrors.IsForbidden(err):
		return "reading the pod's log is forbidden"
	case apierrors.IsNotFound(err):
		return "the pod is gone"
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

// read opens the log once and reads it to its end. heard is true if any new line came.
func (s *stream) read(ctx context.Context) (heard bool, err error) {
	options := &corev1.PodLogOptions{Container: s.container, Follow: true, Timestamps: true}
	if since := s.place.reopen(); !since.IsZero() {
		options.SinceTime = &metav1.Time{Time: since}
	}
	body, err := s.follower.client.CoreV1().Pods(s.pod.Namespace).GetLogs(s.pod.Name, options).Stream(ctx)
	if err != nil {
		return false, fmt.Errorf("open log: %w", err)
	}
	defer body.Close()
	s.follower.note(s.what(), "")
	s.follower.counts.open.Add(1)
	defer s.follower.counts.open.Add(-1)
	lines := bufio.NewReaderSize(body, 64<<10)
	for {
		line, err := s.next(lines)
		if errors.Is(err, io.EOF) {
			return heard, nil
		}
		if err != nil {
			return heard, fmt.Errorf("read log: %w", err)
		}
		heard = s.take(line) || heard
	}
}

// next returns the next complete line; what is left at the end of a stream that broke comes again.
func (s *stream) next(r *bufio.Reader) ([]byte, error) {
	s.buffer = s.buffer[:0]
	for {
		part, err := r.ReadSlice('\n')
		if room := maxLine - len(s.buffer); room > 0 {
			s.buffer = append(s.buffer, part[:min(len(part), room)]...)
		}
		switch {
		case err == nil:
			return trimEnd(s.buffer), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func trimEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}

// take reads one line with its stamp, and reports whether it is new.
func (s *stream) take(line []byte) bool {
	stamp, text, ok := cutStamp(line)
	if !ok {
		s.follower.counts.lines.Add(1)
		s.follower.counts.foreign.Add(1)
		return false
	}
	if !s.place.advance(stamp, text) {
		return false
	}
	c := &s.follower.counts
	c.lines.Add(1)
	var signal model.Signal
	switch s.parser.Parse(text, &signal) {
	case proxy.Access:
		c.requests.Add(1)
	case proxy.ErrorLine:
		c.errors.Add(1)
	case proxy.Event:
		return true
	default:
		if len(text) > 0 {
			c.foreign.Add(1)
		}
		return true
	}
	signal.At = refine(signal, stamp)
	signal.Gateway = s.pod
	signal.Source = s.what()
	select {
	case s.follower.signals <- signal:
	default:
		c.dropped.Add(1)
	}
	return true
}

// refine replaces a time of whole seconds, or of an unknown zone, by the moment at which the node
// received the line. Both are written when the request ends.
func refine(signal model.Signal, stamp time.Time) time.Time {
	if signal.ErrorLog || signal.At.IsZero() || signal.At.Nanosecond() == 0 && stamp.Sub(signal.At).Abs() < 2*time.Second {
		return stamp
	}
	return signal.At
}
