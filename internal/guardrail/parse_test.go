package guardrail

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// TestParseSaysWhere reads broken policies; line 5 is the first below spec.
func TestParseSaysWhere(t *testing.T) {
	const head = "apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: p}\nspec:\n"
	for name, tc := range map[string]struct{ text, want string }{
		"no YAML":                  {"a: [", `^p.yaml:1: did not find`},
		"nothing":                  {"# only a comment\n", `^p.yaml: no policy in it$`},
		"another kind":             {"apiVersion: v1\nkind: ConfigMap\n", `^p.yaml:1: apiVersion: "v1"; it must be gatemend.dev/v1alpha1$`},
		"a list":                   {"- a\n- b\n", `^p.yaml:1: a array where an object is expected$`},
		"no name":                  {"apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {}\n", `^p.yaml:3: metadata: name is missing`},
		"an unknown field":         {head + "  rules:\n  - name: a\n    mode: auto\n    cause: [x]\n", `^p.yaml:8: spec.rules\[0\].cause: unknown field$`},
		"a field twice":            {head + "  rules: []\n  rules: []\n", `^p.yaml:6: rules: it is there twice$`},
		"a wrong mode":             {head + "  rules:\n  - name: a\n    mode: always\n", `^p.yaml:7: spec.rules\[0\].mode: Unsupported value: "always": supported values: "off", "propose", "approve", "auto"$`},
		"a wrong type":             {head + "  rules:\n  - name: a\n    mode: auto\n  - name: b\n    mode: [auto]\n", `^p.yaml:9: spec.rules\[1\].mode: a array where a text is expected$`},
		"a wrong duration":         {head + "  limits:\n    cooldown: 10 minutes\n", `^p.yaml:6: spec.limits.cooldown: time: unknown unit`},
		"a wrong time":             {head + "  freezes:\n  - to: 2026-05-01T00:00:00Z\n    from: yesterday\n", `^p.yaml:7: spec.freezes\[0\].from: parsing time`},
		"an unknown cause":         {head + "  rules:\n  - name: a\n    mode: auto\n    match:\n      causes:\n      - oom-killed\n      - gremlins\n", `^p.yaml:11: spec.rules\[0\].match.causes\[1\]: Not found: "gremlins"$`},
		"an unknown action":        {head + "  rules: [{name: a, mode: auto, match: {actions: [pray]}}]\n", `^p.yaml:5: spec.rules\[0\].match.actions\[0\]: Unsupported value: "pray"`},
		"an expression of no bool": {head + "  match:\n    expression: cause\n", `^p.yaml:6: spec.match.expression: Invalid value: "cause": it gives a string, not a bool$`},
		"no expression":            {head + "  match:\n    expression: causes == 1\n", `^p.yaml:6: spec.match.expression: (?s).*undeclared reference to 'causes'`},
		"too low a confidence":     {head + "  rules: [{name: a, mode: auto, minConfidencePercent: 50}]\n", `minConfidencePercent: Invalid value: 50: must be from 90`},
		"a rule without a name":    {head + "  rules: [{mode: auto}]\n", `^p.yaml:5: spec.rules\[0\].name: Required value`},
		"two rules of one name":    {head + "  rules: [{name: a, mode: auto}, {name: a, mode: auto}]\n", `spec.rules\[1\].name: Duplicate value: "a"`},
		"a wrong day":              {head + "  windows: [{days: [Monday], from: '09:00', to: '10:00'}]\n", `spec.windows\[0\].days\[0\]: Unsupported value: "Monday"`},
		"a wrong clock":            {head + "  windows: [{from: 9am, to: '10:00'}]\n", `spec.windows\[0\].from: Invalid value: "9am"`},
		"a wrong zone":             {head + "  windows: [{from: '09:00', to: '10:00', timeZone: Mars/Olympus}]\n", `spec.windows\[0\].timeZone: Invalid value: "Mars/Olympus"`},
		"a freeze that never is":   {head + "  freezes: [{from: '2026-05-02T00:00:00Z', to: '2026-05-01T00:00:00Z'}]\n", `spec.freezes\[0\].to: Invalid value`},
		"a wrong share":            {head + "  rules: [{name: a, mode: auto, maxUnavailable: half}]\n", `spec.rules\[0\].maxUnavailable: Invalid value: "half"`},
		"an unknown owner":         {head + "  rules: [{name: a, mode: auto, allowOwners: [chef]}]\n", `spec.rules\[0\].allowOwners\[0\]: Unsupported value: "chef"`},
		"a wrong selector":         {head + "  match: {objectSelector: {matchExpressions: [{key: a, operator: Near}]}}\n", `spec.match.objectSelector: Invalid value`},
		"a negative limit":         {head + "  limits: {actionsPerHour: {cluster: -1}}\n", `spec.limits.actionsPerHour.cluster: Invalid value: -1`},
		"an alias":                 {head + "  match: &m {}\n  rules: [{name: a, mode: auto, match: *m}]\n", `aliases are not supported`},
		"two policies of one name": {head + "  {}\n---\n" + head + "  {}\n", `metadata.name: "p" is the name of another policy`},
		"the second document":      {head + "  {}\n---\n" + strings.ReplaceAll(head, "name: p", "name: q") + "  mode: auto\n", `^p.yaml:11: spec.mode: unknown field`},
		"too large":                {strings.Repeat("#", maxBytes+1), `larger than`},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := Parse("p.yaml", []byte(tc.text))
			if err == nil || !regexp.MustCompile(tc.want).MatchString(err.Error()) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if _, ok := errors.AsType[*Problem](err); !ok || len(set.policies) > 0 {
				t.Errorf("got %d policies and an error that is no Problem: %v", len(set.policies), ok)
			}
		})
	}
}

// Every problem of a file is told at once.
func TestParseSaysEverything(t *testing.T) {
	_, err := Parse("p.yaml", []byte("apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: p}\nspec:\n  rules:\n  - {name: a, mode: x}\n  - {name: a, mode: y}\n"))
	if n := strings.Count(err.Error(), "p.yaml:"); n != 3 {
		t.Errorf("got %d problems, want 3: %v", n, err)
	}
}

// The examples of the documentation are policies.
func TestDocumentedPolicies(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "policy.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(apiVersion: gatemend.dev.*?)```").FindAllStringSubmatch(string(text), -1)
	for _, m := range found {
		if _, err := Parse("docs/policy.md", []byte(m[1])); err != nil {
			t.Errorf("%v in\n%s", err, m[1])
		}
	}
	if len(found) < 4 {
		t.Errorf("only %d policies found: this test does not see them", len(found))
	}
}

// FuzzParse: whatever is in a file, it is read or refused with the place; a set that was read decides.
func FuzzParse(f *testing.F) {
	for _, spec := range []string{"{}", auto, "rules: [{name: a, mode: off, match: {expression: 'risk == \"low\"'}}]", "limits: {cooldown: 1h}", "windows: [{from: '22:00', to: '04:00'}]"} {
		f.Add([]byte("apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: p}\nspec:\n" + indent(spec)))
	}
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := Parse("p.yaml", data)
		if err != nil {
			if _, ok := errors.AsType[*Problem](err); !ok {
				t.Errorf("%v does not say where", err)
			}
			return
		}
		in := sample()
		in.Facts.Stop.Stopped = true
		if d := set.Decide(in); d.Verdict != model.Refuse {
			t.Errorf("a stopped gatemend may act: %s", d)
		}
	})
}
