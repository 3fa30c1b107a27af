package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Departure is a node that left, or is leaving: its pods do not answer any more, or will not.
type Departure struct {
	Node model.Ref
	// At is the earliest time known at which it was going; zero if nothing tells.
	At    time.Time
	Field string // of the Node, that shows it; empty if the Node is gone
	Why   string // "was deleted", "has not reported since 12:00:01", ...
	// Drained is set if its pods were told to leave before: by a drain, an autoscaler, a notice.
	Drained bool
}

// Nodes lists the nodes that left or are leaving, by name, each once. Those that pods run on and that are
// not in a complete list of nodes are gone.
func Nodes(s *snapshot.Snapshot) map[string]Departure {
	out := map[string]Departure{}
	add := func(d Departure) {
		old, ok := out[d.Node.Name]
		if !ok {
			out[d.Node.Name] = d
			return
		}
		if old.At.IsZero() || !d.At.IsZero() && d.At.Before(old.At) {
			old.At = d.At
		}
		old.Field, old.Why, old.Drained = cmp.Or(old.Field, d.Field), cmp.Or(old.Why, d.Why), old.Drained || d.Drained
		out[d.Node.Name] = old
	}
	for n := range s.Nodes().All() {
		if d, ok := leaving(n); ok {
			add(d)
		}
	}
	for _, name := range absent(s) {
		add(Departure{Node: nodeRef(name), Why: "does not exist any more"})
	}
	back := returns(s)
	for e := range s.Events().All() {
		if e.InvolvedObject.Kind == "Node" && parts(e.Reason) && snapshot.EventTime(e).After(back[e.InvolvedObject.Name]) {
			n, presence := s.Nodes().Get("", e.InvolvedObject.Name)
			at := snapshot.EventTime(e)
			if presence == snapshot.Present && settledSince(n, at) {
				continue // it came back, or is another node of that name
			}
			add(Departure{Node: nodeRef(e.InvolvedObject.Name), At: at, Why: fmt.Sprintf("is gone or going (%s: %s)", e.Reason, strings.TrimSpace(e.Message)), Drained: e.Reason != "NodeNotReady"})
		}
	}
	return out
}

// returns is when each node last came, or came back, as events tell.
func returns(s *snapshot.Snapshot) map[string]time.Time {
	out := map[string]time.Time{}
	for e := range s.Events().All() {
		if o := e.InvolvedObject; o.Kind == "Node" && slices.Contains([]string{"NodeReady", "RegisteredNode", "Starting"}, e.Reason) {
			out[o.Name] = later(out[o.Name], snapshot.EventTime(e))
		}
	}
	return out
}

// absent lists the nodes that pods run on and that a complete list of nodes does not have.
func absent(s *snapshot.Snapshot) []string {
	if c, _ := s.Coverage(snapshot.Nodes); !c.Whole() || s.Nodes().Len() == 0 {
		return nil
	}
	var out []string
	for p := range s.Pods().All() {
		node := p.Spec.NodeName
		if node == "" || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || slices.Contains(out, node) {
			continue
		}
		if _, presence := s.Nodes().Get("", node); presence == snapshot.Absent {
			out = append(out, node)
		}
	}
	return out
}

func nodeRef(name string) model.Ref { return model.Ref{APIVersion: "v1", Kind: "Node", Name: name} }

// parts reports whether an event on a Node says that it leaves: those of the node lifecycle controller,
// the cluster autoscaler, Karpenter, kubectl drain and the interruption handlers of clouds.
func parts(reason string) bool {
	return slices.Contains([]string{
		"NodeNotReady", "RemovingNode", "DeletingNode", "NodeShutdown", "Shutdown", "ScaleDown", "ScaleDownEmpty", "Drain", "Draining", "Drained",
		"DisruptionTerminating", "Disrupted", "TerminatingOnInterruption", "SpotInterrupted", "SpotInterruption", "InstanceTerminating",
		"PreemptScheduled", "TerminateScheduled", "NodeDraining", "TerminationGracePeriodExpiring",
	}, reason)
}

// settledSince reports whether a node became ready after a time and takes pods.
func settledSince(n *corev1.Node, at time.Time) bool {
	if n.CreationTimestamp.After(at) {
		return true
	}
	if n.Spec.Unschedulable || n.DeletionTimestamp != nil {
		return false
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue && c.LastTransitionTime.After(at) {
			return true
		}
	}
	return false
}

// leaving reads a Node that is there. A cordon alone does not count: pods go on there.
func leaving(n *corev1.Node) (Departure, bool) {
	d := Departure{Node: snapshot.RefOf(n)}
	for _, c := range n.Status.Conditions {
		if c.Type != corev1.NodeReady || c.Status == corev1.ConditionTrue {
			continue
		}
		d.At, d.Field = c.LastTransitionTime.Time, "status.conditions[type=Ready]"
		d.Why = "is not ready: " + cmp.Or(c.Reason, string(c.Status))
		// It was silent since its last heartbeat; the controller waits most of a minute before it says so.
		if h := c.LastHeartbeatTime.Time; c.Status == corev1.ConditionUnknown && !h.IsZero() && h.Before(d.At) {
			d.At, d.Why = h, "has not reported since "+h.UTC().Format("15:04:05")
		}
	}
	for _, t := range n.Spec.Taints {
		if !slices.Contains([]string{
			"ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "karpenter.sh/disruption", "node.kubernetes.io/out-of-service",
			"aws-node-termination-handler/spot-itn", "aws-node-termination-handler/scheduled-maintenance", "cloud.google.com/impending-node-termination",
			"node.cloudprovider.kubernetes.io/shutdown", "kubernetes.azure.com/scalesetpriority-eviction",
		}, t.Key) {
			continue
		}
		d.Field, d.Drained = cmp.Or(d.Field, "spec.taints"), true
		d.Why = cmp.Or(d.Why, "carries the taint "+t.Key)
		if t.TimeAdded != nil && (d.At.IsZero() || t.TimeAdded.Time.Before(d.At)) {
			d.At = t.TimeAdded.Time
		}
	}
	if n.DeletionTimestamp != nil {
		d.Why, d.Drained = cmp.Or(d.Why, "is being deleted"), true
		if d.At.IsZero() || n.DeletionTimestamp.Time.Before(d.At) {
			d.At = n.DeletionTimestamp.Time
		}
	}
	return d, d.Why != ""
}
