package field

import "github.com/gatemend/gatemend/internal/model"

// tryBlock is how many tries are allocated at once.
const tryBlock = 128

// Tries hands out short slices of tries from larger blocks, so that a line does not cost an
// allocation of its own. What was handed out is never reused: a signal may be kept for ever.
type Tries struct {
	block []model.Try
}

// Take returns n empty tries.
func (t *Tries) Take(n int) []model.Try {
	if n > tryBlock {
		return make([]model.Try, n)
	}
	if len(t.block) < n {
		t.block = make([]model.Try, tryBlock)
	}
	taken := t.block[:n:n]
	t.block = t.block[n:]
	return taken
}
