package diagnose

import (
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func policyKinds() []snapshot.Kind {
	return []snapshot.Kind{snapshot.NetworkPolicies, snapshot.Namespaces, snapshot.Pods, snapshot.EndpointSlices, snapshot.Services, snapshot.Other}
}

func networkPolicyBlocksIngress() Analyzer {
	return Analyzer{
		Cause: "networkpolicy-blocks-ingress", Doc: "Finds NetworkPolicies on a backend that do not admit the gateway, or on the cluster's DNS that do not admit applications.", Inputs: policyKinds(),
		run: func(v *view) []finding { return append(v.blocked(true), v.withoutDNS(true)...) },
	}
}

func networkPolicyBlocksEgress() Analyzer {
	return Analyzer{
		Cause: "networkpolicy-blocks-egress", Doc: "Finds NetworkPolicies on a gateway that do not let it out to a backend, or on an application that keep it from DNS.", Inputs: policyKinds(),
		run: func(v *view) []finding { return append(v.blocked(false), v.withoutDNS(false)...) },
	}
}

// blocked finds the policies that keep gateways from backends.
func (v *view) blocked(ingress bool) []finding {
	var out []finding
	for r, l := range v.hops() {
		for _, e := range l.ReadyEnds() {
			verdict, b := v.m.Reach(r.Route, e)
			if verdict != model.Broken || b.Ingress != ingress || v.wrongDoor(r, e) {
				continue
			}
			f := onPolicy(b).on(r).as(model.ConnectTimeout, model.Refused, model.Reset).
				relates("service", serviceRef(l))
			if e.Pod != nil {
				f = f.relates("workload", v.s.WorkloadOf(e.Pod)).relates("pod", snapshot.RefOf(e.Pod))
			}
			out = append(out, f)
			break
		}
	}
	return out
}

// wrongDoor reports whether a backend's pod is known to listen elsewhere than on the port that is asked, where policies
// let the gateway in: it is the port that is wrong, and not the policies.
func (v *view) wrongDoor(r *route, e path.End) bool {
	if e.Pod == nil {
		return false
	}
	l := path.Listens(e.Pod, e.Port)
	return l.Verdict != model.OK && slices.ContainsFunc(l.Proven, func(port int32) bool {
		right := e
		right.Port = port
		verdict, _ := v.m.Reach(r.Route, right)
		return verdict == model.OK
	})
}

// onPolicy starts a finding about a policy that keeps one pod from another. The caller says
// which routes fail, and how.
func onPolicy(b *path.Block) finding {
	ref := b.Object
	cause := model.CauseID("networkpolicy-blocks-egress")
	if b.Ingress {
		cause = "networkpolicy-blocks-ingress"
	}
	return find(cause, proven, at(ref, b.Field), b.Why).because("model", b.Why, ref, time.Time{}).since(b.Changed)
}

// withoutDNS finds the policies that keep applications from the cluster's DNS, where they say that they
// cannot resolve names.
func (v *view) withoutDNS(ingress bool) []finding {
	var out []finding
	for _, w := range v.workloads {
		if len(w.routes) == 0 || len(w.pods) == 0 {
			continue
		}
		said, ok := v.saysUnresolved(w)
		if !ok {
			continue
		}
		p := w.pods[0]
		verdict, b := v.m.ReachDNS(p)
		if verdict != model.Broken || b.Ingress != ingress {
			continue
		}
		f := onPolicy(b).on(w.routes...).as(appFailures()...).relates("workload", w.ref).relates("pod", snapshot.RefOf(p))
		f.Evidence = append(f.Evidence, said.evidence())
		f.dormant = !v.suffers(w)
		out = append(out, f)
	}
	return out
}

// appFailures are the failures of an application that lacks something that it calls: it answers 5xx,
// is slow, or is not ready.
func appFailures() []model.FailureKind {
	return []model.FailureKind{model.UpstreamStatus, model.ResponseTimeout, model.NoEndpoints, model.Refused, model.NoRoute}
}

// suffers reports whether requests to a workload fail in a way that an application's own trouble
// explains.
func (v *view) suffers(w *workload) bool {
	for i, r := range w.routes {
		if dead(w.legs[i]) || len(r.hits(append(appFailures(), model.OtherFailure)...)) > 0 {
			return true
		}
	}
	return false
}
