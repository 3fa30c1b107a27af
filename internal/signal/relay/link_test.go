package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/testkit/admittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter stands for an agent's book: its values grow when the test says so.
type counter struct {
	mu     sync.Mutex
	number uint64
	values map[Series]uint64
	dirty  map[Series]bool
	// waiting is how many reports were not confirmed when its agent asked for another one.
	waiting atomic.Int64
}

func newCounter() *counter { return &counter{values: map[Series]uint64{}, dirty: map[Series]bool{}} }

func (c *counter) add(s Series, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[s] += n
	c.dirty[s] = true
}

func (c *counter) all() map[Series]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
}

func (c *counter) report(now time.Time) Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	g := Gateway{Pod: pod, Read: now}
	for s := range c.dirty {
		g.Points = append(g.Points, Point{Series: s, Value: c.values[s]})
	}
	clear(c.dirty)
	return Report{Node: "n1", Instance: "a1", Started: start, Number: c.number, At: now, Gateways: []Gateway{g}}
}

// controller is a receiver, and what was counted of it.
type controller struct {
	*Receiver
	address string
	stop    func()

	mu    sync.Mutex
	total map[Series]uint64
	ended []Ended
}

type rules struct {
	id     string
	tls    *tls.Config
	may    func(netip.Addr, string) error
	on     func(string, model.Ref) bool
	silent time.Duration
	slow   time.Duration
	renew  time.Duration
	now    func() time.Time // nil: time.Now
}

// serve runs a controller at an address until it is stopped, or the test ends.
func serve(t *testing.T, address string, r rules) *controller {
	t.Helper()
	var l net.Listener
	await(t, "the address to be free", func() bool {
		var lc net.ListenConfig
		var err error
		l, err = lc.Listen(t.Context(), "tcp", address)
		return err == nil
	})
	if r.may == nil {
		r.may = func(netip.Addr, string) error { return nil }
	}
	if r.on == nil {
		r.on = func(string, model.Ref) bool { return true }
	}
	if r.now == nil {
		r.now = time.Now
	}
	c := &controller{address: l.Addr().String(), total: map[Series]uint64{}}
	ctx, cancel := context.WithCancel(t.Context())
	c.Receiver = Serve(ctx, l, ReceiverOptions{
		Admit: admit.Rules{TLS: r.tls, Renew: r.renew}, ID: r.id, Now: r.now, May: r.may, On: r.on, Silence: r.silent,
		Begun: func(model.Ref) time.Time { return time.Time{} },
		Ended: func(e Ended) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.ended = append(c.ended, e)
		},
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for accounts := range c.Accounts() {
			time.Sleep(r.slow)
			c.mu.Lock()
			for s, n := range sums(accounts) {
				c.total[s] += n
			}
			c.mu.Unlock()
		}
	}()
	c.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(c.stop)
	return c
}

func (c *controller) counted() map[Series]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.total)
}

// agentOf sends what a counter says, until it is stopped.
func agentOf(t *testing.T, address string, c *counter, creds credentials.TransportCredentials) (stop func()) {
	t.Helper()
	return agentLogging(t, address, c, creds, slog.DiscardHandler)
}

func agentLogging(t *testing.T, address string, c *counter, creds credentials.TransportCredentials, log slog.Handler) (stop func()) {
	t.Helper()
	var s *Sender
	report := func(now time.Time) Report {
		c.waiting.Store(int64(len(s.backlog.reports)))
		return c.report(now)
	}
	s = NewSender(SenderOptions{
		Target: address, Credentials: creds, Report: report, Now: time.Now, Log: slog.New(log),
		Every: 5 * time.Millisecond, Patience: 500 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { failed <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-failed; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 2000 {
		if is() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited for %s", what)
}

// awaits waits until all that a counter says was counted, once.
func (c *controller) awaits(t *testing.T, all *counter, what string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("counted is (+) in place of (-): %s", cmp.Diff(all.all(), c.counted()))
		}
	}()
	await(t, what, func() bool { return cmp.Equal(c.counted(), all.all()) })
}

// mutual are credentials of both sides of an authority.
func mutual(t *testing.T, a *admittest.Authority) (*tls.Config, credentials.TransportCredentials) {
	t.Helper()
	of := func(certificate []byte) *admit.Mutual {
		m, err := admit.NewMutual(func() (admit.Material, error) {
			return admit.Material{Certificate: certificate, Key: a.Key(t), Authority: a.PEM()}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	return of(a.Certificate()).Server(), of(a.ClientCertificate()).Client("127.0.0.1")
}

// Whatever is cut, stopped and started anew: each request is counted once.
func TestNothingIsLostOrCountedTwice(t *testing.T) {
	server, client := mutual(t, admittest.NewAuthority(t))
	first := serve(t, "127.0.0.1:0", rules{id: "r1", tls: server})
	wire := cutter(t, first.address)
	c := newCounter()
	c.add(good, 100)
	stop := agentOf(t, wire.address, c, client)
	first.awaits(t, c, "the first report")

	for range 5 { // connections break at any moment
		c.add(good, 10)
		c.add(bad, 1)
		wire.cut()
	}
	first.awaits(t, c, "what came while connections broke")

	// What a controller counted, and died before it could say so, the next one counts again.
	c.waiting.Store(-1)
	await(t, "the agent to know that", func() bool { return c.waiting.Load() == 0 })
	first.stop()
	before := first.counted()
	c.add(good, 50)
	second := serve(t, first.address, rules{id: "r2", tls: server})
	c.add(bad, 5)
	await(t, "what another controller counts", func() bool {
		both := second.counted()
		for s, n := range before {
			both[s] += n
		}
		return cmp.Equal(both, c.all())
	})
	c.add(good, 1)
	stop() // its last word has that request
	got := second.counted()
	if got[good]+before[good] != c.all()[good] {
		t.Errorf("%d of %d requests are counted", got[good]+before[good], c.all()[good])
	}
	second.mu.Lock()
	defer second.mu.Unlock()
	if len(second.ended) != 1 {
		t.Errorf("an agent that ended left %v", second.ended)
	}
}

// A controller that is slow is waited for; no report is counted twice for that.
func TestSlowController(t *testing.T) {
	server, client := mutual(t, admittest.NewAuthority(t))
	slow := serve(t, "127.0.0.1:0", rules{id: "r1", tls: server, slow: 700 * time.Millisecond}) // longer than an agent's patience
	c := newCounter()
	c.add(good, 3)
	agentOf(t, slow.address, c, client)
	slow.awaits(t, c, "the first")
	for range 20 {
		c.add(good, 3)
		c.add(bad, 1)
		time.Sleep(time.Millisecond)
	}
	slow.awaits(t, c, "all")
}

func TestSilentAgentIsGone(t *testing.T) {
	server, client := mutual(t, admittest.NewAuthority(t))
	r := serve(t, "127.0.0.1:0", rules{id: "r1", tls: server, silent: time.Second})
	wire := cutter(t, r.address)
	c := newCounter()
	c.add(good, 3)
	agentOf(t, wire.address, c, client)
	r.awaits(t, c, "the first report")
	wire.block(true)
	await(t, "the agent to be gone", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.ended) == 1
	})
	c.add(good, 4)
	wire.block(false)
	r.awaits(t, c, "what came meanwhile")
}

// Only who has a certificate of the authority is heard, and only of what is on its node.
func TestWhoIsHeard(t *testing.T) {
	authority := admittest.NewAuthority(t)
	server, client := mutual(t, authority)
	r := serve(t, "127.0.0.1:0", rules{
		id: "r1", tls: server, on: func(_ string, p model.Ref) bool { return p != pod },
		may: func(from netip.Addr, node string) error {
			if node != "n1" || from.String() != "127.0.0.1" {
				return errors.New("no")
			}
			return nil
		},
	})
	send := func(creds credentials.TransportCredentials, report Report) codes.Code {
		s := NewSender(SenderOptions{Target: r.address, Credentials: creds, Patience: 300 * time.Millisecond})
		if err := s.connect(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.conn.Close() }()
		s.receiver = "r1"
		return status.Code(s.send(t.Context(), report, true))
	}
	if got := send(client, full()); got != codes.OK {
		t.Errorf("got %s", got)
	}
	other := full()
	other.Node = "n2"
	if got := send(client, other); got != codes.PermissionDenied {
		t.Errorf("of another node: got %s", got)
	}
	for name, creds := range map[string]credentials.TransportCredentials{
		"no certificate": credentials.NewTLS(authority.Anonymous()), "a stranger's": credentials.NewTLS(authority.Stranger(t)),
	} {
		if got := send(creds, full()); got != codes.Unavailable && got != codes.DeadlineExceeded {
			t.Errorf("%s: got %s", name, got)
		}
	}
	await(t, "what is counted", func() bool { return len(r.counted()) > 0 })
	for s := range r.counted() {
		if s == good || s == bad {
			t.Errorf("%+v of a pod on another node is counted", s)
		}
	}
}

// That an agent may not speak is said until it may, or does not try any more; that others may changes nothing.
func TestWhoIsRefusedIsSaid(t *testing.T) {
	server, client := mutual(t, admittest.NewAuthority(t))
	var known atomic.Bool
	var ahead atomic.Int64
	r := serve(t, "127.0.0.1:0", rules{
		id: "r1", tls: server, silent: time.Hour, now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		may: func(_ netip.Addr, node string) error {
			if node != "n1" && !known.Load() {
				return errors.New("no")
			}
			return nil
		},
	})
	send := func(node string, number uint64) {
		t.Helper()
		s := NewSender(SenderOptions{Target: r.address, Credentials: client, Patience: 5 * time.Second})
		if err := s.connect(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.conn.Close() }()
		s.receiver = "r1"
		report := full()
		report.Node, report.Instance, report.Number = node, "of "+node, number
		if err := s.send(t.Context(), report, true); err != nil && status.Code(err) != codes.PermissionDenied {
			t.Fatal(err)
		}
	}
	said := func(want ...string) {
		t.Helper()
		var got []string
		for _, u := range r.Unseen() {
			got = append(got, u.What)
		}
		if !cmp.Equal(got, want) {
			t.Errorf("said is %v, want %v", got, want)
		}
	}
	send("n2", 1)
	send("n3", 1)
	send("n1", 1)
	said("the agent of node n2", "the agent of node n3")
	known.Store(true)
	send("n2", 2)
	said("the agent of node n3")
	ahead.Store(int64(refusedFor))
	await(t, "an agent that is not heard any more to be forgotten", func() bool { return len(r.Unseen()) == 0 })
}

// The last word is said again until somebody takes it.
func TestTheLastWordIsTried(t *testing.T) {
	server, client := mutual(t, admittest.NewAuthority(t))
	first := serve(t, "127.0.0.1:0", rules{id: "r1", tls: server})
	first.stop()
	c := newCounter()
	c.add(good, 7)
	var asked atomic.Int64
	s := NewSender(SenderOptions{
		Target: first.address, Credentials: client, Report: c.report, Log: slog.New(slog.DiscardHandler), Patience: 500 * time.Millisecond,
		Now: func() time.Time { asked.Add(1); return time.Now() },
	})
	if err := s.connect(); err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { left <- s.leave(t.Context()) }()
	await(t, "a second attempt", func() bool { return asked.Load() > 2 || len(left) > 0 })
	second := serve(t, first.address, rules{id: "r2", tls: server})
	if err := <-left; err != nil {
		t.Error(err)
	}
	if err := s.conn.Close(); err != nil {
		t.Error(err)
	}
	second.stop()
	if got := second.counted()[good]; got != 7 {
		t.Errorf("%d of 7 requests are counted", got)
	}
}

// New certificates are used from the next connection on; in between both authorities are trusted.
func TestCertificatesAreRenewed(t *testing.T) {
	before, later := admittest.NewAuthority(t), admittest.NewAuthority(t)
	both := func(a, b *admittest.Authority) []byte { return append(a.PEM(), b.PEM()...) }
	var mu sync.Mutex
	at := admit.Material{Certificate: before.Certificate(), Key: before.Key(t), Authority: before.PEM()}
	set := func(m admit.Material) {
		mu.Lock()
		defer mu.Unlock()
		at = m
	}
	server, err := admit.NewMutual(func() (admit.Material, error) {
		mu.Lock()
		defer mu.Unlock()
		return at, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, "127.0.0.1:0", rules{id: "r1", tls: server.Server()})
	works := func(a *admittest.Authority, trusts []byte) bool {
		m, err := admit.NewMutual(func() (admit.Material, error) {
			return admit.Material{Certificate: a.ClientCertificate(), Key: a.Key(t), Authority: trusts}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s := NewSender(SenderOptions{Target: r.address, Credentials: m.Client("127.0.0.1"), Patience: 300 * time.Millisecond})
		if err := s.connect(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.conn.Close() }()
		s.receiver = "r1"
		return s.send(t.Context(), full(), true) == nil
	}
	steps := []struct {
		name       string
		m          admit.Material
		old, fresh bool // whose certificate works, of agents that trust both
	}{
		{"before", at, true, false},
		{"both are trusted", admit.Material{Certificate: before.Certificate(), Key: before.Key(t), Authority: both(before, later)}, true, true},
		{"half written", admit.Material{Certificate: later.Certificate(), Key: before.Key(t), Authority: both(before, later)}, true, true},
		{"a new certificate", admit.Material{Certificate: later.Certificate(), Key: later.Key(t), Authority: both(before, later)}, true, true},
		{"the old one is not trusted any more", admit.Material{Certificate: later.Certificate(), Key: later.Key(t), Authority: later.PEM()}, false, true},
	}
	for _, s := range steps {
		set(s.m)
		if got := works(before, both(before, later)); got != s.old {
			t.Errorf("%s: an old certificate works: %v", s.name, got)
		}
		if got := works(later, both(before, later)); got != s.fresh {
			t.Errorf("%s: a new certificate works: %v", s.name, got)
		}
	}
	if works(later, before.PEM()) {
		t.Error("an agent trusts a certificate of an authority that it does not know")
	}
}

// diary keeps a log.
type diary struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) has(words string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Contains(d.text.String(), words)
}

// Certificates run out while an agent reports, on either side: the connection ends when it is to be renewed, no new one is made
// until there are new certificates, both sides know, and then each request is counted once.
func TestCertificatesRunOut(t *testing.T) {
	authority := admittest.NewAuthority(t)
	for side, tc := range map[string]struct {
		agents, controllers time.Duration
	}{
		"the agent's":      {2 * time.Second, time.Hour},
		"the controller's": {time.Hour, 2 * time.Second},
	} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			agents, controllers := authority.Lasting(t, tc.agents), authority.Lasting(t, tc.controllers)
			var mu sync.Mutex
			of := func(side **admittest.Authority, certificate func(*admittest.Authority) []byte) *admit.Mutual {
				m, err := admit.NewMutual(func() (admit.Material, error) {
					mu.Lock()
					defer mu.Unlock()
					return admit.Material{Certificate: certificate(*side), Key: (*side).Key(t), Authority: authority.PEM()}, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			server := of(&controllers, (*admittest.Authority).Certificate).Server()
			client := of(&agents, (*admittest.Authority).ClientCertificate).Client("127.0.0.1")
			r := serve(t, "127.0.0.1:0", rules{id: "r1", tls: server, renew: 200 * time.Millisecond, silent: 500 * time.Millisecond})
			c, log := newCounter(), &diary{}
			c.add(good, 1)
			agentLogging(t, r.address, c, client, slog.NewTextHandler(log, nil))
			r.awaits(t, c, "the first report")

			await(t, "the agent to be gone, as its connections end", func() bool {
				c.add(good, 1)
				r.mu.Lock()
				defer r.mu.Unlock()
				return len(r.ended) > 0
			})
			if ends := min(agents.Ends().Unix(), controllers.Ends().Unix()); time.Now().Unix() < ends {
				t.Errorf("it is gone before the certificates have run out")
			}
			await(t, "the agent to say why", func() bool { return log.has("certificate has expired") })
			c.add(bad, 7)
			if r.counted()[bad] != 0 {
				t.Error("it is heard with a certificate that has run out")
			}
			mu.Lock()
			agents, controllers = authority, authority
			mu.Unlock()
			r.awaits(t, c, "all that came meanwhile")
			await(t, "the agent to say that it goes on", func() bool { return log.has("answers again") })
		})
	}
}

// wire is a way to an address that can be cut.
type wire struct {
	address string

	mu      sync.Mutex
	conns   []net.Conn
	blocked bool
}

func cutter(t *testing.T, to string) *wire {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{address: l.Addr().String()}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			out, err := net.Dial("tcp", to)
			if err != nil || w.blocked {
				_ = in.Close()
				if out != nil {
					_ = out.Close()
				}
				w.mu.Unlock()
				continue
			}
			w.conns = append(w.conns, in, out)
			w.mu.Unlock()
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				group.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		group.Wait()
	})
	return w
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

func (w *wire) block(yes bool) {
	w.mu.Lock()
	w.blocked = yes
	w.mu.Unlock()
	if yes {
		w.cut()
	}
}

// The first failure is often only that a connection ended: why there is no new one is told, too, and each reason once.
func TestEachReasonIsTold(t *testing.T) {
	log := &diary{}
	s := NewSender(SenderOptions{Target: "127.0.0.1:1", Log: slog.New(slog.NewTextHandler(log, nil))})
	now := start
	for _, why := range []string{"read from 127.0.0.1:40001: it ended", "read from 127.0.0.1:40002: it ended", "certificate has expired", "certificate has expired"} {
		now = now.Add(time.Second)
		if err := s.failed(status.Error(codes.Unavailable, why), now); err != nil {
			t.Fatal(err)
		}
	}
	s.answered(now)
	if err := s.failed(status.Error(codes.Unavailable, "certificate has expired"), now); err != nil {
		t.Fatal(err)
	}
	for why, times := range map[string]int{"it ended": 1, "certificate has expired": 2} {
		if got := strings.Count(log.text.String(), why); got != times {
			t.Errorf("%q is told %d times, want %d", why, got, times)
		}
	}
}
