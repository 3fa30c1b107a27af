package guardrail

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// noon is a Wednesday.
func noon() time.Time { return time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC) }

func cart() model.Ref {
	return model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "cart"}
}

// sample is a plan that any policy of mode auto would allow, in a namespace that has opted in.
func sample() Input {
	return Input{
		Now: noon(),
		Plan: model.Plan{
			Finding: model.Finding{ID: "target-port-mismatch", Family: "service-wiring", Confidence: 0.97, Object: model.FieldRef{Ref: cart()}},
			Remedy: model.Remedy{Action: "patch-service", Risk: model.RiskLow, Machine: model.MachineFix, Changes: []model.Change{
				{Op: model.OpPatch, Target: cart(), Fields: []model.FieldChange{{Path: "/spec/ports/0/targetPort", Old: json.RawMessage("1"), New: json.RawMessage("2")}}},
			}},
		},
		Facts: Facts{Targets: []Target{{
			Ref: cart(), Counted: cart(), Known: true, NamespaceKnown: true, Labels: map[string]string{"app": "cart", "tier": "web"},
			NamespaceLabels: map[string]string{"gatemend.dev/remediation": "enabled", "team": "shop"}, Fields: []string{"/spec/ports/0/targetPort"},
		}}},
	}
}

// parsed reads a policy named p with the given spec.
func parsed(t *testing.T, spec string) Set {
	t.Helper()
	s, err := Parse("p.yaml", []byte("apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: p}\nspec:\n"+indent(spec)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func indent(spec string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(spec), "\n", "\n  ") + "\n"
}

const auto = "rules: [{name: all, mode: auto}]"

// TestDecide gives each rule something to say, and the verdict names it.
func TestDecide(t *testing.T) {
	acted := func(ago ...time.Duration) func(*Input) {
		return func(in *Input) {
			for _, d := range ago {
				in.History.Actions = append(in.History.Actions, Action{At: in.Now.Add(-d), Object: cart()})
			}
		}
	}
	incidents := func(n int, ago time.Duration) func(*Input) {
		return func(in *Input) {
			for i := range n {
				in.History.Incidents = append(in.History.Incidents, Incident{At: in.Now.Add(-ago), Cause: "no-replicas", Object: model.Ref{Kind: "Deployment", Name: fmt.Sprint(i)}})
			}
		}
	}
	at := func(clock string) func(*Input) {
		return func(in *Input) {
			var err error
			if in.Now, err = time.Parse("2006-01-02 15:04", clock); err != nil {
				t.Fatal(err)
			}
		}
	}
	met := map[string]bool{}
	for name, tc := range map[string]struct {
		spec string
		edit func(*Input)
		want model.Permission
		rule string
	}{
		"nothing said":                  {"{}", nil, model.Propose, "default"},
		"auto":                          {auto, nil, model.Allow, "p/all"},
		"approve":                       {"rules: [{name: all, mode: approve}]", nil, model.Approve, "p/all"},
		"propose":                       {"rules: [{name: all, mode: propose}]", nil, model.Propose, "p/all"},
		"a bare off is no false":        {"rules: [{name: all, mode: off}]", nil, model.Refuse, "p/all"},
		"off in quotes":                 {`rules: [{name: all, mode: "off"}]`, nil, model.Refuse, "p/all"},
		"the first rule decides":        {"rules: [{name: a, mode: approve}, {name: b, mode: auto}]", nil, model.Approve, "p/a"},
		"a rule for another namespace":  {"rules: [{name: a, match: {namespaces: [pay, 'pay-*']}, mode: 'off'}, {name: b, mode: auto}]", nil, model.Allow, "p/b"},
		"a pattern":                     {"rules: [{name: a, match: {namespaces: ['s*p']}, mode: 'off'}]", nil, model.Refuse, "p/a"},
		"a cause":                       {"rules: [{name: a, match: {causes: [target-port-mismatch]}, mode: auto}]", nil, model.Allow, "p/a"},
		"another cause":                 {"rules: [{name: a, match: {causes: [oom-killed]}, mode: auto}]", nil, model.Propose, "default"},
		"an action":                     {"rules: [{name: a, match: {actions: [patch-service]}, mode: auto}]", nil, model.Allow, "p/a"},
		"another action":                {"rules: [{name: a, match: {actions: [rollback]}, mode: auto}]", nil, model.Propose, "default"},
		"labels":                        {"rules: [{name: a, match: {objectSelector: {matchLabels: {tier: web}}}, mode: auto}]", nil, model.Allow, "p/a"},
		"other labels":                  {"rules: [{name: a, match: {objectSelector: {matchLabels: {tier: db}}}, mode: auto}]", nil, model.Propose, "default"},
		"labels of the namespace":       {"rules: [{name: a, match: {namespaceSelector: {matchLabels: {team: shop}}}, mode: auto}]", nil, model.Allow, "p/a"},
		"unknown labels are no yes":     {"rules: [{name: a, match: {objectSelector: {matchLabels: {tier: db}}}, mode: 'off'}, {name: b, mode: auto}]", func(in *Input) { in.Facts.Targets[0].Known = false }, model.Propose, "p/a"},
		"unknown namespace is no yes":   {"match: {namespaceSelector: {matchLabels: {team: shop}}}\n" + auto, func(in *Input) { in.Facts.Targets[0].NamespaceKnown = false }, model.Propose, "p: match"},
		"an expression":                 {`rules: [{name: a, match: {expression: 'risk == "low" && confidence > 0.95 && "app" in labels && fields.all(f, f.startsWith("/spec/ports"))'}, mode: auto}]`, nil, model.Allow, "p/a"},
		"an expression that says no":    {`rules: [{name: a, match: {expression: 'kind == "Deployment"'}, mode: auto}]`, nil, model.Propose, "default"},
		"an expression that fails":      {`rules: [{name: a, match: {expression: 'labels["none"] == "x"'}, mode: 'off'}, {name: b, mode: auto}]`, nil, model.Propose, "p/a"},
		"a policy about others":         {"match: {namespaces: [pay]}\n" + auto, nil, model.Propose, "default"},
		"too little confidence":         {"rules: [{name: a, mode: auto, minConfidencePercent: 98}]", nil, model.Propose, "p/a: minConfidencePercent"},
		"enough confidence":             {"rules: [{name: a, mode: auto, minConfidencePercent: 97}]", nil, model.Allow, "p/a"},
		"too many pods":                 {auto, func(in *Input) { in.Facts.Targets[0].Takes, in.Facts.Targets[0].Serving = 2, 4 }, model.Propose, "p/all: maxUnavailable"},
		"few enough pods":               {auto, func(in *Input) { in.Facts.Targets[0].Takes, in.Facts.Targets[0].Serving = 1, 2 }, model.Allow, "p/all"},
		"a number of pods":              {"rules: [{name: a, mode: auto, maxUnavailable: 0}]", func(in *Input) { in.Facts.Targets[0].Takes, in.Facts.Targets[0].Serving = 1, 2 }, model.Propose, "p/a: maxUnavailable"},
		"the kill switch":               {auto, func(in *Input) { in.Facts.Stop = Stop{Stopped: true} }, model.Refuse, "kill-switch"},
		"the kill switch is unknown":    {auto, func(in *Input) { in.Facts.Stop = Stop{Unknown: "forbidden"} }, model.Approve, "kill-switch"},
		"a hard guard":                  {auto, func(in *Input) { in.Plan.Guards = []model.GuardResult{{Guard: "owner", Absolute: true, Because: "x"}} }, model.Propose, "guard owner"},
		"a soft guard":                  {auto, func(in *Input) { in.Plan.Guards = []model.GuardResult{{Guard: "machine", Because: "x"}} }, model.Approve, "guard machine"},
		"not opted in":                  {auto, func(in *Input) { in.Facts.Targets[0].NamespaceLabels = nil }, model.Approve, "p: namespaceOptIn"},
		"opt-in is not known":           {auto, func(in *Input) { in.Facts.Targets[0].NamespaceLabels, in.Facts.Targets[0].NamespaceKnown = nil, false }, model.Approve, "p: namespaceOptIn"},
		"no opt-in needed":              {"namespaceOptIn: NotRequired\n" + auto, func(in *Input) { in.Facts.Targets[0].NamespaceLabels = nil }, model.Allow, "p/all"},
		"opted out":                     {"namespaceOptIn: NotRequired\n" + auto, func(in *Input) { in.Facts.Targets[0].NamespaceLabels["gatemend.dev/remediation"] = "disabled" }, model.Propose, "namespace-label"},
		"changed twice in an hour":      {auto, acted(50*time.Minute, 30*time.Minute), model.Propose, "p: limits.actionsPerHour.object"},
		"changed twice, not in an hour": {auto, acted(70*time.Minute, 30*time.Minute), model.Allow, "p/all"},
		"too many in the namespace":     {"limits: {actionsPerHour: {object: 9, namespace: 1}}\n" + auto, acted(30 * time.Minute), model.Propose, "p: limits.actionsPerHour.namespace"},
		"too many in the cluster":       {"limits: {actionsPerHour: {object: 9, cluster: 1}}\n" + auto, acted(30 * time.Minute), model.Propose, "p: limits.actionsPerHour.cluster"},
		"no action at all":              {"limits: {actionsPerHour: {cluster: 0}}\n" + auto, nil, model.Propose, "p: limits.actionsPerHour.cluster"},
		"cool-down":                     {auto, acted(9 * time.Minute), model.Propose, "p: limits.cooldown"},
		"cool-down of its own":          {"limits: {cooldown: 5m}\n" + auto, acted(9 * time.Minute), model.Allow, "p/all"},
		"a storm":                       {auto, incidents(5, 9*time.Minute), model.Propose, "p: limits.storm"},
		"no storm yet":                  {auto, incidents(4, 9*time.Minute), model.Allow, "p/all"},
		"a storm that is over":          {auto, incidents(50, 11*time.Minute), model.Allow, "p/all"},
		"a storm of routes":             {auto, func(in *Input) { in.Facts.Open = []string{"a", "b", "c", "d", "e", "f"} }, model.Propose, "p: limits.storm"},
		"in the window":                 {"windows: [{days: [Wed], from: '09:00', to: '17:00'}]\n" + auto, nil, model.Allow, "p/all"},
		"outside of the window":         {"windows: [{days: [Thu], from: '09:00', to: '17:00'}]\n" + auto, nil, model.Approve, "p: windows"},
		"a window's end is outside":     {"windows: [{from: '09:00', to: '12:00'}]\n" + auto, nil, model.Approve, "p: windows"},
		"a window elsewhere":            {"windows: [{from: '13:00', to: '15:00', timeZone: Europe/Berlin}]\n" + auto, nil, model.Allow, "p/all"},
		"over midnight, in the evening": {"windows: [{days: [Wed], from: '22:00', to: '04:00'}]\n" + auto, at("2026-05-06 23:00"), model.Allow, "p/all"},
		"over midnight, in the morning": {"windows: [{days: [Wed], from: '22:00', to: '04:00'}]\n" + auto, at("2026-05-07 03:59"), model.Allow, "p/all"},
		"over midnight, the day before": {"windows: [{days: [Wed], from: '22:00', to: '04:00'}]\n" + auto, at("2026-05-06 03:00"), model.Approve, "p: windows"},
		"frozen":                        {"freezes: [{from: '2026-05-06T12:00:00Z', to: '2026-05-07T00:00:00Z', reason: release}]\n" + auto, nil, model.Propose, "p: freezes[0]"},
		"thawed":                        {"freezes: [{from: '2026-05-01T12:00:00Z', to: '2026-05-06T12:00:00Z'}]\n" + auto, nil, model.Allow, "p/all"},
		"a plan that changes nothing":   {auto, func(in *Input) { in.Facts.Targets = nil }, model.Refuse, "default"},
		"the stricter object counts": {"rules: [{name: pay, match: {namespaces: [pay]}, mode: 'off'}, {name: all, mode: auto}]", func(in *Input) {
			other := in.Facts.Targets[0]
			other.Namespace = "pay"
			in.Facts.Targets = append(in.Facts.Targets, other)
		}, model.Refuse, "p/pay"},
		"two changes of one object": {"limits: {actionsPerHour: {object: 1}}\n" + auto, func(in *Input) { in.Facts.Targets = append(in.Facts.Targets, in.Facts.Targets[0]) }, model.Propose, "p: limits.actionsPerHour.object"},
	} {
		t.Run(name, func(t *testing.T) {
			in := sample()
			if tc.edit != nil {
				tc.edit(&in)
			}
			if d := parsed(t, tc.spec).Decide(in); d.Verdict != tc.want || d.Rule != tc.rule || d.Because == "" {
				t.Errorf("got %s by %q (%s), want %s by %q", d.Verdict, d.Rule, d, tc.want, tc.rule)
			}
		})
		met[listed(tc.rule)] = true
	}
	want := map[string]bool{}
	for _, r := range catalogue.Rules() {
		if r.Asked == catalogue.StagePolicy && !slices.Contains([]string{"mode MODE", "policies", "rights"}, r.ID) { // those are the controller's
			want[r.ID] = true
		}
	}
	if d := cmp.Diff(want, met); d != "" {
		t.Errorf("the rules that decide here and those that the catalogue lists (-listed +decided):\n%s", d)
	}
}

// listed is a rule as the catalogue lists it, without names that people gave.
func listed(rule string) string {
	for pattern, name := range map[string]string{`^guard .*`: "guard NAME", `^p/[a-z]+`: "POLICY/RULE", `^p:`: "POLICY:", `\[0\]`: "[N]"} {
		rule = regexp.MustCompile(pattern).ReplaceAllString(rule, name)
	}
	return rule
}

func TestTheStrictestPolicyCounts(t *testing.T) {
	head := "apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\n"
	s, err := Parse("p.yaml", []byte(head+"metadata: {name: a}\nspec: {rules: [{name: all, mode: auto}]}\n---\n"+
		head+"metadata: {name: b}\nspec: {rules: [{name: all, mode: approve}], limits: {actionsPerHour: {cluster: 0}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := s.Decide(sample())
	if d.Rule != "b: limits.actionsPerHour.cluster" || len(d.Others) != 1 || d.Others[0].Rule != "b/all" {
		t.Errorf("got %+v", d)
	}
}

// A policy without a rule for an object adds what it says itself, and no defaults: neither limits nor an opt-in.
func TestAPolicyThatOnlyHoldsBack(t *testing.T) {
	head := "apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\n"
	generous := head + "metadata: {name: a}\nspec: {namespaceOptIn: NotRequired, rules: [{name: all, mode: auto}], limits: {actionsPerHour: {object: 9}, cooldown: 0s}}\n---\n"
	for spec, want := range map[string]string{
		"windows: [{from: '07:00', to: '22:00'}]":                    "a/all",
		"rules: [{name: db, match: {namespaces: [db]}, mode: auto}]": "a/all",
		"limits: {cooldown: 5m}":                                     "b: limits.cooldown",
		"windows: [{from: '22:00', to: '07:00'}]":                    "b: windows",
	} {
		s, err := Parse("p.yaml", []byte(generous+head+"metadata: {name: b}\nspec: {"+spec+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		in := sample()
		in.Facts.Targets[0].NamespaceLabels = nil
		for range 3 {
			in.History.Actions = append(in.History.Actions, Action{At: in.Now.Add(-time.Minute), Object: cart()})
		}
		if d := s.Decide(in); d.Rule != want {
			t.Errorf("%s: got %s, want %s", spec, d, want)
		}
	}
}

// A yes without a policy lifts soft guards, for which the asker must be a person, and nothing else.
func TestYes(t *testing.T) {
	in := sample()
	in.Facts.Targets[0].NamespaceLabels = nil
	if d := Yes(in); d.Verdict != model.Allow {
		t.Errorf("got %s", d)
	}
	in.Facts.Stop = Stop{Stopped: true, Because: "storage moves"}
	if d := Yes(in); d.Verdict != model.Refuse || !strings.Contains(d.Because, "storage moves") {
		t.Errorf("got %s", d)
	}
}

func TestRecall(t *testing.T) {
	p := sample().Plan
	evict := p
	evict.Finding.Related = map[string]model.Ref{"workload": {APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "cart"}}
	evict.Remedy.Changes = []model.Change{{Op: model.OpEvict, Target: model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "cart-1"}}}
	h := Recall([]plan.Event{
		{Incident: "1", Kind: plan.EventApplying, At: noon()}, // of a plan that the journal does not have
		{Incident: "1", Kind: plan.EventPlanned, Plan: &p, At: noon()},
		{Incident: "2", Kind: plan.EventPlanned, Plan: &evict, At: noon()},
		{Incident: "2", Kind: plan.EventApplying, At: noon()},
		{Incident: "2", Kind: plan.EventUndoing, At: noon()},
		{Incident: "1", Kind: plan.EventApplying, At: noon()},
		{Incident: "1", Kind: plan.EventApplying, Index: 7, At: noon()}, // of a change that the plan does not have
	})
	if len(h.Incidents) != 2 || len(h.Actions) != 2 || h.Actions[0].Object.Kind != "Deployment" || h.Actions[1].Object != cart() {
		t.Errorf("got %+v", h)
	}
}

func TestAllowOwner(t *testing.T) {
	s := parsed(t, "rules: [{name: a, match: {namespaces: [shop]}, mode: auto, allowOwners: [helm]}]")
	p := sample().Plan
	for tool, want := range map[model.Tool]bool{model.ToolHelm: true, model.ToolArgoCD: false} {
		o := model.Owner{Tool: tool, Object: cart()}
		if got := s.AllowOwner(snapshot.NewBuilder().Seal(noon()), p, o); got != want {
			t.Errorf("%s: got %v", tool, got)
		}
	}
	if (Set{}).AllowOwner(nil, p, model.Owner{Tool: model.ToolHelm, Object: cart()}) {
		t.Error("allowed without a policy")
	}
}

// How much may be done in ten minutes is a sixth of what the strictest policy lets be done in an hour; one that says nothing
// of it raises nothing.
func TestBurst(t *testing.T) {
	const rules = "rules: [{name: all, mode: auto}]"
	for _, c := range []struct {
		specs []string
		want  int
	}{
		{nil, 0},
		{[]string{rules}, 0},
		{[]string{rules + ", limits: {actionsPerHour: {object: 600}}"}, 0},
		{[]string{rules + ", limits: {actionsPerHour: {cluster: 600}}"}, 100},
		{[]string{rules + ", limits: {actionsPerHour: {cluster: 600}}", rules}, 100},
		{[]string{rules + ", limits: {actionsPerHour: {cluster: 600}}", rules + ", limits: {actionsPerHour: {cluster: 30}}"}, 5},
		{[]string{rules + ", limits: {actionsPerHour: {cluster: 0}}"}, 0},
	} {
		var text strings.Builder
		for n, spec := range c.specs {
			fmt.Fprintf(&text, "---\napiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: p%d}\nspec: {%s}\n", n, spec)
		}
		var set Set
		if len(c.specs) > 0 {
			var err error
			if set, err = Parse("p.yaml", []byte(text.String())); err != nil {
				t.Fatal(err)
			}
		}
		if got := set.Burst(); got != c.want {
			t.Errorf("%v: got %d, want %d", c.specs, got, c.want)
		}
	}
}

// TestDecideOnTwoFaults: each of them is asked about, with its own cause and action, and all changes count.
func TestDecideOnTwoFaults(t *testing.T) {
	route := model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: "shop", Name: "cart"}
	in := sample()
	second := in.Facts.Targets[0]
	second.Ref, second.Counted = route, route
	in.Facts.Targets = append(in.Facts.Targets, second)
	in.Plan.Faults = []model.Fault{{Finding: in.Plan.Finding, Remedy: in.Plan.Remedy}, {
		Finding: model.Finding{ID: "service-port-missing", Confidence: 0.93, Object: model.FieldRef{Ref: route}},
		Remedy:  model.Remedy{Action: "patch-ingress", Changes: []model.Change{{Op: model.OpPatch, Target: route}}},
	}}
	in.Plan.Remedy.Changes = append(in.Plan.Remedy.Changes[:1:1], in.Plan.Faults[1].Remedy.Changes...)
	decidesOnBoth(t, in, 2)
	// In one patch they are one change.
	in.Plan.Faults[1].Together, in.Plan.Remedy.Changes, in.Facts.Targets = true, in.Plan.Remedy.Changes[:1], in.Facts.Targets[:1]
	decidesOnBoth(t, in, 1)
}

func decidesOnBoth(t *testing.T, in Input, changes int) {
	t.Helper()
	for name, tc := range map[string]struct {
		spec string
		want model.Permission
	}{
		"both":                         {auto, model.Allow},
		"not the second one's action":  {`rules: [{name: no, match: {actions: [patch-ingress]}, mode: "off"}, {name: rest, mode: auto}]`, model.Refuse},
		"not the second one's cause":   {"rules: [{name: ask, match: {causes: [service-port-missing]}, mode: approve}, {name: rest, mode: auto}]", model.Approve},
		"only the first one's cause":   {"rules: [{name: one, match: {causes: [target-port-mismatch]}, mode: auto}]", model.Propose},
		"the second is not so certain": {"rules: [{name: all, mode: auto, minConfidencePercent: 95}]", model.Propose},
		"one change more than it may":  {fmt.Sprintf("%s\nlimits: {actionsPerHour: {namespace: %d}}", auto, changes-1), model.Propose},
		"as many changes as it may":    {fmt.Sprintf("%s\nlimits: {actionsPerHour: {namespace: %d}}", auto, changes), model.Allow},
		"by an expression about one":   {`rules: [{name: x, match: {expression: action == "patch-service"}, mode: auto}]`, model.Propose},
	} {
		t.Run(name, func(t *testing.T) {
			if got := parsed(t, tc.spec).Decide(in); got.Verdict != tc.want {
				t.Errorf("got %s (%s), want %s", got.Verdict, got, tc.want)
			}
		})
	}
}
