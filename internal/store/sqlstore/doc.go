// Package sqlstore is a history in an SQL database. Packages sqlite and postgres give it their database and what
// is particular to it; the statements are the same.
//
// The tables are made for people too: incidents has a row for each incident, and incident_events,
// incident_actions and incident_decisions have what happened, what was changed and who decided, each with the
// name of the cluster.
package sqlstore
