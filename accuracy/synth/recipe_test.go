package synth

import (
	"path/filepath"
	"testing"

	"github.com/gatemend/gatemend/internal/catalogue"
)

// TestRecipes makes every scenario and holds its answer to what a scenario's answer must have.
func TestRecipes(t *testing.T) {
	names := map[string]bool{}
	for _, r := range Recipes() {
		if names[r.Name] || r.Family == "" {
			t.Errorf("%s: twice, or without a family", r.Name)
		}
		names[r.Name] = true
		for _, id := range r.Break(NewCluster(worldOf(r.World), r.gateways()[0])).Causes {
			if _, ok := catalogue.Lookup(id); !ok {
				t.Errorf("%s: the catalogue has no cause %s", r.Name, id)
			}
		}
	}
	dir := t.TempDir()
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.expect.yaml"))
	if err != nil || len(files) < 2*len(names) {
		t.Errorf("%d scenarios of %d recipes, %v", len(files), len(names), err)
	}
}
