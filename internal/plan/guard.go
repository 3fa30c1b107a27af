package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// proposal is what guards look at.
type proposal struct {
	in      Input
	finding model.Finding
	remedy  model.Remedy
	owners  []model.Owner
	trial   trial
}

// rollback is the action that takes a workload back to a revision.
const rollback = "rollback"

// guard is one reason not to act. It returns why it objects, or nothing.
type guard struct {
	name string
	// absolute guards are not lifted by a person's yes to the plan, only by the policy.
	absolute bool
	objects  func(p proposal) string
}

// allGuards lists the guards. All of them are asked, so that a person sees everything at once.
func allGuards() []guard {
	return []guard{
		{"confidence", true, lowConfidence},
		{"advice-only", true, adviceOnly},
		{"machine", false, needsPerson},
		{"owner", true, ownedByOther},
		{"autoscaler", true, autoscaled},
		{"access", false, widensAccess},
		{"rollback-once", true, rolledBack},
		{"all-replicas", true, allReplicas},
		{"recreate", false, recreates},
		{"lossy-rollout", false, losesRequests},
		{"disruption-budget", true, budget},
		{"protected-namespace", true, protectedNamespace},
		{"rate-limit", true, tooMany},
		{"blind-spot", false, blindSpot},
	}
}

func guards(p proposal) []model.GuardResult {
	p.in.Policy = p.in.Policy.defaults()
	var out []model.GuardResult
	for _, g := range allGuards() {
		if why := g.objects(p); why != "" {
			out = append(out, model.GuardResult{Guard: g.name, Absolute: g.absolute, Because: why})
		}
	}
	return out
}

// guardsOf asks the guards about each fault that a plan mends. Those of a later one know of the changes that are made before.
func guardsOf(in Input, t trial, faults []model.Fault) []model.GuardResult {
	var out []model.GuardResult
	for _, f := range faults {
		by, _ := owners(in.Snapshot, f.Remedy)
		for _, g := range guards(proposal{in: in, finding: f.Finding, remedy: f.Remedy, owners: by, trial: t}) {
			if !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
		for range f.Remedy.Changes {
			if f.Together {
				continue // it is one change with that before
			}
			in.Memory.Changed = append(slices.Clip(in.Memory.Changed), in.Snapshot.At())
		}
	}
	return out
}

// blocked reports whether a guard objects that no person's yes lifts.
func blocked(gs []model.GuardResult) bool {
	return slices.ContainsFunc(gs, func(g model.GuardResult) bool { return g.Absolute })
}

// because joins the reasons of the absolute guards, each with the guard's name.
func because(gs []model.GuardResult) string {
	var out []string
	for _, g := range gs {
		if g.Absolute {
			out = append(out, g.Guard+": "+g.Because)
		}
	}
	return strings.Join(out, "; ")
}

func lowConfidence(p proposal) string {
	if least := p.in.Policy.MinConfidence; p.finding.Confidence < least {
		return fmt.Sprintf("the cause is only %.2f certain; acting needs %.2f", p.finding.Confidence, least)
	}
	return ""
}

func adviceOnly(p proposal) string {
	if p.remedy.Machine != model.MachineAdvise {
		return ""
	}
	if a, ok := remedy.Named(p.remedy.Action); ok && a.ByHand {
		return fmt.Sprintf("gatemend only proposes %s, which reaches beyond the failing route: a person runs the command", a.Name)
	}
	return fmt.Sprintf("no machine should mend %s", p.finding.ID)
}

func needsPerson(p proposal) string {
	if p.remedy.Machine == model.MachinePropose {
		return fmt.Sprintf("mending %s needs a person's yes", p.finding.ID)
	}
	return ""
}

func ownedByOther(p proposal) string {
	for _, o := range p.owners {
		may := p.in.Policy.AllowOwner
		if o.Field == "" && (may == nil || !may(p.in.Snapshot, model.Plan{Finding: p.finding, Remedy: p.remedy, Owners: p.owners}, o)) {
			return fmt.Sprintf("%s is managed by %s, which would revert a live edit: change its source", o.Object, o)
		}
	}
	return ""
}

// autoscaled objects when an autoscaler sets the replicas that the change sets. At zero replicas an
// autoscaler is switched off (Kubernetes: HorizontalPodAutoscaler, "implicit maintenance-mode
// deactivation"), so coming back from zero within its bounds is no fight.
func autoscaled(p proposal) string {
	for _, c := range p.remedy.Changes {
		for _, f := range c.Fields {
			if f.Path != "/spec/replicas" || string(f.Old) == "0" {
				continue
			}
			if hpa := remedy.AutoscalerOf(p.in.Snapshot, c.Target); hpa != nil {
				return fmt.Sprintf("the replicas of %s belong to %s", c.Target, snapshot.RefOf(hpa))
			}
		}
	}
	for _, o := range p.owners {
		if o.Tool == model.ToolVPA {
			return fmt.Sprintf("the resources of %s belong to %s", o.Object, o)
		}
	}
	return ""
}

// widensAccess asks for a person before anybody may speak to, or refer to, more than before.
func widensAccess(p proposal) string {
	for _, c := range p.remedy.Changes {
		switch snapshot.Kind(c.Target.Kind) {
		case snapshot.NetworkPolicies:
			return fmt.Sprintf("%s decides who may speak to whom: only a person opens it", c.Target)
		case snapshot.ReferenceGrants:
			return fmt.Sprintf("%s lets routes of another namespace refer into this one: only a person gives such a right", c.Target)
		default: // rights are not touched
		}
	}
	return ""
}

func rolledBack(p proposal) string {
	if p.remedy.Action != rollback {
		return ""
	}
	for _, a := range p.in.Memory.Attempts {
		if a.Action == rollback && a.Target == p.remedy.Change.Target {
			return fmt.Sprintf("%s was rolled back at %s already; a second time would be a loop", a.Target, a.At.UTC().Format("15:04:05"))
		}
	}
	return ""
}

func protectedNamespace(p proposal) string {
	for _, c := range p.remedy.Changes {
		if slices.Contains(p.in.Policy.Protected, c.Target.Namespace) {
			return fmt.Sprintf("nothing is changed in namespace %s", c.Target.Namespace)
		}
	}
	return ""
}

func tooMany(p proposal) string {
	since, n := p.in.Snapshot.At().Add(-p.in.Policy.Window), 0
	for _, at := range p.in.Memory.Changed {
		if at.After(since) {
			n++
		}
	}
	if n >= p.in.Policy.MaxChanges {
		return fmt.Sprintf("%d changes were made in the last %s; the limit is %d", n, p.in.Policy.Window, p.in.Policy.MaxChanges)
	}
	return ""
}

// blindSpot asks for a person where a part of the path could not be looked at.
func blindSpot(p proposal) string {
	for _, i := range p.trial.mended {
		for _, h := range p.trial.after[i].Hops {
			if h.Verdict == model.Unknown {
				return fmt.Sprintf("%s %s on the path of %s could not be looked at: %s", h.Kind, h.Name, p.trial.after[i].Request, h.Why)
			}
		}
	}
	return ""
}
