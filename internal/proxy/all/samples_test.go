package all

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

var update = flag.Bool("update", false, "write testdata/*.log anew")

// samples is how many lines of each format testdata holds.
const samples = 40

// TestOracles: parser and oracle of each format agree on every line of testdata.
func TestOracles(t *testing.T) {
	all := oracles()
	for i, f := range forms() {
		name := filepath.Join("testdata", fmt.Sprintf("%02d-%s.log", i, f.name))
		if *update {
			var lines bytes.Buffer
			for seed := range samples {
				lines.WriteString(f.render(records().Example(seed)) + "\n")
			}
			if err := os.WriteFile(name, lines.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		p, err := ParserFor(f.name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		n := 0
		for lines := bufio.NewScanner(file); lines.Scan(); n++ {
			var s model.Signal
			if class := p.Parse(lines.Bytes(), &s); class != proxy.Access {
				t.Errorf("%s:%d: class %v, want Access", name, n+1, class)
				continue
			}
			want, ok := all[i](lines.Text())
			if !ok {
				t.Errorf("%s:%d: the oracle does not read it", name, n+1)
			} else if why := want.contradicts(s); why != "" {
				t.Errorf("%s:%d: %s", name, n+1, why)
			}
		}
		if n != samples {
			t.Errorf("%s has %d lines, want %d", name, n, samples)
		}
	}
}

// A line that was damaged on its way has the status that its oracle reads, or is not read at all.
func TestOraclesOnDamagedLines(t *testing.T) {
	all := oracles()
	for i, f := range forms() {
		t.Run(fmt.Sprintf("%02d %s", i, f.name), func(t *testing.T) {
			p, err := ParserFor(f.name)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				line := []byte(f.render(records().Draw(t, "record")))
				at := rapid.IntRange(0, len(line)-1).Draw(t, "at")
				switch rapid.SampledFrom([]string{"cut", "lose", "change", "double", "join"}).Draw(t, "damage") {
				case "cut":
					line = line[:at]
				case "lose":
					line = slices.Delete(line, at, min(at+rapid.IntRange(1, 5).Draw(t, "n"), len(line)))
				case "change":
					line[at] = rapid.SampledFrom([]byte(`" []{}:,-05xé\`)).Draw(t, "byte")
				case "double":
					line = slices.Insert(line, at, line[at:min(at+rapid.IntRange(1, 5).Draw(t, "n"), len(line))]...)
				case "join":
					line = append(line, line...)
				}
				var s model.Signal
				class := p.Parse(line, &s)
				if class == proxy.Foreign && s.Proxy != "" {
					t.Fatalf("a foreign line left %+v: %s", s, line)
				}
				if class != proxy.Access {
					return
				}
				if want, ok := all[i](string(line)); ok && want.status != s.Status {
					t.Fatalf("status %d, the oracle says %d: %s", s.Status, want.status, line)
				}
			})
		})
	}
}
