package cli

import (
	"cmp"
	"slices"
	"strings"
)

// near gives at most three of the names that are spelled like name, the nearest first: within a third
// of its length in edits, or one containing the other.
func near(name string, names []string) []string {
	type scored struct {
		name string
		d    int
	}
	var close []scored
	for _, n := range names {
		if n == name {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(n))
		contains := len(name) >= 3 && (strings.Contains(n, name) || (len(n) >= 3 && strings.Contains(name, n)))
		if d <= max(len(name)/3, 1) || contains {
			close = append(close, scored{n, d})
		}
	}
	slices.SortFunc(close, func(a, b scored) int { return cmp.Or(cmp.Compare(a.d, b.d), cmp.Compare(a.name, b.name)) })
	close = slices.Compact(close)
	var out []string
	for _, c := range close[:min(len(close), 3)] {
		out = append(out, c.name)
	}
	return out
}

// distance counts the letters to insert, delete, replace or swap with their neighbour (optimal string
// alignment) to make one word of the other.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, this := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		this[0] = i
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			this[j] = min(last[j]+1, this[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				this[j] = min(this[j], before[j-2]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(y)]
}

// didYouMean words a hint from near names, "" if there are none.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(names, " or ") + "?"
}

// NoSuchContext is the error for a kubeconfig without the context that was asked for.
func NoSuchContext(name string, known []string) error {
	slices.Sort(known)
	hint := didYouMean(near(name, known))
	if hint == "" && len(known) > 0 {
		hint = "known are: " + strings.Join(known, ", ")
	}
	return usagef(hint, "the kubeconfig has no context %q", name)
}
