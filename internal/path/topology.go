package path

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// diallers are the pods from which a backend's Service is dialled by its own address, so that the service proxy of their
// nodes chooses the endpoint: those of a calling workload, and those of a gateway that is told so. None where the gateway
// chooses among the endpoints itself.
func (m *Map) diallers(r Route, l Leg) []*corev1.Pod {
	if l.Service == nil || l.Service.Spec.ClusterIP == corev1.ClusterIPNone {
		return nil
	}
	if len(r.From) > 0 {
		return r.From
	}
	if s, ok := m.Setting(r, l, proxy.ServiceAddress); ok && s.Yes {
		return m.Gateways(r)
	}
	return nil
}

// choice is what the service proxy of one node chooses from.
type choice struct {
	from *corev1.Pod
	ends []End
	why  string // where that is not all of them
}

// choices says to which of a Service's ready endpoints each of the pods gets that dial its address, as kube-proxy has it
// (kubernetes/kubernetes, pkg/proxy/topology.go, CategorizeEndpoints): with internalTrafficPolicy Local those of its own
// node and no others; else those that hints give to its node or zone, if every endpoint has a hint and one of them is for
// it. A pod whose node is not known is left out.
func (m *Map) choices(l Leg, from []*corev1.Pod) []choice {
	ready := l.ReadyEnds()
	policy := l.Service.Spec.InternalTrafficPolicy
	local := policy != nil && *policy == corev1.ServiceInternalTrafficPolicyLocal
	var out []choice
	for _, p := range from {
		node, known := m.s.Nodes().Get("", p.Spec.NodeName)
		switch {
		case p.Spec.NodeName == "" || !Ready(p):
		case local:
			out = append(out, choice{p, keep(ready, func(e End) bool { return e.node() == p.Spec.NodeName }), "internalTrafficPolicy Local"})
		case known != snapshot.Present:
		default:
			zone := node.Labels[corev1.LabelTopologyZone]
			if ends, ok := hinted(ready, p.Spec.NodeName, func(e End) []string { return e.ForNodes }); ok {
				out = append(out, choice{p, ends, "hints for its node"})
			} else if ends, ok := hinted(ready, zone, func(e End) []string { return e.ForZones }); ok {
				out = append(out, choice{p, ends, "hints for its zone " + zone})
			} else {
				out = append(out, choice{from: p, ends: ready})
			}
		}
	}
	return out
}

// node is where an end is.
func (e End) node() string {
	if e.Pod != nil && e.Pod.Spec.NodeName != "" {
		return e.Pod.Spec.NodeName
	}
	return e.Node
}

func keep(ends []End, is func(End) bool) []End {
	return slices.DeleteFunc(slices.Clone(ends), func(e End) bool { return !is(e) })
}

// hinted are the ends that hints give to a place; ok is false where they do not count, since one has none or none is for
// that place.
func hinted(ends []End, place string, hints func(End) []string) (out []End, ok bool) {
	if place == "" || slices.ContainsFunc(ends, func(e End) bool { return len(hints(e)) == 0 }) {
		return nil, false
	}
	out = keep(ends, func(e End) bool { return slices.Contains(hints(e), place) })
	return out, len(out) > 0
}

// chosen leaves of the ready ends those to which requests get, and tells of pods that get to a part of them only, or to none.
func (w *walker) chosen(l Leg, ready []End) []End {
	choices := w.m.choices(l, w.m.diallers(w.r, l))
	if len(choices) == 0 {
		return ready
	}
	ref := l.Backend.Service
	for _, group := range alike(choices) {
		c := group[0]
		who := fmt.Sprintf("pod %s/%s on node %s%s", c.from.Namespace, c.from.Name, c.from.Spec.NodeName, more(len(group)))
		switch {
		case len(c.ends) == 0:
			w.hop(model.HopService, ref, model.Broken, fmt.Sprintf("%s dials its address and gets no connection: it has no endpoint on that node (%s)", who, c.why))
			w.fail(model.ConnectTimeout)
		case len(c.ends) < len(ready):
			w.hop(model.HopService, ref, model.OK, fmt.Sprintf("%s gets to %d of its %d ready endpoints (%s)", who, len(c.ends), len(ready), c.why))
		}
	}
	return keep(ready, func(e End) bool {
		return slices.ContainsFunc(choices, func(c choice) bool {
			return slices.ContainsFunc(c.ends, func(o End) bool { return o.IP == e.IP && o.Port == e.Port })
		})
	})
}

// alike puts together the choices of pods that get to the same ends for the same reason, in order of appearance.
func alike(choices []choice) [][]choice {
	var out [][]choice
	for _, c := range choices {
		i := slices.IndexFunc(out, func(g []choice) bool {
			return g[0].why == c.why && slices.EqualFunc(g[0].ends, c.ends, func(a, b End) bool { return a.IP == b.IP && a.Port == b.Port })
		})
		if i < 0 {
			out = append(out, []choice{c})
			continue
		}
		out[i] = append(out[i], c)
	}
	return out
}
