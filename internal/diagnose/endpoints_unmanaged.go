package diagnose

import (
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func endpointsUnmanaged() Analyzer {
	return Analyzer{
		Cause:  "endpoints-unmanaged",
		Doc:    "Finds Services without a selector whose hand-made EndpointSlices are missing, for another port, or out of date.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Nodes},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.hops() {
				if l.Presence != snapshot.Present || len(l.Service.Spec.Selector) > 0 || l.External() || l.Port == nil || l.Derived || r.works() {
					continue
				}
				if f, ok := v.unmanaged(r, l); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

func (v *view) unmanaged(r *route, l path.Leg) (finding, bool) {
	ref := serviceRef(l)
	sets := v.s.SlicesOf(ref.Namespace, ref.Name)
	f := find("endpoints-unmanaged", proven, at(ref, "spec.selector"), "").on(r).relates("service", ref).
		as(model.NoEndpoints, model.NoRoute, model.Refused, model.ConnectTimeout, model.ResponseTimeout).
		because("object", ref.String()+" has no selector, so nothing keeps its endpoints up to date", ref, time.Time{}).
		not("selector-mismatch", ref.String()+" has no selector")
	if t := v.twin(l); t != nil {
		f = f.relates("workload", t.ref).because("object", fmt.Sprintf("%s has the name of the Service and pods with %s", t.ref, pairs(t.template.Labels)), t.ref, time.Time{})
		if t.selector != nil {
			f = f.wants(jsonOf(t.selector.MatchLabels))
		}
	}
	switch {
	case hasAddress(sets) && r.neverFound(l):
		f = unlikeNamed(f, l, sets[0])
		f.Confidence = likely
	case len(l.Ends) > 0 && len(l.ReadyEnds()) > 0:
		return v.staleEnds(f, r, l)
	case len(l.Ends) > 0:
		f.Object = at(snapshot.RefOf(sets[0]), "endpoints[0].conditions.ready")
		f.Summary = fmt.Sprintf("%s has no selector, and its hand-made %s calls none of its addresses ready", ref, snapshot.RefOf(sets[0]))
	case len(sets) > 0 && hasAddress(sets):
		f = unlikeNamed(f, l, sets[0])
	case len(sets) > 0 && f.Related["workload"].IsZero():
		f.Object = at(snapshot.RefOf(sets[0]), "endpoints")
		f.Summary = fmt.Sprintf("%s has no selector, and its hand-made %s holds no address", ref, snapshot.RefOf(sets[0]))
	default:
		f.Summary = fmt.Sprintf("%s has no selector, and no EndpointSlice of it holds an address, so it leads nowhere", ref)
	}
	return f, true
}

// unlikeNamed is the finding of a slice that does not have the Service's port.
func unlikeNamed(f finding, l path.Leg, es *discoveryv1.EndpointSlice) finding {
	f.Object = at(snapshot.RefOf(es), "ports[0].name")
	f.Summary = fmt.Sprintf("%s has no selector, and its hand-made %s has no port named %q", serviceRef(l), snapshot.RefOf(es), l.Port.Name)
	return f.wants(text(l.Port.Name))
}

func hasAddress(sets []*discoveryv1.EndpointSlice) bool {
	for _, es := range sets {
		if len(es.Endpoints) > 0 {
			return true
		}
	}
	return false
}

// twin is the workload that has a Service's name, nil if there is none.
func (v *view) twin(l path.Leg) *template {
	for _, t := range v.templates(l.Service.Namespace) {
		if trim(t.ref.Name) == trim(l.Service.Name) {
			return &t
		}
	}
	return nil
}

// staleEnds looks for hand-made addresses at which nobody can be: a pod that is gone, or an address of the
// pods' network that no pod has. Of others only failed connections tell.
func (v *view) staleEnds(f finding, r *route, l path.Leg) (finding, bool) {
	ref := serviceRef(l)
	for _, es := range v.s.SlicesOf(ref.Namespace, ref.Name) {
		for i := range es.Endpoints {
			for j, address := range es.Endpoints[i].Addresses {
				why, sure := v.nobodyAt(address, &es.Endpoints[i])
				failed := failedAt(r, address)
				if why == "" && failed == 0 {
					continue
				}
				f.Object = at(snapshot.RefOf(es), fmt.Sprintf("endpoints[%d].addresses[%d]", i, j))
				if why == "" {
					why = fmt.Sprintf("%d connections to it failed", failed)
				}
				if !sure && failed == 0 {
					f.Confidence = likely
				}
				f.Summary = fmt.Sprintf("%s has no selector, and its hand-made %s names %s, which is out of date: %s", ref, snapshot.RefOf(es), address, why)
				return f.because("model", why, snapshot.RefOf(es), time.Time{}), true
			}
		}
	}
	return finding{}, false
}

// nobodyAt says why no pod can be at an address; empty if there may be one.
func (v *view) nobodyAt(address string, ep *discoveryv1.Endpoint) (why string, sure bool) {
	if !v.s.Pods().Covers("") {
		return "", false
	}
	for _, p := range v.s.PodsByIP(address) {
		if !path.Finished(p) {
			return "", false
		}
	}
	if t := ep.TargetRef; t != nil && t.Kind == "Pod" {
		return fmt.Sprintf("pod %s does not exist, or has another address", t.Name), true
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "", false
	}
	for n := range v.s.Nodes().All() {
		for _, cidr := range podRanges(n) {
			if p, err := netip.ParsePrefix(cidr); err == nil && p.Contains(ip) {
				return fmt.Sprintf("it is of the pods' network on node %s, and no pod has it", n.Name), true
			}
		}
	}
	return "", false
}

func podRanges(n *corev1.Node) []string {
	if len(n.Spec.PodCIDRs) > 0 {
		return n.Spec.PodCIDRs
	}
	return []string{n.Spec.PodCIDR}
}

// failedAt counts the connections of a route to an address that failed.
func failedAt(r *route, address string) int {
	n := 0
	for _, s := range r.hits(model.Refused, model.ConnectTimeout, model.ResponseTimeout) {
		for _, t := range s.Tries {
			if hostOf(t.Address) == address {
				n++
			}
		}
	}
	return n
}
