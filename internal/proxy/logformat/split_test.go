package logformat

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func number(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// braces takes what stands in braces, with the blank after it.
func braces(b []byte) int {
	if end := bytes.Index(b, []byte("} ")); end > 0 && b[0] == '{' {
		return end + 2
	}
	return 0
}

// template compiles a small language: <x> is free text, <x!> free text that ends at a quote, <x#> a number, <x.> a word, <x*> a list, <x~> braces, which are
// skipped.
func template(t interface{ Fatal(...any) }, format string) (*Template, []string) {
	var parts []Part
	var names []string
	variable := regexp.MustCompile(`<(\w+)([!#.*~]?)>`)
	list := regexp.MustCompile(`^[^ ]*[^ :,](( :|,) [^ ]*[^ :,])*$`)
	at := 0
	for _, m := range variable.FindAllStringSubmatchIndex(format, -1) {
		if m[0] > at {
			parts = append(parts, Part{Literal: format[at:m[0]]})
		}
		p := Part{Name: format[m[2]:m[3]], At: m[0], Slot: len(names)}
		switch format[m[4]:m[5]] {
		case "!":
			p.Content = Text(`"`, true)
		case "#":
			p.Content = Of(` "`, number)
		case ".":
			p.Content = Of(` "`, nil)
		case "*":
			p.Content = Of(`"`, list.Match).Joined(" : ")
		case "~":
			p.Content, p.Slot = Run(braces), Skip
		default:
			p.Content = Text("", false)
		}
		if p.Slot != Skip {
			names = append(names, p.Name)
		}
		parts = append(parts, p)
		at = m[1]
	}
	if at < len(format) {
		parts = append(parts, Part{Literal: format[at:]})
	}
	tmpl, err := New(parts)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl, names
}

func TestSplit(t *testing.T) {
	tests := []struct{ name, format, line, want string }{
		{"plain", `<a.> <b#> "<c!>"`, `x 5 "y z"`, "a=x b=5 c=y z"},
		{"an escaped quote", `<a.> "<c!>" <b#>`, `x "y\" 7" 5`, `a=x c=y\" 7 b=5`},
		{"an escaped quote is no end, whatever follows it", `"<c!>" <d!>`, `"x\" y" z`, `c=x\" y d=z`},
		{"an empty field", `<a.> "<c!>"`, ` ""`, "a= c="},
		{"text before and after", `[<a#>]`, `[5]`, "a=5"},
		{"free text at the end may hold anything", `<a#> "<c>"`, `5 "x" 7 "y"`, `a=5 c=x" 7 "y`},
		{"free text at the start too", `"<c>" <a#>`, `"x" 7 "y" 5`, `c=x" 7 "y a=5`},
		{"what looks like a number inside free text is passed over", `<a> <b#> <c.>`, `x 1 2 3`, `a=x 1 b=2 c=3`},
		{"free texts side by side", `"<a>" "<b>" "<c>" <n#>`, `"1" "x" "y" "z" 5`, `a=1 b=y c=z n=5`},
		{"two readings that differ in a number", `"<a>" <n#> "<c>"`, `"x" 5 "y" 7 "z"`, ""},
		{"two readings, but one number", `"<a>" <n#> "<c>"`, `"x" 5 "y" z "w"`, `a=x n=5 c=y" z "w`},
		{"a list goes on", `<a*> <b>`, `x : y z`, "a=x : y b=z"},
		{"a run, and what follows it", `<a#> <r~><b.> <n#>`, `5 {x y} z 7`, "a=5 b=z n=7"},
		{"no run", `<a#> <r~><b.> <n#>`, `5 z 7`, "a=5 b=z n=7"},
		{"a run before free text", `"<a>" <r~><b> <n#>`, `"x" {y 5} z 7`, "a=x b=z n=7"},
		{"a run at the start", `<r~><b> <n#>`, `{y} z 7`, "b=z n=7"},
		{"no number", `<a.> <n#>`, `x y`, ""},
		{"too short", `<a.> <n#>`, `x`, ""},
		{"too long", `<a.> <n#>`, `x 5 6`, ""},
		{"the end is missing", `"<a!>"`, `"x`, ""},
		{"ends that overlap", `"<a!>"`, `"`, ""},
	}
	for _, test := range tests {
		tmpl, names := template(t, test.format)
		slots := make([][]byte, len(names))
		got := ""
		if tmpl.Split([]byte(test.line), slots) {
			for i, n := range names {
				got += fmt.Sprintf(" %s=%s", n, slots[i])
			}
		}
		if got = strings.TrimPrefix(got, " "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestNewFails(t *testing.T) {
	word := Of(" ", nil)
	_, err := New([]Part{{Name: "$a", Content: word}, {Literal: " "}, {Name: "$b", At: 3, Content: word}, {Name: "$c", At: 5, Content: word}})
	var at *PositionError
	if !errors.As(err, &at) || at.At != 5 || !strings.Contains(err.Error(), "$b") || !strings.Contains(err.Error(), "character 6") {
		t.Errorf("variables that touch: %v", err)
	}
	if _, err := New([]Part{{Literal: "x"}}); !errors.Is(err, ErrNoFields) {
		t.Errorf("no variables: %v", err)
	}
	many := make([]Part, 0, 2*maxFields+2)
	for range maxFields + 1 {
		many = append(many, Part{Name: "$a", Content: word}, Part{Literal: " "})
	}
	if _, err := New(many); !errors.As(err, &at) {
		t.Errorf("too many variables: %v", err)
	}
}

// Whatever the free fields hold, what is read of the proxy's own fields is what was written, or nothing is.
func TestNothingIsForged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom([]string{
			`<ip.> "<req>" <st#> <n#> "<ua>"`, `"<ua>" <st#> "<req>" <n#> "<x>"`, `<st#> "<a>" "<b>" "<c>" <n#>`, `<a> <st#> <b>`,
		}).Draw(t, "format")
		written := map[string]string{"ip": "10.0.0.1", "st": "502", "n": "17"}
		line := regexp.MustCompile(`<(\w+)[#.]?>`).ReplaceAllStringFunc(format, func(v string) string {
			name := strings.Trim(v, "<>#.")
			if text, ok := written[name]; ok {
				return text
			}
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{`"`, " ", "200", "5", `" 200 1 "`, `" "`, "x", `\`}), 0, 6).Draw(t, name), "")
		})
		tmpl, names := template(t, format)
		slots := make([][]byte, len(names))
		if !tmpl.Split([]byte(line), slots) {
			return
		}
		for i, name := range names {
			if text, ok := written[name]; ok && string(slots[i]) != text {
				t.Fatalf("%s became %q in %q", name, slots[i], line)
			}
		}
	})
}

// The search in a hostile line ends soon.
func TestBounded(t *testing.T) {
	format := strings.Repeat(`"<a>" `, 40) + "<n#>"
	tmpl, names := template(t, format)
	if tmpl.Split([]byte(strings.Repeat(`"" `, 5000)), make([][]byte, len(names))) {
		t.Error("a line without its last field was taken")
	}
	if tmpl.steps > maxSteps+maxFields {
		t.Errorf("%d steps", tmpl.steps)
	}
}

// skimFormats are forms that are skimmed: with free text that ends at a quote, without, and both.
func skimFormats() []string {
	return []string{
		`<ip.> "<req!>" <st#> <n#> "<ua!>"`, `<ip.> [<at#>] "<req>" <st#> <l*> "<ua>" "<x>"`, `"<ua>" <st#> "<req>" <n#>`, `{"a":"<a!>", "n":<n#>,"l":"<l*>"}`, `<n#> <rest>`, `[<x#>] <y.>`,
		`<ip.> <r~><st#> "<req>"`, `"<a>" <r~><b> <n#>`, `<ip.> - <user> [<at#>] "<req>" <st#>`, `<a> - <b> [<n#>] <c.>`, `<a.> <b.> - <u> [<c#>] <d>`,
	}
}

// checkSkim checks that what is skimmed is what Split reads, and reports whether it was.
func checkSkim(t interface{ Fatalf(string, ...any) }, tmpl *Template, n int, line string) bool {
	quick, slow := make([][]byte, n), make([][]byte, n)
	if !tmpl.Skim([]byte(line), quick) {
		return false
	}
	if ok := tmpl.Split([]byte(line), slow); !ok || fmt.Sprintf("%q", quick) != fmt.Sprintf("%q", slow) {
		t.Fatalf("%q: skimmed %q, split %q, %v", line, quick, slow, ok)
	}
	return true
}

func TestSkim(t *testing.T) {
	for format, lines := range map[string][]string{
		`<ip.> "<req!>" <st#> <n#> "<ua!>"`:             {`10.0.0.1 "GET / HTTP/1.1" 200 5 "x"`, `- "" 1 1 ""`, `a "b\x22 c" 1 2 "d"`},
		`<ip.> [<at#>] "<req>" <st#> <l*> "<ua>" "<x>"`: {`10.0.0.1 [17] "GET / HTTP/1.1" 200 1,2 "x [y]" "z"`},
		`{"a":"<a!>", "n":<n#>,"l":"<l*>"}`:             {`{"a":"b c", "n":5,"l":"d"}`},
		`<n#> <rest>`:                                   {`5 a b "c" `},
	} {
		tmpl, names := template(t, format)
		for _, line := range lines {
			if !checkSkim(t, tmpl, len(names), line) {
				t.Errorf("%s: not skimmed: %s", format, line)
			}
		}
	}
	for format, line := range map[string]string{`<a> <n#> <b>`: "a 5 b", `"<a>" <n#> "<b>"`: `"x" 5 "y" z"`, `<a> [<n#>] "<b>"`: `a [1] [5] "b"`} {
		tmpl, names := template(t, format)
		if tmpl.Skim([]byte(line), make([][]byte, len(names))) {
			t.Errorf("%s: skimmed, which may be read in two ways: %s", format, line)
		}
	}
}

// Whatever a line holds, it is skimmed only as it would be split.
func TestSkimsAsSplit(t *testing.T) {
	skimmed := 0
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom(skimFormats()).Draw(t, "format")
		tmpl, names := template(t, format)
		line := regexp.MustCompile(`<(\w+)[#.!*~]?>`).ReplaceAllStringFunc(format, func(v string) string {
			if rapid.IntRange(0, 9).Draw(t, "as it should be") > 0 {
				return map[byte]string{'#': "17", '.': "x", '*': "a, b : c", '~': "{z} "}[v[len(v)-2]]
			}
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{`"`, " ", "200", "5", `" 200 1 "`, `" "`, "x", `\`, "]", "[", " : ", ":", " - ", " ["}), 0, 3).Draw(t, "field"), "")
		})
		if checkSkim(t, tmpl, len(names), line) {
			skimmed++
		}
	})
	if skimmed == 0 {
		t.Error("nothing was skimmed")
	}
}

func FuzzSkim(f *testing.F) {
	f.Add(`10.0.0.1 "GET / HTTP/1.1" 200 5 "x"`, uint8(0))
	f.Add(`10.0.0.1 [17] "GET / HTTP/1.1" 200 1, 2 : 3 "x [y]" "z"`, uint8(1))
	f.Add(`"x" 200 "GET" 5`, uint8(2))
	f.Add(`{"a":"b c", "n":5,"l":"d"}`, uint8(3))
	f.Add(`5 a b "c" `, uint8(4))
	f.Fuzz(func(t *testing.T, line string, which uint8) {
		tmpl, names := template(t, skimFormats()[int(which)%len(skimFormats())])
		checkSkim(t, tmpl, len(names), line)
	})
}

// A regular expression is the slow reader of the same lines.
func FuzzSplit(f *testing.F) {
	f.Add(`10.0.0.1 "GET / HTTP/1.1" 200 5 "x"`)
	f.Add(`10.0.0.1 "GET /" 200 1 "x" 502 5 "x"`)
	tmpl, names := template(f, `<ip.> "<req>" <st#> <n#> "<ua>"`)
	slow := regexp.MustCompile(`^(?s)([^ "]*) "(.*)" (\d+) (\d+) "(.*)"$`)
	f.Fuzz(func(t *testing.T, line string) {
		slots := make([][]byte, len(names))
		ok := tmpl.Split([]byte(line), slots)
		m := slow.FindStringSubmatch(line)
		switch {
		case ok && m == nil:
			t.Fatalf("Split took %q, the oracle does not", line)
		case ok && (string(slots[0]) != m[1] || string(slots[2]) != m[3] || string(slots[3]) != m[4]):
			t.Fatalf("%q: got %q, the oracle says %q", line, slots, m[1:])
		}
	})
}
