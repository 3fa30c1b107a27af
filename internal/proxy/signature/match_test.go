package signature

import (
	"os"
	"strings"
	"testing"
)

func lines(t testing.TB) []string {
	t.Helper()
	var out []string
	entries, err := os.ReadDir("testdata/lines")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile("testdata/lines/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			_, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			out = append(out, text)
		}
	}
	return out
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		Load()
	}
}

func BenchmarkMatch(b *testing.B) {
	m, all := Load().Matcher(), lines(b)
	i := 0
	for b.Loop() {
		m.Match(all[i%len(all)])
		i++
	}
}

// Whatever is pasted, matching ends without a panic, and finds places that are in the text.
func FuzzMatch(f *testing.F) {
	for i, line := range lines(f) {
		if i%20 == 0 {
			f.Add(line)
		}
	}
	f.Add("flags: UO\n503 \xff\xfe{\"a\":[[[1,{}]]]}")
	f.Add("no OOM kill\x1b[31m & ~ error=EOF")
	m := Load().Matcher()
	f.Fuzz(func(t *testing.T, text string) {
		hits := m.Match(text)
		v := Weigh(hits)
		if len(hits) > 0 && (len(v.Causes) == 0 || len(v.Matches) == 0) {
			t.Errorf("%d hits and no verdict", len(hits))
		}
		for _, h := range hits {
			if h.Line < -1 || h.Line > strings.Count(text, "\n") {
				t.Errorf("a hit on line %d", h.Line)
			}
		}
	})
}
