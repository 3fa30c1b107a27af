package all

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// TestIndexedSamples reads a folder of logs that GATEMEND_SAMPLES names, in which index.json says of each file how many
// lines it has, whether all of them are whole, and how often each status occurs.
func TestIndexedSamples(t *testing.T) {
	dir := os.Getenv("GATEMEND_SAMPLES")
	if dir == "" {
		t.Skip("GATEMEND_SAMPLES names no folder of logs with an index.json")
	}
	var index map[string]struct {
		Valid  bool
		Lines  int
		Status map[string]int
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &index); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(index)) {
		want := index[name]
		if strings.Contains(name, "wrapped") {
			continue // unwrapping is done before parsing
		}
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		p, n := NewAuto(), 0
		statuses := map[string]int{}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for ; lines.Scan(); n++ {
			var s model.Signal
			class := p.Parse(lines.Bytes(), &s)
			if class == proxy.Foreign && want.Valid {
				t.Errorf("%s:%d is not read: %.200s", name, n+1, lines.Text())
			}
			if class == proxy.Access {
				statuses[printed(s)]++
			}
		}
		if n != want.Lines {
			t.Errorf("%s has %d lines, want %d", name, n, want.Lines)
		}
		if want.Status != nil && !maps.Equal(statuses, want.Status) {
			t.Errorf("%s: statuses %v, want %v", name, statuses, want.Status)
		}
	}
}

// printed is the status as the proxy prints it: nginx's 009, HAProxy's -1.
func printed(s model.Signal) string {
	switch {
	case s.Status == 0 && s.Proxy == "haproxy":
		return "-1"
	case s.Status > 0 && s.Status < 100:
		return fmt.Sprintf("%03d", s.Status)
	default:
		return fmt.Sprint(s.Status)
	}
}
