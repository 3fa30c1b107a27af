// Package metrics is what gatemend tells of itself and of what it saw to Prometheus: requests by route, status and
// failure kind, what was read and lost, how late, and what came of it.
//
// The number of series is bounded: routes beyond the first [MaxRoutes] are counted as "other", statuses that are
// none are "0", and failure kinds and causes are those of the catalogue. docs/metrics.md lists all series.
package metrics
