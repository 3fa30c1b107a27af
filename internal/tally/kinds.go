package tally

import "github.com/gatemend/gatemend/internal/model"

// kinds counts failures by kind. There are a dozen kinds, of which a route knows two or three, so looking at
// them one after the other is faster than any map.
type kinds []kindCount

type kindCount struct {
	kind model.FailureKind
	n    int
}

// of finds the count of a kind, and makes it.
func (k *kinds) of(kind model.FailureKind) *int {
	for i := range *k {
		if (*k)[i].kind == kind {
			return &(*k)[i].n
		}
	}
	*k = append(*k, kindCount{kind: kind})
	return &(*k)[len(*k)-1].n
}

func (k *kinds) add(kind model.FailureKind) { *k.of(kind)++ }

// upTo counts one more of a kind, unless there are so many already.
func (k *kinds) upTo(most int, kind model.FailureKind) bool {
	n := k.of(kind)
	if *n >= most {
		return false
	}
	*n++
	return true
}

func (k *kinds) report() map[model.FailureKind]int {
	counts := make(map[model.FailureKind]int, len(*k))
	for _, c := range *k {
		counts[c.kind] = c.n
	}
	return counts
}
