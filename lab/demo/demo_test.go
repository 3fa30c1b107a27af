package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/load"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestEventsAreReadOnceAndOnlyWhenWhole(t *testing.T) {
	e := &events{path: filepath.Join(t.TempDir(), "events.jsonl")}
	if err := e.poll(); err != nil || len(e.all) != 0 {
		t.Fatalf("before the file exists: %d events, error %v; want none of both", len(e.all), err)
	}
	add := func(text string) {
		t.Helper()
		f, err := os.OpenFile(e.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := e.poll(); err != nil {
			t.Fatal(err)
		}
	}
	add(`{"type":"watching","at":"2026-03-01T12:00:00Z"}` + "\n" + `{"type":"al`)
	if len(e.all) != 1 {
		t.Fatalf("got %d events, want the one whose line has ended", len(e.all))
	}
	add(`arm","at":"2026-03-01T12:00:01Z","route":"web.shop.test/"}` + "\n")
	if len(e.all) != 2 || e.all[1].Type != "alarm" || hostOf(e.all[1].Route) != "web.shop.test" {
		t.Fatalf("got %+v, want the alarm in full", e.all)
	}
	if got := e.after(noon.Add(time.Second)); len(got) != 1 {
		t.Errorf("got %d events since 12:00:01, want 1", len(got))
	}
}

func TestDamagedEventIsAnError(t *testing.T) {
	e := &events{path: filepath.Join(t.TempDir(), "events.jsonl")}
	if err := os.WriteFile(e.path, []byte("panic: oh no\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.poll(); err == nil {
		t.Error("a line that is not an event was accepted")
	}
}

func mended() Result {
	f := fault.Fault{
		Name: "wrong-selector", Gateway: "nginx", Route: "web.shop.test",
		WantStatus: []int{503}, WantCauses: []string{"selector-mismatch"}, WantObject: "Service shop/web",
	}
	return Result{
		Fault: f, Status: 503, FirstError: noon, Alarm: noon.Add(400 * time.Millisecond),
		Cause: "selector-mismatch", Object: "Service shop/web",
		LastError: noon.Add(3 * time.Second), Verified: noon.Add(8 * time.Second), Calm: true,
		Requests: 400, Errors: 120, Planned: true, Wrote: []string{"patch services shop/web"},
	}
}

func TestEveryShortcomingIsAProblem(t *testing.T) {
	if got := mended().Problems(); len(got) != 0 {
		t.Errorf("a mended fault has problems: %q", got)
	}
	for name, spoil := range map[string]func(*Result){
		"no error at all":   func(r *Result) { r.FirstError = time.Time{} },
		"another status":    func(r *Result) { r.Status = 500 },
		"another log line":  func(r *Result) { r.Unlogged = "no line matches" },
		"no alarm":          func(r *Result) { r.Alarm = time.Time{} },
		"another cause":     func(r *Result) { r.Cause = "no-endpoints" },
		"another object":    func(r *Result) { r.Object = "Service shop/cart" },
		"no proof":          func(r *Result) { r.Verified = time.Time{} },
		"no change":         func(r *Result) { r.Wrote = nil },
		"errors at the end": func(r *Result) { r.Calm = false },
	} {
		r := mended()
		spoil(&r)
		if got := r.Problems(); len(got) != 1 {
			t.Errorf("%s: problems %q, want exactly one", name, got)
		}
	}
}

func TestWhatTakesAPersonMustBeLeftToOne(t *testing.T) {
	called := mended()
	called.Fault.Person, called.Verified, called.Calm, called.Called = true, time.Time{}, false, noon.Add(time.Second)
	called.Planned, called.Wrote = false, nil
	asked := called
	asked.Fault.Asks, asked.Planned = true, true
	for _, r := range []Result{called, asked} {
		if got := r.Problems(); len(got) != 0 {
			t.Errorf("a person was called, and there are problems: %q", got)
		}
	}
	for name, spoil := range map[string]func(*Result){
		"mended":                     func(r *Result) { r.Verified = noon },
		"nobody called":              func(r *Result) { r.Called = time.Time{} },
		"nothing to agree to":        func(r *Result) { r.Planned = false },
		"changed, and not mended so": func(r *Result) { r.Wrote = []string{"patch deployments shop/api"} },
	} {
		r := asked
		spoil(&r)
		if got := r.Problems(); len(got) != 1 {
			t.Errorf("%s: problems %q, want exactly one", name, got)
		}
	}
}

func TestTable(t *testing.T) {
	failed := Result{Fault: fault.Fault{Name: "oom-kill", Gateway: "haproxy"}}
	var b strings.Builder
	if err := Table(&b, []Result{mended(), failed}); err != nil {
		t.Fatal(err)
	}
	const want = `FAULT           GATEWAY  STATUS  FIRST ERROR   DETECTED AFTER  CAUSE NAMED        MENDED AFTER  FAILED   VERIFIED
wrong-selector  nginx    503     12:00:00.000  0.40s           selector-mismatch  3.00s         120/400  yes
oom-kill        haproxy  -       -             -               -                  -             0/0      NO
! oom-kill: clients got no error: the fault did not take hold
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOnlyEventsOfAffectedHostsCount(t *testing.T) {
	var r Result
	r.fromEvents([]event{
		{Type: "alarm", At: noon, Route: "cart.shop.test/"},
		{Type: "alarm", At: noon.Add(time.Second), Route: "web.shop.test/"},
		{Type: "alarm", At: noon.Add(2 * time.Second), Route: "web.shop.test/"},
		{Type: "mend", Step: "mended", At: noon.Add(3 * time.Second), Route: "cart.shop.test/"},
		{Type: "mend", Step: "advice", At: noon.Add(3 * time.Second), Route: "web.shop.test/"},
	}, []string{"web.shop.test"})
	if !r.Alarm.Equal(noon.Add(time.Second)) || !r.Verified.IsZero() || r.Called.IsZero() {
		t.Errorf("alarm %v, verified %v; want the route's first alarm and no proof", r.Alarm, r.Verified)
	}
}

func TestCalmNeedsGoodAnswersForAWhile(t *testing.T) {
	second := load.Second{At: noon}
	for _, c := range []struct {
		name string
		rep  load.Report
		want bool
	}{
		{"no answer yet", load.Report{}, false},
		{"good for long", load.Report{Seconds: []load.Second{second}, LastGood: noon.Add(calmFor)}, true},
		{"good for a moment", load.Report{Seconds: []load.Second{second}, LastGood: noon.Add(calmFor / 2)}, false},
		{"an error since", load.Report{Seconds: []load.Second{second}, LastError: noon.Add(time.Second), LastGood: noon.Add(calmFor)}, false},
		{"only errors", load.Report{Seconds: []load.Second{second}, LastError: noon.Add(9 * time.Second)}, false},
	} {
		if got := calmTarget(c.rep); got != c.want {
			t.Errorf("%s: calm is %v, want %v", c.name, got, c.want)
		}
	}
}
