package plan

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/gatemend/gatemend/internal/catalogue"
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

// tried says why a remedy is not tried again: it did not help, for the same cause at the same object.
func tried(m Memory, f model.Finding, r model.Remedy) *objection {
	for _, a := range m.Attempts {
		if !a.Helped && a.Cause == f.ID && a.Object.Ref == f.Object.Ref && a.Action == r.Action && a.Target == r.Change.Target {
			ended := "did not help"
			if !a.Acted {
				ended = "could not be carried out"
			}
			return objects(catalogue.RuleTriedBefore, "it was tried at %s and %s", a.At.UTC().Format("15:04:05"), ended)
		}
	}
	return nil
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

// allReplicas objects to evicting every pod of a workload: what all replicas have in common, a
// dependency that is down, is not cured by restarting them.
func allReplicas(p proposal) string {
	evicted, gone := map[model.Ref]int{}, map[string]bool{}
	for _, c := range p.remedy.Changes {
		if pod, presence := p.in.Snapshot.Pods().Get(c.Target.Namespace, c.Target.Name); c.Op == model.OpEvict && presence == snapshot.Present {
			evicted[p.in.Snapshot.WorkloadOf(pod)]++
			gone[string(pod.UID)] = true
		}
	}
	if len(evicted) == 0 {
		return "" // pods need not be looked through
	}
	all := map[model.Ref]int{} // what neither serves nor is evicted says nothing: it has only begun, or cannot
	for pod := range p.in.Snapshot.Pods().All() {
		counts := pod.DeletionTimestamp == nil && (gone[string(pod.UID)] || remedy.Serving(pod))
		if w := p.in.Snapshot.WorkloadOf(pod); evicted[w] > 0 && counts {
			all[w]++
		}
	}
	var names []string
	for w, n := range evicted {
		if n >= all[w] {
			names = append(names, w.String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf("every replica of %s has the symptom, so it is shared: restarting them all would not cure it", strings.Join(names, ", "))
}

// losesRequests objects to a repair of pods that stop too early as long as such pods serve: it takes a rollout to replace
// them, and that one fails requests as the one did that was seen. Later ones are better for it; when to pay is a person's
// to say.
func losesRequests(p proposal) string {
	if p.remedy.Action != "patch-lifecycle" {
		return ""
	}
	workload, n := p.remedy.Change.Target, 0
	for pod := range p.in.Snapshot.Pods().In(workload.Namespace) {
		if pod.DeletionTimestamp == nil && remedy.Serving(pod) && p.in.Snapshot.WorkloadOf(pod) == workload {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("its own rollout ends the pods that serve now (%d), which stop too early still, and fails requests once more; agree when that may be, or put the change into the next release", n)
}

// recreates asks for a person where a new template would stop pods that serve before others start.
func recreates(p proposal) string {
	for _, c := range p.remedy.Changes {
		d, presence := p.in.Snapshot.Deployments().Get(c.Target.Namespace, c.Target.Name)
		if c.Target.Kind != string(snapshot.Deployments) || presence != snapshot.Present || d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
			continue
		}
		if slices.ContainsFunc(p.remedy.Changes, setsStrategy) {
			continue
		}
		template := slices.ContainsFunc(c.Fields, setsTemplate)
		if template && d.Status.ReadyReplicas > 0 {
			return fmt.Sprintf("%s replaces all pods at once (strategy Recreate), and %d of them serve now", c.Target, d.Status.ReadyReplicas)
		}
	}
	return ""
}

// setsStrategy reports whether a change says how later ones replace pods.
func setsStrategy(c model.Change) bool {
	return slices.ContainsFunc(c.Fields, func(f model.FieldChange) bool { return strings.HasPrefix(f.Path, "/spec/strategy") })
}

// budget objects to taking a pod away, by eviction or out of its Service, that a budget needs.
func budget(p proposal) string {
	for _, c := range p.remedy.Changes {
		pod, presence := p.in.Snapshot.Pods().Get(c.Target.Namespace, c.Target.Name)
		if c.Target.Kind != string(snapshot.Pods) || c.Subresource == model.SubresourceResize || presence != snapshot.Present {
			continue
		}
		for pdb := range p.in.Snapshot.PodDisruptionBudgets().In(pod.Namespace) {
			selector, err := metav1.LabelSelectorAsSelector(pdb.Spec.Selector)
			always := c.Op == model.OpEvict && pdb.Spec.UnhealthyPodEvictionPolicy != nil && *pdb.Spec.UnhealthyPodEvictionPolicy == policyv1.AlwaysAllow
			if err == nil && selector.Matches(labels.Set(pod.Labels)) && pdb.Status.DisruptionsAllowed < 1 && !always {
				return fmt.Sprintf("%s does not allow %s to be taken away now", snapshot.RefOf(pdb), pod.Name)
			}
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
