package signature

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// What the path model says that a proxy answers is what the proxy's own sources say: the status, and the words, which must be
// found again in a line of its log.
func TestAnswersAgreeWithTheRows(t *testing.T) {
	data, err := os.ReadFile("testdata/answers.txt")
	if err != nil {
		t.Fatal(err)
	}
	set, matchers := Load(), map[string]*Matcher{}
	n := 0
	for text := range strings.Lines(string(data)) {
		text = strings.TrimSuffix(text, "\n")
		if text == "" || text[0] == '#' {
			continue
		}
		n++
		f := strings.Split(text, "\t")
		product, controller, kind, id, line := f[0], f[1], model.FailureKind(f[2]), f[4], f[5]
		status, err := strconv.Atoi(f[3])
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		at := product + " (" + controller + "), " + string(kind)
		p, ok := all.ForController(controller)
		if !ok {
			t.Errorf("%s: no proxy claims it", at)
			continue
		}
		o := p.Answer(controller, kind)
		if o.Status != status || o.Failure != kind {
			t.Errorf("%s: the model answers %d %s, its sources %d", at, o.Status, o.Failure, status)
		}
		if !says(line, o.Reason) {
			t.Errorf("%s: the model's words %q are not in %s", at, o.Reason, line)
		}
		if id == "-" {
			if len(f) < 7 {
				t.Errorf("%s: no row has its words, and where they are from is not said", at)
			}
			continue
		}
		g, ok := set.Named(id)
		if !ok || g.Source == "" {
			t.Errorf("%s: no row %s, or it has no source", at, id)
			continue
		}
		if len(g.Statuses) > 0 && !slices.Contains(g.Statuses, status) {
			t.Errorf("%s: row %s is written with %v, not with %d", at, id, g.Statuses, status)
		}
		m, made := matchers[product]
		if !made {
			m = set.Matcher(product)
			matchers[product] = m
		}
		var found []string
		for _, h := range m.Match(line) {
			found = append(found, h.ID)
		}
		if !slices.Contains(found, id) {
			t.Errorf("%s: found %v, not %s, in %s", at, found, id, line)
		}
	}
	if n < 100 {
		t.Errorf("only %d rows", n)
	}
}

// says reports whether a line has the words that the model expects. The model names the fields of an access log with
// their values and shortens what differs from case to case, so each word is looked for.
func says(line, reason string) bool {
	for _, word := range strings.Fields(reason) {
		if !strings.Contains(line, word) && !strings.HasSuffix(word, "_code") && word != "target" {
			return false
		}
	}
	return true
}
