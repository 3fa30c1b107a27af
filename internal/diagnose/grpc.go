package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func grpcMismatch() Analyzer {
	return Analyzer{
		Cause: "grpc-h2c-mismatch", Doc: "Finds routes on which the proxy speaks HTTP/1.1 to a gRPC port, or HTTP/2 to one that does not know it.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.Services, snapshot.EndpointSlices, snapshot.Pods},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if f, ok := v.http2Mismatch(r, l); ok {
					out = append(out, f.on(r))
				}
			}
			return out
		},
	}
}

// http2Mismatch compares what the proxy speaks with what the backend's probe, port names and the words of
// failed requests say that it speaks.
func (v *view) http2Mismatch(r *route, l path.Leg) (finding, bool) {
	if l.Port == nil || r.works() {
		return finding{}, false
	}
	if _, _, mixed := v.tongues(r, l); mixed {
		return finding{}, false // its pods do not speak one protocol; what is wrong is that it selects both
	}
	told := v.spoken(r, l)
	if r.Object.Kind == "GRPCRoute" && (!told.written || told.at.Ref == r.Object) {
		told.protocol = "GRPC" // a GRPCRoute's backends are spoken to in HTTP/2 whatever their port says
		told.at = at(r.Object, l.Backend.Field)
	}
	if slices.Contains([]string{"TCP", "FCGI", "AUTO_HTTP"}, told.protocol) {
		return finding{}, false
	}
	words, speaks2 := http2Words(r)
	confidence, why, ok := clash(r, l, told, words.Text != "", speaks2)
	if !ok {
		return finding{}, false
	}
	ref := serviceRef(l)
	f := find("grpc-h2c-mismatch", confidence, told.at, fmt.Sprintf("%s sends requests for %s to %s port %s: %s", r.Object, r, ref, l.Backend.Port(), why)).
		as(model.Protocol, model.Reset, model.ClosedEarly, model.UpstreamStatus).relates("service", ref).
		because("object", "the proxy is told to speak "+told.protocol+" to the backend", told.at.Ref, time.Time{})
	if mistaken, ok := elsewhere(r, protocolWords()...); ok && mistaken == told.at {
		f.Summary += "; the annotation that is to say so is another controller's, which " + r.Controller + " does not read"
	} else if strings.Contains(told.at.Field, "nginx.ingress.kubernetes.io/backend-protocol") {
		f = f.wants(text(map[bool]string{true: "HTTP", false: "GRPC"}[told.http2()]))
	} else if told.http2() {
		f = f.wants(v.wantedSpeech(r, l, told, false))
	}
	if words.Text != "" {
		f.Evidence = append(f.Evidence, words)
	}
	f.atRest = len(v.in.Signals) == 0 && v.oneTongue(r, l, told)
	return f, true
}

// oneTongue reports whether all that objects say of a port is that it speaks the other version of HTTP: its probe and
// its names. A server that knows both is asked in HTTP/1.1 by another route, or its port is named for neither.
func (v *view) oneTongue(r *route, l path.Leg, told speech) bool {
	if !told.http2() {
		return probedGRPC(l.ReadyEnds()) && namedGRPC(l)
	}
	if told.protocol != "GRPC" || !told.written && r.Object.Kind != "GRPCRoute" || namedGRPC(l) || !namedHTTP(l) {
		return false
	}
	return !slices.ContainsFunc(v.m.Routes(), func(o path.Route) bool {
		return o.Object != r.Object && slices.ContainsFunc(o.Backends, func(b path.Backend) bool { return b.Service == serviceRef(l) })
	})
}

// namedHTTP reports whether the port of the backend's container is named for HTTP, and neither for HTTP/2 nor TLS.
func namedHTTP(l path.Leg) bool {
	return slices.ContainsFunc(l.ReadyEnds(), func(e path.End) bool {
		return slices.ContainsFunc(podContainers(e.Pod), func(c corev1.Container) bool {
			return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool {
				return p.ContainerPort == e.Port && (p.Name == "http" || p.Name == "web" || strings.HasPrefix(p.Name, "http-"))
			})
		})
	})
}

// clash weighs what says that proxy and backend speak different versions of HTTP. Neither a name nor a probe
// proves what a server speaks (it can know both versions), so that only words, or a gRPC probe that passes
// while requests fail, make it certain. worded is set when a proxy's words say so, speaks2 as in http2Words.
func clash(r *route, l path.Leg, told speech, worded, speaks2 bool) (confidence float64, why string, ok bool) {
	probed, named := probedGRPC(l.ReadyEnds()), namedGRPC(l)
	broken := len(r.hits(model.Protocol, model.Reset, model.ClosedEarly, model.OtherFailure, model.UpstreamStatus)) > 0
	unconnected := len(r.veiled(model.Protocol)) > 0 // though the server's port is open, as its probe shows
	confidence, why = proven, "the proxy speaks HTTP/1.1 to it, and it speaks gRPC, which is HTTP/2"
	switch {
	case !told.http2() && !told.tls() && (probed || named) && (worded && speaks2 || broken && probed):
	case !told.http2() && !told.tls() && probed && len(r.observed) == 0:
		confidence = likely
	case !told.http2() && !told.tls() && named && broken:
		confidence = likely
	case told.http2() && probedScheme(l.ReadyEnds()) != "" && (worded && !speaks2 || broken || len(r.observed) == 0):
		why = "the proxy speaks HTTP/2 to it, and its probe passes over HTTP/1.1"
		if len(r.observed) == 0 || !worded && !unconnected {
			confidence = likely // a server can know both
		}
	case told.http2() && worded && !speaks2 && len(r.succeeded) == 0:
		why = "the proxy speaks HTTP/2 to it, and it does not understand that"
	default:
		return 0, "", false
	}
	return confidence, why, true
}

// probedGRPC reports whether a gRPC probe passes on the port of one of some endpoints.
func probedGRPC(ends []path.End) bool {
	for _, e := range ends {
		for _, c := range podContainers(e.Pod) {
			for _, p := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe} {
				if p != nil && p.GRPC != nil && p.GRPC.Port == e.Port && path.Ready(e.Pod) {
					return true
				}
			}
		}
	}
	return false
}

// namedGRPC reports whether the Service's port or the container's is named for gRPC, or the Service says so.
func namedGRPC(l path.Leg) bool {
	is := func(name string) bool {
		return strings.HasPrefix(name, "grpc") || strings.HasPrefix(name, "h2c") || strings.HasPrefix(name, "http2")
	}
	if is(l.Port.Name) || l.Port.AppProtocol != nil && (is(*l.Port.AppProtocol) || strings.HasSuffix(*l.Port.AppProtocol, "/h2c")) {
		return true
	}
	for _, e := range l.ReadyEnds() {
		for _, c := range podContainers(e.Pod) {
			if slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == e.Port && is(p.Name) }) {
				return true
			}
		}
	}
	return false
}

// http2Words finds the words of a proxy that met the other version of HTTP. speaks2 is set when it is the
// backend that speaks HTTP/2: nginx reads its SETTINGS frame for an answer (also as status 009), Go's
// transports a malformed answer that starts with zeros.
func http2Words(r *route) (words model.Evidence, speaks2 bool) {
	for _, s := range r.hits(model.Protocol, model.OtherFailure, model.ClosedEarly, model.Reset, model.UpstreamStatus) {
		text := s.Reason + " " + s.Raw
		for _, part := range []string{"upstream sent no valid HTTP/1.0 header", `malformed HTTP response "\x00\x00`, "HPE_INVALID", "codec_error:http/1.1_protocol_error", "http/1.1 protocol error"} {
			if strings.Contains(text, part) {
				return said(s), true
			}
		}
		for _, part := range []string{"upstream sent too large http2 frame", "upstream sent frame", "http2 error", "http2: ", "http/2.protocol.error", "frame too large", "looked like an HTTP/1.1 header", "upstream sent invalid http2", "nghttp2", "protocol_error", "protocol error"} {
			if strings.Contains(text, part) {
				return said(s), false
			}
		}
	}
	return model.Evidence{}, false
}
