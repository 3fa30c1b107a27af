// Package likeness says which causes a text resembles by its words, where no known phrase stands in it.
//
// Each word, and each pair of words that follow each other, has a weight for each cause; a cause is as likely as the
// weights of a text's words together say (a maximum-entropy model: "C. D. Manning, H. Schütze, Foundations of
// Statistical Natural Language Processing", section 16.2). The weights were learnt, by [Learn], of the sentences of
// told.txt, of the catalogue's pages and of the reported cases of accuracy/cases, and stand in learnt.txt: 'make words' learns them anew and
// says how often the answer is right for cases that were kept from it. Words that neither has say nothing.
package likeness

import (
	"cmp"
	_ "embed"
	"math"
	"slices"
	"sync"

	"github.com/gatemend/gatemend/internal/model"
)

//go:embed learnt.txt
var learnt string

// Score is how much the words of a text speak for a cause: the logarithm of how much likelier they make it than if
// all causes were equally likely. It is negative where they speak against it.
type Score struct {
	Cause model.CauseID
	Value float64
	// Word is the word or pair that says most for the cause.
	Word string
	// Words is how many words and pairs speak for the cause.
	Words int
}

// Model knows the weights. It may be used by several goroutines at once.
type Model struct {
	causes []model.CauseID
	// usual is what is said for each cause before any word is read.
	usual []float64
	terms map[string][]weight
}

// weight is how much a term speaks for a cause.
type weight struct {
	cause int
	value float64
}

// Load gives the model that comes with the program. It is read when it is first asked for.
func Load() *Model { return loaded() }

// loaded reads the file once. It is part of the program, and a test reads it, so that there is no error to return.
var loaded = sync.OnceValue(func() *Model {
	m, _ := parse(learnt)
	return m
})

// Of says how much the lines of a text speak for each cause, the most likely first; nothing if it has no known word.
func (m *Model) Of(lines []string) []Score {
	out := make([]Score, len(m.causes))
	for i, c := range m.causes {
		out[i] = Score{Cause: c, Value: m.usual[i]}
	}
	best, known := make([]float64, len(m.causes)), false
	for _, f := range features(lines) {
		for _, w := range m.terms[f.term] {
			known = true
			says, s := f.value*w.value, &out[w.cause]
			s.Value += says
			if says > 0 {
				s.Words++
			}
			if says > best[w.cause] {
				best[w.cause], s.Word = says, f.term
			}
		}
	}
	if !known {
		return nil
	}
	even := evenly(out)
	for i := range out {
		out[i].Value -= even
	}
	slices.SortStableFunc(out, func(a, b Score) int { return cmp.Compare(b.Value, a.Value) })
	return out
}

// evenly is the value that every cause would have if all were equally likely.
func evenly(scores []Score) float64 {
	highest := slices.MaxFunc(scores, func(a, b Score) int { return cmp.Compare(a.Value, b.Value) }).Value
	sum := 0.0
	for _, s := range scores {
		sum += math.Exp(s.Value - highest)
	}
	return highest + math.Log(sum/float64(len(scores)))
}

// feature is a term of a text and what it counts there.
type feature struct {
	term  string
	value float64
}

// features are the terms of all lines, each once, in an order that is always the same since sums of floats depend on
// it. What each counts falls with their number, but slower than that: a long text says more than a short one, and not
// as much more as it is longer.
func features(lines []string) []feature {
	all := map[string]float64{}
	for _, line := range lines {
		for term, value := range terms(line) {
			all[term] = max(all[term], value)
		}
	}
	out, squares := make([]feature, 0, len(all)), 1.0
	for term, value := range all {
		out = append(out, feature{term, value})
	}
	slices.SortFunc(out, func(a, b feature) int { return cmp.Compare(a.term, b.term) })
	for _, f := range out {
		squares += f.value * f.value
	}
	for i := range out {
		out[i].value /= math.Sqrt(math.Sqrt(squares))
	}
	return out
}
