package verify

import (
	"math"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
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
	// Relief is the evidence that hardly any request fails any more, and ReliefFrom since when there is any. It
	// grows on a route that has its usual errors, where no run of successes is ever long.
	Relief     float64   `json:"relief,omitempty"`
	ReliefFrom time.Time `json:"reliefFrom,omitzero"`
}

// The share of errors that a change must get rid of, and the one that is left to a route that works.
const (
	tooMany = 0.01
	usual   = 0.001
)

// Add counts one request. Requests come nearly in order of time; one that is older than the last
// error does not lengthen the run.
func (t *Tally) Add(at time.Time, failed bool) {
	t.Requests++
	if t.First.IsZero() || at.Before(t.First) {
		t.First = at
	}
	success, failure := detect.Evidence(tooMany, usual)
	switch {
	case failed:
		t.Errors++
		t.Run = 0
		if at.After(t.LastError) {
			t.LastError = at
		}
		if t.Relief = max(0, t.Relief+failure); t.Relief == 0 {
			t.ReliefFrom = time.Time{}
		}
	case !at.Before(t.LastError):
		t.Run++
		t.Relief = min(t.Relief+success, 2*detect.Recovered)
		if t.ReliefFrom.IsZero() {
			t.ReliefFrom = at
		}
	}
}
