package diagnose

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func policyKinds() []snapshot.Kind {
	return []snapshot.Kind{snapshot.NetworkPolicies, snapshot.Namespaces, snapshot.Pods, snapshot.EndpointSlices, snapshot.Services}
}

func networkPolicyBlocksIngress() Analyzer {
	return Analyzer{
		Cause: "networkpolicy-blocks-ingress", Doc: "Finds NetworkPolicies on a backend that do not admit the gateway.", Inputs: policyKinds(),
		run: func(v *view) []finding { return v.blocked("networkpolicy-blocks-ingress", true) },
	}
}

func networkPolicyBlocksEgress() Analyzer {
	return Analyzer{
		Cause: "networkpolicy-blocks-egress", Doc: "Finds NetworkPolicies on a gateway that do not let it out to a backend.", Inputs: policyKinds(),
		run: func(v *view) []finding { return v.blocked("networkpolicy-blocks-egress", false) },
	}
}

func (v *view) blocked(cause model.CauseID, ingress bool) []finding {
	var out []finding
	for r, l := range v.legsWith() {
		for _, e := range l.ReadyEnds() {
			verdict, b := v.m.Reach(r.Route, e)
			if verdict != model.Broken || b.Ingress != ingress {
				continue
			}
			ref := snapshot.RefOf(b.Policy)
			f := find(cause, proven, at(ref, b.Field), b.Why).
				on(r).as(model.ConnectTimeout, model.Refused, model.Reset).
				relates("service", serviceRef(l)).relates("workload", v.s.WorkloadOf(e.Pod)).relates("pod", snapshot.RefOf(e.Pod)).
				because("model", b.Why, ref, time.Time{}).since(b.Policy.CreationTimestamp.Time)
			out = append(out, f)
			break
		}
	}
	return out
}
