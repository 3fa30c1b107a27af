package relay

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"

	"github.com/gatemend/gatemend/internal/model"
)

// SenderOptions are what an agent sends, and where to.
type SenderOptions struct {
	// Target is the controller's HOST:PORT. A name that has several addresses is that of several controllers, of which
	// the one that leads listens.
	Target      string
	Credentials credentials.TransportCredentials
	// Report gives what is new. It is called by one goroutine.
	Report func(now time.Time) Report
	Now    func() time.Time
	Log    *slog.Logger
	// Every is how often to report what is new; 0 means 250 ms.
	Every time.Duration
	// Patience is how long an answer may take; 0 means 5 s.
	Patience time.Duration
}

// The rhythm of sending.
const (
	sendEvery  = 250 * time.Millisecond
	aliveEvery = time.Second // how often an agent that has nothing new says so
	patience   = 5 * time.Second
	firstWait  = 250 * time.Millisecond // after an attempt that failed, doubled each time
	longWait   = 5 * time.Second
	// connectWait is the longest wait for another connection. It is shorter than longWait, since the two add up: what is sent while
	// there is no connection fails at once.
	connectWait = time.Second
	lastWord    = 2 * time.Second // how long an agent that ends tries to say so
)

// Sender sends an agent's reports.
type Sender struct {
	options SenderOptions
	backlog backlog

	receiver  string // that confirmed the last report
	confirmed map[model.Ref]map[Series]uint64
	conn      *grpc.ClientConn
	said      time.Time // when the last report was made
	wait      time.Duration
	next      time.Time // not before
	failing   time.Time // since when nobody answers; zero: somebody does
	why       string    // the failure that was last told
}

// NewSender returns a sender, which begins in Run.
func NewSender(o SenderOptions) *Sender {
	o.Every, o.Patience = cmp.Or(o.Every, sendEvery), cmp.Or(o.Patience, patience)
	return &Sender{options: o, confirmed: map[model.Ref]map[Series]uint64{}}
}

// Run sends until the context ends. It fails only if the target makes no sense.
func (s *Sender) Run(ctx context.Context) error {
	if err := s.connect(); err != nil {
		return err
	}
	defer func() { _ = s.conn.Close() }() // nothing is under way any more
	tick := time.NewTicker(s.options.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.leave(context.WithoutCancel(ctx))
		case <-tick.C:
		}
		now := s.options.Now()
		r := s.options.Report(now)
		if due := now.Sub(s.said).Abs() >= aliveEvery; r.Changed() || due {
			s.said = now
			s.backlog.push(r)
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
}

// leave says the last, and that the agent speaks of no gateway any more, so that they are read in another way at once.
func (s *Sender) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lastWord)
	defer cancel()
	r := s.options.Report(s.options.Now())
	s.backlog.push(r)
	r.Number++
	r.Gateways = nil
	s.backlog.push(r)
	for {
		s.next = time.Time{}
		if err := s.flush(ctx); err != nil || len(s.backlog.reports) == 0 {
			return err
		}
		select { // the connection may be new, or another controller may lead
		case <-ctx.Done():
			return nil
		case <-time.After(firstWait):
		}
	}
}

func (s *Sender) connect() error {
	c := backoff.DefaultConfig
	c.BaseDelay, c.MaxDelay = firstWait, connectWait
	// A service config would be a TXT record, whose look-up may take seconds.
	conn, err := grpc.NewClient(s.options.Target, grpc.WithTransportCredentials(s.options.Credentials), grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: c, MinConnectTimeout: s.options.Patience}))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", s.options.Target, err)
	}
	s.conn = conn
	return nil
}

// flush sends what waits, as far as it is taken. An error is one of the target.
func (s *Sender) flush(ctx context.Context) error {
	asked := false
	for len(s.backlog.reports) > 0 && ctx.Err() == nil {
		now := s.options.Now()
		if now.Before(s.next) && s.next.Sub(now) <= longWait { // more, and the clock was set back
			return nil
		}
		r := s.backlog.reports[0]
		r.Omitted += s.backlog.omitted
		err := s.send(ctx, r, asked)
		id, unconfirmed := unknownTo(err)
		switch {
		case err == nil:
			s.answered(now)
			s.confirm(r)
			s.backlog.pop()
			asked = false
		case unconfirmed && !asked:
			s.receiver, asked = id, true
		case status.Code(err) == codes.InvalidArgument:
			s.options.Log.Error("the controller refuses a report; what is only in it is not counted", "error", err)
			s.backlog.pop()
		default:
			if ctx.Err() == nil {
				return s.failed(err, now)
			}
		}
	}
	return nil
}

// send sends one report. whole: with all that was confirmed so far.
func (s *Sender) send(ctx context.Context, r Report, whole bool) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Patience)
	defer cancel()
	var confirmed map[model.Ref]map[Series]uint64
	if whole {
		confirmed = s.confirmed
	}
	_, err := collector.NewMetricsServiceClient(s.conn).Export(ctx, message(r, s.receiver, confirmed), grpc.UseCompressor(gzip.Name))
	return err
}

// confirm remembers what a receiver has taken.
func (s *Sender) confirm(r Report) {
	present := map[model.Ref]bool{}
	for i := range r.Gateways {
		g := &r.Gateways[i]
		present[g.Pod] = true
		if s.confirmed[g.Pod] == nil {
			s.confirmed[g.Pod] = map[Series]uint64{}
		}
		for _, p := range g.Points {
			s.confirmed[g.Pod][p.Series] = p.Value
		}
	}
	for pod := range s.confirmed {
		if !present[pod] {
			delete(s.confirmed, pod)
		}
	}
}

func (s *Sender) answered(now time.Time) {
	if !s.failing.IsZero() {
		s.options.Log.Info("the controller answers again", "after", now.Sub(s.failing).Round(time.Millisecond).String(), "waiting", len(s.backlog.reports))
	}
	s.failing, s.wait, s.next = time.Time{}, 0, time.Time{}
}

// failed waits longer from time to time. A connection over which no answer came may be dead without saying so. Another reason
// than the last is told, too: the first is often only that a connection ended, the next why there is no new one.
func (s *Sender) failed(err error, now time.Time) error {
	if s.failing.IsZero() {
		s.failing, s.why = now, ""
	}
	if why := strings.Map(noDigits, err.Error()); why != s.why {
		s.why = why
		s.options.Log.Warn("the controller does not take reports; they are kept and sent again", "controller", s.options.Target, "error", err)
	}
	s.wait = min(max(2*s.wait, firstWait), longWait)
	s.next = now.Add(s.wait)
	if status.Code(err) != codes.DeadlineExceeded {
		return nil
	}
	_ = s.conn.Close()
	return s.connect()
}

// noDigits leaves out of a reason what changes from attempt to attempt: ports and times.
func noDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}

// unknownTo reads of an error that the receiver has not confirmed the last report, and the receiver's id.
func unknownTo(err error) (id string, ok bool) {
	if status.Code(err) != codes.FailedPrecondition {
		return "", false
	}
	for _, d := range status.Convert(err).Details() {
		if info, is := d.(*errdetails.ErrorInfo); is && info.GetReason() == reasonUnconfirmed {
			return info.GetMetadata()[keyReceiver], true
		}
	}
	return "", false
}

// reasonUnconfirmed is the reason of an ErrorInfo.
const reasonUnconfirmed = "UNCONFIRMED"
