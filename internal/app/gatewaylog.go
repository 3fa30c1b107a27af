package app

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/watch"
)

// How much of each gateway's log is read at once, and how many logs side by side. A busy gateway
// writes a line of some 400 bytes for each request: this is the last 50,000 of them.
const (
	gatewayLogBytes = 20 << 20
	gatewayLogLines = 50_000
	gatewaysAtOnce  = 4
	longestLine     = 1 << 20
)

// silentFor is how long nothing may come of a log before it is given up. The API server asks the kubelet of the pod's
// node, and waits for a node that is dead for as long as its network lets it.
const silentFor = 5 * time.Second

// gatewayLog is the end of one gateway's log.
type gatewayLog struct {
	pod       model.Ref
	container string
	proxy     proxy.Proxy
	parser    proxy.Parser
	lines     []stamped
}

// stamped is a line and the time at which the container runtime got it; zero where that is not known.
type stamped struct {
	at   time.Time
	text []byte
}

// GatewayLogs reads what the gateways logged since a time. A log that cannot be read is something
// unseen, not an error: the objects alone may still tell the cause.
func (c *cluster) GatewayLogs(ctx context.Context, s *snapshot.Snapshot, since time.Time) (watch.LogFiles, error) {
	logs, unseen := c.gatewayLogs(ctx, s, since)
	if err := ctx.Err(); err != nil {
		return watch.LogFiles{}, fmt.Errorf("read gateways' logs: %w", context.Cause(ctx))
	}
	got := watch.LogFiles{Unseen: unseen}
	for _, l := range logs {
		signals, own := l.read()
		got.Signals = append(got.Signals, signals...)
		if len(own.Lines) > 0 {
			got.Excerpts = append(got.Excerpts, own)
		}
	}
	return got, nil
}

// gatewayLogs reads the logs of all gateways that run.
func (c *cluster) gatewayLogs(ctx context.Context, s *snapshot.Snapshot, since time.Time) ([]gatewayLog, []model.Unseen) {
	var logs []gatewayLog
	for p := range s.Pods().All() {
		if px, container, ok := all.ForPod(p); ok && p.Status.Phase == corev1.PodRunning {
			ref := snapshot.RefOf(p)
			logs = append(logs, gatewayLog{pod: ref, container: container, proxy: px, parser: formatsOf(s, p, c.formats).Parser(px, ref)})
		}
	}
	errs := make([]error, len(logs))
	var g errgroup.Group
	g.SetLimit(gatewaysAtOnce)
	for i := range logs {
		g.Go(func() error {
			logs[i].lines, errs[i] = c.readLog(ctx, logs[i], since, silentFor)
			return nil
		})
	}
	_ = g.Wait() // no function returns an error: each keeps its own in errs
	var unseen []model.Unseen
	for i, err := range errs {
		if err != nil {
			what := fmt.Sprintf("log of gateway %s/%s", logs[i].pod.Namespace, logs[i].pod.Name)
			unseen = append(unseen, model.Unseen{What: what, Why: oneLine(err)})
		}
	}
	return logs, unseen
}

// readLog reads what one gateway logged since a time. It gives up where nothing comes for so long; what came before is
// given even then.
func (c *cluster) readLog(ctx context.Context, l gatewayLog, since time.Time, silent time.Duration) ([]stamped, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	giveUp := time.AfterFunc(silent, func() { cancel(fmt.Errorf("nothing came for %s; its node may be down", silent)) })
	defer giveUp.Stop()
	lines, limit := int64(gatewayLogLines), int64(gatewayLogBytes)
	from := metav1.NewTime(since)
	stream, err := c.clients.Kube.CoreV1().Pods(l.pod.Namespace).GetLogs(l.pod.Name, &corev1.PodLogOptions{
		Container: l.container, SinceTime: &from, TailLines: &lines, LimitBytes: &limit, Timestamps: true,
	}).Stream(ctx)
	if err != nil {
		return nil, cmp.Or(context.Cause(ctx), err)
	}
	defer stream.Close()
	read, err := split(heard{stream, func() { giveUp.Reset(silent) }})
	if err != nil {
		err = fmt.Errorf("read log: %w", cmp.Or(context.Cause(ctx), err))
	}
	return read, err
}

// heard is a reader that tells of everything that comes.
type heard struct {
	io.Reader
	tell func()
}

func (h heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if n > 0 {
		h.tell()
	}
	return n, err
}

// split reads lines that the kubelet has marked with their times.
func split(r io.Reader) ([]stamped, error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 64<<10), longestLine)
	var lines []stamped
	for scanner.Scan() {
		mark, text, found := bytes.Cut(scanner.Bytes(), []byte{' '})
		at, err := time.Parse(time.RFC3339Nano, string(mark))
		if !found || err != nil {
			at, text = time.Time{}, scanner.Bytes()
		}
		lines = append(lines, stamped{at, bytes.Clone(text)})
	}
	return lines, scanner.Err()
}

// ownLines is how many of the lines that a gateway said of itself are kept.
const ownLines = 200

// read parses the log: what it says of requests, and the last of what else may say what is wrong.
func (l gatewayLog) read() (signals []model.Signal, own model.LogExcerpt) {
	source := l.pod.Namespace + "/" + l.pod.Name + "/" + l.container
	own = model.LogExcerpt{Pod: l.pod, Container: l.container}
	for _, line := range l.lines {
		var s model.Signal
		if class := l.parser.Parse(line.text, &s); class != proxy.Access && class != proxy.ErrorLine {
			if proxy.Telling(line.text) {
				own.Lines = append(own.Lines, string(line.text))
			}
			continue
		}
		if s.At.IsZero() {
			s.At = line.at
		}
		s.Gateway, s.Proxy, s.Source = l.pod, l.proxy.Name, source
		signals = append(signals, s)
	}
	own.Lines = own.Lines[max(0, len(own.Lines)-ownLines):]
	return signals, own
}

// excerpt is the log as it was written.
func (l gatewayLog) excerpt() model.LogExcerpt {
	e := model.LogExcerpt{Pod: l.pod, Container: l.container}
	for _, line := range l.lines {
		e.Lines = append(e.Lines, string(line.text))
	}
	return e
}
