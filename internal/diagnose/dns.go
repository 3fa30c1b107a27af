package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func dnsResolutionFailed() Analyzer {
	return Analyzer{
		Cause: "dns-resolution-failed", Doc: "Finds applications that cannot resolve a name that they need.",
		Inputs: append(podKinds(), snapshot.ConfigMaps, snapshot.Services, snapshot.EndpointSlices), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				said, ok := v.saysUnresolved(w)
				if !ok || len(w.routes) == 0 {
					continue
				}
				// Where nobody logs requests, the application's own answers are what is seen of them.
				atRest := said.answers >= few && !asked(w.routes)
				if atRest || v.suffers(w) {
					f := v.unresolved(w, said)
					f.atRest = atRest
					out = append(out, f)
				}
			}
			out = append(append(out, v.dnsDown(out)...), v.unresolvedQuietly()...)
			return append(out, v.gatewayUnresolved()...)
		},
	}
}

// unresolved looks for what keeps a name from being resolved: the pod's own settings, the cluster's DNS,
// or that there is no such name.
func (v *view) unresolved(w *workload, said saying) finding {
	f := find("dns-resolution-failed", likely, at(w.ref, ""), fmt.Sprintf("%s cannot resolve %s", w.ref, said.whom())).
		on(w.routes...).as(appFailures()...).relates("workload", w.ref)
	f.Evidence = append(f.Evidence, said.evidence())
	f.symptomOf = "networkpolicy-blocks-egress"
	service, inside := v.internal(said.name, w.ref.Namespace)
	if inside || said.name == "" {
		if field, wanted, why := v.dnsSettings(&w.template.template.Spec, said.name); field != "" {
			f.Object, f.Confidence, f.symptomOf = at(w.ref, "spec.template.spec."+field), proven, ""
			f.Summary += ", because " + why
			return f.wants(wanted).because("object", why, w.ref, time.Time{}).since(w.rolledAt())
		}
	}
	name := said.name
	if inside {
		name = fullName(service)
		if _, presence := v.s.Services().Get(service.Namespace, service.Name); presence == snapshot.Absent && said.certain {
			f.symptomOf = "app-misconfigured"
			f.Summary += fmt.Sprintf(": there is no Service %s in namespace %s", service.Name, service.Namespace)
			return f
		}
	}
	if wrong, ok := v.dnsFault(name, inside); ok {
		f.Object, f.Confidence, f.symptomOf = wrong.at, proven, ""
		f.Summary += ", because " + wrong.why
		return f.because("object", wrong.why, wrong.at.Ref, wrong.since).since(wrong.since)
	}
	for _, a := range v.addresses(w) {
		if a.host == said.name && a.at.Ref == w.ref {
			f.Object = a.at // whoever mends it writes another name there, or one that its resolver knows
			return f.because("object", fmt.Sprintf("%s is %s", a.name, a.value), w.ref, time.Time{})
		}
	}
	return f
}

// dnsDown finds that the cluster's DNS does not work at all, where applications fail and no log says
// why: there is hardly one that needs no name.
func (v *view) dnsDown(said []finding) []finding {
	if slices.ContainsFunc(said, func(f finding) bool { return f.Confidence >= proven }) {
		return nil
	}
	wrong, ok := v.dnsFault("", false)
	if !ok {
		return nil
	}
	f := find("dns-resolution-failed", proven, wrong.at, "the cluster's DNS does not answer: "+wrong.why).
		as(appFailures()...).because("object", wrong.why, wrong.at.Ref, wrong.since).since(wrong.since)
	for _, r := range v.routes {
		if len(r.hits(model.UpstreamStatus, model.ResponseTimeout)) > 0 {
			f = f.on(r)
		}
	}
	return []finding{f}
}

// dnsTrouble is what is wrong with the cluster's DNS.
type dnsTrouble struct {
	at    model.FieldRef
	why   string
	since time.Time
}

// dnsFault looks the cluster's DNS over, from its configuration to its Service. Without a name it looks
// only at what stops all of them.
func (v *view) dnsFault(name string, inside bool) (dnsTrouble, bool) {
	if name != "" {
		if t, ok := v.corefile(name, inside); ok {
			return t, true
		}
	}
	svc := v.m.DNSService()
	if svc == nil {
		if _, presence := v.s.Services().Get("kube-system", "kube-dns"); presence == snapshot.Absent && v.hasResolver() {
			ref := model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "kube-system", Name: "kube-dns"}
			return dnsTrouble{at: at(ref, ""), why: "its Service kube-system/kube-dns does not exist"}, true
		}
		return dnsTrouble{}, false
	}
	if t, ok := v.dnsWorkload(svc); ok {
		return t, true
	}
	if t, ok := v.dnsService(svc); ok {
		return t, true
	}
	if name != "" && !inside {
		return v.dnsUpstream(svc)
	}
	return dnsTrouble{}, false
}

// hasResolver reports whether there is a workload of the cluster's DNS.
func (v *view) hasResolver() bool {
	return slices.ContainsFunc(v.templates("kube-system"), func(t template) bool { return t.template.Labels["k8s-app"] == "kube-dns" })
}

// corefile looks for the line of CoreDNS's configuration that keeps a name from being resolved, also in
// the ConfigMaps from which distributions add to it.
func (v *view) corefile(name string, inside bool) (dnsTrouble, bool) {
	for _, cm := range []string{"coredns", "coredns-custom"} {
		o, ok := v.s.ConfigMaps().Get("kube-system", cm)
		if ok != snapshot.Present {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(o.Data)) {
			text := o.Data[key]
			field := "data." + key
			if strings.Contains(key, ".") {
				field = "data['" + key + "']"
			}
			if strings.HasSuffix(key, ".override") { // lines that go into the block for everything
				text = ".:53 {\nkubernetes " + domain + "\nforward . /etc/resolv.conf\n" + text + "\n}"
			} else if key != "Corefile" && !strings.HasSuffix(key, ".server") {
				continue
			}
			if rule := misanswers(text, name, inside); rule != "" {
				return dnsTrouble{at: at(snapshot.RefOf(o), field), why: "the cluster's DNS is told to answer otherwise: " + rule, since: written(o)}, true
			}
		}
	}
	return dnsTrouble{}, false
}

// dnsWorkload looks for what keeps the pods of the cluster's DNS from running.
func (v *view) dnsWorkload(svc *corev1.Service) (dnsTrouble, bool) {
	for _, w := range v.workloadsIn(svc.Namespace) {
		if !matches(svc.Spec.Selector, w.template.template.Labels) && w.template.template.Labels["k8s-app"] != "kube-dns" {
			continue
		}
		switch {
		case w.replicas == 0:
			return dnsTrouble{at: at(w.ref, "spec.replicas"), why: w.ref.String() + " is scaled to zero"}, true
		case w.serving > 0 || len(w.pods) == 0 || slices.ContainsFunc(w.pods, path.Unseen):
			continue
		}
		return v.dnsPodsDown(w, svc.Namespace), true
	}
	return dnsTrouble{}, false
}

// dnsPodsDown says why no pod of the cluster's DNS is ready. Where CoreDNS itself complains of its
// configuration, that is to be mended, and not the pod that does not start because of it.
func (v *view) dnsPodsDown(w *workload, namespace string) dnsTrouble {
	t := v.trouble(w.pods[0])
	out := dnsTrouble{at: at(w.ref, "status.readyReplicas"), why: fmt.Sprintf("no pod of %s is ready: pod %s %s", w.ref, w.pods[0].Name, cmp.Or(t.why, "is not ready")), since: t.at}
	if t.container != "" {
		if field, c, ok := containerField(w, t.container, t.init); ok {
			out.at.Field = field
			if t.cause == "image-pull" {
				out.at.Field, out.why = field+".image", out.why+" (image "+c.Image+")"
			}
		}
	}
	if line := v.refusedCorefile(w); line != "" {
		if cm, ok := v.s.ConfigMaps().Get(namespace, "coredns"); ok == snapshot.Present {
			out.at = at(snapshot.RefOf(cm), "data.Corefile")
			out.why = "CoreDNS does not start with its configuration: " + line
		}
	}
	return out
}

// refusedCorefile finds the line in which CoreDNS says what it does not understand: "/etc/coredns/Corefile:5
// - Error during parsing: Unknown directive 'forwrd'", "plugin/kubernetes: ...".
func (v *view) refusedCorefile(w *workload) string {
	says := func(l string) bool {
		return strings.Contains(l, "Corefile:") && strings.Contains(l, "Error") || strings.Contains(l, "Unknown directive") ||
			strings.HasPrefix(l, "plugin/") && (strings.Contains(l, ":") || strings.Contains(l, "Loop"))
	}
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			if says(strings.TrimSpace(l)) {
				return strings.TrimSpace(l)
			}
		}
	}
	for _, p := range w.pods {
		for _, st := range p.Status.ContainerStatuses {
			if last := lastEnd(st); last != nil && says(strings.TrimSpace(last.Message)) {
				return strings.TrimSpace(last.Message)
			}
		}
	}
	return ""
}

// dnsService looks for what is wrong between the DNS Service and its pods, which run.
func (v *view) dnsService(svc *corev1.Service) (dnsTrouble, bool) {
	ref := snapshot.RefOf(svc)
	ends := v.m.DNSEnds()
	i := slices.IndexFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool { return p.Protocol == corev1.ProtocolUDP })
	switch {
	case i < 0:
		return dnsTrouble{at: at(ref, "spec.ports"), why: "its Service " + svc.Name + " has no port for UDP"}, true
	case svc.Spec.Ports[i].Port != 53:
		return dnsTrouble{at: at(ref, fmt.Sprintf("spec.ports[%d].port", i)), why: fmt.Sprintf("its Service %s has port %d for UDP, and resolvers ask on 53", svc.Name, svc.Spec.Ports[i].Port)}, true
	case len(ends) == 0 && v.s.Pods().Covers(svc.Namespace) && v.hasResolver():
		return dnsTrouble{at: at(ref, "spec.selector"), why: "the selector of its Service " + svc.Name + " matches none of its pods"}, true
	case len(ends) > 0 && !slices.ContainsFunc(ends, func(e path.End) bool { return listensUDP(e) }):
		return dnsTrouble{at: at(ref, fmt.Sprintf("spec.ports[%d].targetPort", i)), why: fmt.Sprintf("its Service %s forwards to port %d, and its pods listen elsewhere", svc.Name, ends[0].Port)}, true
	default:
		return dnsTrouble{}, false
	}
}

// listensUDP reports whether a pod declares the port for UDP, or no such port at all.
func listensUDP(e path.End) bool {
	any := false
	for _, c := range e.Pod.Spec.Containers {
		for _, p := range c.Ports {
			if p.Protocol != corev1.ProtocolUDP {
				continue
			}
			if any = true; p.ContainerPort == e.Port {
				return true
			}
		}
	}
	return !any
}

// written is when somebody last wrote an object, its status aside; its creation where nothing says more.
func written(o metav1.Object) time.Time {
	last := o.GetCreationTimestamp().Time
	for _, m := range o.GetManagedFields() {
		if m.Subresource == "" && m.Time != nil && m.Time.After(last) {
			last = m.Time.Time
		}
	}
	return last
}
