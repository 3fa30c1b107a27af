package guardrail

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

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
