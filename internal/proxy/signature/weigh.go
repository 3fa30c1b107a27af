package signature

import (
	"cmp"
	"math"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
)

// How much a hit says for a cause, on a scale of logarithms: how much likelier the words are where the cause
// is than where it is not.
const (
	// rest is the share of cases that are none of those that a signature lists.
	rest = 0.02
	// against is what an excluded cause loses: the words are not impossible with it, since faults combine.
	against = 2.5
	// again is what a second hit of the same line counts: two readings of one line are hardly independent.
	again = 0.4
	// words is what the likeness of a text's words counts. It was chosen with cases that were kept from its learning,
	// where phrases prove right less often than for the reports that they were made of: those of strength 5 were in 71 of
	// 100, of strength 4 in 51.
	words = 1.8
)

// strengths are those of phrases, from a hint to hardly anything else, and of facts that contradict each other.
func strengths() [7]float64 { return [7]float64{0, 0.7, 1.5, 2.5, 3.8, 5.5, 8} }

// Match is a signature found in a text, with its causes in the order in which all of the text together makes
// them likely.
type Match struct {
	Hit
	Causes []model.CauseID
	score  float64
}

// Verdict is what a text says, all in all.
type Verdict struct {
	// Causes are those that the lines together make likely, the most likely first; those that some line speaks
	// against and too little speaks for are left out.
	Causes []model.CauseID
	// Matches are the signatures found, each once, the one that says most for the most likely cause first.
	Matches []Match
}

// Weigh combines hits. The lines of a text are taken as independent of each other: what two of them say counts
// twice, what one line says in two ways does not.
func Weigh(hits []Hit) Verdict {
	said := scores(slices.DeleteFunc(slices.Clone(hits), func(h Hit) bool { return h.likely }))
	score := scores(hits)
	hits = audible(hits, score)
	order := func(a, b model.CauseID) int { return cmp.Compare(score[b], score[a]) }
	var v Verdict
	for _, h := range hits {
		for _, c := range h.Causes() {
			if !slices.Contains(v.Causes, c) {
				v.Causes = append(v.Causes, c)
			}
		}
	}
	slices.SortStableFunc(v.Causes, order)
	v.Causes = possible(v.Causes, said, score)
	for _, h := range hits {
		if slices.ContainsFunc(v.Matches, func(m Match) bool { return m.ID == h.ID }) {
			continue
		}
		m := Match{Hit: h, Causes: h.Causes()}
		slices.SortStableFunc(m.Causes, order)
		m.Causes = possible(m.Causes, said, score)
		if len(m.Causes) > 0 {
			m.score = score[m.Causes[0]] + h.says(m.Causes[0])
		}
		v.Matches = append(v.Matches, m)
	}
	slices.SortStableFunc(v.Matches, func(a, b Match) int { return cmp.Compare(b.score, a.score) })
	return v
}

// faint is the share of what speaks for the most likely cause below which single words are not worth telling.
const faint = 0.5

// audible leaves out what only single words say, where they say it faintly next to what speaks for another cause, or
// where a phrase says it too.
func audible(hits []Hit, score map[model.CauseID]float64) []Hit {
	best, said := 0.0, map[model.CauseID]bool{}
	for _, v := range score {
		best = max(best, v)
	}
	for _, h := range hits {
		for _, c := range h.Signature.Causes {
			said[c] = said[c] || !h.likely
		}
	}
	return slices.DeleteFunc(slices.Clone(hits), func(h Hit) bool {
		c := h.Signature.Causes[0]
		return h.likely && (said[c] || h.alike <= 0 || score[c] < faint*best)
	})
}

// Causes are the causes of the signature that was found; single words speak for the first of them only.
func (h Hit) Causes() []model.CauseID {
	if h.likely {
		return slices.Clone(h.Signature.Causes[:1])
	}
	return slices.Clone(h.Signature.Causes)
}

// possible leaves out what more is said against than for, unless nothing else is left. What single words say counts
// for a cause here, not against it.
func possible(causes []model.CauseID, said, score map[model.CauseID]float64) []model.CauseID {
	kept := slices.DeleteFunc(slices.Clone(causes), func(c model.CauseID) bool { return max(said[c], score[c]) <= 0 })
	if len(kept) == 0 {
		return causes
	}
	return kept
}

func scores(hits []Hit) map[model.CauseID]float64 {
	type place struct {
		line  int
		cause model.CauseID
	}
	said := map[place][]float64{}
	denied := map[place]bool{}
	out := map[model.CauseID]float64{}
	for _, h := range hits {
		if h.likely {
			out[h.Signature.Causes[0]] += words * h.alike
			continue
		}
		for _, c := range h.Signature.Causes {
			said[place{h.Line, c}] = append(said[place{h.Line, c}], h.says(c))
		}
		for _, c := range h.Excludes {
			denied[place{h.Line, c}] = true
		}
	}
	for p, values := range said {
		slices.SortFunc(values, func(a, b float64) int { return cmp.Compare(b, a) })
		out[p.cause] += values[0]
		if len(values) > 1 {
			out[p.cause] += again * values[1]
		}
	}
	for p := range denied {
		out[p.cause] -= against
	}
	return out
}

// says is how much a hit says for one of its causes. The likelihoods of a signature's causes fall off as one
// over their rank; what lists one cause says more for it than what lists eight.
func (h Hit) says(c model.CauseID) float64 {
	rank := slices.Index(h.Signature.Causes, c)
	switch {
	case rank < 0 || h.likely && rank > 0:
		return 0
	case h.likely:
		return words * h.alike
	}
	if h.strength > 0 {
		return strengths()[h.strength] / (1 + 1.5*float64(rank))
	}
	sum := 0.0
	for i := range h.Signature.Causes {
		sum += 1 / float64(i+1)
	}
	value := math.Log(1 / float64(rank+1) / sum / rest)
	if h.counter || h.strange {
		value /= 2
	}
	return value
}
