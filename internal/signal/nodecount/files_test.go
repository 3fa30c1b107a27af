package nodecount

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/nginx"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/signal/nodefile"
	"github.com/gatemend/gatemend/internal/signal/relay"
	"github.com/gatemend/gatemend/internal/testkit/admittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// totals are what a controller has counted, by status.
type totals struct {
	mu       sync.Mutex
	requests map[int]uint64
	samples  int
}

func (c *totals) add(accounts []model.Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range accounts {
		for _, n := range a.Counts {
			c.requests[n.Status] += n.Requests
			c.samples += len(n.Samples)
		}
	}
}

func (c *totals) are(want map[int]uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for status, n := range want {
		if c.requests[status] != n {
			return false
		}
	}
	return true
}

// node is a node with the log of one gateway.
type node struct {
	dir   string
	stamp time.Time
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{dir: filepath.Join(t.TempDir(), "edge_edge-1_0001", "controller"), stamp: time.Now().Add(-time.Minute)}
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return n
}

// write appends lines as a container runtime does.
func (n *node) write(t *testing.T, times int, line []byte) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(n.dir, "0.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range times {
		n.stamp = n.stamp.Add(time.Millisecond)
		if _, err := fmt.Fprintf(f, "%s stdout F %s\n", n.stamp.UTC().Format(time.RFC3339Nano), line); err != nil {
			t.Fatal(err)
		}
	}
}

// agent runs an agent until it is stopped: it reads files and reports.
func (n *node) agent(t *testing.T, controller, instance, checkpoint string, m *admit.Mutual) (stop func()) {
	t.Helper()
	started := time.Now()
	book := NewBook("n1", instance, started)
	reading, end := context.WithCancel(t.Context())
	f := nodefile.Follow(reading, nodefile.Options{
		Root: filepath.Dir(filepath.Dir(n.dir)), Now: time.Now, Since: started, Checkpoint: checkpoint, Poll: 5 * time.Millisecond,
		Want: func(nodefile.Container) (nodefile.Gateway, bool) {
			return nodefile.Gateway{Pod: pod, Count: func() nodefile.Counter { return book.Open(pod, nginx.NewParser()) }}, true
		},
	})
	s := relay.NewSender(relay.SenderOptions{
		Target: controller, Credentials: m.Client("127.0.0.1"), Report: book.Report, Now: time.Now, Log: slog.New(slog.DiscardHandler), Every: 5 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		end()
		for range f.Signals() {
		}
	})
	t.Cleanup(stop)
	return stop
}

// Real files, a real connection: what a gateway logs is counted by the controller, through a rotation and restarts of the agent.
func TestFromFileToController(t *testing.T) {
	authority := admittest.NewAuthority(t)
	of := func(certificate []byte) *admit.Mutual {
		m, err := admit.NewMutual(func() (admit.Material, error) {
			return admit.Material{Certificate: certificate, Key: authority.Key(t), Authority: authority.PEM()}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	receiver := relay.Serve(ctx, l, relay.ReceiverOptions{
		Admit: admit.Rules{TLS: of(authority.Certificate()).Server()}, ID: "r1", Now: time.Now,
		May: func(netip.Addr, string) error { return nil }, On: func(string, model.Ref) bool { return true },
		Begun: func(model.Ref) time.Time { return time.Time{} }, Ended: func(relay.Ended) {},
	})
	c := &totals{requests: map[int]uint64{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for accounts := range receiver.Accounts() {
			c.add(accounts)
		}
	}()
	t.Cleanup(func() { cancel(); <-read })

	want := map[int]uint64{}
	n := newNode(t)
	write := func(times int) {
		n.write(t, times, ok("/a"))
		n.write(t, 1, refused("/buy"))
		want[200], want[502] = want[200]+uint64(times), want[502]+1
	}
	await := func(what string) {
		t.Helper()
		for range 2000 {
			if c.are(want) {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		t.Fatalf("%s: %v are counted, of %v", what, c.requests, want)
	}
	checkpoint := filepath.Join(t.TempDir(), "logs.json")
	n.write(t, 5, ok("/before")) // an agent begins with what comes
	n.stamp = time.Now().Add(time.Second)
	stop := n.agent(t, l.Addr().String(), "a1", checkpoint, of(authority.ClientCertificate()))
	write(1000)
	await("at first")
	if err := os.Rename(filepath.Join(n.dir, "0.log"), filepath.Join(n.dir, "0.log.20260504-083015")); err != nil {
		t.Fatal(err)
	}
	write(500)
	await("through a rotation")
	stop()
	write(200) // while no agent is there
	n.agent(t, l.Addr().String(), "a2", checkpoint, of(authority.ClientCertificate()))
	write(100)
	await("with another agent that goes on where the first one stopped")
	if c.samples == 0 {
		t.Error("no line came along")
	}
}
