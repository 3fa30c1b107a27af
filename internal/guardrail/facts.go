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
	t.Serving = remedy.CountServing(s, t.Counted)
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
	return p.Finding.Workload()
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
	replicas := int(snapshot.Replicas(d.Spec.Replicas))
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
