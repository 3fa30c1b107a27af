// Package controller runs gatemend in a cluster. What fails becomes an Incident there; its status is the record of
// the repair, so that whoever leads next goes on from it; policies and approvals are objects, too.
//
// The leader watches with package watch and mends with package mend; nothing is decided here. In between stand:
//
//   - the ledger, which holds every incident and is the only one that writes them ([mend.Journal] of each repair);
//   - the clerk, which makes incidents of alarms and diagnoses, and closes them;
//   - the reconcilers: one drives the repair of an incident, one takes in policies.
//
// How an incident's phase follows from its journal is said by pure functions in phase.go.
package controller
