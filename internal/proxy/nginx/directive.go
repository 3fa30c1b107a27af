package nginx

import (
	"errors"
	"fmt"
	"strings"
)

// directive takes a log_format directive apart: its text, joined from quoted pieces, and how values are escaped. The
// text alone will do, also with escape= before it.
func directive(s string) (text, escape string, err error) {
	s = strings.TrimSpace(s)
	pieces := strings.HasPrefix(s, "'")
	if rest, ok := strings.CutPrefix(s, "log_format "); ok {
		_, s, _ = strings.Cut(strings.TrimSpace(rest), " ") // the format's name
		s = strings.TrimSuffix(strings.TrimSpace(s), ";")
		pieces = true
	}
	escape = "default"
	if rest, ok := strings.CutPrefix(s, "escape="); ok {
		escape, s, _ = strings.Cut(rest, " ")
		s = strings.TrimSpace(s)
		pieces = pieces || strings.HasPrefix(s, "'")
	}
	switch escape {
	case "default", "json", "none":
	default:
		return "", "", fmt.Errorf("escape=%s is none of default, json and none", escape)
	}
	if !pieces || s == "" || s[0] != '\'' && s[0] != '"' {
		// What is given without quotes is mostly taken from a ConfigMap, which the controller puts between quotes.
		return strings.ReplaceAll(s, `\t`, "\t"), escape, nil
	}
	text, err = joined(s)
	return text, escape, err
}

// joined puts quoted pieces together, as nginx's configuration does: 'a' "b" is ab, a backslash takes the meaning from a quote or another one,
// and with some letters it is a tab or the end of a line (src/core/ngx_conf_file.c, "ngx_conf_read_token").
func joined(s string) (string, error) {
	var text strings.Builder
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		quote := s[0]
		if quote != '\'' && quote != '"' {
			return "", fmt.Errorf("a piece without quotes: %.20s", s)
		}
		i := 1
		for ; i < len(s) && s[i] != quote; i++ {
			c := s[i]
			if c == '\\' && i+1 < len(s) {
				if meant, ok := escaped(s[i+1]); ok {
					c, i = meant, i+1
				}
			}
			text.WriteByte(c)
		}
		if i >= len(s) {
			return "", errors.New("the last quote is missing")
		}
		s = s[i+1:]
	}
	return text.String(), nil
}

// escaped is what a byte after a backslash means.
func escaped(c byte) (meant byte, ok bool) {
	switch c {
	case '\'', '"', '\\':
		return c, true
	case 't':
		return '\t', true
	case 'r':
		return '\r', true
	case 'n':
		return '\n', true
	default:
		return 0, false
	}
}
