package tally

import (
	"math"
	"math/bits"
	"time"
)

// steps is into how many parts each doubling of a duration is cut: a quantile is off by half a part, 3 %, at most.
const steps = 16

// histogram counts durations in parts of the same relative width, from a microsecond to 200 days.
type histogram struct {
	counts [41 * steps]uint32
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(d)]++
}

// n is how many there are.
func (h *histogram) n() (n uint64) {
	for _, c := range h.counts {
		n += uint64(c)
	}
	return n
}

func bucket(d time.Duration) int {
	us := uint64(max(d, 0)) / uint64(time.Microsecond)
	if us < steps {
		return int(us)
	}
	octave := bits.Len64(us) - 5 // 16 to 31 are the first octave: 0
	return min((octave+1)*steps+int(us>>octave)-steps, 41*steps-1)
}

// middle is the duration in the middle of a bucket.
func middle(b int) time.Duration {
	if b < steps {
		return time.Duration(b) * time.Microsecond
	}
	octave := b/steps - 1
	low := uint64(b%steps+steps) << octave
	return time.Duration(low+(uint64(1)<<octave-1)/2) * time.Microsecond
}

func (h *histogram) merge(o *histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
}

// quantile returns the duration that a share of all does not exceed.
func (h *histogram) quantile(share float64) time.Duration {
	want := max(1, uint64(math.Ceil(share*float64(h.n()))))
	var seen uint64
	for b, c := range h.counts {
		if seen += uint64(c); seen >= want {
			return middle(b)
		}
	}
	return 0
}
