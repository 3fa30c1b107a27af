package all

import (
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

const (
	// settleAfter is how many lines about requests are read by all parsers before the best is chosen.
	settleAfter = 64
	// unsettleAfter is how many foreign lines in a row make Auto choose anew, as where the logs of two proxies
	// were put one after the other.
	unsettleAfter = 64
)

// Auto is a parser of logs whose form is not known. At first each line is given to the parsers of all proxies,
// and counts for those that read it as a request; after [settleAfter] such lines the best is asked
// alone, so that a broken line is not taken for one of another form.
type Auto struct {
	candidates []candidate
	chosen     *candidate // nil while it is open
	seen       int        // lines about requests while it was open
	foreign    int        // lines in a row that the chosen one did not know
}

type candidate struct {
	proxy  proxy.Proxy
	parser proxy.Parser
	read   int
}

// NewAuto returns a parser that finds out whose log it reads.
func NewAuto() *Auto {
	a := &Auto{}
	for _, p := range Proxies() {
		a.candidates = append(a.candidates, candidate{proxy: p, parser: p.NewParser()})
	}
	return a
}

// Proxy says whose log it is, as far as the lines so far tell; ok is false while there was no line about a
// request.
func (a *Auto) Proxy() (p proxy.Proxy, ok bool) {
	c := a.chosen
	if c == nil {
		c = a.leading()
	}
	return c.proxy, c.read > 0
}

// leading is the candidate that read most lines; of several the first.
func (a *Auto) leading() *candidate {
	best := &a.candidates[0]
	for i := range a.candidates {
		if c := &a.candidates[i]; c.read > best.read {
			best = c
		}
	}
	return best
}

// Parse implements proxy.Parser.
func (a *Auto) Parse(line []byte, s *model.Signal) proxy.Class {
	if a.chosen == nil {
		return a.ask(line, s)
	}
	class := a.chosen.parser.Parse(line, s)
	if class != proxy.Foreign {
		a.foreign = 0
		return class
	}
	if a.foreign++; a.foreign < unsettleAfter {
		return proxy.Foreign
	}
	a.chosen, a.seen, a.foreign = nil, 0, 0
	for i := range a.candidates {
		a.candidates[i].read = 0
	}
	return a.ask(line, s)
}

// ask gives a line to all parsers. Of those that read it as a request, the one that read most lines is believed.
func (a *Auto) ask(line []byte, s *model.Signal) proxy.Class {
	class := proxy.Foreign
	var best *candidate
	var signal model.Signal
	for i := range a.candidates {
		c := &a.candidates[i]
		got := c.parser.Parse(line, s)
		switch got {
		case proxy.Access, proxy.ErrorLine:
			c.read++
			if best == nil || c.read > best.read {
				best, signal, class = c, *s, got
			}
		case proxy.Event:
			// What one calls an event another may know as a request, and an application's line may look like some
			// proxy's: it counts if no proxy is known yet, or if it is this one's.
			if lead := a.leading(); best == nil && (lead.read == 0 || lead == c) {
				class, signal = proxy.Event, *s
			}
		case proxy.Foreign:
		}
	}
	*s = signal
	if best == nil {
		return class
	}
	if a.seen++; a.seen >= settleAfter {
		a.chosen = a.leading()
	}
	return class
}
