package haproxy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/proxy/logformat"
)

// scanner takes a format apart.
type scanner struct {
	format  string
	at      int
	known   map[string]variable
	flags   flags // of all that follows
	parts   []logformat.Part
	layout  *field.Layout
	members []member // of a line that is encoded as a whole
	counted bool
	// captures is set after %hr or %hs, which take the blank that follows.
	captures bool
}

// flags say how a variable is printed.
type flags struct{ quote, escape, hex, json bool }

// with returns the flags after changes such as "+Q,-E". It reports false for an encoding that cannot be read.
func (f flags) with(changes string) (_ flags, ok bool) {
	for change := range strings.SplitSeq(changes, ",") {
		on := !strings.HasPrefix(change, "-")
		switch strings.TrimLeft(change, "+-") {
		case "Q":
			f.quote = on
		case "E":
			f.escape = on
		case "X":
			f.hex = on
		case "json":
			f.json = on
		case "cbor":
			return f, false
		}
	}
	return f, true
}

// member is a named variable.
type member struct {
	name string
	slot int
}

// scan takes a format apart.
func scan(format string) (*scanner, error) {
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
	counted := sc.counted
	if sc.flags.json {
		counted = slices.ContainsFunc(sc.members, func(m member) bool { return m.slot == inStatus })
	}
	if !counted {
		return nil, errNoStatus
	}
	return sc, nil
}

// literal appends what is printed as it is, of blanks one at a time and none at the begin of a line.
func (sc *scanner) literal(text string) {
	for strings.Contains(text, "  ") {
		text = strings.ReplaceAll(text, "  ", " ")
	}
	if sc.captures || len(sc.parts) == 0 {
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
	label, err := sc.enclosed('(', ')') // a name, and perhaps a type; only encodings print it
	if err != nil {
		return err
	}
	changes, err := sc.enclosed('{', '}')
	if err != nil {
		return err
	}
	flags, ok := sc.flags.with(changes)
	if !ok {
		return sc.fail(start, "%s is an encoding that cannot be read", sc.format[start:sc.at])
	}
	var v variable
	if strings.HasPrefix(sc.format[sc.at:], "[") {
		expression, err := sc.enclosed('[', ']')
		if err != nil {
			return err
		}
		v = sc.sample(expression, flags)
	} else {
		name, ok := sc.name()
		if name == "o" {
			sc.flags = flags
			return nil
		}
		if !ok {
			return sc.fail(start, "%q is no variable of HAProxy", sc.format[start:min(start+8, len(sc.format))])
		}
		v = sc.known[name]
		if flags.hex && printsHex(name) {
			v = variable{slot: logformat.Skip, content: logformat.Of(` "`, nil), form: v.form}
		}
	}
	sc.counted = sc.counted || v.slot == inStatus
	if name, _, _ := strings.Cut(label, ":"); name != "" && v.slot != logformat.Skip {
		sc.members = append(sc.members, member{name, v.slot})
	}
	sc.add(start, v, flags)
	return nil
}

// name reads the name of a variable, which letters may follow that do not belong to it. "o" is not one, but says how all
// that follows is printed.
func (sc *scanner) name() (name string, ok bool) {
	from := sc.at
	for sc.at < len(sc.format) && isLetter(sc.format[sc.at]) {
		sc.at++
	}
	name = sc.format[from:sc.at]
	for ; len(name) > 0; name = name[:len(name)-1] {
		if _, ok = sc.known[name]; ok || name == "o" {
			break
		}
		sc.at--
	}
	return name, ok
}

// printsHex reports whether +X makes a variable print its value in hexadecimal.
func printsHex(name string) bool {
	return slices.Contains([]string{"ci", "cp", "fi", "fp", "bi", "bp", "si", "sp", "Ts", "ms", "pid", "rt", "lc"}, name)
}

// sample says what an expression prints. Its converters come after commas. It is text unless it is encoded.
func (sc *scanner) sample(expression string, flags flags) variable {
	fetch, converters, _ := strings.Cut(expression, ",")
	v := variable{slot: logformat.Skip, content: logformat.Text("", false), free: true}
	if strings.Contains(converters, "json(") || flags.quote && strings.Contains(converters, "quote") {
		v.content = logformat.Text(`"`, true)
	}
	if name, ok := aliases()[fetch]; ok && converters == "" {
		v = sc.known[name]
		if !flags.json {
			v.form = quotable
		}
		return v
	}
	if layout, stop, ok := date(fetch, converters); ok && sc.layout == nil {
		sc.layout = layout
		return variable{slot: inDate, content: logformat.Of(stop, func(b []byte) bool { _, ok := layout.Read(b); return ok })}
	}
	if slot, ok := expressions()[fetch]; ok {
		v.slot = slot
	} else if flags.json { // a number or a text in quotes
		v.form = bare
	}
	return v
}

// date reads the form in which an expression prints the time of a request, and which bytes are not in it.
func date(fetch, converters string) (layout *field.Layout, stop string, ok bool) {
	name, unit, _ := strings.Cut(fetch, "(")
	if name != "accept_date" && name != "request_date" && name != "date" {
		return nil, "", false
	}
	form := "%s" + map[string]string{"ms)": "%3f", "us)": "%6f"}[unit]
	if converters != "" {
		converter, argument, _ := strings.Cut(strings.TrimSuffix(converters, ")"), "(")
		if !strings.HasSuffix(converter, "utime") && !strings.HasSuffix(converter, "ltime") {
			return nil, "", false
		}
		form = strings.Trim(argument, `"'`)
		for _, digits := range []string{"", "3", "6", "9"} {
			form = strings.ReplaceAll(form, "%"+digits+"N", "%"+digits+"f")
		}
	}
	if layout, ok = field.NewLayout(form); strings.ContainsAny(form, " cet") { // the letters of directives that print blanks
		return layout, `"`, ok
	}
	return layout, ` "`, ok
}

// add appends a variable with the quotes that stand around it.
func (sc *scanner) add(start int, v variable, flags flags) {
	part := logformat.Part{Name: sc.format[start:sc.at], At: start, Slot: v.slot, Content: v.content}
	switch name := strings.TrimLeft(part.Name, "%["); {
	case strings.HasPrefix(name, "HQ"):
		part.Begins = '?'
	case v.slot == inTarget && !strings.HasPrefix(name, "base") && !strings.HasPrefix(name, "var(") && !strings.HasPrefix(name, "url"):
		part.Begins, part.Unset = '/', "-" // often behind the host
	}
	run := v.form == captured
	if sc.captures && len(sc.parts) > 0 {
		sc.captures = false
		if last := &sc.parts[len(sc.parts)-1]; last.Literal == "" && run {
			last.Name += part.Name // %hr %hs: one run of captures
			sc.captures = true
			return
		}
	}
	if sc.captures = run; run && len(sc.parts) > 0 && !strings.HasSuffix(sc.parts[len(sc.parts)-1].Literal, " ") {
		sc.captures = false // the blank is printed whether anything was captured or not
		part.Content = logformat.Run(func(b []byte) int { return len(bytes.TrimSuffix(b[:captures(b)], []byte{' '})) })
	}
	if v.form != quotable && v.form != plain || !flags.json && (v.form != quotable || !flags.quote) {
		sc.parts = append(sc.parts, part)
		return
	}
	if v.free && (flags.escape || flags.json) {
		part.Content = logformat.Text(`"`, true)
	}
	sc.parts = append(sc.parts, logformat.Part{Literal: `"`}, part, logformat.Part{Literal: `"`})
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
