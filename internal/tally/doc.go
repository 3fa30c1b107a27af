// Package tally counts what gateways' logs say: requests by route, status and kind of failure, when, how
// long, and which upstreams failed. The counts are exact; it is fast because a line is read only as far as counting needs.
//
// A [Counter] takes in chunks of whole lines. Lines of requests that went well are skimmed
// ([proxy.Skimmer]); the rest is read in full by the proxy's parser. Counters of several
// goroutines work on one log at the same time. What depends on the order of lines goes to the
// one [Tally], chunk after chunk in the log's order: error lines find their requests ([detect.Joiner]), alarms open and end in the log's own time ([detect.Detector]),
// and the first samples stay the first. [Run] puts the two together.
//
// Memory depends on the number of routes, which is bounded, and not on the length of the log. Nothing here
// opens a file or looks at a clock.
package tally
