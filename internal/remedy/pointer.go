package remedy

import (
	"fmt"
	"strconv"
	"strings"
)

// tokens splits a field as findings write it ("spec.ports[0].targetPort",
// "metadata.annotations['a.b/c']") into the steps of a JSON pointer. A label or annotation key may
// also follow its map after a plain dot, as in "spec.selector.app.kubernetes.io/name".
func tokens(field string) ([]string, error) {
	for _, m := range []string{"spec.selector.", "metadata.annotations.", "metadata.labels."} {
		if key, ok := strings.CutPrefix(field, m); ok && key != "" {
			return append(strings.Split(strings.TrimSuffix(m, "."), "."), key), nil
		}
	}
	var out []string
	for rest := field; rest != ""; {
		var token string
		var err error
		if rest[0] == '[' {
			token, rest, err = bracket(rest)
		} else {
			rest = strings.TrimPrefix(rest, ".")
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			token, rest = rest[:end], rest[end:]
		}
		if err != nil || token == "" {
			return nil, fmt.Errorf("read field %q: not a path of names and indexes", field)
		}
		out = append(out, token)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("read field: it is empty")
	}
	return out, nil
}

// bracket reads one "[0]" or "['key']" from the start of s.
func bracket(s string) (token, rest string, err error) {
	if len(s) > 2 && (s[1] == '\'' || s[1] == '"') {
		end := strings.Index(s[2:], string(s[1])+"]")
		if end < 0 {
			return "", "", fmt.Errorf("a quote is not closed")
		}
		return s[2 : 2+end], s[2+end+2:], nil
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return "", "", fmt.Errorf("a bracket is not closed")
	}
	if _, err := strconv.ParseUint(s[1:end], 10, 31); err != nil {
		return "", "", fmt.Errorf("an index is not a number: %w", err)
	}
	return s[1:end], s[end+1:], nil
}

// pointer writes tokens as a JSON pointer (RFC 6901, section 3: "~" is "~0" and "/" is "~1").
func pointer(tokens []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(escape.Replace(t))
	}
	return b.String()
}
