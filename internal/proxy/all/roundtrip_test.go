package all

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// told keeps of a signal what a record has.
func told(s model.Signal) model.Signal {
	s.Proxy, s.Failure, s.Reason, s.Raw = "", "", "", ""
	for i := range s.Tries {
		s.Tries[i].Duration = 0
	}
	return s
}

// What is written in a format is read back, whatever clients put into their fields, by the format's own parser and by
// the one that finds the format out.
func TestRoundTrip(t *testing.T) {
	for i, f := range forms() {
		t.Run(fmt.Sprintf("%02d %s", i, f.name), func(t *testing.T) {
			own, err := ParserFor(f.name)
			if err != nil {
				t.Fatal(err)
			}
			auto := NewAuto()
			rapid.Check(t, func(t *rapid.T) {
				r := records().Draw(t, "record")
				line := []byte(f.render(r))
				want := r.signal()
				f.forget(&want)
				for _, p := range []proxy.Parser{own, auto} {
					var got model.Signal
					if class := p.Parse(line, &got); class != proxy.Access {
						t.Fatalf("class %v: %s", class, line)
					}
					if d := cmp.Diff(told(want), told(got)); d != "" {
						t.Fatalf("%s\nsignal (-want +got)\n%s", line, d)
					}
				}
			})
		})
	}
}
