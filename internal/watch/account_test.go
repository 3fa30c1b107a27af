package watch

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

func watcher(t *testing.T, now func() time.Time) *Watcher {
	t.Helper()
	w := &Watcher{Session: &Session{Ring: mend.NewRing(Remembered), Now: now}, routes: shops(t, 1)}
	w.prepare()
	return w
}

func account(at time.Time, good, bad uint64, samples ...model.Signal) model.Account {
	gateway := model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "lb-1"}
	count := func(status int, failure model.FailureKind, n uint64, samples []model.Signal) model.Counted {
		return model.Counted{Count: model.Count{
			From: at.Add(-time.Second), To: at, Proxy: "nginx", Gateway: gateway, Source: "agent/edge/lb-1", Host: "h1.test", Path: "/",
			Status: status, Class: status / 100, Failure: failure, Requests: n,
		}, Samples: samples}
	}
	return model.Account{Gateway: gateway, Counts: []model.Counted{count(200, "", good, nil), count(502, model.Refused, bad, samples), count(499, "", 1000, nil)}}
}

// An account counts like the requests that it is of: an alarm opens on the route, and what is kept tells the share of failures.
func TestAccounts(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	w := watcher(t, func() time.Time { return now })
	w.detector.Tick(now)
	quiet := account(now, 2000, 0)
	quiet.Counts = quiet.Counts[:1]
	w.takeAccounts([]model.Account{quiet})
	if changed := w.detector.Tick(now); len(changed) > 0 {
		t.Fatalf("got %+v", changed)
	}
	now = now.Add(time.Second)
	sample := model.Signal{At: now, Status: 502, Failure: model.Refused, Raw: "the line"}
	w.takeAccounts([]model.Account{account(now, 500, 500, sample)})
	changed := w.detector.Tick(now.Add(100 * time.Millisecond))
	if len(changed) != 1 || changed[0].Object.Name != "i1" || changed[0].Errors != 500 {
		t.Fatalf("got %+v", changed)
	}
	kept, _ := w.Session.Ring.Read(0)
	var good, bad, quoted int
	for _, s := range kept {
		switch {
		case !s.At.Equal(now):
		case s.Raw != "":
			quoted++
			bad++
		case s.Status == 502:
			bad++
		case s.Status == 200:
			good++
		}
	}
	if quoted != 1 || good == 0 || good != bad || len(kept) > 3*mostOfAccount {
		t.Errorf("%d signals: %d good, %d bad, %d with their line", len(kept), good, bad, quoted)
	}
}

// A gateway that sends what it sees itself is counted by that alone.
func TestAccountOfAGatewayThatSpeaks(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	w := watcher(t, func() time.Time { return now })
	a := account(now, 0, 500)
	w.heard.counts(model.Signal{Gateway: a.Gateway, Source: "als/edge/lb-1"}, true, now)
	w.takeAccounts([]model.Account{a})
	if kept, _ := w.Session.Ring.Read(0); len(kept) > 0 {
		t.Errorf("%d requests are counted twice", len(kept))
	}
	now = now.Add(heardFor)
	w.takeAccounts([]model.Account{a})
	if kept, _ := w.Session.Ring.Read(0); len(kept) == 0 {
		t.Error("the gateway fell silent, and what is counted of it is lost")
	}
}

// Requests that no rule takes are told apart by the beginnings of their paths alone, and no query is shown.
func TestNamesOfStrays(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	w := watcher(t, func() time.Time { return now })
	for asked, want := range map[string]string{
		"/": "a.test/", "/cart/items/17": "a.test/cart", "/reset?token=hunter2": "a.test/reset", "/a/b?c=/d": "a.test/a", "": "a.test",
	} {
		sig := model.Signal{Request: model.Request{Host: "a.test", Path: asked}}
		if got, ok := w.nameOf(sig, path.Route{}, false); got != want || !ok {
			t.Errorf("%s: %q, want %q", asked, got, want)
		}
	}
}

// A request whose stamp is ahead is shown as one of now, and leaves the others on the screen.
func TestStampsAhead(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	w := watcher(t, func() time.Time { return now })
	w.Draw = func(Moment) {}
	for _, ahead := range []time.Duration{0, aheadOf, time.Hour, 0} {
		w.tally("a.test/", model.Ref{}, model.Signal{At: now.Add(ahead), Status: 200}, false, 1)
	}
	now = now.Add(aheadOf)
	if shown := w.rates.Routes(now); len(shown) != 1 || shown[0].Lately.Requests != 4 {
		t.Errorf("shown: %+v", shown)
	}
}
