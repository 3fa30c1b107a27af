package path

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// Test says how a condition compares.
type Test string

// The tests.
const (
	Equals   Test = "equals"
	Contains Test = "contains"
	Begins   Test = "begins"
	Ends     Test = "ends"
	Fits     Test = "fits" // a regular expression that matches the whole value
	IsThere  Test = "is-there"
)

// Condition is what a rule asks of a header or query parameter. The names :authority, :path and :method
// stand for those parts of the request.
type Condition struct {
	Name  string // headers in lower case
	Test  Test
	Value string
	Fold  bool // case does not matter
	Not   bool
	expr  *regexp.Regexp
}

// newCondition makes a condition ready for use.
func newCondition(name string, test Test, value string) Condition {
	c := Condition{Name: name, Test: test, Value: value}
	if test == Fits {
		c.expr, _ = regexp.Compile("^(?:" + value + ")$") // one that cannot be read matches nothing
	}
	return c
}

// negate turns a condition round.
func (c Condition) negate() Condition { c.Not = !c.Not; return c }

// takes compares a value; there says whether the request has one.
func (c Condition) takes(value string, there bool) bool { return c.positive(value, there) != c.Not }

func (c Condition) positive(value string, there bool) bool {
	if !there {
		return false
	}
	want := c.Value
	if c.Fold {
		value, want = strings.ToLower(value), strings.ToLower(want)
	}
	switch c.Test {
	case Equals:
		return value == want
	case Contains:
		return strings.Contains(value, want)
	case Begins:
		return strings.HasPrefix(value, want)
	case Ends:
		return strings.HasSuffix(value, want)
	case Fits:
		return c.expr != nil && c.expr.MatchString(value)
	default:
		return true
	}
}

// example is a value that the condition takes.
func (c Condition) example() (string, bool) {
	switch {
	case c.Not || c.Test == Fits:
		return "", false
	case c.Test == IsThere:
		return "any", true
	default:
		return c.Value, true
	}
}

// headersTake reports whether a request has all the headers asked for.
func headersTake(conditions []Condition, req model.Request) bool {
	for _, c := range conditions {
		value, there := header(req, c.Name)
		if !c.takes(value, there) {
			return false
		}
	}
	return true
}

func header(req model.Request, name string) (string, bool) {
	switch name {
	case ":authority":
		return strings.ToLower(req.Host), true
	case ":path":
		path, _, _ := strings.Cut(req.Path, "?")
		return path, true
	case ":method":
		return method(req), true
	}
	for k, v := range req.Headers {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

func method(req model.Request) string {
	if req.Method == "" {
		return "GET"
	}
	return req.Method
}

// queriesTake reports whether a query has all the parameters asked for. Of a parameter that is given
// more than once the first counts, as in Envoy.
func queriesTake(conditions []Condition, query string) bool {
	if len(conditions) == 0 {
		return true
	}
	values, err := url.ParseQuery(query)
	if err != nil && len(values) == 0 {
		return false
	}
	for _, c := range conditions {
		got := values[c.Name]
		if len(got) == 0 {
			if !c.takes("", false) {
				return false
			}
			continue
		}
		if !c.takes(got[0], true) {
			return false
		}
	}
	return true
}
