package haproxy

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/proxy/logformat"
)

// Where a variable belongs.
const (
	inClient = iota
	inExactTime
	inTime
	inEpoch
	inFrontend
	inBackend
	inServer
	inServerAddress
	inServerPort
	inTimers // TR, and the four that follow it
	inQueue
	inConnect
	inResponse
	inActive
	inTotal
	inStatus
	inState
	inRequest
	inMethod
	inTarget
	inHost
	inFields
)

type variable struct {
	slot    int
	content logformat.Content
}

// slots lists HAProxy's variables (doc/configuration.txt, section 8.2.6).
func slots() map[string]variable {
	word := logformat.Of(` "`, nil)
	number := logformat.Of(` "`, isSigned)
	encoded := logformat.Text(`"`, false) // quotes and what does not print are written #HH
	known := map[string]variable{
		"ci": {inClient, word}, "f": {inFrontend, word}, "ft": {inFrontend, word}, "b": {inBackend, word}, "s": {inServer, word},
		"si": {inServerAddress, word}, "sp": {inServerPort, number}, "ST": {inStatus, number}, "ts": {inState, word}, "tsc": {inState, word},
		"t": {inExactTime, logformat.Of(` "`, isLocal)}, "tr": {inExactTime, logformat.Of(` "`, isLocal)},
		"T": {inTime, logformat.Of(`"`, isCommon)}, "Tl": {inTime, logformat.Of(`"`, isCommon)}, "trg": {inTime, logformat.Of(`"`, isCommon)}, "trl": {inTime, logformat.Of(`"`, isCommon)},
		"Ts": {inEpoch, number}, "TR": {inTimers, number}, "Tw": {inQueue, number}, "Tc": {inConnect, number}, "Tr": {inResponse, number}, "Ta": {inActive, number},
		"Tt": {inTotal, number}, "r": {inRequest, encoded}, "HM": {inMethod, logformat.Text(` "`, false)}, "HU": {inTarget, encoded}, "HP": {inTarget, encoded}, "HPO": {inTarget, encoded},
		"HV": {logformat.Skip, logformat.Of(` "`, nil)}, "HQ": {logformat.Skip, encoded}, "ID": {logformat.Skip, logformat.Text(`"`, false)},
		"hr": {logformat.Skip, logformat.Run(captures)}, "hs": {logformat.Skip, logformat.Run(captures)},
		"hrl": {logformat.Skip, logformat.Text("", false)}, "hsl": {logformat.Skip, logformat.Text("", false)},
		"CC": {logformat.Skip, encoded}, "CS": {logformat.Skip, encoded}, "H": {logformat.Skip, word}, "OG": {logformat.Skip, word},
	}
	for _, name := range []string{"B", "U", "ac", "fc", "bc", "sc", "rc", "sq", "bq", "cp", "fp", "bp", "Th", "Ti", "Tq", "Td", "Tu", "ms", "pid", "rt", "lc"} {
		known[name] = variable{logformat.Skip, number}
	}
	for _, name := range []string{"fi", "bi", "sslc", "sslv"} {
		known[name] = variable{logformat.Skip, word}
	}
	return known
}

// expressions are the sample expressions, %[...], whose value is known; all others may be anything.
func expressions() map[string]int {
	return map[string]int{
		"var(txn.base)": inTarget, "base": inTarget, "path": inTarget, "pathq": inTarget, "url": inTarget, "capture.req.uri": inTarget,
		"method": inMethod, "capture.req.method": inMethod, "hdr(host)": inHost, "req.hdr(host)": inHost, "var(txn.host)": inHost,
	}
}

// isSigned takes what counters, times and statuses print: "+" for one that went on, "-1" for what was not reached.
func isSigned(b []byte) bool {
	if len(b) > 1 && (b[0] == '+' || b[0] == '-') {
		b = b[1:]
	}
	return isNumber(b) || string(b) == "-"
}

func isLocal(b []byte) bool {
	_, ok := field.Local(b)
	return ok
}

func isCommon(b []byte) bool {
	_, ok := field.Common(b)
	return ok
}

// captures takes captured headers, "{a|b} ", with the blank after them, if there is one: without captures nothing is printed, and HAProxy
// does not write two blanks in a row.
func captures(b []byte) int {
	n := 0
	for len(b) > n && b[n] == '{' {
		end := bytes.IndexByte(b[n:], '}')
		if end < 0 {
			break
		}
		if n += end + 1; len(b) == n || b[n] != ' ' {
			break
		}
		n++
	}
	return n
}

// scanner takes a format apart.
type scanner struct {
	format  string
	at      int
	known   map[string]variable
	parts   []logformat.Part
	counted bool
	// captures is set after %hr or %hs, which take the blank that follows.
	captures bool
}

func variables(format string) ([]logformat.Part, error) {
	sc := &scanner{format: format, known: slots()}
	for sc.at < len(format) {
		if format[sc.at] != '%' {
			end := sc.at + strings.IndexByte(format[sc.at:]+"%", '%')
			sc.literal(format[sc.at:end])
			sc.at = end
			continue
		}
		if err := sc.variable(); err != nil {
			return nil, err
		}
	}
	if !sc.counted {
		return nil, errNoStatus
	}
	return sc.parts, nil
}

func (sc *scanner) literal(text string) {
	if sc.captures {
		text = strings.TrimPrefix(text, " ")
	}
	if text != "" {
		sc.captures = false
		sc.parts = append(sc.parts, logformat.Part{Literal: text})
	}
}

func (sc *scanner) fail(at int, format string, args ...any) error {
	return &logformat.PositionError{At: at, Why: fmt.Sprintf(format, args...)}
}

// variable reads %NAME, %{FLAGS}NAME, %(LABEL)NAME and %[EXPRESSION].
func (sc *scanner) variable() error {
	start := sc.at
	sc.at++
	if strings.HasPrefix(sc.format[sc.at:], "%") {
		sc.literal("%")
		sc.at++
		return nil
	}
	if _, err := sc.enclosed('(', ')'); err != nil { // a label, which only encodings print
		return err
	}
	flags, err := sc.enclosed('{', '}')
	if err != nil {
		return err
	}
	quoted := strings.Contains(flags, "+Q")
	if strings.HasPrefix(sc.format[sc.at:], "[") {
		expression, err := sc.enclosed('[', ']')
		if err != nil {
			return err
		}
		sc.add(start, sc.sample(expression, quoted), quoted)
		return nil
	}
	from := sc.at
	for sc.at < len(sc.format) && isLetter(sc.format[sc.at]) {
		sc.at++
	}
	name := sc.format[from:sc.at]
	if name == "o" {
		return sc.fail(start, "%%%s sets how all that follows is encoded, which cannot be read", sc.format[start+1:sc.at])
	}
	v, ok := sc.known[name]
	for !ok && len(name) > 1 { // letters that follow a variable
		sc.at--
		name = name[:len(name)-1]
		v, ok = sc.known[name]
	}
	if !ok {
		return sc.fail(start, "%q is no variable of HAProxy", sc.format[start:min(start+8, len(sc.format))])
	}
	sc.counted = sc.counted || v.slot == inStatus
	sc.add(start, v, quoted)
	sc.captures = !quoted && (name == "hr" || name == "hs")
	return nil
}

// sample says what an expression prints. Its converters come after commas.
func (sc *scanner) sample(expression string, quoted bool) variable {
	fetch, converters, _ := strings.Cut(expression, ",")
	content := logformat.Text("", false)
	if strings.Contains(converters, "json(") || quoted && strings.Contains(converters, "quote") {
		content = logformat.Text(`"`, true)
	}
	switch fetch {
	case "src":
		return variable{inClient, logformat.Of(` "`, nil)}
	case "status", "txn.status":
		sc.counted = true
		return variable{inStatus, logformat.Of(` "`, isSigned)}
	}
	if slot, ok := expressions()[fetch]; ok {
		return variable{slot, content}
	}
	return variable{logformat.Skip, content}
}

func (sc *scanner) add(start int, v variable, quoted bool) {
	part := logformat.Part{Name: sc.format[start:sc.at], At: start, Slot: v.slot, Content: v.content}
	switch name := strings.TrimLeft(part.Name, "%["); {
	case strings.HasPrefix(name, "HQ"):
		part.Begins = '?'
	case v.slot == inTarget && !strings.HasPrefix(name, "base") && !strings.HasPrefix(name, "var(") && !strings.HasPrefix(name, "url"):
		part.Begins, part.Unset = '/', "-" // often behind the host
	}
	if sc.captures && len(sc.parts) > 0 {
		sc.captures = false
		if last := &sc.parts[len(sc.parts)-1]; last.Literal == "" && part.Slot == logformat.Skip && (strings.HasSuffix(part.Name, "hs") || strings.HasSuffix(part.Name, "hr")) {
			last.Name += part.Name // %hr %hs: one run of captures
			return
		}
	}
	if quoted {
		sc.parts = append(sc.parts, logformat.Part{Literal: `"`}, part, logformat.Part{Literal: `"`})
		return
	}
	sc.parts = append(sc.parts, part)
}

// enclosed takes what stands between an opening byte and its closing one, if the former is next.
func (sc *scanner) enclosed(opening, closing byte) (string, error) {
	if sc.at >= len(sc.format) || sc.format[sc.at] != opening {
		return "", nil
	}
	depth := 0
	for i := sc.at; i < len(sc.format); i++ {
		switch sc.format[i] {
		case opening:
			depth++
		case closing:
			if depth--; depth == 0 {
				text := sc.format[sc.at+1 : i]
				sc.at = i + 1
				return text, nil
			}
		}
	}
	return "", sc.fail(sc.at, "%c without its %c", opening, closing)
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// unquoted takes off what the configuration puts around a format: the keyword, quotes, and backslashes before blanks, quotes and
// the letter of a tab (doc/configuration.txt, "2.2. Quoting and escaping").
func unquoted(s string) string {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "log-format"); ok && strings.TrimLeft(rest, " \t") != rest {
		s = strings.TrimSpace(rest)
	}
	if n := len(s); n >= 2 && (s[0] == '\'' || s[0] == '"' && strings.Count(s, `"`)-strings.Count(s, `\"`) == 2) && s[n-1] == s[0] {
		if s[0] == '\'' {
			return s[1 : n-1]
		}
		s = s[1 : n-1]
	}
	return strings.NewReplacer(`\ `, " ", `\"`, `"`, `\\`, `\`, `\t`, "\t", `\#`, "#").Replace(s)
}
