package printer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/testkit"
)

func TestGolden(t *testing.T) {
	wide := printer.Style{}
	alarm := printer.NewEvent(printer.EventAlarm, noon, "502 via nginx: 5 of 20 requests; the first failed 0.8 s ago")
	alarm.Route = "shop.example.com/cart"
	mend := printer.NewEvent(printer.EventMend, noon, "targetPort 8080 -> 9090 on Service shop/cart")
	mend.Step, mend.Plan = "planned", new(samplePlan())
	matches := printer.Matches{Matches: []printer.Match{{
		Proxy: "nginx", Failure: "refused", Means: "the address answered, but nothing listens on that port there",
		Causes: []model.CauseID{"target-port-mismatch", "wrong-listen-address"}, Source: "nginx error log: connect() failed (111: Connection refused)",
	}}}
	cause := catalogue.Cause{ID: "oom-killed", Family: "backend-availability", Machine: model.MachineFix, Is: "the container is killed at its memory limit", Text: "## What it means\n\nToo little.\n"}
	for name, write := range map[string]func(io.Writer) error{
		"broken":      func(w io.Writer) error { return printer.Diagnosis(w, sampleDiagnosis(), wide) },
		"broken80":    func(w io.Writer) error { return printer.Diagnosis(w, sampleDiagnosis(), printer.Style{Width: 80}) },
		"brokenwide":  func(w io.Writer) error { return printer.Diagnosis(w, sampleDiagnosis(), printer.Style{Wide: true}) },
		"logged":      func(w io.Writer) error { return printer.Diagnosis(w, loggedDiagnosis(), wide) },
		"logged80":    func(w io.Writer) error { return printer.Diagnosis(w, loggedDiagnosis(), printer.Style{Width: 80}) },
		"loggedwide":  func(w io.Writer) error { return printer.Diagnosis(w, loggedDiagnosis(), printer.Style{Wide: true}) },
		"many":        func(w io.Writer) error { return printer.Diagnosis(w, manyRoutes(), wide) },
		"brokencolor": func(w io.Writer) error { return printer.Diagnosis(w, sampleDiagnosis(), printer.Style{Color: true}) },
		"notknown":    func(w io.Writer) error { return printer.Diagnosis(w, causeless(), wide) },
		"hops":        func(w io.Writer) error { return printer.Diagnosis(w, severalHops(), wide) },
		"listener":    func(w io.Writer) error { return printer.Diagnosis(w, oneListener(), wide) },
		"predicted":   func(w io.Writer) error { return printer.Diagnosis(w, unobserved(), wide) },
		"healthy":     func(w io.Writer) error { return printer.Diagnosis(w, healthyDiagnosis(), wide) },
		"blind":       func(w io.Writer) error { return printer.Diagnosis(w, blindDiagnosis(), wide) },
		"plan":        func(w io.Writer) error { return printer.Plan(w, samplePlan(), wide) },
		"alarm":       func(w io.Writer) error { return printer.Event(w, alarm, wide) },
		"mend":        func(w io.Writer) error { return printer.Event(w, mend, wide) },
		"explanation": func(w io.Writer) error { return printer.Explanation(w, matches, wide) },
		"cause":       func(w io.Writer) error { return printer.Cause(w, cause, wide) },
		"json":        func(w io.Writer) error { return printer.JSON(w, sampleDiagnosis()) },
		"yaml":        func(w io.Writer) error { return printer.YAML(w, sampleDiagnosis()) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			testkit.Golden(t, filepath.Join("testdata", name+".golden"), b.String())
		})
	}
}

// A list of the contract is [] when empty: programs that read the output loop over it unasked.
func TestEmptyListsAreNotNull(t *testing.T) {
	full := sampleDiagnosis()
	full.Causes = append(full.Causes, model.Finding{})
	full.Remedies = append(full.Remedies, model.Remedy{})
	full.Traces = append(full.Traces, model.Trace{})
	for name, doc := range map[string]any{
		"empty diagnosis": model.Diagnosis{},
		"empty items":     full,
		"empty plan":      model.Plan{},
		"list":            printer.Diagnoses([]model.Diagnosis{{}}),
		"event":           printer.EventDoc{Diagnosis: &model.Diagnosis{}, Plan: &model.Plan{}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := printer.JSONLine(&b, doc); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), "null") {
				t.Errorf("got null in %s", b.String())
			}
			if n := strings.Count(b.String(), "\n"); n != 1 {
				t.Errorf("got %d line ends, want 1", n)
			}
		})
	}
	for _, list := range []string{"traces", "observed", "causes", "alsoWrong", "ruledOut", "unknown", "remedies"} {
		var b bytes.Buffer
		if err := printer.JSONLine(&b, model.Diagnosis{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), `"`+list+`":[]`) {
			t.Errorf("%s is missing or not [] in %s", list, b.String())
		}
	}
}

func TestYAMLSaysTheSameAsJSON(t *testing.T) {
	var j, y bytes.Buffer
	if err := errors.Join(printer.JSON(&j, sampleDiagnosis()), printer.YAML(&y, sampleDiagnosis())); err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := errors.Join(json.Unmarshal(j.Bytes(), &a), yaml.Unmarshal(y.Bytes(), &b)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("(-json +yaml):\n%s", d)
	}
}

// Text from a cluster must not steer the terminal that shows it.
func TestNoControlCharactersFromTheCluster(t *testing.T) {
	var b bytes.Buffer
	if err := printer.Diagnosis(&b, sampleDiagnosis(), printer.Style{}); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && r < 0x20 }); i >= 0 {
		t.Errorf("control character %q in the output", b.String()[i])
	}
}

// Lines end within the width, but for commands that a person copies and single long words.
func TestWidth(t *testing.T) {
	for _, width := range []int{80, 100, 120} {
		var b bytes.Buffer
		style := printer.Style{Width: width}
		if err := errors.Join(printer.Diagnosis(&b, sampleDiagnosis(), style), printer.Diagnosis(&b, loggedDiagnosis(), style),
			printer.Plan(&b, samplePlan(), style)); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > width && !strings.Contains(line, "kubectl patch") {
				t.Errorf("width %d: %d columns in %q", width, n, line)
			}
		}
	}
}

// Of an event, text shows one line where a page below says it all; routine steps are for programs.
func TestEventsStayShort(t *testing.T) {
	long := strings.Repeat("pods of Deployment shop/cart stop before the proxies do, ", 5)
	diagnosis := printer.NewEvent(printer.EventDiagnosis, noon, long)
	diagnosis.Route, diagnosis.Diagnosis = "shop.example.com/cart", new(sampleDiagnosis())
	planned := printer.NewEvent(printer.EventMend, noon, long)
	planned.Route, planned.Step, planned.Plan = "shop.example.com/cart", "planned", new(samplePlan())
	for name, e := range map[string]printer.EventDoc{
		"diagnosis": diagnosis, "plan": planned, "watching": printer.NewEvent(printer.EventWatching, noon, long),
	} {
		var b bytes.Buffer
		if err := printer.Event(&b, e, printer.Style{Width: 80}); err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(b.String(), "\n")
		if n := len([]rune(head)); n > 80 || !strings.HasSuffix(head, "…") {
			t.Errorf("%s: %d columns in %q, want at most 80, cut", name, n, head)
		}
		if strings.HasPrefix(rest, " ") {
			t.Errorf("%s goes on in a second line:\n%s", name, b.String())
		}
	}
	routine := printer.NewEvent(printer.EventMend, noon, "changing Service shop/cart")
	routine.Step, routine.Routine = "applying", true
	var text, data bytes.Buffer
	if err := errors.Join(printer.Event(&text, routine, printer.Style{}), printer.JSONLine(&data, routine)); err != nil {
		t.Fatal(err)
	}
	if text.Len() > 0 || !strings.Contains(data.String(), `"step":"applying"`) {
		t.Errorf("a routine step gives text %q and data %q, want only data", text.String(), data.String())
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteErrorsAreReported(t *testing.T) {
	for name, err := range map[string]error{
		"text": printer.Diagnosis(brokenPipe{}, sampleDiagnosis(), printer.Style{}),
		"json": printer.JSON(brokenPipe{}, sampleDiagnosis()),
	} {
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: got %v, want %v", name, err, io.ErrClosedPipe)
		}
	}
}
