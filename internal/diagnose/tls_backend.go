package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// backendProtocol is the annotation with which ingress-nginx is told what a backend speaks.
const backendProtocol = "nginx.ingress.kubernetes.io/backend-protocol"

func tlsBackendMismatch() Analyzer {
	return Analyzer{
		Cause:  "tls-backend-mismatch",
		Doc:    "Finds routes on which the proxy speaks TLS to a plain port, or plain HTTP to a TLS port.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Services, snapshot.EndpointSlices, snapshot.Pods},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if f, ok := v.tlsMismatch(r, l); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// tlsMismatch compares the scheme that the proxy is told to speak with the one in which the
// backend's probe passes, and with the words of failed handshakes.
func (v *view) tlsMismatch(r *route, l path.Leg) (finding, bool) {
	if l.Port == nil || r.works() {
		return finding{}, false
	}
	told, object := v.spoken(r, l)
	probed := probedScheme(l)
	words := ""
	for _, s := range r.hits(model.TLS, model.Protocol) {
		words = s.Reason + " " + s.Raw
		break
	}
	plainBackend := strings.Contains(words, "wrong version number") || strings.Contains(words, "WRONG_VERSION_NUMBER") || strings.Contains(words, "first record does not look like a TLS handshake")
	wants, why := "", ""
	confidence := proven
	switch {
	case told == "HTTPS" && (probed == "HTTP" || plainBackend):
		wants, why = "HTTP", "the proxy speaks TLS to it, and it speaks plain HTTP"
	case told == "HTTP" && probed == "HTTPS" && words == "" && len(r.observed) > 0 && len(r.hits(model.OtherFailure, model.Reset, model.ClosedEarly, model.UpstreamStatus)) == 0:
		return finding{}, false
	case told == "HTTP" && probed == "HTTPS":
		wants, why = "HTTPS", "the proxy speaks plain HTTP to it, and it speaks TLS"
	default:
		return finding{}, false
	}
	if words == "" && probed == "" {
		confidence = likely
	}
	ref := serviceRef(l)
	f := find("tls-backend-mismatch", confidence, object,
		fmt.Sprintf("%s sends requests for %s to %s port %s: %s", r.Object, r, ref, l.Backend.Port(), why)).
		on(r).as(model.TLS, model.Protocol, model.Reset, model.ClosedEarly, model.UpstreamStatus).relates("service", ref).wants(text(wants)).
		because("object", fmt.Sprintf("the proxy is told to speak %s to the backend", told), object.Ref, time.Time{})
	if probed != "" {
		f = f.because("status", fmt.Sprintf("the readiness probe passes over %s on the same port", probed), ref, time.Time{})
	}
	return f, true
}

// spoken is the scheme that the proxy uses towards a backend, and where that is set.
func (v *view) spoken(r *route, l path.Leg) (scheme string, object model.FieldRef) {
	field := "metadata.annotations['" + backendProtocol + "']"
	if ing, ok := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name); ok == snapshot.Present && r.Object.Kind == "Ingress" && r.Proxy == "nginx" {
		switch p := strings.ToUpper(ing.Annotations[backendProtocol]); p {
		case "HTTPS", "GRPCS":
			return "HTTPS", at(r.Object, field)
		case "", "HTTP", "AUTO_HTTP":
			return "HTTP", at(r.Object, field)
		default:
			return p, at(r.Object, field)
		}
	}
	field = fmt.Sprintf("spec.ports[%d].appProtocol", l.PortAt)
	if p := l.Port.AppProtocol; p != nil && strings.EqualFold(*p, "https") {
		return "HTTPS", at(serviceRef(l), field)
	}
	for key, value := range l.Service.Annotations {
		tls := key == "traefik.ingress.kubernetes.io/service.serversscheme" && value == "https" ||
			key == "projectcontour.io/upstream-protocol.tls" && value != "" ||
			key == "haproxy.org/server-ssl" && value == "true"
		if tls {
			return "HTTPS", at(serviceRef(l), "metadata.annotations['"+key+"']")
		}
	}
	if r.Proxy == "traefik" && (l.Port.Port == 443 || strings.HasPrefix(l.Port.Name, "https")) {
		return "HTTPS", at(serviceRef(l), fmt.Sprintf("spec.ports[%d].name", l.PortAt)) // Traefik takes the scheme from the port's number or name
	}
	return "HTTP", at(serviceRef(l), field)
}

// probedScheme is the scheme in which the readiness probe of a ready pod passes on the port to which
// requests go; empty if no such probe says it.
func probedScheme(l path.Leg) string {
	for _, e := range l.ReadyEnds() {
		if e.Pod == nil || !path.Ready(e.Pod) {
			continue
		}
		for i := range e.Pod.Spec.Containers {
			c := &e.Pod.Spec.Containers[i]
			p := c.ReadinessProbe
			if n, _, ok := path.ProbePort(c, p); !ok || n != e.Port || p.HTTPGet == nil {
				continue
			}
			if p.HTTPGet.Scheme == corev1.URISchemeHTTPS {
				return "HTTPS"
			}
			return "HTTP"
		}
	}
	return ""
}
