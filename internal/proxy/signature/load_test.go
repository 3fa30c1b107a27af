package signature

import (
	"bufio"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// files reads every file of signatures.
func files(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, from := range []fs.FS{proxy.Signatures(), own} {
		for _, pattern := range []string{"*.txt", "*/*.txt"} {
			names, err := fs.Glob(from, pattern)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				data, err := fs.ReadFile(from, name)
				if err != nil {
					t.Fatal(err)
				}
				out[name] = string(data)
			}
		}
	}
	return out
}

func TestFilesAreWellFormed(t *testing.T) {
	seen := map[string]string{}
	total := 0
	for name, text := range files(t) {
		found, err := parse(name, text)
		if err != nil {
			t.Error(err)
		}
		total += len(found)
		for _, g := range found {
			if other, twice := seen[g.ID]; twice {
				t.Errorf("%s: %s is also in %s", name, g.ID, other)
			}
			seen[g.ID] = name
			complete(t, name, g)
		}
	}
	if total < 400 {
		t.Errorf("only %d signatures", total)
	}
}

func complete(t *testing.T, name string, g *Signature) {
	t.Helper()
	kinds := []model.FailureKind{
		model.Refused, model.ConnectTimeout, model.Reset, model.ClosedEarly, model.NoEndpoints, model.NoRoute, model.TLS, model.Protocol,
		model.HeaderTooBig, model.ResponseTimeout, model.Overload, model.Denied, model.UpstreamStatus, model.OtherFailure,
	}
	if g.Proxy == "" || g.Means == "" || g.Source == "" || len(g.Causes) == 0 || !slices.Contains(kinds, g.Failure) {
		t.Errorf("%s: %s lacks a proxy, a meaning, a source, a cause or a known kind of failure", name, g.ID)
	}
	if len(g.patterns) == 0 && len(g.clauses) == 0 && g.compares == nil {
		t.Errorf("%s: %s matches nothing", name, g.ID)
	}
	for _, c := range slices.Concat(g.Causes, g.Excludes) {
		if _, ok := catalogue.Lookup(c); !ok {
			t.Errorf("%s: %s names the cause %s, which the catalogue does not have", name, g.ID, c)
		}
	}
	for i, c := range g.Causes {
		if slices.Contains(g.Causes[:i], c) || slices.Contains(g.Excludes, c) {
			t.Errorf("%s: %s names %s twice", name, g.ID, c)
		}
	}
}

// Every expression compiles; an expression that does not would match nothing, in silence.
func TestExpressionsCompile(t *testing.T) {
	for name, text := range files(t) {
		scan := bufio.NewScanner(strings.NewReader(text))
		for n := 1; scan.Scan(); n++ {
			key, value, _ := strings.Cut(strings.TrimPrefix(scan.Text(), "\t"), " ")
			var exprs []string
			switch key {
			case "regexp":
				exprs = []string{value}
			case "says":
				if strengthOf(value) > 0 {
					value = value[2:]
				}
				for side := range strings.SplitSeq(value, " & ") {
					exprs = append(exprs, expressed(strings.TrimSpace(side)))
				}
			case "compare":
				for _, relation := range []string{differ, agree, less} {
					if left, right, ok := strings.Cut(value, relation); ok {
						exprs = []string{left, right}
						break
					}
				}
				if len(exprs) == 0 {
					t.Errorf("%s:%d: no relation", name, n)
				}
			case "field":
				if c, err := clauseOf(value); err == nil && c.expr != nil {
					exprs = []string{c.value}
				}
			}
			for _, e := range exprs {
				if _, err := regexp.Compile(e); err != nil {
					t.Errorf("%s:%d: %v", name, n, err)
				}
			}
		}
	}
}

// What stands in the samples of logs is recognised where it says that a request failed.
func TestSamples(t *testing.T) {
	set := Load()
	entries, err := os.ReadDir("testdata/lines")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile("testdata/lines/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		m := set.Matcher()
		if strings.HasPrefix(e.Name(), "kong.") {
			m = set.Matcher("kong")
		}
		for line := range strings.Lines(string(data)) {
			want, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			if !ok {
				t.Fatalf("%s: a line without an id and a tab: %q", e.Name(), line)
			}
			var got []string
			for _, h := range m.Match(text) {
				got = append(got, h.ID)
			}
			for _, id := range strings.Fields(want) {
				if !slices.Contains(got, id) {
					t.Errorf("%s: found %v, not %s, in %s", e.Name(), got, id, text)
				}
			}
		}
	}
}
