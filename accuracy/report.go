package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// report is all verdicts of one run.
type report struct {
	verdicts  []verdict
	explained []explained
}

// The measured part of a Markdown file stands between these lines.
const (
	begin = "<!-- Measured by 'make accuracy'; do not edit. -->"
	end   = "<!-- End of what was measured. -->"
)

// print writes all tables. Sections are Markdown code blocks, so that the file shows what the terminal shows.
func (r report) print(out io.Writer, verbose bool) {
	r.summary(out)
	if len(r.verdicts) > 0 {
		r.families(out)
		r.confusion(out)
		r.calibration(out)
	}
	r.cases(out)
	if verbose {
		r.wrong(out)
	}
}

func (r report) in(mode string, healthy bool) []verdict {
	return slices.DeleteFunc(slices.Clone(r.verdicts), func(v verdict) bool { return v.mode != mode || v.healthy != healthy })
}

// share writes "17 of 18 (94%)".
func share(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d (%.0f%%)", n, of, 100*float64(n)/float64(of))
}

func count[T any](all []T, is func(T) bool) int {
	n := 0
	for _, x := range all {
		if is(x) {
			n++
		}
	}
	return n
}

// table writes rows in columns.
func table(out io.Writer, title string, rows ...[]string) {
	fmt.Fprintf(out, "%s\n\n", title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "    "+strings.Join(row, "\t"))
	}
	_ = w.Flush() // writes to out, whose errors the caller sees
	fmt.Fprintln(out)
}

func (r report) summary(out io.Writer) {
	rows := [][]string{{"", given, scanned}}
	row := func(title string, f func(vs []verdict) string) {
		rows = append(rows, []string{title, f(r.in(given, false)), f(r.in(scanned, false))})
	}
	of := func(is func(verdict) bool) func([]verdict) string {
		return func(vs []verdict) string { return share(count(vs, is), len(vs)) }
	}
	row("first cause's id right", of(func(v verdict) bool { return v.id }))
	row("and its object", of(func(v verdict) bool { return v.id && v.object }))
	row("and its field, to the letter", of(func(v verdict) bool { return v.id && v.field }))
	row("and its field, or one above or below", of(func(v verdict) bool { return v.id && v.near }))
	row("strict score", func(vs []verdict) string {
		sum := 0.0
		for _, v := range vs {
			sum += v.strict
		}
		return fmt.Sprintf("%.2f", sum/max(1, float64(len(vs))))
	})
	row("answers that blame an innocent object", func(vs []verdict) string {
		return fmt.Sprint(count(vs, func(v verdict) bool { return len(v.blamed) > 0 }))
	})
	healthy := r.in(scanned, true)
	rows = append(rows, []string{"healthy clusters without a cause", "", share(count(healthy, verdict.passed), len(healthy))})
	row("median time", func(vs []verdict) string {
		var all []time.Duration
		for _, v := range vs {
			all = append(all, v.took)
		}
		slices.Sort(all)
		if len(all) == 0 {
			return "-"
		}
		return all[len(all)/2].Round(time.Millisecond).String()
	})
	if len(r.verdicts) > 0 {
		table(out, "Scenarios", rows...)
	}
}

func (r report) families(out io.Writer) {
	by := map[string][]verdict{}
	for _, v := range r.verdicts {
		by[v.family] = append(by[v.family], v)
	}
	rows := [][]string{{"FAMILY", "ANSWERS", "ID", "OBJECT", "FIELD", "ALL RIGHT"}}
	for _, f := range slices.Sorted(maps.Keys(by)) {
		vs := by[f]
		n := func(is func(verdict) bool) string { return fmt.Sprint(count(vs, is)) }
		rows = append(rows, []string{
			f, fmt.Sprint(len(vs)), n(func(v verdict) bool { return v.id || v.passed() }), n(func(v verdict) bool { return v.object || v.passed() }),
			n(func(v verdict) bool { return v.field || v.passed() }), n(verdict.passed),
		})
	}
	table(out, "By family of faults, both ways of asking", rows...)
}

// confusion lists which causes were taken for which others.
func (r report) confusion(out io.Writer) {
	type pair struct{ wanted, got model.CauseID }
	times := map[pair]int{}
	for _, v := range r.verdicts {
		if !v.id && (!v.healthy || v.causes > 0) {
			times[pair{v.wanted, v.got}]++
		}
	}
	rows := [][]string{{"IS", "WAS TAKEN FOR", "TIMES"}}
	for _, p := range slices.SortedFunc(maps.Keys(times), func(a, b pair) int {
		return cmp.Or(times[b]-times[a], cmp.Compare(a.wanted, b.wanted), cmp.Compare(a.got, b.got))
	}) {
		rows = append(rows, []string{string(p.wanted), string(p.got), fmt.Sprint(times[p])})
	}
	if len(rows) == 1 {
		rows = append(rows, []string{"nothing", "", ""})
	}
	table(out, "Confusion of first causes", rows...)
}

// calibration compares how sure gatemend was of its first cause with how often that was right.
func (r report) calibration(out io.Writer) {
	by := map[float64][]verdict{}
	for _, v := range r.verdicts {
		if v.causes > 0 {
			by[v.confidence] = append(by[v.confidence], v)
		}
	}
	rows := [][]string{{"CONFIDENCE", "FIRST CAUSES", "ID AND OBJECT RIGHT"}}
	for _, c := range slices.Sorted(maps.Keys(by)) {
		rows = append(rows, []string{fmt.Sprintf("%.2f", c), fmt.Sprint(len(by[c])), share(count(by[c], func(v verdict) bool { return v.id && v.object }), len(by[c]))})
	}
	table(out, "Calibration", rows...)
}

func (r report) cases(out io.Writer) {
	if len(r.explained) == 0 {
		return
	}
	by := map[string][]explained{"all": r.explained}
	for _, e := range r.explained {
		by[e.family] = append(by[e.family], e)
	}
	rows := [][]string{{"FAMILY", "CASES", "FIRST CAUSE RIGHT", "AMONG THE FIRST THREE"}}
	for _, f := range slices.Sorted(maps.Keys(by)) {
		es := by[f]
		rows = append(rows, []string{
			f, fmt.Sprint(len(es)),
			share(count(es, func(e explained) bool { return e.first }), len(es)), share(count(es, func(e explained) bool { return e.third }), len(es)),
		})
	}
	table(out, "Reported cases, by their words alone ('gatemend explain')", rows...)
}

func (r report) wrong(out io.Writer) {
	rows := [][]string{{"WRONG", "ASKED", "IS", "ANSWER", "AT", "BLAMED"}}
	for _, v := range r.verdicts {
		if v.passed() {
			continue
		}
		var blamed []string
		for _, b := range v.blamed {
			blamed = append(blamed, b.String())
		}
		rows = append(rows, []string{v.scenario, v.mode, string(v.wanted), fmt.Sprintf("%s (of %d)", v.got, v.causes), v.first.String(), strings.Join(blamed, ", ")})
	}
	for _, e := range r.explained {
		if !e.first {
			rows = append(rows, []string{"case " + e.id, "words", string(e.wanted), string(e.got), fmt.Sprintf("among three: %v", e.third), ""})
		}
	}
	table(out, "Wrong answers", rows...)
}

// writeInto replaces the measured part of a file.
func (r report) writeInto(file string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(old, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return fmt.Errorf("%s has no lines %q and %q", file, begin, end)
	}
	var b bytes.Buffer
	b.Write(before)
	fmt.Fprintf(&b, "%s\n\n", begin)
	r.print(&b, false)
	fmt.Fprintf(&b, "%s%s", end, after)
	return os.WriteFile(file, b.Bytes(), 0o644)
}
