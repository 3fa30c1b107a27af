package detect

import (
	"cmp"
	"time"
)

// Options of a [Detector]. The zero value is meant for production.
type Options struct {
	// Usual is the error ratio that a route is assumed to have until it was seen calm for a while;
	// 0 means 0.001. It counts as much as a thousand requests.
	Usual float64
	// LeastUsual is the lowest error ratio that is ever learned, so that a route that never failed
	// does not raise an alarm at a single stray error; 0 means 0.0001.
	LeastUsual float64
	// MinEffect is the least share of errors that shall be noticed soon; 0 means 0.01. Smaller ones are left
	// to the slow burn.
	MinEffect float64
	// Objective is the share of errors that the route's users have agreed to, against which a slow burn is
	// measured; 0 means 0.001.
	Objective float64
	// FalseAlarm is the mean time between false alarms of one route; 0 means a year.
	FalseAlarm time.Duration
	// Calm is how long everything must speak for recovery until an alarm ends; 0 means 8 s, so that it has ended
	// within 10 s even if logs come a little late.
	Calm time.Duration
	// Quiet is how long after the last request an open alarm ends because nothing is known of the
	// route any more; 0 means 5 min.
	Quiet time.Duration
	// Vanished is the least time without a request that counts as vanished traffic; 0 means 1 min, less
	// than 0 that it is never an alarm.
	Vanished time.Duration
	// MaxRoutes bounds memory; 0 means 10000. Those of no object take half of it at most. Requests of further routes are
	// counted only.
	MaxRoutes int

	shares [charts]float64 // that the sums look for
}

func (o Options) withDefaults() Options {
	o.Usual = ratioOr(o.Usual, 0.001)
	o.LeastUsual = min(ratioOr(o.LeastUsual, 0.0001), o.Usual)
	o.MinEffect = ratioOr(o.MinEffect, 0.01)
	o.Objective = ratioOr(o.Objective, 0.001)
	o.FalseAlarm = positiveOr(o.FalseAlarm, 365*24*time.Hour)
	o.Calm = positiveOr(o.Calm, 8*time.Second)
	o.Quiet = positiveOr(o.Quiet, 5*time.Minute)
	o.Vanished = cmp.Or(o.Vanished, time.Minute)
	o.MaxRoutes = positiveOr(o.MaxRoutes, 10_000)
	o.shares = sharesFrom(o.MinEffect)
	return o
}

// ratioOr is a share between 0 and 1; anything else means the default.
func ratioOr(ratio, standard float64) float64 {
	if ratio > 0 && ratio < 1 {
		return ratio
	}
	return standard
}

func positiveOr[T ~int | ~int64](value, standard T) T {
	if value > 0 {
		return value
	}
	return standard
}
