package detect

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

var (
	start = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	front = model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: "shop", Name: "front"}
)

// stream feeds a detector with requests at a steady rate, ticking five times a second.
type stream struct {
	d      *Detector
	now    time.Time
	ticked time.Time
	alarms []Alarm
}

func newStream() *stream { return &stream{d: New(Options{}), now: start, ticked: start} }

// run sends requests every interval for a time; fails says of each whether it fails. It stops early once
// an alarm opened or ended.
func (s *stream) run(interval, length time.Duration, fails func(i int) bool) {
	before := len(s.alarms)
	end := s.now.Add(length)
	for i := 0; s.now.Before(end) && len(s.alarms) == before; i++ {
		status := 200
		if fails(i) {
			status = 503
		}
		s.d.Add("shop.test/buy", front, model.Signal{At: s.now, Status: status})
		s.tick(s.now)
		next := s.now.Add(interval)
		for t := s.ticked.Add(200 * time.Millisecond); t.Before(next); t = t.Add(200 * time.Millisecond) {
			s.tick(t)
		}
		s.now = next
	}
}

func (s *stream) tick(now time.Time) {
	s.ticked = now
	s.alarms = append(s.alarms, s.d.Tick(now)...)
}

func never(int) bool  { return false }
func always(int) bool { return true }

func every(n int) func(int) bool { return func(i int) bool { return i%n == 0 } }

func noise(seed uint64, ratio float64) func(int) bool {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(int) bool { return r.Float64() < ratio }
}

// Steady noise is no incident, whatever the rate.
func TestQuietOnNoise(t *testing.T) {
	for _, test := range []struct {
		rate  int
		hours int
		ratio float64
	}{{1, 50, 0.001}, {10, 10, 0.001}, {100, 1, 0.001}, {50, 2, 0.0001}} {
		for seed := range uint64(2) {
			s := newStream()
			s.run(time.Second/time.Duration(test.rate), time.Duration(test.hours)*time.Hour, noise(seed, test.ratio))
			if len(s.alarms) > 0 {
				t.Errorf("%d requests/s with %.2f%% errors, seed %d: false alarm after %v: %+v",
					test.rate, 100*test.ratio, seed, s.now.Sub(start), s.alarms[0])
			}
		}
	}
}

// How soon an alarm opens after the first error, on a route that was seen calm for a quarter of an hour.
func TestOpensInTime(t *testing.T) {
	tests := map[string]struct {
		interval time.Duration
		fails    func(int) bool
		within   time.Duration
	}{
		"every request at 10/s":          {100 * time.Millisecond, always, 300 * time.Millisecond},
		"a third at 30/s":                {time.Second / 30, every(3), time.Second},
		"a fifth at 10/s":                {100 * time.Millisecond, every(5), 2 * time.Second},
		"a fifth at 100/s":               {10 * time.Millisecond, every(5), time.Second / 2},
		"every request, one in 5 s":      {5 * time.Second, always, 10 * time.Second},
		"every request, one in a minute": {time.Minute, always, time.Minute},
		"2 % at 10/s":                    {100 * time.Millisecond, every(50), 40 * time.Second},
		"2 % at 100/s":                   {10 * time.Millisecond, every(50), 4 * time.Second},
	}
	for name, test := range tests {
		s := newStream()
		s.run(test.interval, max(15*time.Minute, 100*test.interval), never)
		first := s.now
		s.run(test.interval, time.Hour, test.fails)
		if len(s.alarms) != 1 || s.alarms[0].Ended {
			t.Errorf("%s: alarms %+v, want one that opened", name, s.alarms)
			continue
		}
		a := s.alarms[0]
		if took := a.Opened.Sub(first); took > test.within {
			t.Errorf("%s: opened after %v, want within %v", name, took, test.within)
		}
		if a.From.Before(first) || a.From.Sub(first) > time.Minute || a.Route != "shop.test/buy" || a.Object != front {
			t.Errorf("%s: alarm %+v, want it from %v", name, a, first)
		}
		if a.Errors < 2 || a.Requests < a.Errors {
			t.Errorf("%s: %d errors of %d requests", name, a.Errors, a.Requests)
		}
	}
}

// Random errors, and a route that nothing is known of yet.
func TestOpensOnRandomErrors(t *testing.T) {
	tests := map[string]struct {
		rate   int
		ratio  float64
		within time.Duration
	}{
		"half at 10/s":    {10, 0.5, 3 * time.Second},
		"a fifth at 30/s": {30, 0.2, 3 * time.Second},
		"2 % at 20/s":     {20, 0.02, 2 * time.Minute},
	}
	for name, test := range tests {
		for seed := range uint64(20) {
			s := newStream()
			s.run(time.Second/time.Duration(test.rate), time.Hour, noise(seed, test.ratio))
			if len(s.alarms) != 1 || s.now.Sub(start) > test.within {
				t.Errorf("%s, seed %d: %d alarms after %v, want one within %v", name, seed, len(s.alarms), s.now.Sub(start), test.within)
			}
		}
	}
}

func TestOneStrayErrorIsNoAlarm(t *testing.T) {
	s := newStream()
	s.run(10*time.Second, time.Hour, func(i int) bool { return i == 100 })
	s.run(10*time.Second, time.Hour, func(i int) bool { return i == 0 })
	if len(s.alarms) > 0 {
		t.Errorf("got %+v", s.alarms)
	}
}

func TestEnds(t *testing.T) {
	s := newStream()
	s.run(50*time.Millisecond, time.Minute, never)
	s.run(50*time.Millisecond, time.Minute, always)
	failed := s.now
	for range 5 { // five seconds of errors that go on
		s.run(50*time.Millisecond, time.Second, always)
	}
	mended := s.now
	s.run(50*time.Millisecond, time.Minute, never)
	if len(s.alarms) != 2 || !s.alarms[1].Ended || s.alarms[1].Quiet {
		t.Fatalf("alarms %+v, want one that opened and ended", s.alarms)
	}
	if took := s.now.Sub(mended); took < 8*time.Second || took > 10*time.Second {
		t.Errorf("ended after %v, want 8 to 10 s", took)
	}
	if a := s.alarms[1]; a.Errors < 100 || a.To.Before(failed) || a.To.After(mended) || len(s.d.Open()) > 0 {
		t.Errorf("ended alarm %+v", a)
	}
	// It opens again at once: the bad time was not learned as usual.
	again := s.now
	s.run(50*time.Millisecond, time.Minute, every(2))
	if len(s.alarms) != 3 || s.now.Sub(again) > time.Second {
		t.Errorf("alarms %+v after %v, want a third", s.alarms, s.now.Sub(again))
	}
}

func TestDoesNotEndWithoutTraffic(t *testing.T) {
	s := newStream()
	s.run(time.Second, time.Minute, always)
	opened := s.now
	s.tick(opened.Add(4 * time.Minute))
	if len(s.alarms) != 1 || len(s.d.Open()) != 1 {
		t.Fatalf("alarms %+v, want one that is open", s.alarms)
	}
	s.tick(opened.Add(6 * time.Minute))
	if len(s.alarms) != 2 || !s.alarms[1].Ended || !s.alarms[1].Quiet {
		t.Errorf("alarms %+v, want it ended because nothing more is known", s.alarms)
	}
}

func TestWhatCounts(t *testing.T) {
	tests := []struct {
		signal model.Signal
		want   bool
	}{
		{model.Signal{Status: 200}, false},
		{model.Signal{Status: 499}, false},
		{model.Signal{Status: 404, Failure: model.NoRoute}, false},
		{model.Signal{Status: 403, Failure: model.Denied}, false},
		{model.Signal{Status: 500, Failure: model.UpstreamStatus}, true},
		{model.Signal{Status: 200, Failure: model.ClosedEarly}, true},
		{model.Signal{Status: 0, Failure: model.Reset}, true},
		{model.Signal{Status: 0}, false},
	}
	for _, test := range tests {
		if got := Failing(&test.signal); got != test.want {
			t.Errorf("%+v: got %v", test.signal, got)
		}
	}
	d := New(Options{})
	for range 100 {
		d.Add("r", front, model.Signal{At: start, ErrorLog: true, Failure: model.Refused})
	}
	if a := d.Tick(start); len(a) > 0 {
		t.Errorf("lines of an error log opened %+v", a)
	}
}

// Counts open the same alarms as the requests one by one.
func TestAddCounts(t *testing.T) {
	tests := map[string]struct {
		errors int // of each 100 requests a second
		opens  bool
	}{"none": {0, false}, "one in a hundred": {1, true}, "all": {100, true}}
	for name, test := range tests {
		d, now := New(Options{}), start
		for range 900 {
			now = now.Add(time.Second)
			d.AddCounts("r", front, now, 100, 0)
		}
		d.AddCounts("r", front, now, -5, 3) // a counter that was reset
		for range 60 {
			now = now.Add(time.Second)
			d.AddCounts("r", front, now, 100, test.errors)
		}
		alarms := d.Tick(now)
		if opened := len(alarms) == 1; opened != test.opens {
			t.Errorf("%s: alarms %+v", name, alarms)
		}
		if test.opens && (alarms[0].Object != front || alarms[0].Errors < 3 || now.Sub(alarms[0].From) > time.Minute) {
			t.Errorf("%s: alarm %+v", name, alarms[0])
		}
	}
}

// However many paths are made up, the routes of objects are looked at. A path that turns out to be of one makes room again.
func TestMadeUpPathsLeaveRoom(t *testing.T) {
	d := New(Options{MaxRoutes: 10})
	ask := func(route string, object model.Ref) bool {
		before := d.Untracked()
		d.Add(route, object, model.Signal{At: start, Status: 404})
		return d.Untracked() == before
	}
	for i := range 100 {
		if got, want := ask(fmt.Sprint("/", i), model.Ref{}), i < 5; got != want {
			t.Errorf("path %d is looked at: %t", i, got)
		}
	}
	for step, c := range []struct {
		route  string
		object model.Ref
		want   bool
	}{{"of an object", front, true}, {"/0", front, true}, {"/0", model.Ref{}, true}, {"/100", model.Ref{}, true}, {"/101", model.Ref{}, false}} {
		if got := ask(c.route, c.object); got != c.want {
			t.Errorf("step %d: %s is looked at: %t", step, c.route, got)
		}
	}
	d.Tick(start.Add(2 * time.Hour)) // when all is forgotten
	if d.table.strays != 0 || !ask("/102", model.Ref{}) {
		t.Errorf("%d places of forgotten paths are taken", d.table.strays)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	d := New(Options{MaxRoutes: 10})
	for i := range 100 {
		d.Add(string(rune('a'+i)), front, model.Signal{At: start, Status: 200})
	}
	if d.table.len() != 10 || d.Untracked() != 90 {
		t.Errorf("%d routes, %d requests left out; want 10 and 90", d.table.len(), d.Untracked())
	}
	d.Tick(start.Add(2 * time.Hour))
	if d.table.len() != 0 {
		t.Errorf("%d routes are remembered after two quiet hours", d.table.len())
	}
}
