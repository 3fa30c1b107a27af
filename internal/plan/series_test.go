package plan

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/testkit"
)

// selector and port are two faults of the cart's Service: it selects nothing, and would send to a wrong port what it selected.
func selector() model.Finding {
	return plantest.Finding("selector-mismatch", "Service", "cart", "spec.selector.app", `{"app":"cart"}`, "workload", "Deployment", "cart")
}

func port() model.Finding {
	return plantest.Finding("target-port-mismatch", "Service", "cart", "spec.ports[0].targetPort", "8080", "workload", "Deployment", "cart")
}

func backendPort() model.Finding {
	return plantest.Finding("service-port-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.port.number", "80", "service", "Service", "cart")
}

func probePath() model.Finding {
	return plantest.Finding("readiness-probe-misconfigured", "Deployment", "cart", plantest.Container+".readinessProbe.httpGet.path", `"/readyz"`)
}

func tooLittle() model.Finding {
	return plantest.Finding("oom-killed", "Deployment", "cart", plantest.Container+".resources.limits.memory", "")
}

func wrongImage() model.Finding {
	return plantest.Finding("image-pull", "Deployment", "cart", plantest.Container+".image", `"shop:v1"`)
}

func good(f model.Finding) model.Finding {
	f.Related["goodRevision"] = plantest.Ref("ReplicaSet", "cart-1")
	return f
}

// probe, memory and image are faults of the cart's pod template. Neither revision works where nobody says so.
func probe(c *plantest.Cluster) {
	plantest.Unready(c)
	plantest.Revision(c, "/ready", "readinessProbe", "httpGet", "path")
	plantest.Revision(c, "shop:v1", "image")
}

func memory(c *plantest.Cluster) {
	plantest.Unready(c)
	plantest.Revision(c, "16Mi", "resources", "limits", "memory")
}

func image(c *plantest.Cluster) {
	plantest.Unready(c)
	plantest.Revision(c, "shop:v2-typo", "image")
}

func threeInARow(c *plantest.Cluster) {
	inARowFaults(c)
	c.Edit("Ingress/cart", 8081, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number")
}

func inARowFaults(c *plantest.Cluster) {
	c.Edit("Service/cart", map[string]any{"app": "website"}, "spec", "selector")
	c.Edit("Service/cart", 9999, "spec", "ports", 0, "targetPort")
	c.Edit("EndpointSlice/cart-x", []any{}, "endpoints")
	c.Edit("EndpointSlice/cart-x", 9999, "ports", 0, "port")
}

// pairOf is what a plan is made from where the cart has two faults.
func pairOf(breaks func(*plantest.Cluster), causes ...model.Finding) Input {
	c := plantest.Shop("cart", "web")
	breaks(c)
	s := c.Snapshot()
	return Input{Snapshot: s, Diagnosis: model.Diagnosis{At: s.At(), Causes: causes}}
}

func TestFaultsInARow(t *testing.T) {
	for name, tc := range map[string]struct {
		breaks func(*plantest.Cluster)
		causes []model.Finding
	}{
		"selector-and-port": {inARowFaults, []model.Finding{selector(), port()}},
		"route-and-port": {func(c *plantest.Cluster) {
			c.Edit("Ingress/cart", 8081, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number")
			c.Edit("Service/cart", 9999, "spec", "ports", 0, "targetPort")
			c.Edit("EndpointSlice/cart-x", 9999, "ports", 0, "port")
		}, []model.Finding{
			plantest.Finding("service-port-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.port.number", "80", "service", "Service", "cart"), port(),
		}},
		"probe-and-port": {func(c *plantest.Cluster) {
			plantest.Unready(c)
			plantest.Revision(c, "/ready", "readinessProbe", "httpGet", "path")
			plantest.Revision(c, "shop:v1", "image")
			c.Edit("Service/cart", 9999, "spec", "ports", 0, "targetPort")
			c.Edit("EndpointSlice/cart-x", 9999, "ports", 0, "port")
		}, []model.Finding{
			plantest.Finding("readiness-probe-misconfigured", "Deployment", "cart", plantest.Container+".readinessProbe.httpGet.path", `"/readyz"`), port(),
		}},
		"route-selector-and-port": {threeInARow, []model.Finding{backendPort(), selector(), port()}},
		"probe-and-memory":        {func(c *plantest.Cluster) { probe(c); memory(c) }, []model.Finding{probePath(), tooLittle()}},
		"probe-port-and-memory": {func(c *plantest.Cluster) {
			probe(c)
			memory(c)
			inARowFaults(c)
			c.Edit("Service/cart", map[string]any{"app": "cart"}, "spec", "selector")
		},
			[]model.Finding{probePath(), port(), tooLittle()}},
	} {
		t.Run(name, func(t *testing.T) {
			in := pairOf(tc.breaks, tc.causes...)
			p, err := Make(in)
			if err != nil {
				t.Fatal(err)
			}
			testkit.Golden(t, "testdata/series/"+name+".txt", story(t, p))
			if got := Remedies(in.Diagnosis, path.New(in.Snapshot), Memory{}); len(got) != 1 || got[0].Summary != p.Remedy.Summary || got[0].Predicts != "200" {
				t.Errorf("remedies: %+v, want the same as the plan", got)
			}
			there, err := in.Snapshot.With(p.Remedy.Changes...)
			if err != nil {
				t.Fatal(err)
			}
			back, err := there.With(p.Remedy.Undo...)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range p.Remedy.Changes {
				want, _ := document(in.Snapshot, c.Target)
				if got, _ := document(back, c.Target); string(got) != string(want) {
					t.Errorf("%s after all and the undo:\n%s\nwant\n%s", c.Target, got, want)
				}
			}
		})
	}
}

func TestFaultsThatAreNotMendedTogether(t *testing.T) {
	for name, tc := range map[string]struct {
		breaks  func(*plantest.Cluster)
		causes  []model.Finding
		memory  Memory
		because string
	}{
		"the second is not certain":      {breaks: inARowFaults, causes: []model.Finding{selector(), uncertain(port())}, because: "would still fail"},
		"the second is on another route": {breaks: inARowFaults, causes: []model.Finding{selector(), elsewhere(port())}, because: "no candidate is safe"},
		"they did not help before": {
			breaks: inARowFaults, causes: []model.Finding{selector(), port()}, because: "did not help",
			memory: Memory{Attempts: []Attempt{{Cause: "target-port-mismatch", Object: port().Object, Action: "patch-service", Target: port().Object.Ref, Acted: true}}},
		},
		"a third is behind them": {func(c *plantest.Cluster) {
			plantest.Unready(c)
			inARowFaults(c)
			c.Edit("Deployment/cart", 0, "spec", "replicas")
			c.Delete("Pod/cart-2-0")
			c.Delete("Pod/cart-2-1")
		}, []model.Finding{selector(), port()}, Memory{}, "would still fail"},
		"the second is in the same template, and nobody knows what mends it": {
			breaks: func(c *plantest.Cluster) { probe(c); image(c) }, causes: []model.Finding{probePath(), wrongImage()},
			because: "still fail: EndpointSlice cart is broken: Service shop/cart has no ready endpoint; its selector matches 2 pods; no action mends image-pull. What a person should do: Go back",
		},
		"what the pods ask for is not there": {breaks: probe, causes: []model.Finding{probePath(), missingConfig()}, because: "would still fail"},
		"four":                               {func(c *plantest.Cluster) { probe(c); threeInARow(c) }, []model.Finding{backendPort(), selector(), port(), probePath()}, Memory{}, "would still fail"},
	} {
		t.Run(name, func(t *testing.T) {
			in := pairOf(tc.breaks, tc.causes...)
			in.Memory = tc.memory
			p, err := Make(in)
			if len(p.Faults) > 0 || tc.because != "" && (!errors.Is(err, ErrAllRefused) || !strings.Contains(err.Error(), tc.because)) {
				t.Errorf("got %v and %q, want no plan for both: %q", err, p.Remedy.Summary, tc.because)
			}
		})
	}
}

func missingConfig() model.Finding {
	return plantest.Finding("config-missing", "ConfigMap", "cart-config", "metadata.name (object missing)", "", "workload", "Deployment", "cart")
}

// TestOneRollbackMendsAll that is wrong in a revision, whichever of its faults is named first.
func TestOneRollbackMendsAll(t *testing.T) {
	for name, causes := range map[string][]model.Finding{
		"image-first":                         {good(wrongImage()), good(probePath())},
		"probe-first":                         {good(probePath()), good(wrongImage())},
		"only-one-says-which-revision-worked": {probePath(), good(wrongImage())},
		"config":                              {good(missingConfig()), good(probePath())},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Make(pairOf(func(c *plantest.Cluster) {
				probe(c)
				image(c)
				plantest.Revision(c, []any{map[string]any{"configMapRef": map[string]any{"name": "cart-config"}}}, "envFrom")
			}, causes...))
			if err != nil || p.Remedy.Action != rollback || len(p.Faults) > 0 || len(p.Remedy.Changes) != 1 {
				t.Errorf("got %v and %q for %d faults, want a rollback", err, p.Remedy.Summary, len(p.Each()))
			}
		})
	}
}

// TestAFaultThatKeepsNoPodDown does not stand in the way of another one's repair: one of its pods is ready.
func TestAFaultThatKeepsNoPodDown(t *testing.T) {
	p, err := Make(pairOf(func(c *plantest.Cluster) {
		plantest.Revision(c, "/ready", "readinessProbe", "httpGet", "path")
		c.Edit("Pod/cart-2-0", "False", "status", "conditions", 0, "status")
		c.Edit("EndpointSlice/cart-x", false, "endpoints", 0, "conditions", "ready")
	}, probePath(), tooLittle()))
	if err != nil || p.Remedy.Action != "patch-probe" || len(p.Faults) > 0 {
		t.Errorf("got %v and %q, want the probe's repair alone", err, p.Remedy.Summary)
	}
}

// TestARowThatTakesARuleAway: requests of a canary's rule then go to the rule beside it, which the next repair mends.
func TestARowThatTakesARuleAway(t *testing.T) {
	faults := plantest.Faults()
	canary := faults[slices.IndexFunc(faults, func(f plantest.Fault) bool { return f.Name == "canary-ingress" })]
	second := port()
	second.Routes = append(second.Routes, canary.Finding.Routes...)
	second.Related["service"] = plantest.Ref("Service", "canary") // some of whose requests fail for it, too
	breaks := func(c *plantest.Cluster) {
		canary.Break(c)
		c.Edit("Service/cart", 9999, "spec", "ports", 0, "targetPort")
		c.Edit("EndpointSlice/cart-x", 9999, "ports", 0, "port")
	}
	p, err := Make(pairOf(breaks, canary.Finding, second))
	if err != nil || len(p.Faults) != 2 || p.Faults[0].Remedy.Action != "stop-experiment" {
		t.Fatalf("got %v and %q for %d faults", err, p.Remedy.Summary, len(p.Each()))
	}
	rows := 0
	for _, i := range p.Mends {
		if before := p.Before[i]; before.Route.Name == "cart-canary" {
			rows++
			if after := p.After[i]; after.Route.Name != "cart" || after.Predicts != "200" {
				t.Errorf("%s goes to %s and ends with %s", before.Request, after.Route, after.Predicts)
			}
		}
	}
	if rows != 1 {
		t.Errorf("%d rules were taken away, want 1", rows)
	}
	// Where the rule beside it would fail still, nothing is done.
	if p, err := Make(pairOf(breaks, canary.Finding, uncertain(second))); err == nil && p.Remedy.Action == "stop-experiment" {
		t.Errorf("got %q", p.Remedy.Summary)
	}
}

func uncertain(f model.Finding) model.Finding {
	f.Confidence = 0.8
	return f
}

func elsewhere(f model.Finding) model.Finding {
	f.Routes = []model.Ref{plantest.Ref("Ingress", "web")}
	return f
}

// TestGuardsOfTwoFaults: each fault is asked about, and the changes of both count.
func TestGuardsOfTwoFaults(t *testing.T) {
	in := pairOf(inARowFaults, selector(), port())
	in.Policy.MinConfidence = 0.99
	p, err := Make(in)
	if err != nil || len(p.Guards) == 0 || !blocked(p.Guards) {
		t.Errorf("with 0.97 of 0.99: %v, guards %v", err, p.Guards)
	}
	for most, want := range map[int]bool{3: true, 4: false} {
		in := pairOf(inARowFaults, selector(), port())
		in.Policy.MaxChanges = most
		in.Memory.Changed = []time.Time{in.Snapshot.At(), in.Snapshot.At()}
		if p, err := Make(in); err != nil || blocked(p.Guards) != want {
			t.Errorf("two changes before, of at most %d: %v, guards %v; want them to object: %v", most, err, p.Guards, want)
		}
	}
}

// TestASavedPlanOfTwoFaults is good as long as both are as they were.
func TestASavedPlanOfTwoFaults(t *testing.T) {
	p, err := Make(pairOf(inARowFaults, selector(), port()))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var saved model.Plan
	if err := json.Unmarshal(data, &saved); err != nil {
		t.Fatal(err)
	}
	p.Refused = nil // nothing else is looked for
	got, err := Restore(saved, pairOf(inARowFaults, selector(), port()))
	if err != nil || story(t, got) != story(t, p) {
		t.Errorf("%v, restored:\n%s\nwant\n%s", err, story(t, got), story(t, p))
	}
	if got, err := Restore(saved, pairOf(inARowFaults, selector())); err != nil || len(got.Guards) != 1 || got.Guards[0].Guard != "unconfirmed" {
		t.Errorf("where one is not named any more: %v, guards %v", err, got.Guards)
	}
	if one, err := Make(pairOf(func(c *plantest.Cluster) { probe(c); memory(c) }, probePath(), tooLittle())); err != nil || wellFormed(one) != nil {
		t.Errorf("in one patch: %v, %v", err, wellFormed(one))
	} else if one.Faults[1].Together = false; wellFormed(one) == nil {
		t.Error("two patches of one template are taken for a plan")
	}
	twisted := saved
	twisted.Faults = []model.Fault{saved.Faults[0], saved.Faults[0]}
	if _, err := Restore(twisted, pairOf(inARowFaults, selector(), port())); !errors.Is(err, ErrNoPlan) {
		t.Errorf("the same change twice: %v, want %v", err, ErrNoPlan)
	}
}

// TestBeforeTheSecondFault: the second change is only made where the first one has made it the last that is missing.
func TestBeforeTheSecondFault(t *testing.T) {
	in := pairOf(inARowFaults, selector(), port())
	p, err := Make(in)
	if err != nil || !p.Begins(1) || p.Begins(0) {
		t.Fatalf("%v, begins %v and %v", err, p.Begins(0), p.Begins(1))
	}
	if err := RecheckFrom(p, 1, path.New(in.Snapshot)); !errors.Is(err, ErrMoved) {
		t.Errorf("without the first change: %v, want %v", err, ErrMoved)
	}
	after, err := Expect(in.Snapshot, p.Finding, p.Rest(0)[0].Remedy.Changes)
	if err != nil {
		t.Fatal(err)
	}
	if err := RecheckFrom(p, 1, path.New(after)); err != nil {
		t.Errorf("after the first change: %v", err)
	}
}
