// Package mend carries one incident from its alarm to its end: diagnose, plan, rehearse, ask, apply,
// wait, verify, and keep or take back.
//
// The package decides nothing. What comes next is said by [plan.Next] from the incident's record; an
// [Engine] does that one step and records it. Every act is recorded before it is done and after. A run
// that is cut off at any point is taken up by [Engine.Run] with the same journal: what was announced
// and not recorded is looked for in the cluster, never done again.
//
// What the engine needs of the world are the interfaces in this package.
package mend
