package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"
)

// DialFunc opens a connection, for example into a cluster's network.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Target is where requests go.
type Target struct {
	Name    string
	Address string // host:port to connect to
	Host    string // the Host header
	Path    string // empty means /
	Method  string // empty means GET
}

// Limits bound a run; the first that is reached ends it. Rate, Count and Duration have no default.
type Limits struct {
	Rate     float64       // requests per second and target
	Count    int           // requests per target
	Duration time.Duration // from start to the last request
	Timeout  time.Duration // for one answer; 0 means 30 s, longer than HAProxy retries
	Waiting  int           // requests of a target that may wait at once; 0 means 500
}

// Run is a load that is going on.
type Run struct {
	mu      sync.Mutex
	reports []Report
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Start begins to send requests to every target. They end with ctx or at a limit; requests that are
// waiting then are still counted.
func Start(ctx context.Context, dial DialFunc, targets []Target, l Limits) (*Run, error) {
	if l.Rate <= 0 || l.Count <= 0 || l.Duration <= 0 {
		return nil, fmt.Errorf("start load: rate %v, count %d and duration %s must all be positive", l.Rate, l.Count, l.Duration)
	}
	if l.Timeout == 0 {
		l.Timeout = 30 * time.Second
	}
	if l.Waiting == 0 {
		l.Waiting = 500
	}
	ctx, stop := context.WithTimeout(ctx, l.Duration)
	r := &Run{stop: stop}
	client := &http.Client{
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
		Timeout:   l.Timeout,
		// A redirect is an answer of the gateway, to be counted, not followed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	targets = slices.Clone(targets)
	for i, t := range targets {
		t.Path, t.Method = cmp.Or(t.Path, "/"), cmp.Or(t.Method, http.MethodGet)
		targets[i] = t
		if _, err := http.NewRequest(t.Method, "http://"+t.Address+t.Path, http.NoBody); err != nil { //nolint:noctx // only checked, never sent
			stop()
			return nil, fmt.Errorf("start load to %s: %w", t.Name, err)
		}
		r.reports = append(r.reports, empty(t))
	}
	for i := range targets {
		r.done.Go(func() { r.pace(ctx, client, i, targets[i], l) })
	}
	return r, nil
}

// Report returns what has happened so far, in the order of the targets.
func (r *Run) Report() []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Report, len(r.reports))
	for i := range r.reports {
		out[i] = r.reports[i].copy()
	}
	return out
}

// Anew begins the reports anew: what came until now is in none any more. Requests that are waiting for an answer count when it comes.
func (r *Run) Anew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.reports {
		r.reports[i] = empty(r.reports[i].Target)
	}
}

// Wait returns the report when everything has ended.
func (r *Run) Wait() []Report {
	r.done.Wait()
	r.stop()
	return r.Report()
}

// Stop sends no more requests and returns the report when the waiting ones have ended.
func (r *Run) Stop() []Report {
	r.stop()
	return r.Wait()
}

// pace starts requests by the clock: request n is due n/rate after the start, so that a late one does
// not make all that follow late.
func (r *Run) pace(ctx context.Context, client *http.Client, i int, t Target, l Limits) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	slots := make(chan struct{}, l.Waiting)
	started := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := range l.Count {
		timer.Reset(time.Until(started.Add(time.Duration(float64(n) / l.Rate * float64(time.Second)))))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		select {
		case slots <- struct{}{}:
		default:
			r.note(i, func(rep *Report) { rep.Skipped++ })
			continue
		}
		r.note(i, func(rep *Report) { rep.Sent++ })
		waiting.Go(func() {
			defer func() { <-slots }()
			// Not bound to ctx: a request that was sent is answered or times out, and is counted.
			status, fault := ask(context.WithoutCancel(ctx), client, t)
			at := time.Now()
			r.note(i, func(rep *Report) { rep.add(at, status, fault) })
		})
	}
}

func (r *Run) note(i int, change func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.reports[i])
}

// ask returns the status, or what kept an answer from coming.
func ask(ctx context.Context, client *http.Client, t Target) (status int, fault string) {
	req, err := http.NewRequestWithContext(ctx, t.Method, "http://"+t.Address+t.Path, http.NoBody)
	if err != nil {
		return 0, "request"
	}
	req.Host = t.Host
	req.Header.Set("User-Agent", "gatemend-lab-load/1")
	resp, err := client.Do(req)
	if err != nil {
		return 0, name(err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if e := resp.Body.Close(); err == nil {
		err = e
	}
	if err != nil {
		return 0, name(err)
	}
	return resp.StatusCode, ""
}

// name sorts errors into few kinds: they are keys of a count.
func name(err error) string {
	netErr, isNet := errors.AsType[net.Error](err)
	switch {
	case isNet && netErr.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	default:
		return "other"
	}
}
