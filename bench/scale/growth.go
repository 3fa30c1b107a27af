package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// fillsFor is how long after its start a soak still fills what has its bounds: an incident on a route that was deleted is over after five
// minutes without a request, and is deleted a minute later.
const fillsFor = 8 * time.Minute

// sample is what the controller held at one moment.
type sample struct {
	at         time.Duration // since the stream began
	rss, live  int64         // bytes: of the process, and of Go's objects that a collection leaves
	goroutines int
	files      int // that it has open
	queued     int // that waits in its queues
	routes     int // that have come so far
	incidents  int // that were seen so far
	stored     int // of them there now
}

// held is one of the things that must not grow for ever.
type held struct {
	name  string
	of    func(sample) float64
	spare float64 // by so much more, and a tenth, may be there at the end
	unit  string
}

func allHeld() []held {
	const mb = 1 << 20
	return []held{
		{"RSS", func(s sample) float64 { return float64(s.rss) / mb }, 10, " MB"},
		{"live heap", func(s sample) float64 { return float64(s.live) / mb }, 20, " MB"}, // sways by the copies of two diagnoses
		{"goroutines", func(s sample) float64 { return float64(s.goroutines) }, 20, ""},
		{"open files", func(s sample) float64 { return float64(s.files) }, 10, ""},
		{"queued", func(s sample) float64 { return float64(s.queued) }, 10, ""},
	}
}

// halves are the samples of the time in which nothing fills any more, the earlier and the later ones; none if that was too short.
func halves(all []sample) (first, second []sample) {
	for len(all) > 0 && all[0].at < fillsFor {
		all = all[1:]
	}
	if len(all) < 4 {
		return nil, nil
	}
	return all[:len(all)/2], all[len(all)/2:]
}

// growing is an error for whatever there is more of in the later half.
func growing(all []sample) error {
	first, second := halves(all)
	var errs []error
	for _, h := range allHeld() {
		if was, is := mean(first, h.of), mean(second, h.of); is > was*1.1+h.spare {
			errs = append(errs, fmt.Errorf("%s grew from %.1f%s to %.1f%s in the mean", h.name, was, h.unit, is, h.unit))
		}
	}
	return errors.Join(errs...)
}

// printSamples prints every fourth sample and the last one, and the means of both halves.
func printSamples(w io.Writer, all []sample) {
	if len(all) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "after\troutes so far\tincidents so far\tincidents there\tlive heap\tRSS\tgoroutines\topen files\tqueued")
	for i, s := range all {
		if i%4 == 3 || i == len(all)-1 {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\t%d\t%d\t%d\n",
				s.at.Round(time.Second), s.routes, s.incidents, s.stored, mb(s.live), mb(s.rss), s.goroutines, s.files, s.queued)
		}
	}
	_ = t.Flush() // there is nobody left to tell
	first, second := halves(all)
	if first == nil {
		fmt.Fprintf(w, "too short to say what grows: it fills for %s\n", fillsFor)
		return
	}
	for _, h := range allHeld() {
		fmt.Fprintf(w, "%s in the mean: %.1f%s, then %.1f%s\n", h.name, mean(first, h.of), h.unit, mean(second, h.of), h.unit)
	}
}

func mean(all []sample, of func(sample) float64) float64 {
	sum := 0.0
	for _, s := range all {
		sum += of(s)
	}
	return sum / float64(max(1, len(all)))
}
