package podlog

import (
	"context"
	"errors"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// errGone says that the pod is no more, even if another one has its name.
var errGone = errors.New("the pod is gone")

// ended is the container that ran in the place of the present one. Its log can be read until the container
// after it ends, too: the kubelet keeps one dead container of each by default
// (https://kubernetes.io/docs/concepts/architecture/garbage-collection/).
type ended struct {
	id string // empty: there was none
	at time.Time
}

// endedOf is what a pod's status says of the container before the present one.
func endedOf(pod *corev1.Pod, container string) ended {
	for i := range pod.Status.ContainerStatuses {
		c := &pod.Status.ContainerStatuses[i]
		if last := c.LastTerminationState.Terminated; c.Name == container && last != nil {
			return ended{last.ContainerID, last.FinishedAt.Time}
		}
	}
	return ended{}
}

// look asks whether the container was restarted. If that cannot be told, the log itself will: the last line
// does not come again.
func (s *stream) look(ctx context.Context) error {
	pod, err := s.follower.client.CoreV1().Pods(s.pod.Namespace).Get(ctx, s.pod.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), err == nil && pod.UID != s.uid:
		return errGone
	case err == nil:
		s.before = endedOf(pod, s.container)
	}
	return nil
}

// finish reads what is left of the log of a container that ended since, before that of the one after it is
// opened.
func (s *stream) finish(ctx context.Context) {
	b := s.before
	if b.id == "" || b.id == s.finished || !s.place.begun() && b.at.Before(s.place.since.Truncate(time.Second)) {
		return
	}
	if s.readPrevious(ctx) {
		s.finished = b.id
	}
}

// readPrevious reads what is new in the log of the container before the present one, and reports whether it
// came to the end. That there is no such log is no error: what is lost is told when the next line comes.
func (s *stream) readPrevious(ctx context.Context) bool {
	options := s.ask()
	options.Previous = true
	body, err := s.open(ctx, options)
	if err != nil {
		return false
	}
	defer body.Close()
	lines := newLineReader(body)
	for {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			s.place.reopen() // whether more comes is not known
			return false
		}
		if l, ok := s.stamped(line); ok && !s.known(l) {
			s.take(l)
		}
	}
}
