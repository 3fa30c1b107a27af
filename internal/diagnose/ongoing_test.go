package diagnose

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

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
