package detect

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/model"
)

// counts feeds a detector with so many requests a second for a time, of which some fail, evenly spread; it returns what changed.
func (s *stream) counts(perSecond, errors int, length time.Duration) []Alarm {
	before := len(s.alarms)
	for end := s.now.Add(length); s.now.Before(end); {
		s.now = s.now.Add(time.Second)
		s.d.AddCounts("shop.test/buy", front, s.now, perSecond, errors)
		s.tick(s.now)
	}
	return s.alarms[before:]
}

func newStreamWith(o Options) *stream { return &stream{d: New(o), now: start, ticked: start} }

// Three errors in a thousand are below the least effect that the sums look for, and three times what the
// objective allows.
func TestSlowBurn(t *testing.T) {
	s := newStream()
	for i := range 6 * 3600 { // the objective is just met
		if a := s.counts(100, min(1, max(0, i%10-8)), time.Second); len(a) > 0 {
			t.Fatalf("alarms %+v without reason", a)
		}
	}
	// 0.35 % errors: seven in twenty seconds.
	var got []Alarm
	for i := range 48 * 3600 {
		errors := 0
		if i*7/20 != (i+1)*7/20 {
			errors = 1
		}
		if got = s.counts(100, errors, time.Second); len(got) > 0 {
			break
		}
	}
	if len(got) != 1 || got[0].Kind != SlowBurn || got[0].Errors < 1000 {
		t.Fatalf("after %v: %+v, want a slow burn", s.now.Sub(start), got)
	}
	if got = s.counts(100, 0, 2*time.Minute); len(got) != 1 || !got[0].Ended {
		t.Errorf("after two minutes without errors: %+v, want its end", got)
	}
}

// One stray error of sixty requests is more than fourteen times the budget, and nothing at all.
func TestSlowBurnNeedsEvidence(t *testing.T) {
	s := newStream()
	for i := range 24 * 60 * 7 {
		s.d.AddCounts("r", front, s.now, 1, min(1, max(0, i%721-719)))
		s.now = s.now.Add(time.Minute)
		s.tick(s.now)
	}
	if len(s.alarms) > 0 {
		t.Errorf("an error every twelve hours, one request a minute: %+v", s.alarms)
	}
}

func TestVanished(t *testing.T) {
	s := newStream()
	s.counts(10, 0, time.Hour)
	silent := s.now
	for len(s.alarms) == 0 && s.now.Sub(silent) < time.Hour {
		s.now = s.now.Add(time.Second)
		s.tick(s.now)
	}
	if len(s.alarms) != 1 || s.alarms[0].Kind != Vanished || !s.alarms[0].From.Equal(silent) || s.now.Sub(silent) > 75*time.Second {
		t.Fatalf("after %v: %+v, want vanished traffic within 75 s", s.now.Sub(silent), s.alarms)
	}
	if open := s.d.Open(); len(open) != 1 || open[0].Kind != Vanished {
		t.Errorf("open: %+v", open)
	}
	if got := s.counts(10, 0, 2*time.Second); len(got) != 1 || !got[0].Ended || got[0].Quiet || len(s.d.Open()) > 0 {
		t.Errorf("traffic comes back: %+v", got)
	}
	// What comes back broken is a new alarm.
	s.now = s.now.Add(time.Hour)
	s.counts(10, 0, 31*time.Minute)
	if got := s.counts(10, 10, 2*time.Second); len(got) != 1 || got[0].Kind != Outage {
		t.Errorf("every request fails: %+v", got)
	}
}

// Traffic that ebbs away, comes in bursts, or is not known for long does not vanish.
func TestDoesNotVanish(t *testing.T) {
	tests := map[string]func(s *stream){
		"known for ten minutes": func(s *stream) { s.counts(10, 0, 10*time.Minute) },
		"ebbs away": func(s *stream) {
			for rate := 64; rate > 0; rate /= 2 {
				s.counts(rate, 0, 20*time.Minute)
			}
			for gap := 2 * time.Second; gap < 5*time.Minute; gap *= 2 {
				s.run(gap, 20*gap, never)
			}
		},
		"bursts": func(s *stream) {
			for range 5 {
				s.counts(10, 0, 10*time.Minute)
				s.silence(20 * time.Minute)
			}
		},
		"one request a minute": func(s *stream) { s.run(time.Minute, 3*time.Hour, never) },
	}
	for name, test := range tests {
		s := newStream()
		test(s)
		s.silence(20 * time.Minute)
		if len(s.alarms) > 0 {
			t.Errorf("%s: %+v", name, s.alarms)
		}
	}
	s := newStreamWith(Options{Vanished: -1})
	s.counts(10, 0, time.Hour)
	if s.silence(time.Hour / 2); len(s.alarms) > 0 {
		t.Errorf("switched off: %+v", s.alarms)
	}
}

// Where nothing takes a route's requests any more silence is an alarm soon, if there was traffic until then.
func TestMissed(t *testing.T) {
	for name, tc := range map[string]struct {
		rate   int // a second
		known  time.Duration
		before time.Duration // how long there was no request before its gateway fell
		want   time.Duration // until the alarm; 0: none
	}{
		"steady":                      {10, time.Hour, 0, 5 * time.Second},
		"known for seconds":           {40, 4 * time.Second, 0, 5 * time.Second},
		"one request a second":        {1, time.Hour, 0, 20 * time.Second},
		"silent for a moment before":  {1, time.Hour, 10 * time.Second, 20 * time.Second},
		"silent for long before":      {10, time.Hour, 20 * time.Second, 0},
		"hardly a request, for hours": {0, 0, 0, 0},
	} {
		s := newStream()
		if tc.rate == 0 {
			s.run(time.Hour, 3*time.Hour, never)
		} else {
			s.counts(tc.rate, 0, tc.known)
		}
		s.silence(tc.before)
		fell := s.now
		for len(s.alarms) == 0 && s.now.Sub(fell) < 35*time.Second {
			s.now = s.now.Add(time.Second)
			s.d.Missed("shop.test/buy", fell)
			s.tick(s.now)
		}
		after := s.now.Sub(fell)
		if (len(s.alarms) == 1) != (tc.want > 0) || tc.want > 0 && (s.alarms[0].Kind != Vanished || after < tc.want || after > tc.want+2*time.Second) {
			t.Errorf("%s: after %s: %+v, want one after %s", name, after, s.alarms, tc.want)
		}
	}
}

// A silence that lasts is told once: not again when its alarm has ended for want of requests. The next one is.
func TestSilenceIsToldOnce(t *testing.T) {
	for name, missed := range map[string]bool{"traffic vanished": false, "the gateway is down": true} {
		s := newStream()
		for round := range 2 {
			s.counts(10, 0, time.Hour)
			s.alarms = nil
			fell := s.now
			for s.now.Sub(fell) < 2*forgetAfter {
				s.now = s.now.Add(time.Second)
				if missed {
					s.d.Missed("shop.test/buy", fell)
				}
				s.tick(s.now)
			}
			if len(s.alarms) != 2 || s.alarms[0].Ended || !s.alarms[1].Ended {
				t.Errorf("%s, round %d: %d alarms, want that it opened and ended", name, round, len(s.alarms))
			}
		}
	}
}

func (s *stream) silence(length time.Duration) {
	for end := s.now.Add(length); s.now.Before(end); s.now = s.now.Add(time.Second) {
		s.tick(s.now)
	}
}

// A partial failure that becomes a full outage is told once more.
func TestWorse(t *testing.T) {
	s := newStream()
	s.run(10*time.Millisecond, time.Minute, never)
	s.run(10*time.Millisecond, time.Minute, every(10))
	s.run(10*time.Millisecond, time.Minute, every(10))
	if len(s.alarms) != 1 || s.alarms[0].Kind != Partial {
		t.Fatalf("a tenth fails: %+v", s.alarms)
	}
	s.run(10*time.Millisecond, time.Minute, always)
	if len(s.alarms) != 2 || !s.alarms[1].Worse || s.alarms[1].Kind != Outage || !s.alarms[1].From.Equal(s.alarms[0].From) {
		t.Fatalf("all fail: %+v", s.alarms)
	}
	s.run(10*time.Millisecond, 10*time.Second, always)
	s.run(10*time.Millisecond, time.Minute, never)
	if len(s.alarms) != 3 || !s.alarms[2].Ended {
		t.Errorf("none fails: %+v", s.alarms)
	}
}

// Half of a route's requests fail, those through one of two gateways, whose log comes before the other's: that is no outage, however
// many failures come in a row.
func TestHalfIsNotAll(t *testing.T) {
	s := newStream()
	s.counts(100, 0, time.Minute)
	for range 120 {
		s.now = s.now.Add(time.Second)
		s.d.AddCounts("shop.test/buy", front, s.now, 50, 50)
		s.tick(s.now)
		s.d.AddCounts("shop.test/buy", front, s.now, 50, 0)
		s.tick(s.now)
	}
	if len(s.alarms) != 1 || s.alarms[0].Ended {
		t.Fatalf("half fails: %+v, want one alarm", s.alarms)
	}
	if open := s.d.Open(); len(open) != 1 || open[0].Kind != Partial {
		t.Errorf("half fails: %+v, want a partial failure", open)
	}
	got := s.counts(100, 100, 10*time.Second)
	if len(got) != 1 || !got[0].Worse || got[0].Kind != Outage {
		t.Errorf("all fail: %+v, want to be told", got)
	}
}

// The errors of a rollout are a blip, a broken one is not.
func TestBlip(t *testing.T) {
	for _, test := range []struct {
		length time.Duration
		want   bool
	}{{2 * time.Second, true}, {15 * time.Second, false}} {
		s := newStream()
		s.counts(20, 0, 5*time.Minute)
		s.counts(20, 20, test.length)
		got := s.counts(20, 0, 15*time.Second)
		if len(got) != 1 || !got[0].Ended || got[0].Blip != test.want {
			t.Errorf("errors for %v: %+v, want blip %v", test.length, got, test.want)
		}
	}
}

// How long an alarm stays open after the last error depends on how much of the traffic failed.
func TestEndNeedsProof(t *testing.T) {
	for _, test := range []struct {
		name         string
		errors       int // of a hundred requests a second
		least, worst time.Duration
	}{
		{"all", 100, 8 * time.Second, 10 * time.Second},
		{"a tenth", 10, 8 * time.Second, 10 * time.Second},
		{"two percent", 2, 8 * time.Second, 10 * time.Second},
		{"one percent", 1, 8 * time.Second, 15 * time.Second},
	} {
		s := newStream()
		s.counts(100, 0, 10*time.Minute)
		if got := s.counts(100, test.errors, 10*time.Minute); len(got) != 1 || got[0].Ended {
			t.Errorf("%s: %+v, want one alarm that stays open", test.name, got)
			continue
		}
		last := s.now
		for got := []Alarm(nil); len(got) == 0 && s.now.Sub(last) < time.Hour; {
			got = s.counts(100, 0, time.Second)
		}
		if took := s.now.Sub(last); took < test.least || took > test.worst {
			t.Errorf("%s: ended after %v, want %v to %v", test.name, took, test.least, test.worst)
		}
	}
	// A failure that became less is not over.
	less := newStream()
	less.counts(100, 0, 10*time.Minute)
	less.counts(100, 100, time.Minute)
	if got := less.counts(100, 10, 10*time.Minute); len(got) > 0 {
		t.Errorf("a tenth still fails: %+v", got)
	}
	// The usual errors do not keep it open, at any rate of requests.
	s := newStream()
	s.counts(10_000, 10, 10*time.Minute)
	s.counts(10_000, 10_000, time.Minute)
	if got := s.counts(10_000, 10, 15*time.Second); len(got) != 1 || !got[0].Ended {
		t.Errorf("ten errors a second are usual: %+v, want the end", got)
	}
}

// Impatient clients of a healthy route are no trouble; clients that wait in vain are.
func TestClientsThatGiveUp(t *testing.T) {
	gone := func(waited time.Duration) model.Signal {
		return model.Signal{Proxy: "nginx", Status: 499, Duration: waited, Tries: []model.Try{{Address: "a", Duration: waited}}}
	}
	upload := model.Signal{Proxy: "nginx", Status: 499, Duration: time.Minute}
	slowBody := model.Signal{Proxy: "nginx", Status: 499, Duration: time.Minute, Tries: []model.Try{{Address: "a", Duration: time.Second}}}
	envoy := model.Signal{Proxy: "envoy", Duration: 15 * time.Second}
	for _, test := range []struct {
		name    string
		answers time.Duration // what those that waited got their answers in
		gone    model.Signal
		share   int // of ten requests gave up
		want    bool
	}{
		{"nobody waits long", 50 * time.Millisecond, gone(300 * time.Millisecond), 5, false},
		{"all close at once", 50 * time.Millisecond, gone(0), 10, false},
		{"the backend hangs", 50 * time.Millisecond, gone(10 * time.Second), 5, true},
		{"the backend hangs for all", 50 * time.Millisecond, gone(30 * time.Second), 10, true},
		{"Envoy's backend hangs", 50 * time.Millisecond, envoy, 5, true},
		{"answers take as long", 8 * time.Second, gone(10 * time.Second), 5, false},
		{"the client never sent its request", 50 * time.Millisecond, upload, 5, false},
		{"the client was slow itself", 50 * time.Millisecond, slowBody, 5, false},
	} {
		s := newStream()
		send := func(n, share int) {
			for i := range n {
				sig := model.Signal{At: s.now, Proxy: "nginx", Status: 200, Duration: test.answers}
				if i%10 < share {
					sig = test.gone
					sig.At = s.now
				}
				s.d.Add("r", front, sig)
				s.now = s.now.Add(100 * time.Millisecond)
				s.tick(s.now)
			}
		}
		send(2000, 0)
		send(200, test.share)
		if got := len(s.alarms) == 1; got != test.want {
			t.Errorf("%s: %+v", test.name, s.alarms)
		}
	}
}

// A run of successes taken in at once is the same as one by one.
func TestRunsAreTheSameAsRequests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, runs := New(Options{}), New(Options{})
		now := start
		for range rapid.IntRange(1, 300).Draw(t, "runs") {
			n := rapid.IntRange(0, 2000).Draw(t, "successes")
			now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "ms")) * time.Millisecond)
			for range n {
				one.AddCounts("r", front, now, 1, 0)
			}
			runs.AddCounts("r", front, now, n, 0)
			one.AddCounts("r", front, now, 1, 1)
			runs.AddCounts("r", front, now, 1, 1)
			a, b := one.Tick(now), runs.Tick(now)
			if len(a) != len(b) || len(a) > 0 && a[0] != b[0] {
				t.Fatalf("one by one: %+v; at once: %+v", a, b)
			}
		}
		a, b := one.table.at(0), runs.table.at(0)
		for i := range a.Sums.Sum {
			if math.Abs(float64(a.Sums.Sum[i]-b.Sums.Sum[i])) > 0.05 {
				t.Fatalf("sums %v and %v", a.Sums, b.Sums)
			}
		}
		if x, y := a.Usual.ratio(one.options), b.Usual.ratio(one.options); math.Abs(x-y) > 0.02*x {
			t.Fatalf("usual %v and %v", x, y)
		}
	})
}

// Stamps of all kinds: late by what a timeout takes, out of order, of the future, none. An outage is found and its end, too.
func TestWeirdTimes(t *testing.T) {
	tests := map[string]func(i int, now time.Time) time.Time{
		"in order":               func(_ int, now time.Time) time.Time { return now },
		"stamped at their start": func(i int, now time.Time) time.Time { return now.Add(-time.Duration(i%60) * time.Second) },
		"a minute late":          func(_ int, now time.Time) time.Time { return now.Add(-time.Minute) },
		"a fast clock":           func(_ int, now time.Time) time.Time { return now.Add(30 * time.Second) },
		"far future":             func(i int, now time.Time) time.Time { return now.AddDate(i*1000, 0, 0) },
		"none":                   func(int, time.Time) time.Time { return time.Time{} },
		"before 1970":            func(i int, _ time.Time) time.Time { return time.Unix(-int64(i), 0) },
		"the same, always":       func(int, time.Time) time.Time { return start },
	}
	for name, stamp := range tests {
		s := newStream()
		s.tick(s.now)
		send := func(length time.Duration, status int) (took time.Duration) {
			before, from := len(s.alarms), s.now
			for i := 0; s.now.Sub(from) < length && len(s.alarms) == before; i++ {
				s.d.Add("r", front, model.Signal{At: stamp(i, s.now), Status: status})
				s.now = s.now.Add(50 * time.Millisecond)
				s.tick(s.now)
			}
			return s.now.Sub(from)
		}
		send(10*time.Minute, 200)
		if took := send(time.Minute, 503); len(s.alarms) != 1 || took > time.Second {
			t.Errorf("%s: %+v after %v, want an alarm within a second", name, s.alarms, took)
			continue
		}
		if a := s.alarms[0]; a.From.After(s.now) || a.To.After(s.now) || a.From.After(a.To) {
			t.Errorf("%s: %+v at %v", name, a, s.now)
		}
		if took := send(time.Minute, 200); len(s.alarms) != 2 || !s.alarms[1].Ended || took > 10*time.Second {
			t.Errorf("%s: %+v after %v, want its end within 10 s", name, s.alarms, took)
		}
	}
}

// A clock that is set back by an hour neither loses an outage nor keeps it open for an hour.
func TestClockSetBack(t *testing.T) {
	s := newStream()
	s.counts(20, 0, 10*time.Minute)
	s.counts(20, 20, 5*time.Second)
	s.now = s.now.Add(-time.Hour)
	s.counts(20, 20, 5*time.Second)
	if len(s.alarms) != 1 {
		t.Fatalf("%+v, want one alarm", s.alarms)
	}
	if got := s.counts(20, 0, 12*time.Second); len(got) != 1 || !got[0].Ended {
		t.Errorf("%+v, want its end", got)
	}
	s.now = s.now.Add(-30 * time.Second) // too small to be followed
	if got := s.counts(20, 20, 32*time.Second); len(got) != 1 {
		t.Errorf("%+v, want an alarm", got)
	}
}

// A detector that is saved and loaded goes on as if nothing had been.
func TestCheckpoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(Options{})
		now := start
		step := func(ds ...*Detector) (all [][]Alarm) {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "route")
			n := rapid.IntRange(1, 50).Draw(t, "requests")
			errors := rapid.SampledFrom([]int{0, 0, 0, 1, n}).Draw(t, "errors")
			for _, d := range ds {
				d.AddCounts(key, front, now, n, errors)
				all = append(all, d.Tick(now))
			}
			return all
		}
		for range rapid.IntRange(0, 100).Draw(t, "before") {
			step(d)
		}
		var b bytes.Buffer
		if err := d.Save(&b); err != nil {
			t.Fatal(err)
		}
		loaded := New(Options{})
		if err := loaded.Load(b.Bytes()); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			if both := step(d, loaded); fmt.Sprint(both[0]) != fmt.Sprint(both[1]) {
				t.Fatalf("saved: %+v; loaded: %+v", both[0], both[1])
			}
		}
	})
}

// restarted saves a detector and goes on with what another one loads, some time later.
func restarted(t *testing.T, d *Detector, now time.Time) *Detector {
	t.Helper()
	var b bytes.Buffer
	if err := d.Save(&b); err != nil {
		t.Fatal(err)
	}
	loaded := New(Options{})
	if err := loaded.Load(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	loaded.Resume(now)
	return loaded
}

// While nobody listens no traffic vanishes, what is usual is not forgotten, and an alarm that was open is told again, if it is
// not too old.
func TestResume(t *testing.T) {
	for name, test := range map[string]struct {
		errors int // of ten requests in each of the last seconds
		away   time.Duration
		want   int // alarms after the return
	}{
		"calm, for a while":            {0, 10 * time.Minute, 0},
		"calm, for long":               {0, 5 * time.Hour, 0},
		"failing, for a while":         {10, time.Minute, 1},
		"failing, for long":            {10, time.Hour, 0},
		"the clock was set back":       {0, -time.Hour, 0},
		"set back while it is failing": {10, -time.Second, 1},
	} {
		d, now := New(Options{}), start
		alarms := 0
		for second := range 3600 {
			now = now.Add(time.Second)
			d.AddCounts("a", front, now, 10, test.errors*(second/3590))
			alarms += len(d.Tick(now))
		}
		if alarms != test.errors/10 {
			t.Fatalf("%s: %d alarms before", name, alarms)
		}
		first := d.Open()
		now = now.Add(test.away)
		d = restarted(t, d, now)
		var told []Alarm
		for range 30 {
			now = now.Add(time.Second)
			told = append(told, d.Tick(now)...)
		}
		if len(told) != test.want || test.want == 1 && (!told[0].From.Equal(first[0].From) || told[0].Ended) {
			t.Errorf("%s: %+v, want %d", name, told, test.want)
		}
		if !d.Knows("a") {
			t.Errorf("%s: the route is forgotten", name)
		}
		for range 20 {
			now = now.Add(time.Second)
			d.AddCounts("a", front, now, 10, 0)
			d.Tick(now)
		}
		if open := d.Open(); len(open) != 0 {
			t.Errorf("%s: %+v is open after successes", name, open)
		}
	}
}

// An error line explains no request of another host, whichever comes first.
func TestJoinKeepsHostsApart(t *testing.T) {
	request := func(host string, failure model.FailureKind, errorLog bool) model.Signal {
		return model.Signal{At: start, Client: "192.0.2.1", Status: 502, Failure: failure, ErrorLog: errorLog, Request: model.Request{Method: "GET", Host: host, Path: "/"}}
	}
	signals := []model.Signal{
		request("a.test", model.UpstreamStatus, false), request("b.test", model.Refused, true), request("B.test", model.OtherFailure, false),
	}
	signals[1].Reason = "connection refused"
	var streamed []model.Signal
	j := NewJoiner(func(s *model.Signal) { streamed = append(streamed, *s) })
	for _, s := range signals {
		j.Add(&s)
	}
	j.Flush()
	got := map[string]model.FailureKind{}
	for _, s := range streamed {
		got[s.Request.Host] = s.Failure
	}
	if len(streamed) != 2 || got["a.test"] != model.UpstreamStatus || got["B.test"] != model.Refused {
		t.Errorf("%+v", streamed)
	}
}

// A route takes at most 400 bytes, its place in the map included; the text of its key is the caller's.
func TestMemoryOfARoute(t *testing.T) {
	const routes = 100_000
	keys := make([]string, routes)
	for i := range keys {
		keys[i] = fmt.Sprintf("shop-%d.test/buy", i)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	d := New(Options{MaxRoutes: routes})
	for _, key := range keys {
		d.Add(key, front, model.Signal{At: start, Status: 200})
	}
	if each := float64(heap()-before) / routes; each > 400 {
		t.Errorf("%.0f bytes", each)
	}
	runtime.KeepAlive(d)
	runtime.KeepAlive(keys)
}

func TestAddDoesNotAllocate(t *testing.T) {
	d := New(Options{})
	now := start
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		i++
		now = now.Add(time.Second)
		d.Add("r", front, model.Signal{At: now, Status: 200 + 303*(i%5/4), Duration: time.Millisecond})
		d.Open()
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
