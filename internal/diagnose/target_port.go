package diagnose

import (
	"fmt"
	"net"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func namedPortMissing() Analyzer {
	return Analyzer{
		Cause:  "named-port-missing",
		Doc:    "Finds Services whose targetPort is a name that the selected pods do not declare.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Deployments},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.hops() {
				if l.Port == nil || l.Port.TargetPort.Type != intstr.String || len(l.ReadyEnds()) > 0 || !isTCP(l.Port.Protocol) {
					continue
				}
				if f, ok := v.namedPort(r, l); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

func (v *view) namedPort(r *route, l path.Leg) (finding, bool) {
	var spec *corev1.PodSpec
	var who model.Ref
	for _, p := range l.Selected {
		if _, ok := path.TargetPort(*l.Port, &p.Spec); ok {
			return finding{}, false
		}
		spec, who = &p.Spec, snapshot.RefOf(p)
	}
	if spec == nil {
		return finding{}, false
	}
	ref := serviceRef(l)
	var names []string
	for _, c := range spec.Containers {
		for _, p := range c.Ports {
			names = append(names, fmt.Sprintf("%s (%d)", p.Name, p.ContainerPort))
		}
	}
	workload := v.s.WorkloadOf(l.Selected[0])
	f := find("named-port-missing", proven, at(ref, fmt.Sprintf("spec.ports[%d].targetPort", l.PortAt)),
		fmt.Sprintf("%s forwards port %d to the port named %s, which the pods of %s do not declare; they declare %s",
			ref, l.Port.Port, l.Port.TargetPort.StrVal, workload, orNone(names))).
		on(r).as(model.NoEndpoints, model.NoRoute).relates("service", ref).relates("workload", workload).
		because("object", fmt.Sprintf("pod %s declares %s", who.Name, orNone(names)), who, time.Time{})
	return f.wants(meantTarget(l, spec)), true
}

// meantTarget is the declared port that a targetPort should name, as JSON; empty if it is not clear.
func meantTarget(l path.Leg, spec *corev1.PodSpec) string {
	var all []corev1.ContainerPort
	for _, c := range spec.Containers {
		for _, p := range c.Ports {
			if alike(p.Name, l.Port.TargetPort.StrVal) && p.Name != "" || p.Name == l.Port.Name && p.Name != "" {
				return text(p.Name)
			}
			all = append(all, p)
		}
	}
	if len(all) != 1 {
		return ""
	}
	if all[0].Name != "" {
		return text(all[0].Name)
	}
	return fmt.Sprint(all[0].ContainerPort)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	out := names[0]
	for _, n := range names[1:] {
		out += ", " + n
	}
	return out
}

func targetPortMismatch() Analyzer {
	return Analyzer{
		Cause:  "target-port-mismatch",
		Doc:    "Finds Services whose targetPort is a number on which their pods do not listen.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.hops() {
				if f, ok := otherProtocol(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.besidePort(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.targetPort(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.refusedAndTold(r, l); ok {
					out = append(out, f)
				}
			}
			return append(out, v.shutEntries()...)
		},
	}
}

func isTCP(p corev1.Protocol) bool { return p == "" || p == corev1.ProtocolTCP }

// otherProtocol finds a Service port that forwards UDP or SCTP, over which no HTTP/1 or HTTP/2 comes.
func otherProtocol(r *route, l path.Leg) (finding, bool) {
	if l.Port == nil || isTCP(l.Port.Protocol) || r.works() {
		return finding{}, false
	}
	ref := serviceRef(l)
	return find("target-port-mismatch", proven, at(ref, fmt.Sprintf("spec.ports[%d].protocol", l.PortAt)),
		fmt.Sprintf("%s forwards port %d for %s only, and requests come over TCP", ref, l.Port.Port, l.Port.Protocol)).
		on(r).as(model.NoEndpoints, model.Refused, model.ConnectTimeout, model.NoRoute).relates("service", ref).wants(`"TCP"`).
		because("object", fmt.Sprintf("port %d of %s has protocol %s", l.Port.Port, ref, l.Port.Protocol), ref, time.Time{}), true
}

// targetPort weighs the evidence against a target port: what is declared and proven, what the
// application says, and refused connections.
func (v *view) targetPort(r *route, l path.Leg) (finding, bool) {
	var suspect []path.End
	refuses := len(r.hits(model.Refused)) > 0
	for _, e := range l.ReadyEnds() {
		if e.Pod != nil && (path.Listens(e.Pod, e.Port).Verdict == model.Suspect || v.elsewhere(e.Pod, e.Port) != 0 || refuses && v.toldElsewhere(e.Pod, e.Port) != 0) {
			suspect = append(suspect, e)
		}
	}
	if r.edge != nil && l.Service != nil && l.Service.Spec.ClusterIP == corev1.ClusterIPNone {
		return finding{}, false // its name gives the pods' own addresses, and no port is translated
	}
	if len(suspect) == 0 || len(suspect) < len(l.ReadyEnds()) || r.works() {
		return finding{}, false
	}
	e := suspect[0]
	ref, listens := serviceRef(l), path.Listens(e.Pod, e.Port)
	wanted, why := v.rightPort(e.Pod, listens)
	f := find("target-port-mismatch", likely, at(ref, fmt.Sprintf("spec.ports[%d].targetPort", l.PortAt)),
		fmt.Sprintf("%s forwards port %d to %s of %s, which does not listen there: %s",
			ref, l.Port.Port, targetOf(*l.Port, e.Port), v.s.WorkloadOf(e.Pod), listens.Why)).
		on(r).as(model.Refused, model.NoEndpoints).relates("service", ref).relates("workload", v.s.WorkloadOf(e.Pod)).relates("pod", snapshot.RefOf(e.Pod)).
		because("model", fmt.Sprintf("pod %s: %s", e.Pod.Name, listens.Why), snapshot.RefOf(e.Pod), time.Time{})
	if v.wrongDoor(r, e) {
		f.kinds = append(f.kinds, model.ConnectTimeout) // a policy drops what comes there, before anything could refuse it
	}
	if n := v.elsewhere(e.Pod, e.Port); n != 0 {
		f = f.because("app-log", fmt.Sprintf("the application says that it listens on port %d", n), snapshot.RefOf(e.Pod), time.Time{})
		f.Summary = fmt.Sprintf("%s forwards port %d to %s of %s, which listens on port %d", ref, l.Port.Port, targetOf(*l.Port, e.Port), v.s.WorkloadOf(e.Pod), n)
		f.Confidence = proven
	}
	if n := v.toldElsewhere(e.Pod, e.Port); n != 0 && listens.Verdict == model.OK {
		f.Summary = fmt.Sprintf("%s forwards port %d to %s of %s, which is told to listen on port %d", ref, l.Port.Port, targetOf(*l.Port, e.Port), v.s.WorkloadOf(e.Pod), n)
	}
	if wanted != 0 {
		f = f.wants(fmt.Sprint(wanted)).because("model", why, snapshot.RefOf(e.Pod), time.Time{})
		if slices.Contains(listens.Proven, wanted) {
			f.Confidence = proven
		}
	}
	if refusedAt(r, suspect) > 0 {
		f.Confidence = proven // and seen, which the ranking adds
	}
	return f, true
}

func targetOf(p corev1.ServicePort, number int32) string {
	if p.TargetPort.Type == intstr.String {
		return fmt.Sprintf("target port %s (%d)", p.TargetPort.StrVal, number)
	}
	return fmt.Sprintf("target port %d", number)
}

// rightPort is the port on which a pod is known to listen: proven by a probe, said in its log, or
// the only one that it declares.
func (v *view) rightPort(p *corev1.Pod, l path.Listening) (port int32, why string) {
	switch said := v.elsewhere(p, 0); {
	case len(l.Proven) == 1:
		return l.Proven[0], fmt.Sprintf("the readiness probe passes on port %d", l.Proven[0])
	case said != 0:
		return said, fmt.Sprintf("the application says that it listens on port %d", said)
	case len(l.Declared) == 1:
		return l.Declared[0], fmt.Sprintf("port %d is the only one that the container declares", l.Declared[0])
	case v.toldElsewhere(p, 0) != 0:
		return v.toldElsewhere(p, 0), fmt.Sprintf("a setting of the container tells it to listen on port %d", v.toldElsewhere(p, 0))
	default:
		return 0, ""
	}
}

// elsewhere is the port on which an application says that it listens on all addresses, if it is
// not the given one and it names no other; else 0.
func (v *view) elsewhere(p *corev1.Pod, port int32) int32 {
	var said int32
	for _, a := range v.listening(p) {
		if a.port == port {
			return 0
		}
		if a.loopback {
			continue
		}
		said = a.port
	}
	return said
}

// refusedAt counts the refused connections of a route to some of its endpoints.
func refusedAt(r *route, ends []path.End) int {
	n := 0
	for _, s := range r.hits(model.Refused) {
		for _, t := range s.Tries {
			if slices.ContainsFunc(ends, func(e path.End) bool { return e.Address() == t.Address }) {
				n++
				break
			}
		}
	}
	return n
}

// hostOf is an upstream address without its port.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
