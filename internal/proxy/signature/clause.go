package signature

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// clause is a condition on a field of an access log.
type clause struct {
	field, op, value string
	expr             func() *regexp.Regexp // for ~ and !~
	// bare finds the value in a text that has no fields, where the value says enough by itself.
	bare func() *regexp.Regexp
}

func clauseOf(text string) (clause, error) {
	name, rest, _ := strings.Cut(text, " ")
	op, value, _ := strings.Cut(rest, " ")
	c := clause{field: name, op: op, value: value}
	switch op {
	case "=", "!=", "<", "<=", ">", ">=", "absent", "present":
	case "~", "!~":
		c.expr = lazily(value)
	default:
		return c, fmt.Errorf("field %s: no such operator %q", name, op)
	}
	if telling(name) && (op == "=" || op == "~") {
		words := value
		if op == "=" {
			words = regexp.QuoteMeta(value)
		}
		c.bare = lazily(`(?:^|\W)(?:` + unanchored(words) + `)(?:\W|$)`)
	}
	return c, nil
}

// lazily compiles an expression when it is first needed. A test finds mistakes in it; here it matches nothing.
func lazily(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp {
		re, err := regexp.Compile(expr)
		if err != nil {
			return regexp.MustCompile(`^\b$`)
		}
		return re
	})
}

// telling lists the fields whose values are words of the proxy's own, which people quote without the field.
func telling(field string) bool {
	switch field {
	case "response_code_details", "upstream_transport_failure_reason", "jsonPayload.statusDetails", "properties.error_info", "error_reason":
		return true
	default:
		return false
	}
}

func unanchored(expr string) string {
	return strings.TrimSuffix(strings.TrimPrefix(expr, "^"), "$")
}

// status reports whether the clause is about the status that the client got.
func (c clause) status() bool {
	switch c.field {
	case "response_code", "status", "DownstreamStatus", "elb_status_code", "status_code", "properties.httpStatus", "EdgeResponseStatus", "response.status":
		return true
	default:
		return false
	}
}

// unset reports whether a field's value stands for none.
func unset(value string) bool { return value == "" || value == "-" || value == "null" }

// holds reports whether the fields of a line satisfy the clause.
func (c clause) holds(fields map[string]string) bool {
	value, ok := fields[c.field]
	switch c.op {
	case "absent":
		return len(fields) > 0 && (!ok || unset(value))
	case "present":
		return ok && !unset(value)
	}
	if !ok {
		return false
	}
	switch c.op {
	case "=":
		return value == c.value
	case "!=":
		return value != c.value
	case "~":
		return c.expr().MatchString(value)
	case "!~":
		return !c.expr().MatchString(value)
	}
	have, err := strconv.ParseFloat(value, 64)
	want, err2 := strconv.ParseFloat(c.value, 64)
	if err != nil || err2 != nil {
		return false
	}
	switch c.op {
	case "<":
		return have < want
	case "<=":
		return have <= want
	case ">":
		return have > want
	default:
		return have >= want
	}
}
