package detect

import "time"

// Options of a [Detector]. The zero value is meant for production.
type Options struct {
	// Usual is the error ratio that a route is assumed to have until it was seen calm for a while;
	// 0 means 0.001. It counts as much as a thousand requests.
	Usual float64
	// LeastUsual is the lowest error ratio that is ever learned, so that a route that never failed
	// does not raise an alarm at a single stray error; 0 means 0.0001.
	LeastUsual float64
	// Large and Small are the shares of errors that the two sequential tests look for; 0 means 0.2
	// and 0.02.
	Large, Small float64
	// FalseAlarm is the mean time between false alarms of one route; 0 means 1000 h.
	FalseAlarm time.Duration
	// Calm is how long a route must be without errors, or back at its usual ratio, until its alarm
	// ends; 0 means 10 s. At most 1 min.
	Calm time.Duration
	// Quiet is how long after the last request an open alarm ends because nothing is known of the
	// route any more; 0 means 5 min.
	Quiet time.Duration
	// MaxRoutes bounds memory; 0 means 10000. Requests of further routes are counted only.
	MaxRoutes int
}

func (o Options) withDefaults() Options {
	if o.Usual == 0 {
		o.Usual = 0.001
	}
	if o.LeastUsual == 0 {
		o.LeastUsual = 0.0001
	}
	if o.Large == 0 {
		o.Large = 0.2
	}
	if o.Small == 0 {
		o.Small = 0.02
	}
	if o.FalseAlarm == 0 {
		o.FalseAlarm = 1000 * time.Hour
	}
	if o.Calm == 0 {
		o.Calm = 10 * time.Second
	}
	o.Calm = min(o.Calm, windowSeconds*time.Second)
	if o.Quiet == 0 {
		o.Quiet = 5 * time.Minute
	}
	if o.MaxRoutes == 0 {
		o.MaxRoutes = 10000
	}
	return o
}
