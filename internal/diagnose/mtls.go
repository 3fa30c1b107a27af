package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func itoa(n int32) string { return strconv.Itoa(int(n)) }

func mtlsMismatch() Analyzer {
	return Analyzer{
		Cause: "mtls-mismatch", Doc: "Finds backends that require mutual TLS of gateways that do not do it, and the reverse.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Pods, snapshot.Namespaces, snapshot.EndpointSlices, snapshot.Other},
		run: func(v *view) []finding {
			mesh := len(v.all(istio, "PeerAuthentication"))+len(v.all(istio, "DestinationRule")) > 0
			var out []finding
			for r, l := range v.legsWith() {
				f, ok := finding{}, false
				if mesh {
					f, ok = v.mutual(r, l)
				}
				if !ok {
					f, ok = v.unshown(r, l)
				}
				if ok {
					out = append(out, f.on(r))
				}
			}
			return out
		},
	}
}

// unshown finds a backend that ends TLS because the proxy shows it no certificate: with the alert certificate_required
// (116), which is for nothing else (RFC 8446, 6.2). Before TLS 1.3 servers sent others, which have more meanings.
func (v *view) unshown(r *route, l path.Leg) (finding, bool) {
	i := slices.IndexFunc(r.signals, func(s model.Signal) bool {
		words := s.Reason + " " + s.Raw
		return v.concerns(l.Backend.Service, &s) && (strings.Contains(words, "certificate required") || strings.Contains(words, "CERTIFICATE_REQUIRED"))
	})
	if i < 0 {
		return finding{}, false
	}
	s, object := r.signals[i], at(r.Object, "")
	if set, ok := v.m.Written(r.Route, l, proxy.ClientSecret); ok {
		object = set.At
	} else if r.Object.Kind == "Ingress" && r.Controller == "k8s.io/ingress-nginx" {
		object.Field = annotation(ingressNginx + "proxy-ssl-secret") // where one would be named
	}
	f := find("mtls-mismatch", proven, object, fmt.Sprintf("%s asks the proxy for a certificate, and %s has it show none", serviceRef(l), r.Object)).
		as(model.TLS, s.Failure).relates("service", serviceRef(l)).
		not("certificate-invalid", "it is not the certificate of the backend that is refused")
	f.Evidence = append(f.Evidence, said(s))
	return f, true
}

// mutual compares what a leg's pods ask with what the gateway does. Istio sees to both ends by itself
// (auto mTLS) unless an object says otherwise.
func (v *view) mutual(r *route, l path.Leg) (finding, bool) {
	pod, port := meshed(v, l)
	gateways := v.m.Gateways(r.Route)
	kinds := []model.FailureKind{model.Reset, model.ClosedEarly, model.TLS, model.Protocol, model.Refused, model.NoEndpoints}
	if pod == nil || len(gateways) == 0 {
		return v.mutualToPlain(l, gateways)
	}
	required, strict := v.strict(pod, port)
	if !strict || !v.inMesh(pod) {
		return v.mutualToPlain(l, gateways)
	}
	gateway := gateways[0]
	if !v.inMesh(gateway) {
		why := fmt.Sprintf("%s has the pods of %s refuse all but mutual TLS, and the gateway's pod %s/%s has no sidecar, so it sends plain text", required.Ref, serviceRef(l), gateway.Namespace, gateway.Name)
		return find("mtls-mismatch", proven, required, why).as(kinds...).
			because("object", why, required.Ref, time.Time{}).relates("service", serviceRef(l)), true
	}
	rule, ok := v.destinationRule(serviceRef(l))
	if !ok {
		return finding{}, false
	}
	mode, field := tlsMode(rule, l)
	if mode == "" || mode == "ISTIO_MUTUAL" || mode == "MUTUAL" {
		return finding{}, false
	}
	why := fmt.Sprintf("%s has clients of %s use TLS mode %s, and %s refuses all but mutual TLS", rule.ref, serviceRef(l), mode, required.Ref)
	return find("mtls-mismatch", proven, at(rule.ref, field), why).as(kinds...).
		because("object", why, rule.ref, time.Time{}).relates("service", serviceRef(l)).wants(`"ISTIO_MUTUAL"`), true
}

// mutualToPlain finds a DestinationRule that has a meshed gateway use the mesh's mutual TLS towards pods
// that are not in the mesh.
func (v *view) mutualToPlain(l path.Leg, gateways []*corev1.Pod) (finding, bool) {
	rule, ok := v.destinationRule(serviceRef(l))
	if !ok || len(gateways) == 0 || !v.inMesh(gateways[0]) {
		return finding{}, false
	}
	mode, field := tlsMode(rule, l)
	ends := l.ReadyEnds()
	if mode != "ISTIO_MUTUAL" || len(ends) == 0 {
		return finding{}, false
	}
	for _, e := range ends {
		if e.Pod == nil || v.inMesh(e.Pod) {
			return finding{}, false
		}
	}
	p := ends[0].Pod
	why := fmt.Sprintf("%s has clients of %s use the mesh's mutual TLS, and pod %s has no sidecar", rule.ref, serviceRef(l), p.Name)
	return find("mtls-mismatch", proven, at(rule.ref, field), why).as(model.Reset, model.ClosedEarly, model.TLS, model.Protocol, model.Refused, model.ConnectTimeout).
		because("object", why, rule.ref, time.Time{}).relates("service", serviceRef(l)), true
}

// meshed is a ready pod of a leg that is in the mesh, and the port on which it is dialled.
func meshed(v *view, l path.Leg) (*corev1.Pod, int32) {
	for _, e := range l.ReadyEnds() {
		if e.Pod != nil && v.inMesh(e.Pod) {
			return e.Pod, e.Port
		}
	}
	return nil, 0
}

// tlsMode is the TLS mode that a DestinationRule sets for a leg: the port's, else its own. A rule without
// one leaves it to Istio.
func tlsMode(rule piece, l path.Leg) (mode, field string) {
	for i, p := range rule.list("spec", "trafficPolicy", "portLevelSettings") {
		if m := p.text("tls", "mode"); m != "" && l.Port != nil && p.at("port").number("number") == int64(l.Port.Port) {
			return m, fmt.Sprintf("spec.trafficPolicy.portLevelSettings[%d].tls.mode", i)
		}
	}
	return rule.text("spec", "trafficPolicy", "tls", "mode"), "spec.trafficPolicy.tls.mode"
}
