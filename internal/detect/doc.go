// Package detect finds out from requests, as gateways saw them, that a route is failing, and since when.
//
// [Joiner] gives each failed request what the error log says of it. [Detector] watches a stream and opens an alarm on a
// route as soon as its errors cannot be chance any more; [Group] then says which alarms have one thing in common.
//
// # What opens an alarm
//
// The detector runs these tests side by side on every route; docs/adr/0004 has the derivation.
//   - Cumulative sums of log-likelihood ratios (Page's CUSUM, a sequential probability ratio test that starts
//     afresh whenever it favours "as usual"), one for each of four shares of errors from [Options.MinEffect] on. "As
//     usual" is the route's own error ratio, learned while nothing speaks against it.
//   - Runs: failures in a row, as many as chance does not explain; three at a thousand requests a minute, two at one.
//   - Slow burn: the error budget is used up too fast over hours, in two windows at once.
//   - Vanished traffic: a busy route is silent for much longer than ever, or for seconds while it is known that nothing takes
//     its requests.
//
// All thresholds follow from one number, the time between false alarms of a route: the busier it is, the
// more requests must be against it.
//
// # What ends it
//
// The same kind of test with the roles exchanged (see [Evidence]) must be sure that the failing share is gone, and
// everything must have spoken for that for a while ([Options.Calm]). The share that is proven is that of the
// incident: a total outage is over after a few successes, one percent of errors after hundreds.
//
// # Clients that give up
//
// A 499 is no error of its own: impatient clients of a healthy route must not raise alarms. One whose client
// waited for at least 5 s, and three times as long as all but one in a hundred answers of that route take, counts as a
// failure, since for its user it was one: a hanging backend is seen before the proxy's timeout of a minute makes it a
// 504. All others count neither way.
//
// # Time
//
// The package is pure: time comes in with signals and ticks. Tests take requests in the order in which they arrive, so
// late lines (proxies stamp the start of a request that they log at its end) are as good as any, but for three
// things that they say nothing of. A failure that began before the newest success is not one of a row in which every request fails; it
// does not put off the end of an outage after which requests succeed; and it opens no alarm anew that has ended since.
// Stamps of the future, and none, are taken as now; a clock that is set back by more than a minute is followed.
package detect
