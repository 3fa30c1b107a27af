//go:build integration

package controller_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/controller"
)

var outage = flag.Duration("controller.outage", 8*time.Second, "how long the API server is away; a lease holds 6 s here")

// mostGrown is by how much the memory in use may be more after an outage than before; a cluster as small as this takes far less.
const mostGrown = 64 << 20

// wire leads a controller to the API server, and can be cut, blocked and made slow.
type wire struct {
	mu      sync.Mutex
	refuses bool
	blocked chan struct{} // closed when it ends; nil: it is not
	slow    time.Duration // before each read
	conns   map[*wired]bool
}

type wired struct {
	net.Conn
	wire *wire
}

var errCut = errors.New("the wire is cut")

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	refuses := w.refuses
	w.mu.Unlock()
	if refuses {
		return nil, errCut
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &wired{conn, w}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = true
	return c, nil
}

// Read gives what came once the wire lets it through.
func (c *wired) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.wire.mu.Lock()
	blocked, slow := c.wire.blocked, c.wire.slow
	c.wire.mu.Unlock()
	if blocked != nil {
		<-blocked
	}
	time.Sleep(slow)
	return n, err
}

// Close ends it.
func (c *wired) Close() error {
	c.wire.mu.Lock()
	delete(c.wire.conns, c)
	c.wire.mu.Unlock()
	return c.Conn.Close()
}

// cut breaks all connections.
func (w *wire) cut() {
	w.mu.Lock()
	conns := make([]*wired, 0, len(w.conns))
	for c := range w.conns {
		conns = append(conns, c)
	}
	w.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

func (w *wire) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// Whatever happens between a controller and the API server: what fails meanwhile is mended when that is over, by one change, and
// no memory stays taken. A controller that ends because it cannot renew its lease is started again, as the kubelet does.
func TestTheAPIServerIsAway(t *testing.T) {
	w := newWorld(t)
	w.wire = &wire{conns: map[*wired]bool{}}
	if err := clientFor(t, w.api.Admin).Create(t.Context(), allAuto("all")); err != nil {
		t.Fatal(err)
	}
	k := &kubelet{w: w}
	k.look()
	incidents := 0
	for _, o := range []struct {
		name    string
		happens func()
	}{
		{"it refuses connections", func() {
			w.wire.set(func() { w.wire.refuses = true })
			w.wire.cut()
			k.wait(*outage)
			w.wire.set(func() { w.wire.refuses = false })
		}},
		{"it does not answer", func() {
			ends := make(chan struct{})
			w.wire.set(func() { w.wire.blocked = ends })
			k.wait(*outage)
			w.wire.set(func() { w.wire.blocked = nil })
			close(ends)
		}},
		{"every connection breaks, and with it every watch", w.wire.cut},
		{"it is slow", func() {
			w.wire.set(func() { w.wire.slow = 300 * time.Millisecond })
			k.wait(*outage)
			w.wire.set(func() { w.wire.slow = 0 })
		}},
	} {
		await(t, "one leads", func() (bool, string) { k.look(); return w.holder() == k.name(), w.holder() })
		before, began := heap(), time.Now()
		w.setPort(badPort)
		o.happens()
		over := time.Now()
		incidents++
		await(t, o.name+": it is mended", func() (bool, string) {
			k.look()
			all := w.incidents()
			if len(all) < incidents {
				return false, fmt.Sprintf("%d incidents", len(all))
			}
			last := all[len(all)-1]
			return last.Status.Phase == v1alpha1.PhaseResolved && w.port() == goodPort, told(last)
		})
		after := heap()
		t.Logf("%s for %s: mended %s later; %d MiB in use, before %d; controllers started so far: %d", o.name, over.Sub(began).Round(time.Second),
			time.Since(over).Round(100*time.Millisecond), after>>20, before>>20, len(k.ever))
		if n := k.changes(); n != incidents || len(w.incidents()) != incidents {
			t.Errorf("%s: %d changes and %d incidents after %d faults", o.name, n, len(w.incidents()), incidents)
		}
		if after > before+mostGrown {
			t.Errorf("%s: %d MiB in use, before %d", o.name, after>>20, before>>20)
		}
	}
}

// heap is the memory in use, of this process with all its controllers.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// kubelet starts a controller again whenever one ends.
type kubelet struct {
	w    *world
	ever []*process
}

// look starts one if none runs.
func (k *kubelet) look() {
	if n := len(k.ever); n > 0 {
		p := k.ever[n-1]
		select {
		case err := <-p.done:
			p.done <- err
		default:
			return
		}
	}
	k.ever = append(k.ever, nil)
	k.ever[len(k.ever)-1] = k.w.start(k.name(), controller.Auto, nil)
}

// name is that of the latest one.
func (k *kubelet) name() string { return fmt.Sprintf("k%d", len(k.ever)) }

// wait lets time pass, which is what is tested.
func (k *kubelet) wait(long time.Duration) {
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if k.w.wire.answers() {
			k.look()
		}
	}
}

// answers reports whether a new controller would be served at once.
func (w *wire) answers() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.refuses && w.blocked == nil
}

func (k *kubelet) changes() (n int) {
	for _, p := range k.ever {
		n += len(p.changes())
	}
	return n
}
