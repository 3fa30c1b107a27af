// Package likeness says which causes a text resembles by its words, where no known phrase stands in it.
//
// The file told.txt has some sentences for each cause, as people and programs say it. A word, or a pair of words
// that follow each other, speaks for a cause as much as it is more usual in that cause's sentences than in all of
// them: this is naive Bayes, with each cause's counts drawn towards those of all ("C. D. Manning, P. Raghavan,
// H. Schütze, Introduction to Information Retrieval", chapter 13). Words that no sentence has say nothing.
package likeness

import (
	"cmp"
	_ "embed"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/gatemend/gatemend/internal/model"
)

//go:embed told.txt
var told string

const (
	// doubt is how many sentences with the usual share of a word each cause is given besides its own, so that
	// a word that stands in one sentence only is no proof.
	doubt = 24
	// pairWeight is what a pair of words counts: its two words have been counted already.
	pairWeight = 0.6
)

// Score is how much the words of a text speak for a cause: the logarithm of how much likelier they are where it
// is than elsewhere, as if they were independent of each other.
type Score struct {
	Cause model.CauseID
	Value float64
	// Word is the word or pair that says most.
	Word string
	// Words is how many words and pairs speak for the cause.
	Words int
}

// Model knows the sentences. It may be used by several goroutines at once.
type Model struct {
	causes []model.CauseID
	// base is, for each cause, what a known term says that is in none of its sentences.
	base  []float64
	terms map[string][]posting
}

// posting is what a term says for one cause more than its base.
type posting struct {
	cause int
	more  float64
}

// Load gives the model of the sentences that come with the program. It is made when it is first asked for.
func Load() *Model { return loaded() }

var loaded = sync.OnceValue(func() *Model { return learn(told) })

// learn counts the words of sentences: a line is a cause, or, after a tab, a sentence of the one above.
func learn(text string) *Model {
	m := &Model{terms: map[string][]posting{}}
	counts, all, sentences, total := []map[string]int{}, map[string]int{}, []int{}, 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		sentence, is := strings.CutPrefix(line, "\t")
		switch {
		case line == "" || line[0] == '#' || is && len(m.causes) == 0:
		case !is:
			m.causes = append(m.causes, model.CauseID(line))
			counts, sentences = append(counts, map[string]int{}), append(sentences, 0)
		default:
			last := len(m.causes) - 1
			sentences[last]++
			total++
			for term := range terms(sentence) {
				counts[last][term]++
				all[term]++
			}
		}
	}
	for i := range m.causes {
		m.base = append(m.base, math.Log(doubt/float64(sentences[i]+doubt)))
		for term, n := range counts[i] {
			usual := (float64(all[term]) + 1) / float64(total+1)
			m.terms[term] = append(m.terms[term], posting{i, math.Log(1 + float64(n)/(doubt*usual))})
		}
	}
	return m
}

// Of says for which causes the lines of a text speak, the most likely first; those against which they speak are
// left out. A term counts once in each line.
func (m *Model) Of(lines []string) []Score {
	values := make([]float64, len(m.causes))
	words, count := make([]string, len(m.causes)), make([]int, len(m.causes))
	best := make([]float64, len(m.causes))
	for _, line := range lines {
		found := terms(line)
		for _, term := range sorted(found) {
			weight := found[term]
			all, known := m.terms[term]
			if !known {
				continue
			}
			for i, b := range m.base {
				values[i] += weight * b
			}
			for _, p := range all {
				values[p.cause] += weight * p.more
				count[p.cause]++
				if says := weight * p.more; says > best[p.cause] {
					best[p.cause], words[p.cause] = says, term
				}
			}
		}
	}
	var out []Score
	for i, v := range values {
		if v > 0 {
			out = append(out, Score{m.causes[i], v, words[i], count[i]})
		}
	}
	slices.SortStableFunc(out, func(a, b Score) int { return cmp.Compare(b.Value, a.Value) })
	return out
}

// sorted lists terms in an order that is always the same, since sums of floats depend on it.
func sorted(found map[string]float64) []string {
	out := make([]string, 0, len(found))
	for term := range found {
		out = append(out, term)
	}
	slices.Sort(out)
	return out
}
