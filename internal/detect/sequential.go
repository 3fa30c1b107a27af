package detect

import "math"

// charts is how many shares of errors are looked for side by side.
const charts = 4

// spread is the ratio of two neighbouring shares. A cumulative sum made for a share that is off by the root
// of 3 needs at most a tenth more requests than one made for the true share, up to shares of a half.
const spread = 3

// cusums are cumulative sums of log-likelihood ratios (E. S. Page, "Continuous inspection schemes", 1954): each is
// evidence that the error ratio is a certain share and not the usual one, in nats. It never falls below
// zero, where it forgets.
type cusums struct {
	Sum  [charts]float32
	From [charts]instant // the first error of the evidence; meaningful while the sum is positive
}

// succeed takes in successes; it says whether no evidence is left.
func (c *cusums) succeed(n uint32, usual float64, o Options) (none bool) {
	none = true
	for i, share := range o.shares {
		if c.Sum[i] == 0 {
			continue
		}
		_, success := step(share, usual)
		c.Sum[i] = float32(max(0, float64(c.Sum[i])+float64(n)*success))
		none = none && c.Sum[i] == 0
	}
	return none
}

// fail takes in failures.
func (c *cusums) fail(at instant, n uint32, usual float64, o Options) {
	for i, share := range o.shares {
		if c.Sum[i] == 0 {
			c.From[i] = at
		}
		failure, _ := step(share, usual)
		c.Sum[i] += float32(float64(n) * failure)
	}
}

// over finds the sum that has reached the limit; of several the one whose evidence is youngest, since a stray
// error may stand at the beginning of another one's.
func (c *cusums) over(limit float64) (from instant, ok bool) {
	for i, sum := range c.Sum {
		if float64(sum) >= limit && (!ok || c.From[i] > from) {
			from, ok = c.From[i], true
		}
	}
	return from, ok
}

// step is what one failure and one success add to the sum that looks for a share. On a route that fails often the
// share is raised to four times the usual ratio, or the two hypotheses would be one.
func step(share, usual float64) (failure, success float64) {
	share = min(max(share, 4*usual), mostShare)
	return math.Log(share / usual), math.Log1p(-share) - math.Log1p(-usual)
}

// mostShare is the highest share of errors that is looked for or assumed of a failure: a single success must
// not refute it for good.
const mostShare = 0.95

// sharesFrom are the shares of errors that are looked for, beginning with the least.
func sharesFrom(least float64) [charts]float64 {
	var s [charts]float64
	share := least
	for i := range s {
		s[i] = min(share, mostShare)
		share *= spread
	}
	return s
}

// The budget of false alarms is shared out among the tests. Runs get most: they count in whole failures, so
// a smaller part would cost a full outage one failing request more; a smaller part costs a sum only
// the logarithm.
const (
	partOfRuns = 0.8
	partOfSum  = (1 - partOfRuns) / charts
)

// limit is the sum at which a test with the given part of the budget gives way, where so many requests
// come between false alarms that may be. Chance takes a cumulative sum to h once in at least e^h requests
// (G. Lorden, "Procedures for reacting to a change in distribution", 1971).
func limit(between, part float64) float64 { return math.Log(max(between, 1) / part) }
