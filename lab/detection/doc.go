// Package detection measures, side by side in one run, how soon a fault is noticed: by gatemend from logs, from
// the gateways' own metrics and from a Prometheus server, and by Prometheus with Alertmanager as they are
// usually set up and as fast as they can be.
//
// What Alertmanager sends is received by gatemend too (watch --alerts), so that the time of an alert is
// the time at which somebody was told.
package detection
