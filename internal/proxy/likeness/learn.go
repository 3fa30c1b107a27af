package likeness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// Example is a text and the causes that are right for it.
type Example struct {
	Lines  []string
	Causes []model.CauseID
}

// Told reads a file like told.txt: a line is a cause, or, after a tab, a sentence of the one above.
func Told(text string) []Example {
	var out []Example
	var cause model.CauseID
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		sentence, is := strings.CutPrefix(line, "\t")
		switch {
		case line == "" || line[0] == '#':
		case is:
			out = append(out, Example{[]string{sentence}, []model.CauseID{cause}})
		default:
			cause = model.CauseID(line)
		}
	}
	return out
}

// How the weights are learnt: by the gradient of one example after the other, in steps that get smaller the more a
// weight has been changed (J. Duchi, E. Hazan, Y. Singer, Adaptive Subgradient Methods, 2011). The numbers were chosen
// with cases that were kept from the learning; the answers hardly depend on them.
const (
	rounds   = 20
	step     = 0.3
	shrink   = 3e-4 // how much a weight is drawn to none each time it is changed
	careful  = 1e-2 // keeps the first steps short
	tiny     = 1e-4 // a change of less is none
	heeded   = 0.3  // a weight of less is left out
	hundreds = 100  // weights are written in hundredths
)

// learner is a model that is being made.
type learner struct {
	usual, usualChanged []float64
	values, changed     map[string][]float64
}

// Learn finds the weights with which the words of examples tell their causes. The same examples always give the same
// weights.
func Learn(examples []Example) *Model {
	known := map[model.CauseID]int{}
	for _, e := range examples {
		for _, c := range e.Causes {
			known[c] = 0
		}
	}
	causes := slices.Sorted(maps.Keys(known))
	for i, c := range causes {
		known[c] = i
	}
	l := &learner{make([]float64, len(causes)), make([]float64, len(causes)), map[string][]float64{}, map[string][]float64{}}
	read := make([][]feature, len(examples))
	for i, e := range examples {
		read[i] = features(e.Lines)
		for _, f := range read[i] {
			if l.values[f.term] == nil {
				l.values[f.term], l.changed[f.term] = make([]float64, len(causes)), make([]float64, len(causes))
			}
		}
	}
	order := rand.New(rand.NewPCG(1, 1)) // always the same: no secret hangs on it
	for range rounds {
		for _, i := range order.Perm(len(examples)) {
			right := make([]bool, len(causes))
			for _, c := range examples[i].Causes {
				right[known[c]] = true
			}
			l.heed(read[i], right)
		}
	}
	return l.model(causes)
}

// heed changes the weights so that the right causes of one example become likelier.
func (l *learner) heed(fs []feature, right []bool) {
	wrong := l.likely(fs)
	good := 0.0
	for c, is := range right {
		if is {
			good += wrong[c]
		}
	}
	for c := range wrong {
		if right[c] {
			wrong[c] -= wrong[c] / max(good, math.SmallestNonzeroFloat32)
		}
		if math.Abs(wrong[c]) < tiny {
			wrong[c] = 0
			continue
		}
		l.usualChanged[c] += wrong[c] * wrong[c]
		l.usual[c] -= step * wrong[c] / math.Sqrt(l.usualChanged[c]+careful)
	}
	for _, f := range fs {
		values, changed := l.values[f.term], l.changed[f.term]
		for c, by := range wrong {
			if by == 0 {
				continue
			}
			by = by*f.value + shrink*values[c]
			changed[c] += by * by
			values[c] -= step * by / math.Sqrt(changed[c]+careful)
		}
	}
}

// likely is how likely each cause is for a text, as far as learnt.
func (l *learner) likely(fs []feature) []float64 {
	out := slices.Clone(l.usual)
	for _, f := range fs {
		for c, value := range l.values[f.term] {
			out[c] += f.value * value
		}
	}
	highest, sum := slices.Max(out), 0.0
	for c := range out {
		out[c] = math.Exp(out[c] - highest)
		sum += out[c]
	}
	for c := range out {
		out[c] /= sum
	}
	return out
}

// model is what has been learnt, as exactly as it is written.
func (l *learner) model(causes []model.CauseID) *Model {
	written := func(v float64) float64 { return math.Round(v*hundreds) / hundreds }
	m := &Model{causes: causes, terms: map[string][]weight{}}
	for _, v := range l.usual {
		m.usual = append(m.usual, written(v))
	}
	for term, values := range l.values {
		var ws []weight
		for c, v := range values {
			if math.Abs(v) >= heeded {
				ws = append(ws, weight{c, written(v)})
			}
		}
		if len(ws) > 0 {
			m.terms[term] = ws
		}
	}
	return m
}

// Write writes a model in the form of learnt.txt: a line of the causes and of what is usual for each, in hundredths;
// then a line for each term, with numbers of causes and its weights for them.
func (m *Model) Write(to io.Writer) error {
	w := bufio.NewWriter(to)
	fmt.Fprintln(w, "# Learnt of told.txt, the catalogue's pages and accuracy/cases by 'make words'; do not edit. See package likeness.")
	for i, c := range m.causes {
		fmt.Fprintf(w, "%s:%.0f ", c, m.usual[i]*hundreds)
	}
	fmt.Fprintln(w)
	for _, term := range slices.Sorted(maps.Keys(m.terms)) {
		fmt.Fprintf(w, "%s\t", term)
		for _, x := range m.terms[term] {
			fmt.Fprintf(w, "%d:%.0f ", x.cause, x.value*hundreds)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// parse reads what Write writes.
func parse(text string) (*Model, error) {
	m := &Model{terms: map[string][]weight{}}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		term, rest, isTerm := strings.Cut(line, "\t")
		if !isTerm {
			rest = line
		}
		for field := range strings.FieldsSeq(rest) {
			name, number, _ := strings.Cut(field, ":")
			value, err := strconv.Atoi(number)
			if err != nil {
				return m, fmt.Errorf("weights of %q: %w", term, err)
			}
			if !isTerm {
				m.causes, m.usual = append(m.causes, model.CauseID(name)), append(m.usual, float64(value)/hundreds)
				continue
			}
			cause, err := strconv.Atoi(name)
			if err != nil || cause < 0 || cause >= len(m.causes) {
				return m, errors.Join(fmt.Errorf("weights of %q: there is no cause %s", term, name), err)
			}
			m.terms[term] = append(m.terms[term], weight{cause, float64(value) / hundreds})
		}
	}
	return m, nil
}
