// Package verify decides whether a change helped, from counts and nothing else.
//
// Errors do not stop at the moment of a change: endpoints have to spread, proxies to reload. So what
// counts is the run of successes since the last error. It proves the change once it is so long that
// it would have been improbable before: with a former error ratio p, n successes in a row had the
// probability (1-p)^n. A busy route with its usual stray errors has no such run, so that a second test is
// asked beside it: the one by which package detect ends an alarm, for whether the share of errors is as low as usual
// again. The decision is sequential: it is asked again and again while requests come
// in, until it says something other than [NeedMore].
//
// The package is pure: the time is an argument, and requests are counted by the caller with [Tally].
package verify
