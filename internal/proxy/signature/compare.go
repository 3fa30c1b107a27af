package signature

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// comparison sets two things against each other that a text says of different objects: the Service's target port
// against the container's port, the selector against the labels. Where its expressions have two groups, the first
// is a key, and values are compared under the same key only.
type comparison struct {
	left, right part
	relation    string
}

// The relations of a comparison.
const (
	differ = " <> " // no value of one side is among those of the other
	agree  = " == " // one is
	less   = " < "  // a duration of the left side is shorter than one of the right side
)

// comparing reads two expressions with a relation between them.
func comparing(text string) (*comparison, error) {
	for _, relation := range []string{differ, agree, less} {
		if left, right, ok := strings.Cut(text, relation); ok {
			return &comparison{left: expression(`(?i)` + left), right: expression(`(?i)` + right), relation: relation}, nil
		}
	}
	return nil, fmt.Errorf("compare: none of <>, == and < in %q", text)
}

// The strengths of a comparison: two facts that contradict each other are more than any phrase. That two agree is no more
// than a hint at what is left.
const (
	compared = 6
	agreed   = 1
)

func (c *comparison) strength() int {
	if c.relation == agree {
		return agreed
	}
	return compared
}

// holds looks for both sides in a text whose lower-case form is given too.
func (c *comparison) holds(text, lower string) (quote string, ok bool) {
	if !c.left.may(lower) || !c.right.may(lower) {
		return "", false
	}
	left, right := values(c.left.expr(), text), values(c.right.expr(), text)
	shared, same, shorter, quote := false, false, false, ""
	for key, have := range left {
		other, both := right[key]
		if !both {
			continue
		}
		shared = true
		for v := range have {
			same = same || other[v]
			shorter = shorter || shorterThan(v, other)
		}
		quote = fmt.Sprintf("%s … %s", anyOf(have), anyOf(other))
	}
	switch c.relation {
	case less:
		return quote, shorter
	case agree:
		return quote, shared && same
	default:
		return quote, shared && !same
	}
}

// shorterThan reports whether a duration is shorter than one of some others.
func shorterThan(value string, others map[string]bool) bool {
	d, ok := duration(value)
	if !ok {
		return false
	}
	for v := range others {
		if o, ok := duration(v); ok && d < o {
			return true
		}
	}
	return false
}

// thousand is from when on a number without a unit is one of milliseconds: programs count timeouts in these or in
// seconds.
const thousand = 1000

// duration reads how long something takes as people write it: "60 s", "2 minutes", "75", "5000".
func duration(text string) (time.Duration, bool) {
	i := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if i < 0 {
		i = len(text)
	}
	n, err := strconv.ParseFloat(text[:i], 64)
	if err != nil {
		return 0, false
	}
	unit := time.Second
	switch u := strings.ToLower(strings.Trim(text[i:], " -")); {
	case strings.HasPrefix(u, "ms"), strings.HasPrefix(u, "milli"), u == "" && n >= thousand:
		unit = time.Millisecond
	case strings.HasPrefix(u, "m"):
		unit = time.Minute
	case strings.HasPrefix(u, "h"):
		unit = time.Hour
	}
	return time.Duration(n * float64(unit)), true
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
