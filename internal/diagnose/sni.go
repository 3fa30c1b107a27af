package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func tlsSNIMismatch() Analyzer {
	return Analyzer{
		Cause: "tls-sni-mismatch", Doc: "Finds backends that want another server name in the TLS handshake than the proxy sends.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Services, snapshot.Other}, stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				if f, ok := v.refusedBackend(r); ok && f.ID == "tls-sni-mismatch" {
					out = append(out, f.on(r))
					continue
				}
				if f, ok := v.unknownName(r); ok {
					out = append(out, f.on(r))
				} else if f, ok := v.unmatchedName(r); ok {
					out = append(out, f.on(r))
				}
			}
			return out
		},
	}
}

// unknownName finds that a backend has no certificate for the name that the proxy sends: the alert
// unrecognized_name (112), or status 421. nginx sends no name at all unless told to, to which hosts with
// several names answer with a handshake failure (40).
func (v *view) unknownName(r *route) (finding, bool) {
	for _, s := range r.signals {
		if len(r.legs) == 0 {
			break
		}
		words := s.Reason + " " + s.Raw
		l := r.legs[0]
		told := v.spoken(r, l)
		unrecognized := strings.Contains(words, "unrecognized name") || strings.Contains(words, "UNRECOGNIZED_NAME") || strings.Contains(words, "alert number 112")
		nameless := r.Proxy == "nginx" && told.tls() && l.External() && (strings.Contains(words, "alert handshake failure") || strings.Contains(words, "alert number 40"))
		if !unrecognized && !nameless {
			continue
		}
		object, sent := v.nameSent(r, l, told)
		why := fmt.Sprintf("the backend of %s knows no such name as the proxy sends in the TLS handshake%s", r, sent)
		f := find("tls-sni-mismatch", proven, object, why).as(model.TLS, s.Failure).relates("service", serviceRef(l)).because("object", why, object.Ref, time.Time{})
		if !unrecognized {
			f.Confidence = likely
		}
		f.Evidence = append(f.Evidence, said(s))
		return f, true
	}
	return finding{}, false
}

// nameSent is where the name that a proxy sends is set, or would be.
func (v *view) nameSent(r *route, l path.Leg, told speech) (object model.FieldRef, sent string) {
	if s, ok := v.m.Written(r.Route, l, proxy.ServerName); ok {
		return s.At, ": " + s.Value
	}
	if p, ok := v.backendTLS(l); ok {
		part := "validation"
		if !p.at("spec").has(part) {
			part = "tls" // up to v1alpha2
		}
		return at(p.ref, "spec."+part+".hostname"), ": " + p.text("spec", part, "hostname")
	}
	if d, ok := v.destinationRule(serviceRef(l)); ok {
		return at(d.ref, "spec.trafficPolicy.tls.sni"), ": " + d.text("spec", "trafficPolicy", "tls", "sni")
	}
	if r.Object.Kind == "Ingress" && r.Proxy == "nginx" {
		return at(r.Object, annotation("nginx.ingress.kubernetes.io/proxy-ssl-server-name")), ", which is none"
	}
	return told.at, ""
}
