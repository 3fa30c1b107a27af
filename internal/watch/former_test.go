package watch

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// nginx names Services alone. Until it has reloaded, its lines are about the route that had the Service before.
func TestAGatewayThatLagsBehind(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	w := watcher(t, func() time.Time { return now })
	line := model.Signal{At: now, Proxy: "nginx", Service: "shop-s2-80", Status: 503, Request: model.Request{Method: "GET", Path: "/"}}
	if r, ok := w.locate(line); ok {
		t.Fatalf("nobody has ever had that Service, and the line is about %s", r)
	}
	w.former.replaced(shops(t, 2), now)
	now = now.Add(lag / 2)
	w.former.replaced(shops(t, 1), now) // something else changes, and the gateway has not followed yet
	if r, ok := w.locate(line); !ok || r.Object.Name != "i2" {
		t.Errorf("got route %s, %v; want that of i2, which had the Service", r, ok)
	}
	if r, ok := w.locate(model.Signal{At: now, Proxy: "nginx", Status: 503, Request: model.Request{Host: "h2.test", Path: "/"}}); ok {
		t.Errorf("a line that names nothing but what was asked for is about %s, which is gone", r)
	}
	now = now.Add(lag/2 + time.Second)
	if r, ok := w.locate(line); ok {
		t.Errorf("long after the change a line is about %s, which is gone", r)
	}
}

// A rule that was wrong for a few seconds, and was right before and is again, is what lines of those seconds are about.
func TestLinesOfARuleThatWasWrongForSeconds(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	w := watcher(t, func() time.Time { return now })
	line := model.Signal{At: now, Proxy: "nginx", Service: "shop-s2-80", Status: 503, Request: model.Request{Method: "GET", Path: "/"}}
	w.former.replaced(shops(t, 1), now) // as it was until it was broken
	now = now.Add(time.Second)
	w.former.replaced(shops(t, 2), now) // as it was until it was mended
	if r, ok := w.locate(line); !ok || r.Object.Name != "i2" {
		t.Errorf("got route %s, %v; want that of i2, which had the Service meanwhile", r, ok)
	}
	for range 2 * mostFormer {
		w.former.replaced(shops(t, 1), now)
	}
	if len(w.former) != mostFormer {
		t.Errorf("%d former rules are kept, want %d at most", len(w.former), mostFormer)
	}
}

// What was replaced right before the watch began is known to nobody. A line about it counts as nobody's only when every
// gateway must have followed.
func TestLinesOfRulesFromBeforeTheWatch(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	w := watcher(t, func() time.Time { return now })
	fail := func(service string) int {
		for range 8 {
			now = now.Add(50 * time.Millisecond)
			w.take(model.Signal{At: now, Proxy: "nginx", Service: service, Status: 503, Failure: model.NoEndpoints, Request: model.Request{Method: "GET", Path: "/"}})
		}
		return len(w.detector.Tick(now))
	}
	if n := fail("shop-gone-80"); n != 0 {
		t.Errorf("%d alarms about a route of before the watch", n)
	}
	if n := fail(""); n != 1 {
		t.Errorf("%d alarms about requests that name no rule, want 1", n)
	}
	w = watcher(t, func() time.Time { return now })
	now = now.Add(lag)
	if n := fail("shop-gone-80"); n != 1 {
		t.Errorf("%d alarms about requests that go by a rule nobody knows long after, want 1", n)
	}
}
