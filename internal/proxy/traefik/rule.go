package traefik

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// Matcher is one call in a router's rule: Host(`a.example`), negated or not.
type Matcher struct {
	Name string // as documented: Host, PathPrefix, HeaderRegexp
	Args []string
	Not  bool
}

// maxWays bounds into how many alternatives a rule may unfold.
const maxWays = 256

// ParseRule reads a router's rule, which is an expression of matchers with &&, ||, ! and parentheses, and
// gives its alternatives: a request is taken if all matchers of one of them hold. The language is that
// of vulcand/predicate, Go's expressions, and the matchers those of traefik/traefik, pkg/muxer/http/matcher.go;
// of matchers with several values, which version 2 knew, each value is an alternative.
func ParseRule(rule string) ([][]Matcher, error) {
	expr, err := parser.ParseExpr(rule)
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", rule, err)
	}
	ways, err := unfold(expr, false)
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", rule, err)
	}
	return ways, nil
}

func unfold(e ast.Expr, not bool) ([][]Matcher, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return unfold(e.X, not)
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return unfold(e.X, !not)
		}
	case *ast.BinaryExpr:
		if e.Op != token.LAND && e.Op != token.LOR {
			break
		}
		left, err := unfold(e.X, not)
		if err != nil {
			return nil, err
		}
		right, err := unfold(e.Y, not)
		if err != nil {
			return nil, err
		}
		return combine(left, right, (e.Op == token.LAND) != not)
	case *ast.CallExpr:
		return call(e, not)
	}
	return nil, errors.New("it is not made of matchers and the operators &&, || and ! alone")
}

// combine joins alternatives: each with each for 'and', one list for 'or'.
func combine(left, right [][]Matcher, and bool) ([][]Matcher, error) {
	if !and {
		left = append(left, right...)
	} else {
		var both [][]Matcher
		for _, l := range left {
			for _, r := range right {
				way := append(append([]Matcher(nil), l...), r...)
				both = append(both, way)
			}
			if len(both) > maxWays {
				break
			}
		}
		left = both
	}
	if len(left) > maxWays {
		return nil, fmt.Errorf("it has more than %d alternatives", maxWays)
	}
	return left, nil
}

// call reads one matcher.
func call(e *ast.CallExpr, not bool) ([][]Matcher, error) {
	name, ok := e.Fun.(*ast.Ident)
	if !ok {
		return nil, errors.New("a matcher has no name")
	}
	known, pairs := matcher(name.Name)
	if known == "" {
		return nil, fmt.Errorf("unknown matcher %s", name.Name)
	}
	var args []string
	for _, a := range e.Args {
		lit, ok := a.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return nil, fmt.Errorf("%s takes texts in quotes", known)
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil {
			return nil, fmt.Errorf("%s(%s): %w", known, lit.Value, err)
		}
		args = append(args, text)
	}
	if len(args) == 0 || args[0] == "" || pairs == 2 && len(args) != 2 {
		return nil, fmt.Errorf("%s has too few values", known)
	}
	if pairs == 2 || strings.HasPrefix(known, "Query") {
		return [][]Matcher{{{Name: known, Args: args, Not: not}}}, nil
	}
	var out [][]Matcher
	for _, a := range args {
		one := [][]Matcher{{{Name: known, Args: []string{a}, Not: not}}}
		if out == nil {
			out = one
			continue
		}
		var err error
		if out, err = combine(out, one, not); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// matcher finds a matcher by its name, whose case Traefik takes in several forms, and how many values
// it needs. Version 2's names are those of version 3 with an s.
func matcher(name string) (string, int) {
	for _, m := range []struct {
		name, old string
		values    int
	}{
		{"ClientIP", "", 1},
		{"Method", "", 1},
		{"Host", "HostHeader", 1},
		{"HostRegexp", "", 1},
		{"Path", "", 1},
		{"PathRegexp", "", 1},
		{"PathPrefix", "", 1},
		{"Header", "Headers", 2},
		{"HeaderRegexp", "HeadersRegexp", 2},
		{"Query", "", 1},
		{"QueryRegexp", "", 1},
	} {
		if strings.EqualFold(m.name, name) || strings.EqualFold(m.old, name) {
			return m.name, m.values
		}
	}
	return "", 0
}
