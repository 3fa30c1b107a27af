// Package app wires the program: it fills in what package cli asks of the outside with real clusters,
// files, the clock and the terminal.
//
// It decides nothing. Everything that judges is in the pure packages, everything that speaks to a
// cluster in source, signal and act; app knows them all and nobody imports app but main.
package app
