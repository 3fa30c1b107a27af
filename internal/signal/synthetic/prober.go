// Package synthetic asks chosen URLs again and again through the gateway's front door, so that a route that nobody
// asks at the moment is heard of too.
//
// Every answer, and every failure to get one, is a signal as a gateway's log would give. What keeps the prober itself
// from asking, such as a name that does not resolve, is no failure of the route: it is unseen. Each URL is asked by a
// goroutine of its own, one request at a time, on a new connection, and redirects are not followed.
package synthetic

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// userAgent is how gateways' logs show who asked.
const userAgent = "gatemend-probe"

// Bounds of probing.
const (
	inFlight  = 8                // requests under way at once
	patience  = 10 * time.Second // for one request, from the dial to the end of the answer
	readBytes = 64 << 10         // of an answer
	queued    = 64               // signals that nobody has taken yet; probes wait then
)

// Options says what is asked, and how.
type Options struct {
	URLs    []*url.URL
	Every   time.Duration // for each URL, give or take a tenth
	Method  string        // empty: GET
	Headers http.Header
	// Insecure takes any certificate. Else one that clients would refuse is a failure.
	Insecure bool
	// Address is the host:port of the gateway to which requests for a URL go; empty: where its name leads.
	Address func(*url.URL) string
	Now     func() time.Time
}

// Prober asks until its context ends.
type Prober struct {
	options Options
	signals chan model.Signal
	tokens  chan struct{}

	mu     sync.Mutex
	unseen map[string]string // URL -> why it could not be asked
}

// Start begins to ask. The channel of signals is closed at the end.
func Start(ctx context.Context, o Options) *Prober {
	p := &Prober{options: o, signals: make(chan model.Signal, queued), tokens: make(chan struct{}, inFlight), unseen: map[string]string{}}
	var group sync.WaitGroup
	for _, u := range o.URLs {
		group.Go(func() { p.follow(ctx, u) })
	}
	go func() {
		group.Wait()
		close(p.signals)
	}()
	return p
}

// Signals is where results arrive.
func (p *Prober) Signals() <-chan model.Signal { return p.signals }

// Notices is what was lost, which is nothing: a probe waits until its result is taken.
func (p *Prober) Notices() []string { return nil }

// Unseen is what cannot be asked at present.
func (p *Prober) Unseen() []model.Unseen {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []model.Unseen
	for what, why := range p.unseen {
		out = append(out, model.Unseen{What: "probe of " + what, Why: why})
	}
	slices.SortFunc(out, func(a, b model.Unseen) int { return cmp.Compare(a.What, b.What) })
	return out
}

func (p *Prober) note(u *url.URL, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if why == "" {
		delete(p.unseen, u.Redacted())
		return
	}
	p.unseen[u.Redacted()] = why
}

// follow asks one URL until the context ends. The first wait is any part of the period, so that the URLs spread.
func (p *Prober) follow(ctx context.Context, u *url.URL) {
	wait := time.Duration(rand.Float64() * float64(p.options.Every))
	for sleep(ctx, wait) {
		select {
		case p.tokens <- struct{}{}:
		case <-ctx.Done():
			return
		}
		sig, err := p.ask(ctx, u)
		<-p.tokens
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.note(u, err.Error())
		default:
			p.note(u, "")
			select {
			case p.signals <- sig:
			case <-ctx.Done():
				return
			}
		}
		wait = time.Duration((0.9 + 0.2*rand.Float64()) * float64(p.options.Every))
	}
}

// sleep reports whether the context lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask sends one request. It gives an error only if it could not be sent for a reason on this side.
func (p *Prober) ask(ctx context.Context, u *url.URL) (model.Signal, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	o := p.options
	sig := model.Signal{
		Source:  "probe/" + u.Redacted(),
		Request: model.Request{Scheme: u.Scheme, Method: cmp.Or(o.Method, http.MethodGet), Host: u.Hostname(), Path: cmp.Or(u.EscapedPath(), "/")},
	}
	var reached atomic.Int32 // the transport's goroutines tell
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				reached.Store(int32(connected))
			}
		},
		TLSHandshakeStart: func() { reached.Store(int32(shaking)) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				reached.Store(int32(connected))
			}
		},
	})
	req, err := http.NewRequestWithContext(ctx, sig.Request.Method, u.String(), http.NoBody)
	if err != nil {
		return sig, err //nolint:wrapcheck // the URL is named beside it
	}
	for name, values := range o.Headers {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", userAgent)
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if o.Address != nil {
				address = cmp.Or(o.Address(u), address)
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: o.Insecure}, //nolint:gosec // only where a person asks for it
	}
	began := o.Now()
	resp, err := transport.RoundTrip(req)
	if err == nil {
		sig.Status = resp.StatusCode
		_, err = io.CopyN(io.Discard, resp.Body, readBytes)
		if errors.Is(err, io.EOF) {
			err = nil // the whole answer
		}
		resp.Body.Close()
	}
	sig.At = o.Now()
	sig.Duration = sig.At.Sub(began)
	switch {
	case err != nil && ours(err):
		return sig, err
	case err != nil:
		sig.Failure, sig.Reason = failureOf(err, stage(reached.Load()), sig.Status), err.Error()
	case sig.Status >= http.StatusInternalServerError:
		sig.Failure = model.OtherFailure // whether the gateway or the application says so is not known here
	}
	return sig, nil
}
