package chart_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

// What promtool is given to try has each alert fire.
func TestEveryAlertIsTried(t *testing.T) {
	read := func(path string, into any) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(data, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert string }
		}
	}
	read(filepath.Join(dir, "files/prometheus/rules.yaml"), &rules)
	var tried struct {
		Tests []struct {
			Cases []struct {
				Alert string `json:"alertname"`
				Fires []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		}
	}
	read("testdata/rules_test.yaml", &tried)
	var fired []string
	for _, test := range tried.Tests {
		for _, c := range test.Cases {
			if len(c.Fires) > 0 {
				fired = append(fired, c.Alert)
			}
		}
	}
	alerts := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			if alerts++; !slices.Contains(fired, r.Alert) {
				t.Errorf("alert %s fires in no test of testdata/rules_test.yaml", r.Alert)
			}
		}
	}
	if alerts == 0 {
		t.Error("there is no alert")
	}
}
