// Package rates keeps, route by route, how many requests came lately and how many of them failed, for faces that
// show it: the screen of watch and gatemend's own metrics.
//
// It only counts; whether a route is failing is package detect's to say. Memory is bounded: a fixed number of
// buckets a route, and a fixed number of routes, of which one that was quiet for long makes room for a new one.
// The package is pure: time comes in with the requests.
package rates
