package detect

import "math"

// Evidence is what one success and one failure say about whether failing is over, in nats: the
// logarithm of how much likelier they are at the good ratio than at the failing one. A failure is negative. Where
// the failing ratio is hardly more than the good one, recovery means a quarter of it. Added up, never below zero,
// it is the same sequential test that opens an alarm, with the roles exchanged; see [Recovered].
func Evidence(failing, good float64) (success, failure float64) {
	failing = min(max(failing, 1e-6), mostShare)
	good = min(max(good, 1e-9), failing/4)
	return math.Log1p(-good) - math.Log1p(-failing), math.Log(good / failing)
}

// Recovered is the sum of [Evidence] from which on failing is over: a route that fails on would look so once in a
// thousand requests at most (Lorden 1971).
const Recovered = 6.9
