package guardrail

import (
	"encoding/json"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// Facts are what a decision needs to know of the cluster. Make them with [Look].
type Facts struct {
	// Stop is the kill switch.
	Stop Stop
	// Targets are the objects that a plan changes, in the order in which it does.
	Targets []Target
	// Open are the routes that fail now, without those that fail because of another one's cause.
	Open []string
	// Written are the last changes that the objects of the cluster tell of themselves, oldest first.
	Written []Action
}

// Target is an object that a plan changes.
type Target struct {
	model.Ref
	// Counted is the object for which changes are counted: for a pod its workload.
	Counted model.Ref
	// Known says whether Labels and Annotations were read, NamespaceKnown whether NamespaceLabels were.
	Known, NamespaceKnown bool
	Labels, Annotations   map[string]string
	NamespaceLabels       map[string]string
	Owners                []model.Owner
	Fields                []string // JSON pointers
	Takes, Serving        int      // ready pods that may be away at once because of the change, and ready pods
}

// Look collects the facts about a plan from a snapshot; nil: nothing is known.
func Look(s *snapshot.Snapshot, p model.Plan) Facts {
	f := Facts{Stop: StopOf(s, p, "")}
	if s != nil {
		f.Written = written(s)
	}
	for i, c := range p.Remedy.Changes {
		t := Target{Ref: c.Target, Counted: counted(p.About(i), c)}
		for _, field := range c.Fields {
			t.Fields = append(t.Fields, field.Path)
		}
		for _, o := range p.Owners {
			if o.Object == c.Target {
				t.Owners = append(t.Owners, o)
			}
		}
		if s != nil {
			t.look(s, c)
		}
		f.Targets = append(f.Targets, t)
	}
	return f
}

func (t *Target) look(s *snapshot.Snapshot, c model.Change) {
	if o, presence := s.Lookup(t.Ref); presence == snapshot.Present {
		t.Known, t.Labels, t.Annotations = true, o.GetLabels(), o.GetAnnotations()
	} else if c.Op == model.OpCreate {
		t.created(c.Object)
	}
	if t.Namespace != "" {
		if ns, presence := s.Namespaces().Get("", t.Namespace); presence == snapshot.Present {
			t.NamespaceKnown, t.NamespaceLabels = true, ns.Labels
		}
	}
	t.Serving = serving(s, t.Counted)
	t.Takes = min(t.Serving, takes(s, c, t.Counted))
}

// created takes the labels of an object that does not exist yet.
func (t *Target) created(object json.RawMessage) {
	var o struct {
		Metadata struct {
			Labels, Annotations map[string]string
		}
	}
	if json.Unmarshal(object, &o) == nil {
		t.Known, t.Labels, t.Annotations = true, o.Metadata.Labels, o.Metadata.Annotations
	}
}

// counted is the object for which a change counts. Pods that are evicted or taken out of service have other names
// every time; their workload is what is disturbed.
func counted(p model.Plan, c model.Change) model.Ref {
	if c.Target.Kind != string(snapshot.Pods) {
		return plan.Holder(p, c)
	}
	if w, ok := p.Finding.Related["workload"]; ok {
		return w
	}
	return p.Finding.Object.Ref
}

// serving counts the ready pods of a workload.
func serving(s *snapshot.Snapshot, workload model.Ref) int {
	n := 0
	for pod := range s.Pods().In(workload.Namespace) {
		if s.WorkloadOf(pod) == workload && remedy.Serving(pod) && pod.DeletionTimestamp == nil {
			n++
		}
	}
	return n
}

// takes is how many ready pods may be away at once because of a change: what is done to a pod is carried through
// before the next one is touched, a rollout takes what its strategy allows, and a scaling down what it takes away.
func takes(s *snapshot.Snapshot, c model.Change, workload model.Ref) int {
	if c.Subresource == model.SubresourceResize {
		return 0 // the pod goes on serving
	}
	if c.Target.Kind == string(snapshot.Pods) {
		pod, presence := s.Pods().Get(c.Target.Namespace, c.Target.Name)
		if presence == snapshot.Present && !remedy.Serving(pod) {
			return 0
		}
		return 1
	}
	n := 0
	for _, f := range c.Fields {
		switch {
		case strings.HasPrefix(f.Path, "/spec/template"):
			n = max(n, rolled(s, workload))
		case f.Path == "/spec/replicas":
			before, err1 := strconv.Atoi(string(f.Old))
			after, err2 := strconv.Atoi(string(f.New))
			if err1 == nil && err2 == nil {
				n = max(n, before-after)
			}
		}
	}
	return n
}

// rolled is how many pods a rollout may take away at once (Kubernetes API, DeploymentStrategy: maxUnavailable is
// rounded down and 25% by default; StatefulSets and DaemonSets replace one pod at a time by default).
func rolled(s *snapshot.Snapshot, workload model.Ref) int {
	d, presence := s.Deployments().Get(workload.Namespace, workload.Name)
	if r := custom.RolloutOf(s, workload); r != nil {
		d = r.Deployment()
	} else if workload.Kind != string(snapshot.Deployments) || presence != snapshot.Present {
		return 1
	}
	replicas := 1
	if d.Spec.Replicas != nil {
		replicas = int(*d.Spec.Replicas)
	}
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return replicas
	}
	share := intstr.FromString("25%")
	if r := d.Spec.Strategy.RollingUpdate; r != nil && r.MaxUnavailable != nil {
		share = *r.MaxUnavailable
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(&share, replicas, false)
	if err != nil {
		return replicas
	}
	return n
}

// StopName names the ConfigMap that stops gatemend for as long as it exists: all of it in StopNamespace, and in any other
// namespace whatever would change an object there.
const (
	StopNamespace = "gatemend"
	StopName      = "gatemend-stop"
)

// Stop is the state of the kill switches that hold for a plan.
type Stop struct {
	Stopped bool
	// Namespace is the only one in which gatemend was stopped; empty: it was in the whole cluster.
	Namespace string
	// Unknown is why nobody knows; empty: it is known.
	Unknown string
	// Because is what the one who stopped it said.
	Because string
}

// String says that gatemend was stopped, where, why, and how to go on.
func (s Stop) String() string {
	text, resume := "gatemend was stopped", "gatemend resume"
	if s.Namespace != "" {
		text, resume = text+" in namespace "+s.Namespace, resume+" -n "+s.Namespace
	}
	if s.Because != "" {
		text += " (" + s.Because + ")"
	}
	return text + "; '" + resume + "' lets it act again"
}

// Objection says why nothing may be changed now, empty if nothing stands against it. Where nobody knows whether
// gatemend was stopped, only what a person has agreed to is changed: unattended, the switch must be seen to be off.
func (s Stop) Objection(person bool) string {
	switch {
	case s.Stopped:
		return says(model.Refuse, RuleStop, s.String()).String()
	case s.Unknown != "" && !person:
		return says(model.Refuse, RuleStop, s.unknown()).String()
	default:
		return ""
	}
}

func (s Stop) unknown() string { return "whether gatemend was stopped is not known: " + s.Unknown }

// StopOf reads the kill switches that hold for a plan: the cluster's, and those of the namespaces whose objects it changes. A
// nil snapshot is a cluster of which nothing is known but that nobody asks.
//
// One that was installed for a namespace alone may read ConfigMaps only there, and is stopped there: where the cluster's switch may not
// be read, that of the namespace decides for plans that change nothing outside of it. Empty: it was installed for all.
func StopOf(s *snapshot.Snapshot, p model.Plan, alone string) Stop {
	if s == nil {
		return Stop{}
	}
	namespaces := []string{StopNamespace}
	own := alone != "" && alone != StopNamespace && len(p.Remedy.Changes) > 0 // nothing is changed elsewhere
	for _, c := range p.Remedy.Changes {
		own = own && c.Target.Namespace == alone
		if c.Target.Namespace != "" {
			namespaces = append(namespaces, c.Target.Namespace)
		}
	}
	var unknown Stop
	for _, namespace := range namespaces {
		switch there := stopIn(s, namespace); {
		case there.Stopped:
			return there
		case there.Unknown != "" && (!own || namespace != StopNamespace):
			unknown = there
		}
	}
	return unknown
}

// stopIn reads the switch in one namespace.
func stopIn(s *snapshot.Snapshot, namespace string) Stop {
	cm, presence := s.ConfigMaps().Get(namespace, StopName)
	switch presence {
	case snapshot.Present:
		stop := Stop{Stopped: true, Because: Because(cm.Data)}
		if namespace != StopNamespace {
			stop.Namespace = namespace
		}
		return stop
	case snapshot.Unknown:
		return Stop{Unknown: "ConfigMap " + namespace + "/" + StopName + " cannot be read"}
	default:
		return Stop{}
	}
}

// Because is what the data of the kill switch say of who stopped gatemend, and why.
func Because(data map[string]string) string {
	var parts []string
	for _, k := range []string{"reason", "by", "at"} {
		if v := data[k]; v != "" {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, ", ")
}
