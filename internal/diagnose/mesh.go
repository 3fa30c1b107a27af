package diagnose

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

const istio = "istio.io"

// rootNamespace is where objects that hold for the whole mesh live, unless somebody moved it.
const rootNamespace = "istio-system"

// destinationRule finds the DestinationRule for a Service: of the caller's namespace no more is known, so
// the Service's and the root namespace are asked (istio.io, Destination Rule: the same name in all
// its forms).
func (v *view) destinationRule(service model.Ref) (piece, bool) {
	var found piece
	best := 0
	for _, d := range v.all(istio, "DestinationRule") {
		rank := 0
		switch host := d.text("spec", "host"); {
		case sameHost(host, d.ref.Namespace, service):
			rank = 2
		case strings.HasPrefix(host, "*") && strings.HasSuffix(fullName(service), host[1:]):
			rank = 1
		}
		if rank > best {
			found, best = d, rank
		}
	}
	return found, best > 0
}

// sameHost reports whether a host, as an object of a namespace writes it, is a Service.
func sameHost(host, namespace string, service model.Ref) bool {
	full := fullName(service)
	return host == full || host == strings.TrimSuffix(full, "."+domain) || host == service.Name+"."+service.Namespace ||
		host == service.Name && namespace == service.Namespace
}

// inMesh reports whether a pod has a proxy of its own: Istio's sidecar, its gateways, or ambient mode.
func (v *view) inMesh(p *corev1.Pod) bool {
	is := func(c corev1.Container) bool {
		return c.Name == "istio-proxy" || strings.Contains(c.Image, "istio/proxyv2")
	}
	return slices.ContainsFunc(p.Spec.Containers, is) || slices.ContainsFunc(p.Spec.InitContainers, is) ||
		p.Annotations["ambient.istio.io/redirection"] == "enabled" ||
		cmp.Or(p.Labels["istio.io/dataplane-mode"], v.s.NamespaceLabels(p.Namespace)["istio.io/dataplane-mode"]) == "ambient"
}

// strict finds the PeerAuthentication that has a pod's port refuse everything but mutual TLS: the most
// specific one says (istio.io, PeerAuthentication: a workload's, its namespace's, the mesh's).
func (v *view) strict(p *corev1.Pod, port int32) (object model.FieldRef, ok bool) {
	mode, best := "", -1
	for _, a := range v.all(istio, "PeerAuthentication") {
		want := a.labels("spec", "selector", "matchLabels")
		rank := 0
		switch {
		case a.ref.Namespace == p.Namespace && len(want) > 0 && matches(want, p.Labels):
			rank = 3
		case len(want) > 0:
			continue
		case a.ref.Namespace == p.Namespace:
			rank = 2
		case a.ref.Namespace == rootNamespace:
			rank = 1
		default:
			continue
		}
		field, m := "spec.mtls.mode", a.text("spec", "mtls", "mode")
		if x := a.at("spec", "portLevelMtls").at(itoa(port)).text("mode"); x != "" {
			field, m = "spec.portLevelMtls['"+itoa(port)+"'].mode", x
		}
		if m == "" || m == "UNSET" || rank <= best {
			continue
		}
		mode, best, object = m, rank, at(a.ref, field)
	}
	return object, mode == "STRICT"
}
