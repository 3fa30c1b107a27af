package signature

import (
	"fmt"
	"regexp"
	"strings"
)

// comparison sets two things against each other that a text says of different objects: the Service's target port
// against the container's port, the selector against the labels. Where its expressions have two groups, the first
// is a key, and values are compared under the same key only.
type comparison struct {
	left, right func() *regexp.Regexp
	differ      bool // whether it holds when the two differ; otherwise when they agree
}

// comparing reads "LEFT <> RIGHT" (they differ) or "LEFT == RIGHT" (they agree).
func comparing(text string) (*comparison, error) {
	for sign, differ := range map[string]bool{" <> ": true, " == ": false} {
		if left, right, ok := strings.Cut(text, sign); ok {
			return &comparison{left: lazily(`(?i)` + left), right: lazily(`(?i)` + right), differ: differ}, nil
		}
	}
	return nil, fmt.Errorf("compare: neither <> nor == in %q", text)
}

// holds looks for both sides in a text. They differ when no value of one side is among those of the other.
func (c *comparison) holds(text string) (quote string, ok bool) {
	left, right := values(c.left(), text), values(c.right(), text)
	shared, same, quote := false, false, ""
	for key, have := range left {
		other, both := right[key]
		if !both {
			continue
		}
		shared = true
		for v := range have {
			same = same || other[v]
		}
		quote = fmt.Sprintf("%s … %s", anyOf(have), anyOf(other))
	}
	return quote, shared && same != c.differ
}

// values gathers what an expression finds: by key, the set of values.
func values(re *regexp.Regexp, text string) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, m := range re.FindAllStringSubmatch(text, 20) {
		key, value := "", strings.ToLower(m[len(m)-1])
		if len(m) == 3 {
			key = strings.ToLower(m[1])
		}
		if out[key] == nil {
			out[key] = map[string]bool{}
		}
		out[key][value] = true
	}
	return out
}

// anyOf is the first value in order.
func anyOf(set map[string]bool) string {
	first := ""
	for v := range set {
		if first == "" || v < first {
			first = v
		}
	}
	return first
}
