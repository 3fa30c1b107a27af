package diagnose

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

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
		run: func(v *view) []finding {
			return slices.Concat(v.blocked(true), v.blockedAsNode(), v.partlyBlocked(true), v.withoutDNS(true), v.withoutDNSQuietly(true), v.gatewayWithoutDNS(true))
		},
	}
}

func networkPolicyBlocksEgress() Analyzer {
	return Analyzer{
		Cause: "networkpolicy-blocks-egress", Doc: "Finds NetworkPolicies on a gateway that do not let it out to a backend, or on an application that keep it from DNS or from what it calls outside of the cluster.", Inputs: policyKinds(),
		run: func(v *view) []finding {
			return slices.Concat(v.blocked(false), v.partlyBlocked(false), v.shutIn(), v.withoutDNS(false), v.withoutDNSQuietly(false), v.gatewayWithoutDNS(false))
		},
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

// blockedAsNode finds the policies that admit a gateway by its labels or another address, while its pods are on their nodes' networks:
// most network plugins take them for their nodes, and drop what they send. Which ones do is not known, so the connections must
// be seen to time out, without any that succeeds, and the same gateway to get through to another Service's pods: else it may be the network.
func (v *view) blockedAsNode() []finding {
	var out []finding
	for r, l := range v.legsWith() {
		hits := r.hits(model.ConnectTimeout)
		if len(hits) < 2 || r.answeredSince(hits[0].At) {
			continue
		}
		for _, e := range l.ReadyEnds() {
			verdict, b := v.m.Reach(r.Route, e)
			if verdict != model.Unknown || b == nil || b.Unless == nil || v.wrongDoor(r, e) || !v.othersAnswer(r, l, hits[0].At) {
				continue
			}
			f := onPolicy(b.Unless).on(r).as(model.ConnectTimeout).relates("service", serviceRef(l)).
				because("model", b.Why, snapshot.RefOf(b.Unless.Gateway), time.Time{})
			f.Confidence = likely
			if came := b.Unless.Gateway.CreationTimestamp.Time; came.After(f.Since) {
				f = f.since(came)
			}
			out = append(out, f)
			break
		}
	}
	return out
}

// othersAnswer reports whether the gateway of a route got answers from elsewhere than a backend's addresses after a time. Also requests
// for routes that nobody asks about tell.
func (v *view) othersAnswer(r *route, l path.Leg, after time.Time) bool {
	gateways := v.m.Gateways(r.Route)
	return slices.ContainsFunc(v.in.Signals, func(s model.Signal) bool {
		if s.Failed() || len(s.Tries) == 0 || !s.At.After(after) || !slices.ContainsFunc(gateways, func(p *corev1.Pod) bool { return s.Gateway.Name == "" || s.Gateway.Name == p.Name }) {
			return false
		}
		host, _, err := net.SplitHostPort(s.Tries[len(s.Tries)-1].Address)
		return err == nil && !slices.ContainsFunc(l.ReadyEnds(), func(e path.End) bool { return e.IP == host })
	})
}

// partlyBlocked finds the policies that keep some of a gateway's pods from backends and let others of the same workload
// through: one on the node that came last, say, which lies outside of the addresses that a policy admits. Only what those
// pods were asked fails.
func (v *view) partlyBlocked(ingress bool) []finding {
	var out []finding
	for r, l := range v.legsWith() {
		for _, e := range l.ReadyEnds() {
			kept, b := v.m.Partly(r.Route, e)
			if b == nil || b.Ingress != ingress || v.wrongDoor(r, e) {
				continue
			}
			f := onPolicy(b).on(r).as(model.ConnectTimeout, model.Refused, model.Reset).relates("service", serviceRef(l))
			f.Summary += fmt.Sprintf("; requests fail that come to %s, and others of %s get through", podsIn(kept), v.s.WorkloadOf(kept[0]))
			f = f.since(kept[0].CreationTimestamp.Time)
			f.atRest, f.only = r.requests == 0, r.saidBy(kept)
			out = append(out, f)
			break
		}
	}
	return out
}

// podsIn names the first of some pods, and says how many more there are.
func podsIn(pods []*corev1.Pod) string {
	if len(pods) == 1 {
		return "pod " + pods[0].Name
	}
	return fmt.Sprintf("pod %s and %d more", pods[0].Name, len(pods)-1)
}

// saidBy are the failed requests of a route that some pods of its gateway told of, or of which it is not known who did.
func (r *route) saidBy(pods []*corev1.Pod) map[*model.Signal]bool {
	out := map[*model.Signal]bool{}
	for i := range r.signals {
		s := &r.signals[i]
		if s.Gateway.Name == "" || slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return p.Name == s.Gateway.Name }) {
			out[s] = true
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
// cannot resolve names. Where nobody logs requests, as many load balancers do not, the two together are enough.
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
		f.atRest = !asked(w.routes)
		f.dormant = !f.atRest && !v.suffers(w)
		out = append(out, f)
	}
	return out
}

// shutIn finds the policies that keep applications from an address outside of the cluster, where they say that they cannot
// connect to it. A policy that refuses does so for plugins that reject what they do not admit; most drop it.
func (v *view) shutIn() []finding {
	var out []finding
	for _, w := range v.workloads {
		if len(w.routes) == 0 || len(w.pods) == 0 || !v.suffers(w) {
			continue
		}
		for _, c := range v.calls(w) {
			if !slices.Contains([]model.FailureKind{model.ConnectTimeout, model.ResponseTimeout, model.Refused}, c.kind) {
				continue
			}
			b, p := v.shutFrom(w, c)
			if b == nil {
				continue
			}
			f := onPolicy(b).on(v.rootsOf(w)...).as(appFailures()...).relates("workload", w.ref)
			f.Since = time.Time{} // the policy may be older than the calls
			f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: c.line, Source: c.source})
			f.Explains = append(f.Explains, fmt.Sprintf("%s calls %s:%d, which fails", w.ref, p.host, p.port))
			out = append(out, f)
			break
		}
	}
	return out
}

// shutFrom is the policy that keeps a workload from what a line names outside of the cluster, and that; nil if none is known
// to. Of a name it is known where no policy lets out by address.
func (v *view) shutFrom(w *workload, c call) (*path.Block, peer) {
	for _, p := range c.places {
		_, inside := v.home(w.ref.Namespace, p.host)
		named := net.ParseIP(p.host) == nil
		if inside || p.port == 0 || len(v.s.PodsByIP(p.host)) > 0 || named && (!strings.Contains(p.host, ".") || v.m.LetsOutByAddress(w.ref.Namespace)) {
			continue
		}
		verdict, b := v.m.Between(w.pods[0], path.End{IP: p.host, Port: p.port}, corev1.ProtocolTCP)
		if verdict == model.Broken {
			return b, p
		}
	}
	return nil, peer{}
}

// asked reports whether requests of any of some routes were seen.
func asked(routes []*route) bool {
	return slices.ContainsFunc(routes, func(r *route) bool { return r.requests > 0 })
}

// withoutDNSQuietly finds the policies that keep applications from the cluster's DNS, where they are told to call a Service by
// its name and nobody says anything.
func (v *view) withoutDNSQuietly(ingress bool) []finding {
	var out []finding
	for _, r := range v.edges {
		if !r.quiet || r.loose {
			continue
		}
		if b := v.deaf(r); b != nil && b.Ingress == ingress {
			f := onPolicy(b).on(r).as(model.NoRoute, model.UpstreamStatus).relates("workload", r.caller.ref).
				because("object", fmt.Sprintf("%s is %s, which is to be resolved", r.setting.name, r.setting.value), r.setting.at.Ref, time.Time{})
			f.Confidence = likely
			out = append(out, f)
		}
	}
	return out
}

// deaf is the policy that keeps the caller of an edge from resolving the name of the Service that it is told to call; nil if
// none is known to.
func (v *view) deaf(r *route) *path.Block {
	if len(r.Backends) == 0 || len(r.caller.pods) == 0 || r.setting.host == "" || net.ParseIP(r.setting.host) != nil {
		return nil
	}
	p := r.caller.pods[0]
	if slices.ContainsFunc(p.Spec.HostAliases, func(a corev1.HostAlias) bool { return slices.Contains(a.Hostnames, r.setting.host) }) {
		return nil // its own hosts file has it
	}
	verdict, b := v.m.ReachDNS(p)
	if verdict != model.Broken {
		return nil
	}
	return b
}

// gatewayWithoutDNS finds the policies that keep a route's gateway from the cluster's DNS, where a backend is a name that the
// gateway itself resolves. To others it sends by addresses that it has from the API.
func (v *view) gatewayWithoutDNS(ingress bool) []finding {
	var out []finding
	for r, l := range v.legsWith() {
		if !l.External() || net.ParseIP(l.Service.Spec.ExternalName) != nil {
			continue
		}
		b := v.deafGateway(r)
		if b == nil || b.Ingress != ingress {
			continue
		}
		f := onPolicy(b).on(r).as(model.NoRoute, model.NoEndpoints, model.ConnectTimeout, model.ResponseTimeout, model.OtherFailure).relates("service", serviceRef(l)).
			because("object", fmt.Sprintf("%s is an ExternalName for %s, which the gateway is to resolve", serviceRef(l), l.Service.Spec.ExternalName), serviceRef(l), time.Time{})
		if len(r.legs) == 1 && r.resolvedStill(f, b.Changed) {
			continue
		}
		f.atRest = r.requests == 0
		out = append(out, f)
	}
	return out
}

// keptAnswer is how long a proxy may use a name's address without asking again: CoreDNS lets answers be kept half as long.
const keptAnswer = time.Minute

// resolvedStill reports whether requests of a route succeeded that cannot have without asking for the backend's name, since those
// began to fail that a finding predicts and the policy is as it is.
func (r *route) resolvedStill(f finding, changed time.Time) bool {
	if hits := r.hitsOf(f); len(hits) > 0 && hits[0].At.After(changed) {
		changed = hits[0].At
	}
	return r.answeredSince(changed.Add(keptAnswer))
}

// deafGateway is the policy that keeps all pods of a route's gateway from DNS; nil if none is known to.
func (v *view) deafGateway(r *route) *path.Block {
	var block *path.Block
	for _, g := range v.m.Gateways(r.Route) {
		verdict, b := v.m.ReachDNS(g)
		if verdict != model.Broken {
			return nil
		}
		block = b
	}
	return block
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
