package relay

import (
	"slices"

	"github.com/gatemend/gatemend/internal/model"
)

// Bounds of what waits while nobody answers.
const (
	mostReports = 600
	mostPoints  = 100_000
	mostSamples = 1000
)

// backlog are the reports that were not confirmed yet, the oldest first.
type backlog struct {
	reports         []Report
	points, samples int
	omitted         uint64 // samples that were dropped here
}

func (b *backlog) push(r Report) {
	b.reports = append(b.reports, r)
	points, samples := r.size()
	b.points, b.samples = b.points+points, b.samples+samples
	for len(b.reports) > 1 && (len(b.reports) > mostReports || b.points > mostPoints || b.samples > mostSamples) {
		b.squeeze()
	}
}

// squeeze makes the two oldest reports one.
func (b *backlog) squeeze() {
	first, second := b.reports[0], b.reports[1]
	for i := range 2 {
		points, samples := b.reports[i].size()
		b.points, b.samples = b.points-points, b.samples-samples
	}
	both := merge(first, second)
	b.omitted += both.limit(mostSamples / 2)
	points, samples := both.size()
	b.points, b.samples = b.points+points, b.samples+samples
	b.reports = slices.Replace(b.reports, 0, 2, both)
}

func (b *backlog) pop() {
	points, samples := b.reports[0].size()
	b.points, b.samples = b.points-points, b.samples-samples
	b.reports = slices.Delete(b.reports, 0, 1)
}

// merge gives the later of two reports with what only the earlier one says: values are cumulative.
func merge(earlier, later Report) Report {
	out := later
	out.Gateways = slices.Clone(later.Gateways)
	for _, old := range earlier.Gateways {
		i := slices.IndexFunc(out.Gateways, func(g Gateway) bool { return g.Pod == old.Pod })
		if i < 0 {
			continue // the agent reads it no more
		}
		g := &out.Gateways[i]
		at := make(map[Series]int, len(g.Points))
		g.Points = slices.Clone(g.Points)
		for j, p := range g.Points {
			at[p.Series] = j
		}
		for _, p := range old.Points {
			j, ok := at[p.Series]
			if !ok {
				g.Points = append(g.Points, p)
				continue
			}
			g.Points[j].Samples = slices.Concat(p.Samples, g.Points[j].Samples)
		}
		g.Errors = slices.Concat(old.Errors, g.Errors)
	}
	return out
}

// limit keeps the newest samples, and says how many it dropped.
func (r *Report) limit(most int) (dropped uint64) {
	keep := func(s []model.Signal) []model.Signal {
		n := min(len(s), most)
		most -= n
		dropped += uint64(len(s) - n)
		return s[len(s)-n:]
	}
	for i := range r.Gateways {
		g := &r.Gateways[i]
		g.Errors = keep(g.Errors)
		for j := range g.Points {
			g.Points[j].Samples = keep(g.Points[j].Samples)
		}
	}
	return dropped
}
