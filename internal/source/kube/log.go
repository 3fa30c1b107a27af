package kube

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"

	"github.com/gatemend/gatemend/internal/model"
)

// LogRequest names a container's log.
type LogRequest struct {
	Pod       model.Ref
	Container string
	Previous  bool // of the container before the last restart
}

// LogOptions say how much of a log is read. The zero value reads the last 200 lines.
type LogOptions struct {
	Lines int64 // from the end; 0 means 200
	Bytes int   // at most, from the end, in whole lines; 0 means 256 KiB
	// Within is how long each may take; 0 means 2 s. The API server asks the kubelet of the pod's node, and waits for a node that
	// is dead for as long as its network lets it.
	Within time.Duration
}

const (
	defaultLogLines = 200
	defaultLogBytes = 256 << 10
	logWithin       = 2 * time.Second
)

// PodLogs reads the ends of logs, in the order asked for. A log that does not exist, because the
// container has not started or has not been restarted, is left out without an error. Logs that
// could not be read are left out too, and the error, joined of all of theirs, says which; the
// excerpts are good even then.
func PodLogs(ctx context.Context, c kubernetes.Interface, opt LogOptions, wanted ...LogRequest) ([]model.LogExcerpt, error) {
	opt.Lines, opt.Bytes, opt.Within = cmp.Or(opt.Lines, defaultLogLines), cmp.Or(opt.Bytes, defaultLogBytes), cmp.Or(opt.Within, logWithin)
	excerpts := make([]*model.LogExcerpt, len(wanted))
	errs := make([]error, len(wanted))
	var g errgroup.Group
	g.SetLimit(concurrent)
	for i, w := range wanted {
		g.Go(func() error {
			excerpts[i], errs[i] = tail(ctx, c, opt, w)
			return nil
		})
	}
	_ = g.Wait() // no function returns an error: each keeps its own in errs
	var got []model.LogExcerpt
	for _, e := range excerpts {
		if e != nil {
			got = append(got, *e)
		}
	}
	return got, errors.Join(errs...)
}

// tail reads the end of one log, as far as there is time; nil if there is none.
func tail(ctx context.Context, c kubernetes.Interface, opt LogOptions, w LogRequest) (*model.LogExcerpt, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, opt.Within, fmt.Errorf("no answer within %s; its node may be down", opt.Within))
	defer cancel()
	stream, err := c.CoreV1().Pods(w.Pod.Namespace).GetLogs(w.Pod.Name, &corev1.PodLogOptions{
		// No limitBytes: it keeps the beginning of what tailLines leaves, and the end is wanted.
		Container: w.Container,
		Previous:  w.Previous,
		TailLines: &opt.Lines,
	}).Stream(ctx)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsBadRequest(err):
		// The kubelet answers 400 for "is waiting to start" and "previous terminated container not found".
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read log of %s/%s container %s: %w", w.Pod.Namespace, w.Pod.Name, w.Container, cmp.Or(context.Cause(ctx), err))
	}
	defer stream.Close()
	e := &model.LogExcerpt{Pod: w.Pod, Container: w.Container, Previous: w.Previous}
	lines := bufio.NewReader(stream)
	size := 0
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			e.Lines = append(e.Lines, line)
			size += len(line)
		}
		for size > opt.Bytes && len(e.Lines) > 1 {
			size -= len(e.Lines[0])
			e.Lines = e.Lines[1:]
		}
		if errors.Is(err, io.EOF) {
			if ofKubelet(e.Lines) {
				return nil, nil
			}
			return e, nil
		}
		if err != nil {
			return e, fmt.Errorf("read log of %s/%s container %s: %w", w.Pod.Namespace, w.Pod.Name, w.Container, cmp.Or(context.Cause(ctx), err))
		}
	}
}

// ofKubelet reports whether a log is no more than the kubelet's own words that there is none: it may say so with status 200,
// in place of what the container wrote, when that container was removed a moment ago (kubernetes, cri-client/pkg/logs: ReadLogs;
// pkg/kubelet/kuberuntime: GetContainerLogs).
func ofKubelet(lines []string) bool {
	return len(lines) == 1 && (strings.HasPrefix(lines[0], "failed to try resolving symlinks in path ") ||
		strings.HasPrefix(lines[0], "unable to retrieve container logs for "))
}
