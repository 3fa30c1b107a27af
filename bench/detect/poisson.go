package main

import "math"

// poissonAtMost is the highest mean of a Poisson distribution that with the given confidence is compatible with
// a count (F. Garwood, "Fiducial limits for the Poisson distribution", 1936): the one at which so few would be
// seen with the remaining probability.
func poissonAtMost(count int, confidence float64) float64 {
	low, high := float64(count), float64(count)+20+10*math.Sqrt(float64(count))
	for range 100 {
		mean := (low + high) / 2
		if atMost(count, mean) > 1-confidence {
			low = mean
		} else {
			high = mean
		}
	}
	return high
}

// atMost is the probability of at most count events where mean are expected.
func atMost(count int, mean float64) float64 {
	sum := 0.0
	for k := range count + 1 {
		logFactorial, _ := math.Lgamma(float64(k) + 1)
		sum += math.Exp(float64(k)*math.Log(mean) - mean - logFactorial)
	}
	return sum
}
