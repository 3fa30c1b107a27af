// Package remedy holds the repairs that gatemend knows, as data.
//
// An action is one file and one value of type [Action]: a name, a sentence, a risk, and a pure
// function from a finding to candidates. A candidate is a [model.Remedy]: what to change, field by
// field with the former values, how to take it back, and the same as a command for a person. The
// package decides nothing: package plan tries the candidates on a copy of the cluster and chooses.
//
// To add an action: a file with its value, its tests, and a line in [All].
package remedy
