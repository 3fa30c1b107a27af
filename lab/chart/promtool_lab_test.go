//go:build lab

package chart_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/lab/binary"
)

// promtool of Prometheus's own package checks the rules, tries them on series, and reads the dashboard's queries.
func TestPromtool(t *testing.T) {
	store, err := binary.Open("", "..", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Install(t.Context(), binary.MonitoringPackages()); err != nil {
		t.Fatal(err)
	}
	promtool, err := binary.LookHost("promtool")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	for name, from := range map[string]string{"rules.yaml": filepath.Join(dir, "files/prometheus/rules.yaml"), "rules_test.yaml": "testdata/rules_test.yaml"} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(work, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(work, "queries.yaml"), queries(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "rules", "--lint-fatal", "rules.yaml"}, {"test", "rules", "rules_test.yaml"}, {"check", "rules", "queries.yaml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = work
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "SUCCESS") {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// queries are the dashboard's queries as recording rules, which promtool can read; Grafana's variables are filled in.
func queries(t *testing.T) []byte {
	data, err := os.ReadFile(filepath.Join(dir, "files/grafana/dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("groups:\n- name: dashboard\n  rules:\n")
	n := 0
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			n++
			expr := strings.NewReplacer("$__rate_interval", "5m", "$route", ".*").Replace(q.Expr)
			fmt.Fprintf(&b, "  - {record: 'q:%d', expr: %q}\n", n, expr)
		}
	}
	if n < 10 {
		t.Fatalf("the dashboard has %d queries", n)
	}
	return []byte(b.String())
}
