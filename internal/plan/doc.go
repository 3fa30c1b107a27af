// Package plan chooses what to change, and what to do next.
//
// [Make] takes the candidates of package remedy, tries each on a copy of the cluster, walks the
// requests again, refuses what does not help or what breaks another route, and returns the smallest
// of the rest with its diff, its undo and what stands against it (the guards). [Next] is the other
// half: an incident as a state machine, from its record alone, so that it can be resumed after a
// crash and explored in a test from end to end.
//
// The package is pure. It predicts and decides; package mend carries out.
package plan
