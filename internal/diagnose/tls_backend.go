package diagnose

import (
	"cmp"
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

func tlsBackendMismatch() Analyzer {
	return Analyzer{
		Cause:  "tls-backend-mismatch",
		Doc:    "Finds routes on which the proxy speaks TLS to a plain port, or plain HTTP to a TLS port.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Other},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if f, ok := v.tlsMismatch(r, l); ok {
					out = append(out, f.on(r))
				}
			}
			return out
		},
	}
}

// speech is what a proxy is told to speak to a backend.
type speech struct {
	protocol string // as [proxy.Protocol] has it
	at       model.FieldRef
	written  bool
}

// tls reports whether the proxy speaks TLS.
func (s speech) tls() bool { return proxy.SpeaksTLS(s.protocol) }

// http2 reports whether the proxy speaks HTTP/2.
func (s speech) http2() bool { return proxy.SpeaksHTTP2(s.protocol) }

// spoken is what the proxy speaks to a leg's backend, and the place where that is set, or would be.
func (v *view) spoken(r *route, l path.Leg) speech {
	if p, ok := v.backendTLS(l); ok {
		return speech{"HTTPS", at(p.ref, "spec.targetRefs"), true}
	}
	if d, ok := v.destinationRule(serviceRef(l)); ok && r.Proxy == "envoy" {
		if mode, field := tlsMode(d, l); mode == "SIMPLE" || mode == "MUTUAL" {
			return speech{"HTTPS", at(d.ref, field), true}
		}
	}
	s, ok := v.m.Setting(r.Route, l, proxy.Protocol)
	if ok && !s.Default {
		// A port's name tells Istio what it speaks, and appProtocol overrules it; a name that changed would leave those
		// behind that use it.
		if field, named := strings.CutSuffix(s.At.Field, ".name"); named && s.At.Kind == "Service" {
			s.At.Field = field + ".appProtocol"
		}
		return speech{strings.ToUpper(s.Value), s.At, true}
	}
	return speech{protocol: cmp.Or(strings.ToUpper(s.Value), "HTTP"), at: v.whereSpoken(r, l)}
}

// whereSpoken is the place to say what a backend speaks, where nothing says it: an annotation of the
// Ingress for nginx and HAProxy, of the Service for Traefik and Contour, else the Service's port.
func (v *view) whereSpoken(r *route, l path.Leg) model.FieldRef {
	if mistaken, ok := elsewhere(r, protocolWords()...); ok {
		return mistaken
	}
	if s, ok := v.m.Setting(r.Route, l, proxy.Protocol); ok && virtualServer(r.Route) {
		return s.At
	}
	port := at(serviceRef(l), fmt.Sprintf("spec.ports[%d].appProtocol", l.PortAt))
	contour := strings.Contains(r.Controller, "projectcontour.io")
	switch {
	case r.Object.Kind == "Ingress" && r.Proxy == "nginx" && strings.Contains(r.Controller, "nginx.org"):
		return at(r.Object, annotation(nginxTLS))
	case r.Object.Kind == "Ingress" && r.Proxy == "nginx":
		return at(r.Object, annotation("nginx.ingress.kubernetes.io/backend-protocol"))
	case r.Object.Kind == "Ingress" && r.Proxy == "haproxy":
		return at(r.Object, annotation("haproxy.org/server-ssl"))
	case r.Object.Kind == "Ingress" && r.Proxy == "traefik":
		return at(serviceRef(l), annotation("traefik.ingress.kubernetes.io/service.serversscheme"))
	case contour && r.Object.Kind == "Ingress":
		return at(serviceRef(l), annotation(contourTLS))
	case contour && r.Object.Kind == "HTTPProxy":
		return at(r.Object, l.Backend.Field+".protocol")
	default:
		return port
	}
}

// protocolWords are parts of the names of annotations that say what a backend speaks.
func protocolWords() []string {
	return []string{"backend-protocol", "serversscheme", "server-ssl", "secure-backends", "ssl-services", "grpc-services", "upstream-protocol"}
}

// elsewhere finds an annotation of another controller with which somebody believes to have set something: one whose name has
// one of some parts.
func elsewhere(r *route, parts ...string) (model.FieldRef, bool) {
	for _, s := range r.Settings.All(proxy.Elsewhere) {
		if slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s.Value, part) }) {
			return s.At, true
		}
	}
	return model.FieldRef{}, false
}

// heard is what the words of a failed request, or the application's own, say of the other end.
type heard struct {
	tls, plain bool // the backend speaks TLS; it does not
	both       bool // proxy and backend speak TLS with each other, and do not agree
	evidence   model.Evidence
}

// hears asks the failed requests first: what the proxy says is of this very route, what the application logs
// may be of another client.
func (v *view) hears(r *route, l path.Leg) heard {
	for _, s := range r.signals {
		if h, ok := proxyHears(s); ok {
			return h
		}
	}
	return v.appHears(l)
}

// proxyHears reads the words of proxies that spoke TLS to a plain port (OpenSSL's, BoringSSL's, Go's) or
// plain HTTP to a TLS port: what TLS servers answer to that, or a TLS alert where an answer was due.
func proxyHears(s model.Signal) (heard, bool) {
	words := s.Reason + " " + s.Raw
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(words, part) })
	}
	switch {
	case has("wrong version number", "WRONG_VERSION_NUMBER", "first record does not look like a TLS handshake", "oversized record received", "packet length too long"):
		return heard{plain: true, evidence: said(s)}, true
	case has("plain HTTP request was sent to HTTPS port", "HTTP request to an HTTPS server", `malformed HTTP response "\x15\x03`, `malformed HTTP response \"\\x15\\x03`, `malformed HTTP status code`):
		return heard{tls: true, evidence: said(s)}, true
	// The handshake got as far as that, or the backend sent an alert, which is TLS.
	case s.Failure == model.TLS && has("SSL alert number", "certificate", "CERTIFICATE", "unknown ca", "TLSV1_ALERT_", "SSLV3_ALERT_", "remote error: tls: "):
		return heard{both: true}, true
	default:
		return heard{}, false
	}
}

// appHears reads what the pods of a backend log of a client that speaks the wrong protocol: some proxies
// log no more than a reset.
func (v *view) appHears(l path.Leg) heard {
	for _, log := range v.in.Logs {
		if !slices.ContainsFunc(l.Selected, func(p *corev1.Pod) bool { return isLogOf(log, p) }) {
			continue
		}
		for _, line := range log.Lines {
			e := model.Evidence{Kind: "app-log", Text: strings.TrimSpace(line), Source: sourceOf(log)}
			switch {
			case tlsServerSays(line):
				return heard{tls: true, evidence: e}
			case strings.Contains(line, `\x16\x03`) || strings.Contains(line, "0x160x03"): // a ClientHello, read as a request
				return heard{plain: true, evidence: e}
			}
		}
	}
	return heard{}
}

// tlsServerSays knows what servers of TLS log of a plain request: Go, Java, nginx, OpenSSL.
func tlsServerSays(line string) bool {
	for _, part := range []string{
		"TLS handshake error from", "client sent an HTTP request to an HTTPS server", "Unrecognized SSL message, plaintext connection",
		"client sent plain HTTP request to HTTPS port", "plain HTTP request was sent to HTTPS port", "ssl3_get_record:http request", "SSL: HTTP_REQUEST", "SSL routines::http request",
		"not an SSL/TLS record",
	} {
		if strings.Contains(line, part) {
			return part != "TLS handshake error from" || strings.Contains(line, "first record does not look like a TLS handshake")
		}
	}
	return false
}

func said(s model.Signal) model.Evidence {
	return model.Evidence{Kind: "proxy-log", Text: strings.TrimSpace(cmp.Or(s.Raw, s.Reason)), At: s.At, Source: s.Source}
}

// tlsMismatch compares the scheme that the proxy is told to speak with the one in which the
// backend's probe passes, and with the words of failed requests.
func (v *view) tlsMismatch(r *route, l path.Leg) (finding, bool) {
	if l.Port == nil || l.External() && len(r.signals) == 0 || r.works() && len(r.refused(400)) == 0 {
		return finding{}, false
	}
	told := v.spoken(r, l)
	if told.protocol == "TCP" || told.protocol == "AUTO_HTTP" {
		return finding{}, false
	}
	probed, words := probedScheme(l.ReadyEnds()), v.hears(r, l)
	confidence, differ := r.schemesDiffer(l, told, probed, words)
	if !differ {
		return finding{}, false
	}
	why := "the proxy speaks plain HTTP to it, and it speaks TLS"
	if told.tls() {
		why = "the proxy speaks TLS to it, and it speaks plain HTTP"
	}
	ref := serviceRef(l)
	f := find("tls-backend-mismatch", confidence, told.at,
		fmt.Sprintf("%s sends requests for %s to %s port %s: %s", r.Object, r, ref, l.Backend.Port(), why)).
		as(model.TLS, model.Protocol, model.Reset, model.ClosedEarly, model.UpstreamStatus).relates("service", ref)
	if told.tls() && r.Proxy == "haproxy" {
		f.kinds = append(f.kinds, model.NoEndpoints) // its checks of the servers fail in the handshake, and then it asks none
	}
	mistaken, ok := elsewhere(r, protocolWords()...)
	if ok = ok && mistaken == told.at; ok {
		f.Summary += "; the annotation that is to say so is another controller's, which " + r.Controller + " does not read"
	} else {
		f = f.wants(v.wantedSpeech(r, l, told, !told.tls()))
	}
	if !told.tls() {
		f = f.showing(r, r.refused(400))
	}
	f = f.because("object", fmt.Sprintf("the proxy is told to speak %s to the backend", map[bool]string{true: "HTTPS", false: "HTTP"}[told.tls()]), told.at.Ref, time.Time{})
	if probed != "" {
		f = f.because("status", fmt.Sprintf("the readiness probe passes over %s on the same port", probed), ref, time.Time{})
	}
	if words.evidence.Text != "" {
		f.Evidence = append(f.Evidence, words.evidence)
	}
	return f, true
}

// wantedSpeech is the value, as JSON, of the annotation or field that says what the proxy speaks; null: none, as it speaks plain HTTP/1.1
// without one. It is empty where it is not known how that is said.
func (v *view) wantedSpeech(r *route, l path.Leg, told speech, tls bool) string {
	is := func(part string) bool { return strings.Contains(told.at.Field, part) }
	onePort := len(l.Service.Spec.Ports) == 1 // else what holds for the whole Service may be wrong for another port of it
	switch {
	case is("nginx.ingress.kubernetes.io/backend-protocol") && tls:
		return text("HTTPS")
	case is("nginx.ingress.kubernetes.io/backend-protocol"):
		return text("HTTP")
	case is("haproxy.org/server-ssl") && tls:
		return text("true")
	case is("haproxy.org/server-") && told.written:
		return "null"
	case is("traefik.ingress.kubernetes.io/service.serversscheme") && tls && onePort:
		return text("https")
	case is("traefik.ingress.kubernetes.io/service.serversscheme") && onePort:
		return text("http")
	case is(contourTLS):
		return relisted(l.Service.Annotations[contourTLS], tls, strconv.Itoa(int(l.Port.Port)), l.Port.Name)
	case is(nginxTLS) && onePort && v.ingress(r.Route) != nil:
		return relisted(v.ingress(r.Route).Annotations[nginxTLS], tls, l.Service.Name)
	case strings.HasSuffix(told.at.Field, ".tls.enable") && !told.http2():
		return strconv.FormatBool(tls)
	default:
		return ""
	}
}

// Annotations that list the ports of a Service, or the Services of an Ingress, to which TLS is spoken.
const (
	contourTLS = "projectcontour.io/upstream-protocol.tls"
	nginxTLS   = "nginx.org/ssl-services"
)

// relisted is a list as an annotation has it, as JSON, with a name added that may have another one, or without either; null where none is left.
func relisted(list string, add bool, names ...string) string {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	if add {
		out = append(out, names[0])
	}
	if len(out) == 0 {
		return "null"
	}
	return text(strings.Join(out, ","))
}

// schemesDiffer weighs whether a backend speaks another scheme than the proxy is told to. That a port looks like
// one for TLS is no proof: then requests must fail as they do at such a port.
func (r *route) schemesDiffer(l path.Leg, told speech, probed string, words heard) (confidence float64, differ bool) {
	switch {
	case words.both:
		return 0, false
	case told.tls() && told.written && r.requests == r.failures && len(r.veiled(model.TLS)) > 0 && probedTCP(l) && probed != "HTTPS" && !words.tls:
		return likely, true // its port is open, and yet no connection to it could be made: then it is the handshake
	case told.tls():
		return proven, probed == "HTTP" && !words.tls || words.plain
	case probed != "HTTPS" && !words.tls:
		failing := len(r.hits(model.Protocol, model.ClosedEarly, model.Reset, model.TLS)) > 0 || len(r.refused(400)) > 0
		return likely, securePort(l) && failing && probed != "HTTP"
	default:
		broken := r.hits(model.TLS, model.Protocol, model.OtherFailure, model.Reset, model.ClosedEarly, model.UpstreamStatus)
		return proven, len(r.observed) == 0 || len(broken) > 0
	}
}

// securePort reports whether a port's number or name is one that people give to TLS.
func securePort(l path.Leg) bool {
	if forTLS(l.Port.Port, l.Port.Name) {
		return true
	}
	for _, e := range l.ReadyEnds() {
		if forTLS(e.Port, "") || slices.ContainsFunc(podContainers(e.Pod), func(c corev1.Container) bool { return declaresTLS(c.Ports, e.Port) }) {
			return true
		}
	}
	return false
}

// forTLS reports whether a port has a number or a name that people give to TLS.
func forTLS(n int32, name string) bool {
	return n == 443 || n == 8443 || n == 9443 || strings.HasPrefix(name, "https")
}

// declaresTLS reports whether a port is declared with such a number or name.
func declaresTLS(ports []corev1.ContainerPort, n int32) bool {
	return slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == n && forTLS(n, p.Name) })
}

func podContainers(p *corev1.Pod) []corev1.Container {
	if p == nil {
		return nil
	}
	return p.Spec.Containers
}

// probedTCP reports whether a probe that asks for no more than a connection passes on the port to which requests go.
func probedTCP(l path.Leg) bool {
	for _, e := range l.ReadyEnds() {
		for i, c := range podContainers(e.Pod) {
			p := c.ReadinessProbe
			if n, _, ok := path.ProbePort(&e.Pod.Spec.Containers[i], p); ok && n == e.Port && p.TCPSocket != nil && path.Ready(e.Pod) {
				return true
			}
		}
	}
	return false
}

// probedScheme is the scheme in which the readiness probe of a ready pod passes on the port to which
// requests go; empty if no such probe says it.
func probedScheme(ends []path.End) string {
	for _, e := range ends {
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
