package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what was measured.
type report struct {
	size              size
	synced            time.Duration
	syncing           usage // until then
	window            time.Duration
	ours, theirs      usage // within the window
	deaths, steps     []time.Duration
	whole             time.Duration
	walking           usage // of whole
	churned           int
	startCalls, calls map[string]int
	storm             *storm
}

// broken is what must hold however slow the machine is.
func (r *report) broken() error {
	var all []error
	for what, n := range r.calls {
		if strings.HasPrefix(what, "list ") {
			all = append(all, fmt.Errorf("gatemend went on listing after its start: %d × %s", n, what))
		}
	}
	if s := r.storm; s != nil {
		if s.incidents == 0 || s.diagnosed < s.incidents {
			all = append(all, fmt.Errorf("of %d incidents of a storm %d were diagnosed", s.incidents, s.diagnosed))
		}
		if s.changes > brake {
			all = append(all, fmt.Errorf("in a storm of %d routes gatemend changed %d Services, more than the %d that its limits allow", s.routes, s.changes, brake))
		}
		all = append(all, s.flooded())
	}
	return errors.Join(all...)
}

func (r *report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(what, measured, wanted string) { fmt.Fprintf(t, "%s\t%s\t%s\n", what, measured, wanted) }
	fmt.Fprintf(t, "%d nodes, %d pods, %d Services, %d routes; %d pods replaced\n", r.size.nodes, r.size.pods(), r.size.services, r.size.services, r.churned)
	row("", "measured", "wanted")
	row("reading the cluster; CPU time", fmt.Sprintf("%s; %s", r.synced.Round(10*time.Millisecond), r.syncing.cpu), "< 60 s")
	row("memory (RSS)", mb(r.ours.rss), "≤ 350 MB")
	row("memory at most, while reading", mb(r.ours.most), "")
	if r.window > 0 {
		row("CPU under churn", share(r.ours, r.window), "< 5 % of a core")
		row("kube-state-metrics: memory, CPU", mb(r.theirs.rss)+", "+share(r.theirs, r.window), "")
	}
	row("a pod's death to a warning: median, most", two(r.deaths), "< 200 ms")
	row("all routes read and walked; CPU time", fmt.Sprintf("%s; %s", r.whole.Round(time.Millisecond), r.walking.cpu), "< 2 s")
	row("brought up to date after a change: median, most", two(r.steps), "< 5 ms")
	row("calls at start", counts(r.startCalls), "")
	row("calls within "+r.window.Round(time.Second).String(), counts(r.calls), "no list")
	if s := r.storm; s != nil {
		row(fmt.Sprintf("storm of %d routes: incidents, diagnosed", s.routes), fmt.Sprintf("%d, %d after %s", s.incidents, s.diagnosed, s.drained.Round(time.Second)), "")
		row("changes by gatemend", fmt.Sprint(s.changes), fmt.Sprintf("≤ %d", brake))
		row("notifications: messages, requests", fmt.Sprintf("%d, %d within %s", s.messages, s.requests, s.lasted.Round(time.Second)), "≤ 21 in 5 minutes")
		row("Kubernetes events by gatemend", fmt.Sprint(s.events), "")
		row("CPU time, memory", fmt.Sprintf("%s, %s", s.used.cpu.Round(time.Millisecond), mb(s.used.rss)), "")
	}
	_ = t.Flush() // there is nobody left to tell
}

func mb(n int64) string { return fmt.Sprintf("%d MB", n>>20) }

func share(u usage, of time.Duration) string {
	return fmt.Sprintf("%.1f %%", 100*u.cpu.Seconds()/of.Seconds())
}

func two(all []time.Duration) string {
	if len(all) == 0 {
		return "not measured"
	}
	sorted := slices.Sorted(slices.Values(all))
	return fmt.Sprintf("%s, %s", sorted[len(sorted)/2].Round(10*time.Microsecond), sorted[len(sorted)-1].Round(10*time.Microsecond))
}

// counts sums calls up by verb.
func counts(calls map[string]int) string {
	verbs := map[string]int{}
	for what, n := range calls {
		verb, resource, _ := strings.Cut(what, " ")
		if verb != "watch" && verb != "list" {
			verb = what
		}
		_ = resource
		verbs[verb] += n
	}
	var out []string
	for _, v := range slices.Sorted(maps.Keys(verbs)) {
		out = append(out, fmt.Sprintf("%d × %s", verbs[v], v))
	}
	return strings.Join(out, ", ")
}
