// Package formattest tests what compiles formats of people's own, the same way for each proxy.
package formattest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Case is a format, a line in it, and what that says.
type Case struct {
	Format, Line string
	Want         model.Signal
}

// Reads compiles the format of each case and reads its line, which is kept if it tells of a failure, and only then.
func Reads[P proxy.Parser](t *testing.T, compile func(string) (P, error), cases map[string]Case) {
	t.Helper()
	for name, test := range cases {
		p, err := compile(test.Format)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got model.Signal
		if class := p.Parse([]byte(test.Line), &got); class != proxy.Access {
			t.Errorf("%s: class %v, want Access", name, class)
		}
		if got.Failed() == (got.Raw == "") {
			t.Errorf("%s: Raw %q must be there for failures, and for them alone", name, got.Raw)
		}
		got.Raw = ""
		if d := cmp.Diff(test.Want, got); d != "" {
			t.Errorf("%s: signal (-want +got)\n%s", name, d)
		}
	}
}

// Agree reads a line with a proxy's own parser and with a compiled one, which must find the same. Before they are compared,
// alike may even out what may differ; nil: nothing may.
func Agree(t *testing.T, own, compiled proxy.Parser, line string, alike func(*model.Signal)) {
	t.Helper()
	var want, got model.Signal
	wantClass, class := own.Parse([]byte(line), &want), compiled.Parse([]byte(line), &got)
	if class != wantClass {
		t.Errorf("class %v, want %v: %s", class, wantClass, line)
	}
	if alike != nil {
		alike(&want)
		alike(&got)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s\nsignal (-built-in +compiled)\n%s", line, d)
	}
}

// Sane compiles any format and reads any line in it; neither may make it fail, nor what it reads be impossible.
func Sane[P proxy.Parser](t *testing.T, compile func(string) (P, error), format string, line []byte) {
	t.Helper()
	p, err := compile(format)
	if err != nil {
		return
	}
	var s model.Signal
	class := p.Parse(line, &s)
	if class == proxy.Access && (s.Status < 0 || s.Status > 999 || s.Failed() == (s.Raw == "")) || class == proxy.Foreign && s.Proxy != "" {
		t.Fatalf("%q in %q became class %v, %+v", line, format, class, s)
	}
}
