package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The CustomResourceDefinitions and deep copies are those that controller-gen makes of the types as they are now.
func TestGeneratedAPIIsFresh(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=go.tools.mod", "controller-gen", "object", "crd", "paths=./api/...",
		"output:object:dir="+dir, "output:crd:dir="+dir)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	there := 0
	for _, pattern := range []string{"config/crd/*", "api/v1alpha1/zz_generated.*"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		there += len(files)
		for _, file := range files {
			fresh, err := os.ReadFile(filepath.Join(dir, filepath.Base(file)))
			if err != nil {
				t.Errorf("%s: controller-gen does not make it: %v", file, err)
				continue
			}
			if old, err := os.ReadFile(file); err != nil || string(old) != string(fresh) {
				t.Errorf("%s is not what controller-gen makes of the types: run 'make generate'", file)
			}
		}
	}
	if there != len(made) || there == 0 {
		t.Errorf("controller-gen makes %d files, and there are %d: run 'make generate'", len(made), there)
	}
}
