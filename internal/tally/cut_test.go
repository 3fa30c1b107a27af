package tally

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/proxy/all"
)

// troubled makes a log of some routes of which some fail for a while. Its lines are late now and then, as those of
// processes that write side by side, and some are stamped with the begin of a request that took long.
func troubled(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 3))
	start := time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)
	var b strings.Builder
	share := make([]float64, 4) // of failures, by route
	for second := range 400 {
		if second%40 == 0 {
			for i := range share {
				share[i] = []float64{0, 0, 0.05, 0.3, 1}[r.IntN(5)]
			}
		}
		for range r.IntN(30) {
			late := 0
			switch r.IntN(40) {
			case 0:
				late = 60
			case 1, 2:
				late = r.IntN(5)
			}
			route, status := r.IntN(len(share)), 200
			if r.Float64() < share[route] {
				status = 502
			}
			stamp := start.Add(time.Duration(second-late) * time.Second).Format("02/Jan/2006:15:04:05 -0700")
			fmt.Fprintf(&b, "10.0.0.9 - - [%s] \"GET /p HTTP/1.1\" %d 0 \"-\" \"x\" 9 %d.000 [shop-r%d-80] [] 10.1.0.1:80 0 0.001 %d id\n", stamp, status, late, route, status)
		}
	}
	return b.String()
}

// Wherever a log is cut and however many count it, the report is the same, alarms and all.
func TestReportDoesNotDependOnCuts(t *testing.T) {
	alarms := 0
	rapid.Check(t, func(t *rapid.T) {
		log := troubled(rapid.Uint64().Draw(t, "seed"))
		report := func(size, workers int) any {
			tally, err := Run(t.Context(), &texts{size: size, logs: []string{log}}, workers, Options{Format: "nginx", Parser: all.Proxies()[0].NewParser}, Notify{})
			if err != nil {
				t.Fatal(err)
			}
			r := tally.Finish()
			alarms += len(r.Alarms)
			return r
		}
		whole := report(len(log), 1)
		size := rapid.OneOf(rapid.IntRange(1, 500), rapid.IntRange(500, len(log))).Draw(t, "size")
		if d := cmp.Diff(whole, report(size, rapid.IntRange(1, 4).Draw(t, "workers"))); d != "" {
			t.Errorf("(-whole +cut)\n%s", d)
		}
	})
	if alarms == 0 {
		t.Error("no log raised an alarm")
	}
}
