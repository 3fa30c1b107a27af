package rates

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
)

var (
	start = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	front = model.Ref{Kind: "Ingress", Namespace: "shop", Name: "front"}
)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func TestCounts(t *testing.T) {
	table := New(Options{Bucket: 5 * time.Second, Buckets: 6})
	table.Add("a", front, at(0), 200, model.NoFailure, false, 10)
	table.Add("a", model.Ref{}, at(7), 502, model.Refused, true, 3)
	table.Add("a", model.Ref{}, at(6), 200, model.NoFailure, false, 1) // older than the one before
	table.Add("a", model.Ref{}, at(20), 500, model.NoFailure, true, 1)
	table.Add("b", model.Ref{}, at(20), 200, model.Reset, false, 4)

	want := []Route{
		{
			Key: "a", Object: front, Lately: Counts{15, 4}, Now: Counts{1, 1}, Last: at(20),
			Buckets:  []Counts{{}, {10, 0}, {4, 3}, {}, {}, {1, 1}},
			Statuses: map[int]int{200: 11, 502: 3, 500: 1},
			Failures: map[model.FailureKind]int{model.Refused: 3, model.OtherFailure: 1},
		},
		{
			Key: "b", Lately: Counts{4, 0}, Now: Counts{4, 0}, Last: at(20), Buckets: []Counts{{}, {}, {}, {}, {}, {4, 0}},
			Statuses: map[int]int{200: 4}, Failures: map[model.FailureKind]int{},
		},
	}
	if d := cmp.Diff(want, table.Routes(at(21))); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	// A bucket that is over its time is not counted, though its place has not been used anew.
	if got := table.Routes(at(36)); len(got) != 2 || got[0].Lately != (Counts{1, 1}) {
		t.Errorf("after 36 s: %+v", got)
	}
	if got := table.Routes(at(60)); len(got) != 0 {
		t.Errorf("after a minute: %+v", got)
	}
}

func TestWorstFirst(t *testing.T) {
	table := New(Options{})
	table.Add("busy", front, at(0), 200, "", false, 1000)
	table.Add("was bad", front, at(0), 502, "", true, 9)
	table.Add("half", front, at(58), 502, "", true, 1)
	table.Add("half", front, at(58), 200, "", false, 1)
	table.Add("all", front, at(59), 502, "", true, 1)
	var got []string
	for _, r := range table.Routes(at(60)) {
		got = append(got, r.Key)
	}
	if d := cmp.Diff([]string{"all", "half", "was bad", "busy"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Whatever stamps say, what was added within the kept time is counted once, and nothing else is.
func TestOddTimes(t *testing.T) {
	table := New(Options{Bucket: time.Second, Buckets: 10})
	table.Add("r", front, time.Unix(-5, 0), 200, "", false, 1)
	table.Add("r", front, at(100), 200, "", false, 1)
	table.Add("r", front, at(90), 502, "", true, 1) // just too old
	table.Add("r", front, at(91), 502, "", true, 1)
	table.Add("r", front, at(100), 502, "", true, 0)
	if got := table.Routes(at(100)); len(got) != 1 || got[0].Lately != (Counts{2, 1}) {
		t.Errorf("got %+v", got)
	}
	// A clock that steps back shows less, and breaks nothing.
	if got := table.Routes(at(0)); len(got) != 0 {
		t.Errorf("before it began: %+v", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	table := New(Options{MaxRoutes: 3})
	for i := range 100 {
		table.Add(fmt.Sprintf("r%02d", i), front, at(i), 200, "", false, 1)
	}
	got := table.Routes(at(100))
	if len(got) != 3 || got[0].Key != "r97" || got[2].Key != "r99" {
		t.Errorf("kept %+v, want the three newest", got)
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	table := New(Options{})
	i := 0
	add := func() {
		table.Add("r", front, at(i/10), 200+i%2, "", false, 1)
		i++
	}
	for range 10_000 {
		add()
	}
	if n := testing.AllocsPerRun(1000, add); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}
