// Package detect finds out from requests, as gateways saw them, that a route is failing, and since when.
//
// It has two halves. [Observe] sums up a finished log: what failed, where, how often. [Detector] watches
// a stream and opens an alarm on a route as soon as its errors cannot be chance any more.
//
// The detector runs three tests side by side on every route. Two are cumulative sums of log-likelihood
// ratios (Page's CUSUM, a sequential probability ratio test that starts afresh whenever it favours "as
// usual"): one for a large share of errors, which needs three to five errors, and one for a small share,
// which needs more. "As usual" is the route's own error ratio, learned while it is calm. Their threshold
// grows with the logarithm of the request rate, so that chance opens a false alarm about once in a
// thousand hours on a busy route and on an idle one. The third test is for routes where every request
// fails: three failures in a row, or two where requests come seldom, so that a route with a request every few seconds
// does not wait for a statistic.
//
// The package is pure: time comes in with signals and ticks. A route takes about 1.5 KiB.
package detect
