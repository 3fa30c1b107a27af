// Package signature knows the words with which proxies, applications and Kubernetes say why a request failed,
// and what is behind them.
//
// The words are data: a file signatures.txt in each proxy's folder, and in this folder application.txt (what
// programs say of themselves and of what they depend on) and reports.txt (how people describe what they see,
// with the states and events that kubectl shows them). [Load] reads them all, which takes a few milliseconds;
// whoever does not ask pays nothing.
//
// # The form of the files
//
// A line "proxy NAME", or "proxy NAME is ENGINE" for a product that is built on another proxy and says all
// that the engine says, begins a part. A signature is its id on a line of its own, followed by lines that begin
// with a tab, a key and a value:
//
//	in       error, access, metric, header, body, or anything else that names where it is read
//	words    a text that must stand in a line, as it is
//	regexp   an expression (RE2) that must match within a line
//	says     a phrase in any case of letters: see below
//	compare  two expressions, with <> between them if what they find must differ, == if it must agree, < if the first
//	         is a shorter duration
//	metric   a PromQL expression; the names of the counters in it are looked for
//	field    a clause about a field of an access log: NAME = VALUE, != ~ (matches) !~ < <= > >=, absent, present
//	status   the statuses with which it is written
//	phase    resolve, connect, tls, send, wait_header, read_body, routing, overload, config
//	failure  the kind of failure
//	means    one sentence
//	causes   ids of the catalogue, the most likely first without further evidence
//	not      causes against which it speaks
//	source   where the words are to be found: repository@commit:file, or a document
//	note     what else one should know
//
// Several lines words, regexp, says or metric are alternatives. Of several lines field all must hold.
//
// A phrase is an expression with three things added: a blank stands for any white space, " ?" for none or some, " ~ " for a short
// distance within a sentence, and " & " parts expressions that must all be found somewhere in the text. Each of its
// alternatives begins where a word begins. It may begin
// with a number from 1 (a hint) to 5 (hardly anything else), 3 if there is none. What is said to be absent ("no
// OOM kill") does not count, unless the phrase says so itself.
//
// # Words without a phrase
//
// What the proxies' own words leave of a text is asked for which causes its single words speak, and against which (package
// likeness). Both count beside the phrases; a cause is told of by them alone only where nothing else speaks for it.
package signature
