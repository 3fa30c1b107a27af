package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/testkit/audit"
	"github.com/gatemend/gatemend/internal/verify"
)

// judge has the checker read the audit log.
func (r *round) judge(t *testing.T, total happenings) {
	t.Helper()
	log, err := audit.Read(strings.NewReader(string(r.api.Log())))
	if err != nil {
		t.Fatal(err)
	}
	c := audit.Case{
		Actor: "gatemend", Log: log, Decisions: append(r.decisions, r.policy.allowed...), OptIn: [2]string{optIn, "enabled"},
		OptOut: "disabled", Thought: thought + 15*time.Second, Questions: r.questions, // a change of several steps may be under way
		Labels: map[string]map[string]string{}, Stop: guardrail.StopNamespace + "/" + guardrail.StopName, Lag: r.lag + 50*time.Millisecond,
		Share: 0.25, Recovery: 3 * time.Second, Replicas: map[string]int{"shop/cart": 4, "shop/web": 4},
		App: func(o audit.Object) string { app, _, _ := strings.Cut(o.Name, "-"); return app },
	}
	c.PerHour.Object = r.policy.perHour
	r.api.Do(func() {
		for _, o := range r.api.All("") {
			if slices.ContainsFunc(o.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool { return m.Manager == act.FieldManager }) {
				plural, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
				c.Holds = append(c.Holds, audit.Object{Resource: plural.Resource, Namespace: o.GetNamespace(), Name: o.GetName()})
			}
		}
	})
	for _, app := range r.apps {
		e := audit.End{App: app, Escalated: r.told[app], Broken: slices.ContainsFunc(r.injuries, func(i injury) bool { return i.app == app }) || r.jinxed[app]}
		r.api.Do(func() { e.Failing = r.share(app) > 0.01 })
		c.Ends = append(c.Ends, e)
		switch {
		case e.Broken && e.Failing:
			total["ended: a person was told"]++
		case e.Broken:
			total["ended: mended"]++
		}
	}
	for _, e := range log {
		if e.User == "gatemend" && !e.DryRun && e.Verb != "get" && e.Verb != "list" && e.Code < 300 {
			if e.Releases() {
				total["fields given back"]++
				continue
			}
			total["changes by gatemend"]++
		}
	}
	events, err := r.journal.Events()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Plan != nil && len(e.Plan.Faults) > 1 {
			total[fmt.Sprintf("plan for %d faults in a row, with %d changes", len(e.Plan.Faults), len(e.Plan.Remedy.Changes))]++
		}
		if e.Kind == plan.EventClosed {
			total["incident "+string(e.Outcome)]++
		}
		if e.Judgement != nil && e.Judgement.Verdict == verify.WorseElsewhere {
			t.Errorf("%s: no application here rests on another one, but its repair was blamed: %s", e.Incident, e.Judgement.Because)
		}
		if e.Kind == plan.EventUndone {
			total["changes taken back"]++
		}
	}
	if open, err := mend.Open(&r.journal); err != nil || len(open) > 0 {
		t.Errorf("incidents %v are open still, %v", open, err)
	}
	found := audit.Check(c)
	for _, v := range found {
		t.Error(v)
	}
	if t.Failed() && *keep != "" {
		r.keep(t, events)
	}
}

// keep writes down what a failed round was like.
func (r *round) keep(t *testing.T, events []plan.Event) {
	t.Helper()
	var record strings.Builder
	for _, e := range events {
		what := e.Because
		if e.Plan != nil {
			what = fmt.Sprintf("%s for %s: %s %v", e.Plan.Remedy.Action, e.Plan.Finding.ID, e.Plan.Remedy.Summary, e.Plan.Guards)
		}
		if e.Judgement != nil {
			what = fmt.Sprint(*e.Judgement)
		}
		fmt.Fprintf(&record, "%s %s %s %d ok=%v %s %s\n", e.At.Format("15:04:05.000"), e.Incident, e.Kind, e.Index, e.OK, e.Outcome, what)
	}
	for name, text := range map[string]string{"audit.jsonl": string(r.api.Log()), "record.txt": record.String(), "policy.yaml": r.policy.text} {
		path := filepath.Join(*keep, strings.ReplaceAll(t.Name(), "/", "-"), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
}
