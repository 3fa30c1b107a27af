package catalogue

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

func TestTable(t *testing.T) {
	families := map[string]bool{}
	for _, f := range Families() {
		if families[f.ID] || f.Is == "" {
			t.Errorf("family %q: twice, or without a sentence", f.ID)
		}
		families[f.ID] = true
	}
	form := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	ids := map[model.CauseID]bool{}
	for _, c := range Causes() {
		if ids[c.ID] {
			t.Errorf("%s: twice", c.ID)
		}
		ids[c.ID] = true
		if !form.MatchString(string(c.ID)) {
			t.Errorf("%s: not in kebab case", c.ID)
		}
		if !families[c.Family] {
			t.Errorf("%s: unknown family %q", c.ID, c.Family)
		}
		switch c.Machine {
		case model.MachineFix, model.MachinePropose, model.MachineAdvise:
		default:
			t.Errorf("%s: unknown level %q", c.ID, c.Machine)
		}
		if c.Is == "" {
			t.Errorf("%s: no sentence", c.ID)
		}
	}
	if len(ids) != 108 {
		t.Errorf("%d causes, want 108: ids are a contract and never go", len(ids))
	}
}

// Rules have an id for each thing that a plan becomes, and a sentence.
func TestRules(t *testing.T) {
	seen := map[[2]string]bool{}
	for _, r := range Rules() {
		if key := [2]string{r.ID, r.Makes}; seen[key] || r.ID == "" || r.Makes == "" || r.When == "" {
			t.Errorf("rule %q: twice, or without a sentence", r.ID)
		} else {
			seen[key] = true
		}
		if r.Asked != StagePolicy && !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(r.ID) {
			t.Errorf("%s: not in kebab case", r.ID)
		}
	}
}

// TestPages holds every page to its headings, in order, each with text below it, and finds pages of
// no cause.
func TestPages(t *testing.T) {
	entries, err := pages.ReadDir("text")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		id := model.CauseID(strings.TrimSuffix(e.Name(), ".md"))
		c, ok := Lookup(id)
		if !ok {
			t.Errorf("text/%s: no such cause", e.Name())
			continue
		}
		rest, ok := strings.CutPrefix(c.Text, "# "+string(id)+"\n")
		if !ok {
			t.Errorf("text/%s: the title is not the id", e.Name())
		}
		for _, h := range []string{"What it means", "How we know", "What usually causes it", "Fix", "Not this if"} {
			_, after, ok := strings.Cut(rest, "\n## "+h+"\n")
			if !ok {
				t.Errorf("text/%s: no heading %q, or not in its place", e.Name(), h)
				break
			}
			body, _, _ := strings.Cut(after, "\n## ")
			if len(strings.TrimSpace(body)) < 20 {
				t.Errorf("text/%s: nothing below %q", e.Name(), h)
			}
			rest = after
		}
	}
}

func TestLookup(t *testing.T) {
	if c, ok := Lookup("oom-killed"); !ok || c.Family != "backend-availability" || c.Text == "" {
		t.Errorf("Lookup(oom-killed) = %+v, %v", c, ok)
	}
	if _, ok := Lookup("no-such-cause"); ok {
		t.Error("a cause that does not exist was found")
	}
	if got := FamilyOf("service-missing"); got != "service-wiring" {
		t.Errorf("FamilyOf(service-missing) = %q", got)
	}
}
