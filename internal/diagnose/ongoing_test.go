package diagnose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/gatemend/gatemend/internal/model"
)

// TestWhatGoesOnComesFirst runs testdata/ranking.txtar, whose cases are as those of TestCases. A case
// has its cause first if it is named positive, and not among the causes if it is named negative.
func TestWhatGoesOnComesFirst(t *testing.T) {
	name := filepath.Join("testdata", "ranking.txtar")
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	causes := map[string]model.CauseID{
		"positive-a-weak-cause-of-now-before-a-proven-one-of-before": "no-endpoints",
		"positive-own-errors-after-a-race":                           "app-error",
		"positive-a-race-and-then-nothing":                           "termination-race",
		"positive-a-race-is-first-though-own-errors-came-earlier":    "termination-race",
		"positive-all-is-past":                                       "bad-rollout",
		"positive-both-go-on-the-more-frequent-is-first":             "app-error",
		"positive-just-ended-is-not-past":                            "app-error",
		"positive-broken-now-and-no-request-since":                   "no-replicas",
		"negative-works-again":                                       "no-endpoints",
	}
	cases := casesOf(archive)
	for c := range causes {
		if !slices.Contains(cases, c) {
			t.Errorf("there is no case %s", c)
		}
	}
	for _, c := range cases {
		t.Run(c, func(t *testing.T) {
			if causes[c] == "" {
				t.Fatal("the case has no cause")
			}
			runCase(t, causes[c], archive, c)
		})
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What failed last is told apart from what failed before it only by a pause that is none of chance.
func TestLastBegan(t *testing.T) {
	start := time.Date(2026, 3, 14, 9, 26, 0, 0, time.UTC)
	for _, tc := range []struct {
		name string
		// requests are one a tenth of a second; each letter stands for ten of them that ended alike: F failed, S succeeded,
		// and M nine and one.
		requests string
		want     time.Duration
	}{
		{"one outage", "SSFFFF", 2 * time.Second},
		{"two, and a minute between them", "SSFFFF" + strings.Repeat("S", 60) + "FF", 66 * time.Second},
		{"three", "FF" + strings.Repeat("S", 60) + "FF" + strings.Repeat("S", 60) + "F", 124 * time.Second},
		{"a pause that is short", "FFSSSSFF", 0},
		{"nobody asked in between", "FF" + strings.Repeat(" ", 60) + "FF", 0},
		{"a share that fails all the time", strings.Repeat("MSSSSSSS", 12), 0},
	} {
		r := &route{}
		at := start
		for _, c := range tc.requests {
			for i := range 10 {
				at = at.Add(100 * time.Millisecond)
				switch {
				case c == ' ':
				case c == 'F' || c == 'M' && i == 0:
					r.signals = append(r.signals, model.Signal{At: at})
				default:
					r.succeeded = append(r.succeeded, at)
				}
			}
		}
		if got := r.lastBegan().Sub(start.Add(100 * time.Millisecond)); got != tc.want {
			t.Errorf("%s: began after %s, want %s", tc.name, got, tc.want)
		}
	}
}
