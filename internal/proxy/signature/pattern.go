package signature

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// usual is the strength of a phrase that does not say any.
const usual = 3

// pattern is one way to say something: all of its parts must be there.
type pattern struct {
	parts    []part
	strength int  // of a phrase, 1 to 5; 0: as strong as its causes are few
	counter  bool // the name of a metric
}

// part is an expression with the literals that every text has which it matches. Most texts are dismissed by
// the literals alone, so expressions are compiled only when they are needed.
type part struct {
	needs  func() [][]string // see needs; worked out when it is first asked for
	exact  string            // the whole of it, where it is no expression
	expr   func() *regexp.Regexp
	denies func() bool // it speaks of what is absent itself
}

func exactly(words string) pattern {
	return pattern{parts: []part{verbatim(words)}}
}

func matching(expr string) pattern { return pattern{parts: []part{expression(expr)}} }

func expression(expr string) part {
	return part{needs: sync.OnceValue(func() [][]string { return needs(expr) }), expr: lazily(expr), denies: yes}
}

func verbatim(words string) part {
	all := [][]string{{strings.ToLower(words)}}
	return part{needs: func() [][]string { return all }, exact: words, denies: yes}
}

// yes: what is no phrase is what a program says, which counts as it stands.
func yes() bool { return true }

// saying makes a pattern of a phrase.
func saying(phrase string) pattern {
	p, skip := pattern{strength: usual}, 0
	if n := strengthOf(phrase); n > 0 {
		p.strength, skip = n, len("5 ")
	}
	for side := range strings.SplitSeq(phrase[skip:], " & ") {
		p.parts = append(p.parts, phrased(strings.TrimSpace(side)))
	}
	return p
}

// strengthOf reads the number with which a phrase may begin.
func strengthOf(phrase string) int {
	if len(phrase) > 2 && phrase[0] >= '1' && phrase[0] <= '5' && phrase[1] == ' ' {
		return int(phrase[0] - '0')
	}
	return 0
}

// phrased makes a part of a phrase, all of it when it is first asked for.
func phrased(side string) part {
	return part{
		needs:  sync.OnceValue(func() [][]string { return needs(expressed(side)) }),
		expr:   sync.OnceValue(func() *regexp.Regexp { return lazily(expressed(side))() }),
		denies: sync.OnceValue(func() bool { return denial().MatchString(side) }),
	}
}

// expressed writes one part of a phrase as an expression.
func expressed(side string) string {
	either := alternatives(side)
	for i, one := range either {
		expr := strings.ReplaceAll(one, " ~ ", `(?:\b|[^\w\n])(?:[^\n;.]|\.\S){0,60}?(?:\b|[^\w\n])`)
		expr = strings.NewReplacer(" ?", `\s*`, " ", `\s+`).Replace(expr)
		if first := strings.TrimLeft(one, "("); first != "" && wordByte(first[0]) {
			expr = `\b` + expr
		}
		either[i] = expr
	}
	return `(?i)` + strings.Join(either, "|")
}

// alternatives splits an expression at the bars that stand in no group and no class of letters.
func alternatives(expr string) []string {
	var out []string
	depth, class, from := 0, false, 0
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '|' && depth == 0:
			out = append(out, expr[from:i])
			from = i + 1
		}
	}
	return append(out, expr[from:])
}

// denial finds words of absence.
func denial() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(no|not|never|without|nothing|none|absent|missing|lacks?|0)\b|n't`)
}

// counting makes patterns of the names of counters in a PromQL expression: the whole name, and what is left
// of it in a proxy's own statistics. Labels are left out.
func counting(expr string) []pattern {
	labels := regexp.MustCompile(`\{[^}]*\}|(?:by|without|on|ignoring) *\([^)]*\)`)
	var out []pattern
	for _, name := range regexp.MustCompile(`[a-z][a-z0-9]*(?:_[a-z0-9]+)+`).FindAllString(labels.ReplaceAllString(expr, ""), -1) {
		if name == "histogram_quantile" {
			continue
		}
		out = append(out, pattern{parts: []part{verbatim(name)}, counter: true})
		for _, prefix := range []string{"envoy_cluster_", "envoy_http_"} {
			if short, ok := strings.CutPrefix(name, prefix); ok && strings.Count(short, "_") > 1 {
				out = append(out, pattern{parts: []part{verbatim(short)}, counter: true})
			}
		}
	}
	return out
}

// needs lists what stands, in lower case, in all that an expression matches: of each inner list, one text at
// least.
func needs(expr string) [][]string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	return needed(re)
}

func needed(re *syntax.Regexp) [][]string {
	switch re.Op {
	case syntax.OpLiteral:
		text := strings.ToLower(string(re.Rune))
		if len(text) < 2 || strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
			return nil // folding is not as simple there
		}
		return [][]string{{text}}
	case syntax.OpConcat:
		var all [][]string
		for _, sub := range re.Sub {
			all = append(all, needed(sub)...)
		}
		return all
	case syntax.OpCapture, syntax.OpPlus:
		return needed(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needed(re.Sub[0])
		}
	case syntax.OpAlternate:
		var either []string
		for _, sub := range re.Sub {
			one := needed(sub)
			if len(one) == 0 {
				return nil
			}
			either = append(either, slices.MaxFunc(one, func(a, b []string) int { return cmp.Compare(shortest(a), shortest(b)) })...)
		}
		return [][]string{either}
	default: // classes of letters, places, and what may be left out: no text is certain
	}
	return nil
}

func shortest(texts []string) int {
	return len(slices.MinFunc(texts, func(a, b string) int { return cmp.Compare(len(a), len(b)) }))
}

// may reports whether a text can hold the part at all.
func (p *part) may(lower string) bool {
	for _, either := range p.needs() {
		if !slices.ContainsFunc(either, func(l string) bool { return strings.Contains(lower, l) }) {
			return false
		}
	}
	return true
}

// find looks for the part in a text whose lower-case form is given too.
func (p *part) find(text, lower string) (from, to int, ok bool) {
	if !p.may(lower) {
		return 0, 0, false
	}
	if p.exact != "" {
		if strings.Contains(p.exact, " ") {
			return standing(lower, strings.ToLower(p.exact)) // people begin a sentence with a capital
		}
		return standing(text, p.exact)
	}
	for _, span := range p.expr().FindAllStringIndex(text, 4) {
		if p.denies() || !denied(lower[:span[0]]) {
			return span[0], span[1], true
		}
	}
	return 0, 0, false
}

// denied reports whether what comes next is said to be absent: "no OOM kill", "without any restart".
func denied(before string) bool {
	words := strings.Fields(before[max(0, len(before)-24):])
	for i := len(words) - 1; i >= 0 && i >= len(words)-2; i-- {
		w := words[i]
		switch w {
		case "no", "not", "never", "without", "neither", "nor", "isn't", "wasn't", "0", "zero":
			return true
		}
		if strings.ContainsAny(w[len(w)-1:], ".,;:") {
			return false
		}
	}
	return false
}

// standing finds words that stand in a text on their own: "UF" is not in "BUFFER".
func standing(text, words string) (from, to int, ok bool) {
	for from := 0; ; {
		i := strings.Index(text[from:], words)
		if i < 0 {
			return 0, 0, false
		}
		i += from
		end := i + len(words)
		before := i == 0 || !wordByte(text[i-1]) || !wordByte(text[i])
		after := end == len(text) || !wordByte(text[end]) || !wordByte(text[end-1])
		if before && after {
			return i, end, true
		}
		from = i + 1
	}
}

func wordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
