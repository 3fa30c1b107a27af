package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// planFile writes the plan for the cluster's fault, as the program prints it.
func planFile(t *testing.T, c *fakeCluster, format string) string {
	t.Helper()
	exit, out, errOut := runFake(t, c, "", false, time.Minute, "fix", "service/cart", "-n", "shop", "--plan", "-o", format)
	if exit != ExitWrong || len(c.changes()) != 0 {
		t.Fatalf("exit %d, changes %v\n%s", exit, c.changes(), errOut)
	}
	file := filepath.Join(t.TempDir(), "plan."+format)
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFixAppliesASavedPlan(t *testing.T) {
	for _, format := range []string{"yaml", "json"} {
		c := newFakeCluster(t, true)
		file := planFile(t, c, format)
		exit, out, errOut := runFake(t, c, "", false, time.Minute, "fix", "--apply-plan", file, "--dry-run")
		if exit != ExitWrong || len(c.changes()) != 0 || !strings.Contains(errOut, "accepts the plan") {
			t.Errorf("dry run of %s: exit %d, changes %v\n%s\n%s", format, exit, c.changes(), out, errOut)
		}
		exit, out, errOut = runFake(t, c, "", false, 10*time.Minute, "fix", "--apply-plan", file, "--yes", "-o", "json")
		if exit != ExitOK || len(c.changes()) != 1 {
			t.Errorf("%s: exit %d, changes %v\n%s\n%s", format, exit, c.changes(), out, errOut)
		}
	}
}

// A saved plan that did not help is taken back, and nothing else is tried: nobody has agreed to it.
func TestNothingIsTriedAfterASavedPlan(t *testing.T) {
	c := newFakeCluster(t, false)
	exit, out, errOut := runFake(t, c, "", false, 30*time.Minute, "fix", "--apply-plan", planFile(t, c, "yaml"), "--yes", "-o", "json")
	if exit != ExitDidNotHelp || len(c.changes()) != 2 || strings.Count(out, `"step":"planned"`) != 1 {
		t.Errorf("exit %d, changes %v\n%s\n%s", exit, c.changes(), out, errOut)
	}
}

func TestFixRefusesASavedPlanOnAnotherState(t *testing.T) {
	c := newFakeCluster(t, true)
	file := planFile(t, c, "yaml")
	moved, err := c.broken.With(model.Change{Op: model.OpPatch, Target: plantest.Ref("Service", "cart"), Fields: []model.FieldChange{
		{Path: "/metadata/labels", New: []byte(`{"team":"shop"}`)}, {Path: "/metadata/resourceVersion", Old: resourceVersion(c), New: []byte(`"999"`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c.broken = moved
	for _, args := range [][]string{{"--yes"}, {"--dry-run"}} {
		exit, out, errOut := runFake(t, c, "", false, time.Minute, append([]string{"fix", "--apply-plan", file}, args...)...)
		if exit != ExitWrong || len(c.changes()) != 0 || !strings.Contains(strings.Join(strings.Fields(out+errOut), " "), "Service shop/cart has changed since it was made") {
			t.Errorf("%v: exit %d, changes %v\n%s\n%s", args, exit, c.changes(), out, errOut)
		}
	}
}

// resourceVersion is that of the Service as JSON, nil if it has none.
func resourceVersion(c *fakeCluster) []byte {
	o, _ := c.broken.Lookup(plantest.Ref("Service", "cart"))
	if v := o.GetResourceVersion(); v != "" {
		return []byte(`"` + v + `"`)
	}
	return nil
}
