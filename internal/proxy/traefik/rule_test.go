package traefik

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseRule(t *testing.T) {
	for rule, want := range map[string]string{
		"Host(`a.example`)":                                         "Host[a.example]",
		"Host(`a.example`) && PathPrefix(`/x`)":                     "Host[a.example] PathPrefix[/x]",
		"Host(`a`) || Host(`b`) && Path(\"/x\")":                    "Host[a] | Host[b] Path[/x]",
		"(Host(`a`) || Host(`b`)) && Path(`/x`)":                    "Host[a] Path[/x] | Host[b] Path[/x]",
		"!(Host(`a`) && Path(`/x`))":                                "!Host[a] | !Path[/x]",
		"!(Host(`a`) || Path(`/x`))":                                "!Host[a] !Path[/x]",
		"Host(`a`, `b`)":                                            "Host[a] | Host[b]",
		"!Host(`a`, `b`)":                                           "!Host[a] !Host[b]",
		"HEADERS(`X-V`, `2`) && pathprefix(`/`) && Query(`a`, `b`)": "Header[X-V 2] PathPrefix[/] Query[a b]",
		"HostRegexp(`^[a-z]+\\.example$`) && Method(`GET`)":         "HostRegexp[^[a-z]+\\.example$] Method[GET]",
		"Host(`a`) &&":                                              "error",
		"Host()":                                                    "error",
		"Host(a)":                                                   "error",
		"Nothing(`a`)":                                              "error",
		"Host(`a`) + Host(`b`)":                                     "error",
		"os.Exit(`1`)":                                              "error",
		"Header(`X`)":                                               "error",
		"":                                                          "error",
		strings.Repeat("(Host(`a`)||Host(`b`))&&", 12) + "Path(`/x`)": "error",
	} {
		got := text(ParseRule(rule))
		if got != want {
			t.Errorf("%s: %s, want %s", rule, got, want)
		}
	}
}

func text(ways [][]Matcher, err error) string {
	if err != nil {
		return "error"
	}
	var out []string
	for _, way := range ways {
		var all []string
		for _, m := range way {
			not := ""
			if m.Not {
				not = "!"
			}
			all = append(all, fmt.Sprintf("%s%s%v", not, m.Name, m.Args))
		}
		out = append(out, strings.Join(all, " "))
	}
	return strings.Join(out, " | ")
}

// FuzzParseRule: no rule makes the parser fail otherwise than by an error, and what it gives is bounded.
func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"Host(`a`) && !Path(`/x`) || Header(`a`,`b`)", "((((Host(`a`", "!!!!Host(`a`)", "Host(\"\\x\")", "func(){}()"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		ways, err := ParseRule(rule)
		if err != nil {
			return
		}
		if len(ways) == 0 || len(ways) > maxWays {
			t.Errorf("%q has %d alternatives", rule, len(ways))
		}
		for _, way := range ways {
			for _, m := range way {
				if m.Name == "" || len(m.Args) == 0 {
					t.Errorf("%q has an empty matcher", rule)
				}
			}
		}
	})
}
