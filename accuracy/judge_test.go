package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/accuracy/reported"
	"github.com/gatemend/gatemend/internal/model"
)

func finding(id model.CauseID, kind, name, field string) model.Finding {
	return model.Finding{ID: id, Confidence: 0.9, Object: model.FieldRef{Ref: model.Ref{Kind: kind, Namespace: "shop", Name: name}, Field: field}}
}

func TestJudge(t *testing.T) {
	s := scenario{name: "s", want: expectation{CauseIDs: []model.CauseID{"selector-mismatch"}}}
	s.want.RootCause.Object = model.Ref{Kind: "Service", Namespace: "shop", Name: "cart"}
	s.want.RootCause.Field = "spec.selector.track"
	s.want.Alternatives = []model.FieldRef{{Ref: model.Ref{Kind: "Pod", Namespace: "shop", Name: "cart-*"}, Field: "metadata.labels"}}
	s.want.MustNotBlame = []model.Ref{{Kind: "Deployment", Namespace: "shop", Name: "api"}}
	right := finding("selector-mismatch", "Service", "cart", "spec.selector.track")
	blamed := finding("container-crashloop", "Deployment", "api", "")
	tests := map[string]struct {
		causes                  []model.Finding
		id, object, field, near bool
		strict                  float64
		blamed                  int
		passed                  bool
	}{
		"right":                       {[]model.Finding{right}, true, true, true, true, 1, 0, true},
		"right, the alternative":      {[]model.Finding{finding("selector-mismatch", "Pod", "cart-1", "metadata.labels")}, true, true, true, true, 1, 0, true},
		"the field above":             {[]model.Finding{finding("selector-mismatch", "Service", "cart", "spec.selector")}, true, true, false, true, 1, 0, false},
		"a field beside":              {[]model.Finding{finding("selector-mismatch", "Service", "cart", "spec.selectors")}, true, true, false, false, 1, 0, false},
		"another object":              {[]model.Finding{finding("selector-mismatch", "Service", "api", "spec.selector.track")}, true, false, false, false, 0, 0, false},
		"another cause":               {[]model.Finding{finding("no-endpoints", "Service", "cart", "spec.selector.track")}, false, true, true, true, 0, 0, false},
		"right, and an innocent":      {[]model.Finding{right, blamed}, true, true, true, true, 0.5, 1, false},
		"an innocent before the root": {[]model.Finding{blamed, right}, false, false, false, false, 0.5, 1, false},
		"nothing":                     {nil, false, false, false, false, 0, 0, false},
	}
	for name, tt := range tests {
		v := judge(s, scanned, model.Diagnosis{Causes: tt.causes}, 0)
		if v.id != tt.id || v.object != tt.object || v.field != tt.field || v.near != tt.near || v.strict != tt.strict || len(v.blamed) != tt.blamed || v.passed() != tt.passed {
			t.Errorf("%s: got %+v, want %+v", name, v, tt)
		}
	}
	healthy := scenario{want: expectation{Healthy: true}}
	if !judge(healthy, scanned, model.Diagnosis{}, 0).passed() || judge(healthy, scanned, model.Diagnosis{Causes: []model.Finding{blamed}}, 0).passed() {
		t.Error("a healthy cluster passes without a cause, and only then")
	}
}

func TestJudgeCase(t *testing.T) {
	c := reported.Case{CauseID: "keepalive-race", AlsoAccept: []model.CauseID{"termination-race"}}
	for _, tt := range []struct {
		ids          []model.CauseID
		first, third bool
	}{
		{[]model.CauseID{"keepalive-race"}, true, true},
		{[]model.CauseID{"termination-race", "app-error"}, true, true},
		{[]model.CauseID{"app-error", "no-endpoints", "keepalive-race"}, false, true},
		{[]model.CauseID{"app-error", "no-endpoints", "oom-killed", "keepalive-race"}, false, false},
		{nil, false, false},
	} {
		if e := judgeCase(c, tt.ids); e.first != tt.first || e.third != tt.third {
			t.Errorf("%v: got %v, %v", tt.ids, e.first, e.third)
		}
	}
}

// TestReport renders everything, and writes into a file between its marks only.
func TestReport(t *testing.T) {
	r := report{
		verdicts:  []verdict{{scenario: "s1", mode: given, family: "f", wanted: "a", got: "b", causes: 1, confidence: 0.7}, {scenario: "s1", mode: scanned, family: "f", wanted: "a", got: "a", id: true, object: true, field: true, near: true, strict: 1, causes: 1, confidence: 0.9}},
		explained: []explained{{id: "1", family: "g", wanted: "a", got: "a", first: true, third: true}},
	}
	var b bytes.Buffer
	r.print(&b, true)
	for _, want := range []string{"0 of 1 (0%)", "1 of 1 (100%)", "a   b", "0.70", "Wrong answers", "s1"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
	file := filepath.Join(t.TempDir(), "a.md")
	if err := os.WriteFile(file, []byte("before\n"+begin+"\nold\n"+end+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.writeInto(file); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(got); !strings.HasPrefix(text, "before\n"+begin) || !strings.HasSuffix(text, end+"\nafter\n") || strings.Contains(text, "old") {
		t.Errorf("written: %s", text)
	}
}
