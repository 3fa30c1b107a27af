package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/proxy/signature"
)

// together is how the match of several lines that speak of one fault is named.
const together = "all together"

// mostCauses is how many causes of several lines are named; what is less likely is no help.
const mostCauses = 8

// recognise says what pasted text means: what each signature in it means, and, where there are several, what
// they mean together. A failed request in a line without any signature is at least named.
func recognise(text string) []printer.Match {
	v := signature.Weigh(signature.Load().Matcher().Match(text))
	found := []printer.Match{}
	all := v.Causes[:min(len(v.Causes), mostCauses)]
	// Where the first sign alone names the same causes in the same order, taking them together says nothing new.
	if len(v.Matches) > 1 && !slices.Equal(all, v.Matches[0].Causes[:min(len(v.Matches[0].Causes), mostCauses)]) {
		best := v.Matches[0]
		found = append(found, printer.Match{
			Proxy: best.Proxy, Failure: string(best.Failure), Source: together, Causes: all,
			Means: fmt.Sprintf("%d signs, taken together, speak for %s", len(v.Matches), v.Causes[0]),
		})
	}
	for _, m := range v.Matches {
		found = append(found, printer.Match{
			Proxy: m.Proxy, Failure: string(m.Failure), Means: strings.TrimSuffix(m.Means, "."), Causes: m.Causes, Source: m.Source, Quote: m.Quote,
		})
	}
	if len(found) == 0 {
		for line := range strings.Lines(text) {
			for _, m := range parsed(strings.TrimRight(line, "\r\n")) {
				if !slices.ContainsFunc(found, func(o printer.Match) bool { return o.Proxy == m.Proxy && o.Failure == m.Failure }) {
					found = append(found, m)
				}
			}
		}
	}
	return found
}

// parsed asks every proxy's parser for a failed request in the line.
func parsed(line string) []printer.Match {
	var ms []printer.Match
	for _, p := range all.Proxies() {
		var s model.Signal
		class := p.NewParser().Parse([]byte(line), &s)
		if (class != proxy.Access && class != proxy.ErrorLine) || !s.Failed() {
			continue
		}
		ms = append(ms, printer.Match{
			Proxy: p.Name, Failure: string(cmp.Or(s.Failure, model.OtherFailure)), Causes: []model.CauseID{},
			Means:  fmt.Sprintf("the gateway answered %d and its line does not say why", s.Status),
			Source: p.Name + " log", Quote: s.Reason,
		})
	}
	return ms
}
