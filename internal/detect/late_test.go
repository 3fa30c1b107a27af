package detect

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/haproxy"
)

// tried is a request behind HAProxy, which stamps it with its begin and logs it at its end.
type tried struct {
	begin time.Time
	took  time.Duration
	fails bool
}

// line is what HAProxy logs of it: it tried a Service's port three times on which nothing listens, or had an answer.
func (r tried) line() string {
	begin, ms := r.begin.Format("02/Jan/2006:15:04:05.000"), r.took.Milliseconds()
	if r.fails {
		return fmt.Sprintf(`192.0.2.1:50000 [%s] http shop_svc_cart_80/SRV_1 0/0/-1/-1/%d 503 217 - - SC-- 1/1/0/0/+3 0/0 "GET shop.test/buy HTTP/1.1"`, begin, ms)
	}
	return fmt.Sprintf(`192.0.2.1:50000 [%s] http shop_svc_cart_80/SRV_1 0/0/0/%d/%[2]d 200 181 - - ---- 1/1/0/0/0 0/0 "GET shop.test/buy HTTP/1.1"`, begin, ms)
}

// requests begin at a steady rate between two times that are counted from start; took says of each how long it takes and whether it fails.
func requests(from, to, interval time.Duration, took func(i int) (time.Duration, bool)) []tried {
	var all []tried
	for i := 0; from < to; from, i = from+interval, i+1 {
		d, fails := took(i)
		all = append(all, tried{start.Add(from), d, fails})
	}
	return all
}

func quick(int) (time.Duration, bool)   { return 2 * time.Millisecond, false }
func retried(int) (time.Duration, bool) { return 3004 * time.Millisecond, true }

// logged has a detector read lines when they are written, and looks five times a second until a time that is counted from start.
func logged(t *testing.T, until time.Duration, all ...[]tried) []Alarm {
	t.Helper()
	s := newStream()
	p := haproxy.NewParser()
	requests := slices.Concat(all...)
	end := func(r tried) time.Time { return r.begin.Add(r.took) }
	slices.SortStableFunc(requests, func(a, b tried) int { return cmp.Compare(end(a).UnixNano(), end(b).UnixNano()) })
	for now := start; now.Before(start.Add(until)); now = now.Add(200 * time.Millisecond) {
		for len(requests) > 0 && !end(requests[0]).After(now) {
			var got model.Signal
			if p.Parse([]byte(requests[0].line()), &got) != proxy.Access {
				t.Fatalf("no request: %s", requests[0].line())
			}
			s.d.Add("shop.test/buy", front, got)
			requests = requests[1:]
		}
		s.tick(now)
	}
	return s.alarms
}

const (
	broken = time.Minute // when the fault begins, and when it is mended
	mended = broken + 10*time.Second
	each   = 50 * time.Millisecond
)

// Requests that were begun before a repair fail until seconds after it. They neither put off the end of the alarm nor are a sign that all
// fails again.
func TestLateFailuresDoNotExtendAnOutage(t *testing.T) {
	got := logged(t, 2*time.Minute, requests(0, broken, each, quick), requests(broken, mended, each, retried), requests(mended, 2*time.Minute, each, quick))
	if len(got) != 2 || got[0].Kind != Outage || !got[1].Ended || got[1].Errors != 200 {
		t.Fatalf("%+v, want an outage of 200 requests and its end", got)
	}
	// The last failure before the first success was heard right before the repair.
	if end := got[1].Heard; end.After(start.Add(mended)) {
		t.Errorf("last heard of at %v, want before %v", end, start.Add(mended))
	}
}

// At a low rate several such failures come between two successes.
func TestLateFailuresAreNoRow(t *testing.T) {
	stalled := func(int) (time.Duration, bool) { return 0, true }
	late := requests(broken, broken+2*time.Second, 200*time.Millisecond, stalled)
	for i := range late { // all of them end at once
		late[i].took = start.Add(broken + 5500*time.Millisecond).Sub(late[i].begin)
	}
	for _, a := range logged(t, 2*time.Minute, requests(0, 2*time.Minute, time.Second, quick), late) {
		if a.Kind == Outage {
			t.Errorf("%+v, though every request that began later succeeded", a)
		}
	}
}

// What took longer than it took the alarm to end belongs to it all the same.
func TestLateFailuresOpenNoNewAlarm(t *testing.T) {
	last := func(int) (time.Duration, bool) { return 16 * time.Second, true }
	fault := []time.Duration{broken, mended - time.Second, mended}
	got := logged(t, 3*time.Minute, requests(0, fault[0], each, quick), requests(fault[0], fault[1], each, retried), requests(fault[1], fault[2], each, last),
		requests(mended, 3*time.Minute, each, quick))
	if len(got) != 2 || !got[1].Ended {
		t.Errorf("%+v, want one alarm and its end", got)
	}
	// A second fault is none of the first one's.
	again := 2 * time.Minute
	got = logged(t, 3*time.Minute, requests(0, fault[0], each, quick), requests(fault[0], fault[2], each, retried), requests(mended, again, each, quick),
		requests(again, 3*time.Minute, each, retried))
	if len(got) != 3 || got[2].Ended || got[2].Opened.Sub(start) > again+4*time.Second {
		t.Errorf("%+v, want the second fault found as soon as the first", got)
	}
}

// Where only half is mended, or a share hangs until a timeout, failures are late for ever, and the alarm must stay.
func TestLateFailuresOfAShareKeepAnAlarm(t *testing.T) {
	hangs := func(int) (time.Duration, bool) { return 20 * time.Second, true }
	half := func(fails func(int) (time.Duration, bool)) func(int) (time.Duration, bool) {
		return func(i int) (time.Duration, bool) {
			if i%2 == 0 {
				return fails(i)
			}
			return quick(i)
		}
	}
	tenth := func(i int) (time.Duration, bool) {
		if i%10 == 0 {
			return time.Minute, true
		}
		return quick(i)
	}
	for name, test := range map[string]struct {
		outage       time.Duration // before it
		fails, share func(int) (time.Duration, bool)
	}{
		"half after 3 s":              {0, retried, half(retried)},
		"half after 3 s, all before":  {10 * time.Second, retried, half(retried)},
		"half after 20 s, all before": {30 * time.Second, hangs, half(hangs)},
		"a tenth after a minute":      {0, hangs, tenth},
	} {
		from := broken + test.outage
		got := logged(t, 5*time.Minute, requests(0, broken, each, quick), requests(broken, from, each, test.fails), requests(from, 5*time.Minute, each, test.share))
		if len(got) != 1 || got[0].Ended {
			t.Errorf("%s: %+v, want an alarm that stays open", name, got)
		}
	}
}
