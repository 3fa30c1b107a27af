package signature

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

//go:embed *.txt
var own embed.FS

// Signature is one thing that is said, and what it means.
type Signature struct {
	ID string
	// Proxy says it: a proxy's or product's name; application, kubernetes or report for what no proxy says.
	Proxy string
	// Engine is the proxy on which the product is built, empty where it is no product.
	Engine   string
	Channel  string
	Statuses []int
	Phase    string
	Failure  model.FailureKind
	Means    string
	Causes   []model.CauseID // the most likely first
	Excludes []model.CauseID
	Source   string
	Note     string

	patterns []pattern // any of them
	clauses  []clause  // all of them
	compares *comparison
}

// Set is a number of signatures. It may be used by several goroutines at once.
type Set struct {
	all []*Signature
	id  map[string]*Signature
}

// Load gives all signatures. They are read when they are first asked for.
func Load() *Set { return loaded() }

// loaded reads the files once. They are part of the program, and a test reads each of them, so that there is no
// error to return.
var loaded = sync.OnceValue(func() *Set {
	s := &Set{id: map[string]*Signature{}}
	for _, from := range []fs.FS{proxy.Signatures(), own} {
		names, _ := fs.Glob(from, "*.txt")
		nested, _ := fs.Glob(from, "*/*.txt")
		for _, name := range append(names, nested...) {
			data, _ := fs.ReadFile(from, name)
			found, _ := parse(name, string(data))
			s.add(found)
		}
	}
	return s
})

func (s *Set) add(found []*Signature) {
	for _, g := range found {
		s.all = append(s.all, g)
		s.id[g.ID] = g
	}
}

// Named finds a signature by its id.
func (s *Set) Named(id string) (*Signature, bool) {
	g, ok := s.id[id]
	return g, ok
}

// All lists the signatures.
func (s *Set) All() []*Signature { return slices.Clone(s.all) }

// parse reads a file of signatures. It reads on after a mistake, and says what the first one was.
func parse(name, text string) ([]*Signature, error) {
	var out []*Signature
	var first error
	var last *Signature
	product, engine := "", ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] != '\t':
			if head, ok := strings.CutPrefix(line, "proxy "); ok {
				product, engine, _ = strings.Cut(head, " is ")
				continue
			}
			last = &Signature{ID: line, Proxy: product, Engine: engine}
			out = append(out, last)
		case last == nil:
			first = firstOf(first, fmt.Errorf("%s:%d: a key before any signature", name, n))
		default:
			key, value, _ := strings.Cut(line[1:], " ")
			if err := last.set(key, value); err != nil {
				first = firstOf(first, fmt.Errorf("%s:%d: %w", name, n, err))
			}
		}
	}
	return out, first
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// set takes one line of a signature.
func (g *Signature) set(key, value string) error {
	switch key {
	case "in":
		g.Channel = value
	case "words":
		g.patterns = append(g.patterns, exactly(value))
	case "regexp":
		g.patterns = append(g.patterns, matching(value))
	case "says":
		g.patterns = append(g.patterns, saying(value))
	case "metric":
		g.patterns = append(g.patterns, counting(value)...)
	case "field":
		c, err := clauseOf(value)
		g.clauses = append(g.clauses, c)
		return err
	case "compare":
		c, err := comparing(value)
		g.compares = c
		return err
	case "status":
		for _, word := range strings.Fields(value) {
			n, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			g.Statuses = append(g.Statuses, n)
		}
	case "phase":
		g.Phase = value
	case "failure":
		g.Failure = model.FailureKind(value)
	case "means":
		g.Means = value
	case "causes":
		g.Causes = ids(value)
	case "not":
		g.Excludes = ids(value)
	case "source":
		g.Source = value
	case "note":
		g.Note = value
	default:
		return fmt.Errorf("%s: no such key %q", g.ID, key)
	}
	return nil
}

func ids(value string) []model.CauseID {
	var out []model.CauseID
	for _, word := range strings.Fields(value) {
		out = append(out, model.CauseID(word))
	}
	return out
}
