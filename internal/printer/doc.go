// Package printer turns results into text, JSON and YAML.
//
// It is pure and computes nothing: what it shows was decided elsewhere, so every output format tells
// the same story and none of them changes an exit status. Text is for people at a terminal: it draws
// the path of the request, names the root cause with its proof, and says what to do and what could
// not be looked at. JSON and YAML are the output contract of package model, with empty lists as [].
//
// Entry points: [Diagnosis], [Plan], [JSON] and [YAML], and [Event] for what happens over time.
package printer
