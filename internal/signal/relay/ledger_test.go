package relay

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
)

var (
	start = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	pod   = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "edge-1"}
	good  = Series{Proxy: "envoy", Service: "cart", RouteNamespace: "shop", Status: 200}
	bad   = Series{Proxy: "envoy", Service: "cart", RouteNamespace: "shop", Status: 503, Failure: model.Refused}
)

func after(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// said makes a report of one gateway.
func said(number uint64, seconds float64, read time.Time, values map[Series]uint64) received {
	g := Gateway{Pod: pod, Read: read}
	for _, s := range []Series{good, bad} {
		if v, ok := values[s]; ok {
			g.Points = append(g.Points, Point{Series: s, Value: v})
		}
	}
	return received{receiver: "r1", Report: Report{
		Node: "n1", Instance: "a1", Started: start, Number: number, At: after(seconds), Gateways: []Gateway{g},
	}}
}

// whole is a report that says all that was confirmed before.
func whole(r received, confirmed map[Series]uint64) received {
	r.whole, r.confirmed = true, map[model.Ref]map[Series]uint64{pod: confirmed}
	return r
}

func by(r received, change func(*received)) received {
	change(&r)
	return r
}

type step struct {
	name string
	got  received
	at   float64   // by the receiver's clock
	read time.Time // the newest line that was read through the API
	want map[Series]uint64
	err  error
}

func TestDifferences(t *testing.T) {
	none := time.Time{}
	for name, steps := range map[string][]step{
		"an agent that is new tells all": {
			{name: "first", got: said(1, 1, after(1), map[Series]uint64{good: 5}), at: 1, err: errUnconfirmed},
			{name: "again", got: whole(said(1, 1, after(1), map[Series]uint64{good: 5}), nil), at: 1, want: map[Series]uint64{good: 5}},
			{name: "more", got: said(2, 2, after(2), map[Series]uint64{good: 7, bad: 3}), at: 2, want: map[Series]uint64{good: 2, bad: 3}},
			{name: "twice", got: said(2, 2, after(2), map[Series]uint64{good: 7, bad: 3}), at: 2},
			{name: "late", got: said(1, 1, after(1), map[Series]uint64{good: 5}), at: 2},
		},
		"a receiver that is new counts what no other has": {
			{name: "first", got: whole(said(9, 9, after(9), map[Series]uint64{good: 110, bad: 4}), map[Series]uint64{good: 100}), at: 9, want: map[Series]uint64{good: 10, bad: 4}},
			{name: "more", got: said(10, 10, after(10), map[Series]uint64{good: 111}), at: 10, want: map[Series]uint64{good: 1}},
		},
		"another receiver's confirmation counts for nothing": {
			{name: "first", got: by(whole(said(9, 9, after(9), nil), nil), func(r *received) { r.receiver = "r0" }), at: 9, err: errUnconfirmed},
		},
		"an agent that was started anew counts from zero": {
			{name: "first", got: whole(said(9, 9, after(9), map[Series]uint64{good: 100}), nil), at: 9, want: map[Series]uint64{good: 100}},
			{name: "new, unconfirmed", got: by(said(1, 12, after(12), map[Series]uint64{good: 3}), func(r *received) { r.Instance, r.Started = "a2", after(11) }), at: 12, err: errUnconfirmed},
			{name: "new", got: by(whole(said(1, 12, after(12), map[Series]uint64{good: 3}), nil), func(r *received) { r.Instance, r.Started = "a2", after(11) }), at: 12, want: map[Series]uint64{good: 3}},
			{name: "the old one is not heard any more", got: said(10, 13, after(13), map[Series]uint64{good: 200}), at: 13, err: errReplaced},
		},
		"what was read through the API is left out": {
			{name: "before it", got: whole(said(1, 1, after(1), map[Series]uint64{good: 50}), nil), at: 1, read: after(1.5)},
			{name: "across it", got: said(2, 2, after(2), map[Series]uint64{good: 60, bad: 1}), at: 2},
			{name: "after it", got: said(3, 3, after(3), map[Series]uint64{good: 61}), at: 3, want: map[Series]uint64{good: 1}},
		},
		"a clock of a node that was set back is waited for in vain only so long": {
			{name: "before it", got: whole(said(1, 1, after(-3600), map[Series]uint64{good: 50}), nil), at: 1, read: after(1.5)},
			{name: "ten seconds later", got: said(2, 12, after(-3590), map[Series]uint64{good: 60}), at: 12},
			{name: "after it", got: said(3, 13, after(-3589), map[Series]uint64{good: 61}), at: 13, want: map[Series]uint64{good: 1}},
		},
		"a log that began anew": {
			{name: "first", got: whole(said(1, 1, none, map[Series]uint64{good: 50}), nil), at: 1, want: map[Series]uint64{good: 50}},
			{name: "less", got: said(2, 2, none, map[Series]uint64{good: 2}), at: 2, want: map[Series]uint64{good: 2}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger("r1")
			for _, s := range steps {
				accounts, _, err := l.take(s.got, after(s.at), func(model.Ref) time.Time { return s.read })
				if !errors.Is(err, s.err) {
					t.Fatalf("%s: got %v, want %v", s.name, err, s.err)
				}
				if d := cmp.Diff(s.want, sums(accounts)); d != "" {
					t.Errorf("%s: %s", s.name, d)
				}
			}
		})
	}
}

// sums are the requests of each series; nil if there are none.
func sums(accounts []model.Account) map[Series]uint64 {
	var out map[Series]uint64
	for _, a := range accounts {
		for _, c := range a.Counts {
			if out == nil {
				out = map[Series]uint64{}
			}
			out[Series{
				Proxy: c.Proxy, Host: c.Host, Path: c.Path, RouteNamespace: c.RouteNamespace, RouteName: c.RouteName,
				Service: c.Service, ServicePort: c.ServicePort, Status: c.Status, Failure: c.Failure,
			}] += c.Requests
		}
	}
	return out
}

// An agent that is silent is gone, with the place up to which its gateways were read; so is a gateway of which it says
// nothing any more. When it comes back, it has to say what was confirmed: nothing is counted twice.
func TestSilence(t *testing.T) {
	l := newLedger("r1")
	begun := func(model.Ref) time.Time { return time.Time{} }
	if _, _, err := l.take(whole(said(1, 1, after(0.9), map[Series]uint64{good: 50}), nil), after(1), begun); err != nil {
		t.Fatal(err)
	}
	if nodes, _ := l.silent(after(5), 5*time.Second); len(nodes) > 0 {
		t.Errorf("%v is silent already", nodes)
	}
	nodes, left := l.silent(after(6), 5*time.Second)
	if d := cmp.Diff([]Ended{{pod, after(0.9)}}, left); d != "" || len(nodes) != 1 || l.known != 0 {
		t.Errorf("%v: %s; %d series are known", nodes, d, l.known)
	}
	if _, _, err := l.take(said(2, 7, after(7), map[Series]uint64{good: 55}), after(7), begun); !errors.Is(err, errUnconfirmed) {
		t.Fatalf("got %v", err)
	}
	accounts, _, err := l.take(whole(said(2, 7, after(7), map[Series]uint64{good: 55}), map[Series]uint64{good: 50}), after(7), begun)
	if d := cmp.Diff(map[Series]uint64{good: 5}, sums(accounts)); err != nil || d != "" {
		t.Errorf("%v: %s", err, d)
	}
	empty := said(3, 8, time.Time{}, nil)
	empty.Gateways = nil
	if _, left, err = l.take(empty, after(8), begun); err != nil || len(left) != 1 || left[0] != (Ended{pod, after(7)}) {
		t.Errorf("%v, %v", left, err)
	}
	// The receiver's clock was set back by an hour: nobody is young for ever.
	if nodes, _ = l.silent(after(-3600), 5*time.Second); len(nodes) != 1 {
		t.Errorf("got %v", nodes)
	}
}

// A report whose answer was lost comes again, even after the agent was silent for so long that it counted as gone.
func TestLostAnswerBeforeSilence(t *testing.T) {
	l := newLedger("r1")
	begun := func(model.Ref) time.Time { return time.Time{} }
	counted := map[Series]uint64{}
	take := func(r received, at float64) {
		t.Helper()
		accounts, _, err := l.take(r, after(at), begun)
		if err != nil {
			t.Fatal(err)
		}
		for s, n := range sums(accounts) {
			counted[s] += n
		}
	}
	take(whole(said(1, 1, after(1), map[Series]uint64{good: 3}), nil), 1)
	take(said(2, 2, after(2), map[Series]uint64{good: 7}), 2) // the agent never hears that this was taken
	if nodes, left := l.silent(after(10), 5*time.Second); len(nodes) != 1 || len(left) != 1 {
		t.Fatalf("got %v, %v", nodes, left)
	}
	if nodes, _ := l.silent(after(20), 5*time.Second); len(nodes) > 0 {
		t.Errorf("%v is told of twice", nodes)
	}
	take(whole(said(2, 2, after(2), map[Series]uint64{good: 7}), map[Series]uint64{good: 3}), 21)
	take(said(3, 21, after(21), map[Series]uint64{good: 9}), 21)
	if d := cmp.Diff(map[Series]uint64{good: 9}, counted); d != "" {
		t.Error(d)
	}
	l.silent(after(30), 5*time.Second)
	anew := by(whole(said(1, 31, after(31), map[Series]uint64{good: 2}), nil), func(r *received) { r.Instance, r.Started = "a2", start.Add(-time.Hour) })
	take(anew, 31) // of a node whose clock was set back meanwhile
	if d := cmp.Diff(map[Series]uint64{good: 11}, counted); d != "" {
		t.Error(d)
	}
}

// However many agents and series there are, only so many are remembered.
func TestLedgerIsBounded(t *testing.T) {
	l := newLedger("r1")
	l.known = mostKnown - 1
	begun := func(model.Ref) time.Time { return time.Time{} }
	accounts, _, err := l.take(whole(said(1, 1, after(1), map[Series]uint64{good: 50, bad: 3}), nil), after(1), begun)
	if d := cmp.Diff(map[Series]uint64{good: 50}, sums(accounts)); err != nil || d != "" || l.untracked != 1 {
		t.Errorf("%v: %s; %d untracked", err, d, l.untracked)
	}
	for i := range mostAgents {
		l.agents[string(rune('a'+i))] = &agent{}
	}
	oneMore := by(whole(said(1, 1, after(1), nil), nil), func(r *received) { r.Node = "one too many" })
	if _, _, err := l.take(oneMore, after(1), begun); !errors.Is(err, errTooMany) {
		t.Errorf("got %v", err)
	}
	l.agents["a"].gone = true
	if _, _, err := l.take(oneMore, after(1), begun); err != nil || l.agents["a"] != nil {
		t.Errorf("where one is gone: %v", err)
	}
}

func TestBacklog(t *testing.T) {
	var b backlog
	const reports = mostReports + 100
	line := model.Signal{Status: 503}
	for i := range reports {
		p := Point{Series: Series{Service: "all", Status: 200}, Value: uint64(i + 1), Samples: []model.Signal{line, line}}
		points := []Point{p}
		if i == 0 {
			points = append(points, Point{Series: Series{Service: "once", Status: 200}, Value: 1})
		}
		b.push(Report{Number: uint64(i + 1), Gateways: []Gateway{{Pod: pod, Points: points}}})
	}
	if len(b.reports) > mostReports || b.samples > mostSamples {
		t.Errorf("%d reports with %d samples wait", len(b.reports), b.samples)
	}
	last, found := uint64(0), map[string]uint64{}
	samples := uint64(0)
	for len(b.reports) > 0 {
		r := b.reports[0]
		if r.Number <= last {
			t.Errorf("report %d comes after %d", r.Number, last)
		}
		last = r.Number
		for _, p := range r.Gateways[0].Points {
			found[p.Series.Service] = p.Value
			samples += uint64(len(p.Samples))
		}
		b.pop()
	}
	if d := cmp.Diff(map[string]uint64{"all": reports, "once": 1}, found); d != "" || b.points != 0 || b.samples != 0 {
		t.Errorf("%s; %d points and %d samples are left", d, b.points, b.samples)
	}
	if samples+b.omitted != 2*reports {
		t.Errorf("%d samples waited, %d were omitted, of %d", samples, b.omitted, 2*reports)
	}
}
