package watch

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/detect"
)

// However many routes fail while nobody has time for them, each is worked on, and what ended meanwhile is known to have ended.
func TestInboxLosesNoRoute(t *testing.T) {
	const routes = 3000
	b, now := newInbox(), time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	news := func(i, errors int, ended bool) alarmNews {
		return alarmNews{Alarm: detect.Alarm{Route: fmt.Sprint("route", i), Requests: errors, Errors: errors, Ended: ended}}
	}
	for i := range routes {
		b.put(news(i, 9, false))
	}
	for range 100 { // one that fails now and then takes no more room
		b.put(news(0, 9, true))
		b.put(news(0, 9, true))
		b.put(news(0, 8, false))
	}
	b.put(news(1, 9, true))
	b.put(news(2, 0, false)) // hearsay of what is known
	select {
	case <-b.some:
	default:
		t.Error("nobody is told that there is news")
	}
	all := b.take()
	if len(all) != routes+1 {
		t.Errorf("%d news of %d routes", len(all), routes)
	}
	cases := caseload{}
	for _, n := range all {
		cases.take(n, now)
	}
	got := []any{len(cases), cases["route0"].Errors, cases["route0"].Ended, cases["route1"].Ended, cases["route2"].Errors}
	if d := cmp.Diff([]any{routes, 8, false, true, 9}, got); d != "" {
		t.Errorf("cases, errors and ends (-want +got)\n%s", d)
	}
	if rest := b.take(); len(rest) > 0 {
		t.Errorf("%d news are given twice", len(rest))
	}
}

// What somebody else tells of a route that is worked on has it looked at, and does not take the place of what was counted.
func TestHearsayOfAKnownAlarm(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	cases := caseload{}
	cases.take(alarmNews{Alarm: detect.Alarm{Route: "a", Requests: 9, Errors: 9}}, now)
	cases["a"].next = now.Add(lookRarely)
	cases.take(alarmNews{Alarm: detect.Alarm{Route: "a"}}, now)
	if c, _ := cases.due(now); c == nil || c.Errors != 9 {
		t.Errorf("to be looked at: %+v", c)
	}
}
