// Package prom turns the counters of gateways into counts of requests: scraped from the pods themselves
// ([Scraper]), or asked of a server that speaks PromQL ([Querier]).
//
// What a proxy counts, and what its labels mean, is in the proxy's folder (proxy.Metrics). Both ways give the
// raw values of counters, series by series, to the same pure part ([tally]), which knows what is new since
// the last look: a value that fell was reset and counts from zero, a series that appears on a gateway that
// is known counts from zero too, and the first look at a gateway counts nothing, unless its process is
// younger than the watch.
package prom
