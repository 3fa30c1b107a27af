package proxy

import "github.com/gatemend/gatemend/internal/proxy/blanks"

// Skim is what it takes to count a request that did not fail.
type Skim struct {
	At       int64 // nanoseconds since 1970
	Duration int64 // nanoseconds
	Status   int
	// Route are the parts of the line from which it follows where the request went; they point into the line.
	// Lines with the same parts have the same names of route and Service.
	Route [][]byte
	// ByPath is set if the line names neither; Route is then the host and the first segment of the path.
	ByPath bool
}

// A Skimmer is a parser that can read a line just as far as counting needs, several times faster than
// Parse.
//
// Skim must only report true for a line of which Parse makes an Access of the same time, duration and
// status, with a status from 100 to 499, without a failure and without a try that failed. For all other
// lines it reports false, and they are for Parse. So it may be as picky as it likes, and never lenient. No line may
// change how another one reads: lines are left out, and read out of order.
type Skimmer interface {
	Parser
	Skim(line []byte, k *Skim) bool
	// OmitRaw makes Parse leave Signal.Raw empty, whose making takes longer than all the rest. Who
	// wants to quote a line redacts it (see package field).
	OmitRaw()
}

// A BlankSkimmer is a Skimmer that is told where the fields of a line are. It need not be asked about lines of JSON.
type BlankSkimmer interface {
	Skimmer
	// SkimBlanks is Skim of a line that was found with its newline.
	SkimBlanks(line []byte, l *blanks.Line, k *Skim) bool
}
