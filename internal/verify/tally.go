package verify

import (
	"math"
	"time"
)

// Counts are requests and how many of them failed.
type Counts struct {
	Requests int `json:"requests"`
	Errors   int `json:"errors"`
}

// Ratio is the share of errors, 0 without requests.
func (c Counts) Ratio() float64 {
	if c.Requests == 0 {
		return 0
	}
	return float64(c.Errors) / float64(c.Requests)
}

// bounds is the Wilson score interval of the error ratio for z standard deviations (E. B. Wilson,
// "Probable inference, the law of succession, and statistical inference", 1927).
func (c Counts) bounds(z float64) (low, high float64) {
	if c.Requests == 0 {
		return 0, 1
	}
	n, p := float64(c.Requests), c.Ratio()
	center := (p + z*z/(2*n)) / (1 + z*z/n)
	spread := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, center-spread), min(1, center+spread)
}

// Tally counts the requests of one route since the change took effect. The zero value is empty.
type Tally struct {
	Counts
	// Run is the number of successes since the last error.
	Run       int       `json:"run"`
	First     time.Time `json:"first,omitzero"`
	LastError time.Time `json:"lastError,omitzero"`
}

// Add counts one request. Requests come nearly in order of time; one that is older than the last
// error does not lengthen the run.
func (t *Tally) Add(at time.Time, failed bool) {
	t.Requests++
	if t.First.IsZero() || at.Before(t.First) {
		t.First = at
	}
	switch {
	case failed:
		t.Errors++
		t.Run = 0
		if at.After(t.LastError) {
			t.LastError = at
		}
	case !at.Before(t.LastError):
		t.Run++
	}
}
