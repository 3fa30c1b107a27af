package signature

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/likeness"
)

// Hit is a signature found in a text.
type Hit struct {
	*Signature
	// Line counts from 0; -1 where the parts of a phrase stand on several lines.
	Line int
	// Quote is what was found.
	Quote string

	from, to int
	strength int
	counter  bool
	// likely is set where not a phrase of the signature was found, but the words of the whole text were asked how much
	// they speak for its first cause, or against it: alike.
	likely bool
	alike  float64
	// strange is set for what a product says where nothing but the words tells that it is this product.
	strange bool
}

// Matcher finds signatures in texts. It may be used by several goroutines at once.
type Matcher struct {
	all    []*Signature
	reader func() *reader
	colour *regexp.Regexp
	// quoted finds what logs quote of a request and of whom it was for: nobody describes anything there.
	quoted *regexp.Regexp
	// product is set where it is known which product of an engine speaks.
	product string
	// reports are, by cause, the signatures of how people describe what they see; nil if those were not asked for.
	reports map[model.CauseID]*Signature
	// alike tells of the words of a text what they speak for.
	alike func() *likeness.Model
	// columns are the names of all fields that signatures ask for.
	columns map[string]bool
}

// Matcher makes a matcher of the signatures of the named proxies ("application" and the like count as proxies
// here); of all of them if none is named. An engine brings its products, since a log does not tell which of them
// wrote it; a product brings its engine, whose signatures yield to its own.
func (s *Set) Matcher(proxies ...string) *Matcher {
	m := &Matcher{columns: map[string]bool{}, alike: likeness.Load, reader: newReader(), colour: regexp.MustCompile("\x1b\\[[0-9;]*m"), quoted: quoted()}
	var engines []string
	for _, g := range s.all {
		if g.Engine != "" && slices.Contains(proxies, g.Proxy) {
			engines = append(engines, g.Engine)
			m.product = g.Proxy
		}
	}
	for _, g := range s.all {
		if len(proxies) == 0 || slices.Contains(proxies, g.Proxy) || slices.Contains(proxies, g.Engine) || slices.Contains(engines, g.Proxy) {
			m.all = append(m.all, g)
			m.report(g)
		}
		for _, c := range g.clauses {
			m.columns[c.field] = true
		}
	}
	return m
}

// quoted finds the first line of a request, and what nginx adds to each error: ngx_log_error_core in nginx's
// src/core/ngx_log.c before it, ngx_http_log_error in src/http/ngx_http_request.c and ngx_stream_proxy_log_error in
// src/stream/ngx_stream_proxy_module.c behind it. Of an answer's headers it
// finds what each answer has, the status that Traefik puts before the reason for it,
// the names of Rust's modules, as in Linkerd's log, and what Go's loggers put before a message.
func quoted() *regexp.Regexp {
	return regexp.MustCompile(`^\d{4}(?:/\d\d){2} \d\d(?::\d\d){2} \[[a-z]+\] \d+#\d+: (?:\*\d+ )?|(?:, (?:client|server|request|subrequest|upstream|host|referrer): (?:"[^"]*"?|[^,"\s]*)|, bytes from/to (?:client|upstream):\d+/\d+)+|"[A-Z]{3,7} \S+ HTTP/[0-9.]+"|'\d{3} [A-Za-z ]+' caused by: |\b\d{3} [A-Z][A-Za-z ]+ error=|\b[a-z_]+(?:::[a-z_]+)+|\btime="[^"]*"|\b(?:ts|time|level|lvl|logger|caller)=[^"\s]+|\bmsg=|(?i)\b(?:content-type|date): [^;]+`)
}

// report notes that a signature is what people say of a cause.
func (m *Matcher) report(g *Signature) {
	if g.ID != "report-"+string(g.Causes[0]) {
		return
	}
	if m.reports == nil {
		m.reports = map[model.CauseID]*Signature{}
	}
	m.reports[g.Causes[0]] = g
}

// Match finds the signatures in a text, line by line, the more specific ones of each line only.
func (m *Matcher) Match(text string) []Hit {
	text = m.colour.ReplaceAllString(text, "")
	out, prose, n := m.byLine(text)
	out = append(out, m.across(text, n)...)
	out = append(out, m.resembling(prose)...)
	lower := asciiLower(text)
	for i, h := range out {
		out[i].strange = h.Engine != "" && h.Proxy != m.product && !strings.Contains(lower, h.Proxy)
	}
	return out
}

// byLine finds the signatures in each line, and what the lines say besides, which is prose; n is how many they are.
func (m *Matcher) byLine(text string) (found []Hit, prose []string, n int) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		fields := m.reader().fields(line)
		here := m.specific(m.line(n, line, fields))
		found = append(found, here...)
		if strings.Contains(line, " ") && !m.record(fields) { // one word alone is a name, of a cause maybe
			prose = append(prose, besides(m.quoted.ReplaceAllStringFunc(line, blank), here))
		}
		n++
	}
	return found, prose, n
}

// Asking is the matcher with another model of what single words speak for.
func (m *Matcher) Asking(model *likeness.Model) *Matcher {
	out := *m
	out.alike = func() *likeness.Model { return model }
	return &out
}

// Prose is what a text says apart from what proxies write: the words of which package likeness is asked.
func (m *Matcher) Prose(text string) []string {
	_, prose, _ := m.byLine(m.colour.ReplaceAllString(text, ""))
	return prose
}

// Signal finds the signatures in what a gateway logged of a request. What Envoy's parser gives as the reason
// begins with the flags, which running text does not.
func (m *Matcher) Signal(s model.Signal) []Hit {
	text := s.Raw
	if s.Proxy == "envoy" && s.Reason != "" {
		if m.reader().fields(text)["response_flags"] != "" {
			return m.Match(text) // a second line of the same would weigh as another sign
		}
		return m.Match(text + "\nflags: " + s.Reason)
	}
	if !strings.Contains(text, s.Reason) {
		text += "\n" + s.Reason
	}
	return m.Match(text)
}

// besides is what a line says apart from the proxies' own words in it, whose meaning is known.
func besides(line string, found []Hit) string {
	left := []byte(line)
	for _, h := range found {
		if h.strength == 0 && !h.counter && len(h.clauses) == 0 {
			for i := h.from; i < h.to; i++ {
				left[i] = ' '
			}
		}
	}
	return string(left)
}

const (
	// leastAlike is how much the words of a text must speak for the most likely cause, and fewestAlike how many they
	// must be; less is chance.
	leastAlike  = 1.5
	fewestAlike = 2
)

// resembling asks how much the words of a text speak for each cause, phrase or not.
func (m *Matcher) resembling(prose []string) []Hit {
	if m.reports == nil {
		return nil
	}
	all := m.alike().Of(prose)
	if len(all) == 0 || all[0].Value < leastAlike || all[0].Words < fewestAlike {
		return nil
	}
	var out []Hit
	for _, s := range all {
		if g, ok := m.reports[s.Cause]; ok {
			out = append(out, Hit{Signature: g, Line: -1, Quote: s.Word, likely: true, alike: s.Value})
		}
	}
	return out
}

// line finds all signatures in one line.
func (m *Matcher) line(n int, line string, fields map[string]string) []Hit {
	if strings.TrimSpace(line) == "" {
		return nil
	}
	lower := asciiLower(line)
	var out []Hit
	record := m.record(fields)
	prose := m.quoted.ReplaceAllStringFunc(line, blank)
	proseLower := asciiLower(prose)
	for _, g := range m.all {
		line, lower := line, lower
		if g.Channel == "words" {
			if record {
				continue // nobody describes anything there; a path or a browser's name would
			}
			line, lower = prose, proseLower
		}
		if h, ok := g.in(line, lower, fields); ok {
			h.Line = n
			out = append(out, h)
		}
	}
	return out
}

// blank is as many blanks as a text has bytes.
func blank(text string) string { return strings.Repeat(" ", len(text)) }

// record reports whether fields are those of an access log.
func (m *Matcher) record(fields map[string]string) bool {
	n := 0
	for name := range fields {
		if m.columns[name] {
			n++
		}
	}
	return n > 3
}

// in looks for a signature in one line.
func (g *Signature) in(line, lower string, fields map[string]string) (Hit, bool) {
	if len(g.clauses) > 0 {
		return g.fielded(line, fields)
	}
	best := Hit{Signature: g, strength: -1}
	for i := range g.patterns {
		p := &g.patterns[i]
		if len(p.parts) != 1 || p.strength <= best.strength {
			continue
		}
		if from, to, ok := p.parts[0].find(line, lower); ok {
			best.from, best.to, best.strength, best.counter = from, to, p.strength, p.counter
			best.Quote = line[from:to]
		}
	}
	return best, best.strength >= 0
}

// fielded looks whether a line's fields satisfy all clauses. Where a line has no status, as when people quote
// "response flag UO", that is not asked for; and a telling value counts wherever it stands.
func (g *Signature) fielded(line string, fields map[string]string) (Hit, bool) {
	met, quote := 0, ""
	for _, c := range g.clauses {
		switch {
		case c.holds(fields):
			if c.op == "absent" || c.op == "!=" || c.op == "!~" {
				continue // true of most lines
			}
			met++
			if value := fields[c.field]; !c.status() || quote == "" {
				quote = c.field + "=" + value
			}
		case c.bare != nil && fields[c.field] == "" && c.bare().MatchString(line):
			met++
			quote = c.value
		case c.status() && fields[c.field] == "" && len(g.clauses) > 1:
		default:
			return Hit{}, false
		}
	}
	return Hit{Signature: g, Quote: quote, to: 12 * met}, met > 0
}

// across finds phrases whose parts stand apart from each other, on the same line or not.
func (m *Matcher) across(text string, lines int) []Hit {
	lower := asciiLower(text)
	var out []Hit
	for _, g := range m.all {
		best := Hit{Signature: g, Line: -1}
		if g.compares != nil {
			if quote, ok := g.compares.holds(text, lower); ok {
				best.strength, best.Quote = g.compares.strength(), quote
			}
		}
		for i := range g.patterns {
			p := &g.patterns[i]
			if len(p.parts) < 2 || p.strength <= best.strength {
				continue
			}
			if quote, ok := p.everywhere(text, lower); ok {
				best.strength, best.Quote = p.strength, quote
			}
		}
		if best.strength > 0 {
			if lines == 1 {
				best.Line = 0
			}
			out = append(out, best)
		}
	}
	return out
}

func (p *pattern) everywhere(text, lower string) (string, bool) {
	for i := range p.parts {
		if !p.parts[i].may(lower) {
			return "", false
		}
	}
	var quotes []string
	for i := range p.parts {
		from, to, ok := p.parts[i].find(text, lower)
		if !ok {
			return "", false
		}
		quotes = append(quotes, text[from:to])
	}
	return strings.Join(quotes, " … "), true
}

// specific leaves out hits that a more specific one of the same line covers: a longer text around it, or the
// same access-log line read with more clauses. Phrases of people stand beside what a proxy said.
func (m *Matcher) specific(hits []Hit) []Hit {
	rank := func(h Hit) int {
		switch {
		case m.product != "" && h.Proxy == m.product:
			return 0
		case h.Engine == "":
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.to-b.from, a.to-a.from), cmp.Compare(rank(a), rank(b)))
	})
	var out []Hit
	for _, h := range hits {
		if !slices.ContainsFunc(out, func(o Hit) bool { return o.covers(h) }) {
			out = append(out, h)
		}
	}
	return out
}

func (h Hit) covers(o Hit) bool {
	switch {
	case h.strength > 0 || o.strength > 0 || h.counter || o.counter:
		return false
	case len(h.clauses) > 0 && len(o.clauses) > 0:
		return h.engine() == o.engine() && o.within(h)
	case len(h.clauses) > 0 || len(o.clauses) > 0:
		return false
	default:
		// The same words are listed once for each proxy that writes them; the first one stands for all.
		return h.from <= o.from && o.to <= h.to && (h.to-h.from > o.to-o.from || h.Failure == o.Failure || h.engine() == o.engine())
	}
}

// within reports whether each field that o asks for is one that h asks for too.
func (h Hit) within(o Hit) bool {
	return len(h.clauses) < len(o.clauses) && !slices.ContainsFunc(h.clauses, func(c clause) bool {
		return !slices.ContainsFunc(o.clauses, func(x clause) bool { return x.field == c.field })
	})
}

func (g *Signature) engine() string { return cmp.Or(g.Engine, g.Proxy) }

// asciiLower lowers letters and leaves every byte where it is.
func asciiLower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
