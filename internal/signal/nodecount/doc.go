// Package nodecount counts what the gateways of a node log, line by line, for an agent to send: how many requests ended
// how on which route, since the agent started, and some of them as they stand in the log, without credentials.
//
// Requests that went well are skimmed ([proxy.Skimmer]) where the log names the route; all other lines are read in full.
// Memory is bounded by the number of series, not by that of requests: where a log names neither route nor Service, paths
// stand for routes; what looks like an identifier in them is one series, and where there are still too many, their first
// segment is.
package nodecount
