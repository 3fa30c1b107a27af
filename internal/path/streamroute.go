package path

import (
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

func askingStream(sr *custom.StreamRoute) asking {
	return asking{
		ref: sr.Ref(), generation: sr.Generation, created: sr.CreationTimestamp.Time,
		hosts: hostsOf(sr.Spec.Hostnames), parents: sr.Spec.ParentRefs, status: sr.Status.Parents,
	}
}

// streamRoutes are the TLSRoutes and TCPRoutes. To them a request is a connection: every path is the same.
func (m *Map) streamRoutes() []Route {
	var out []Route
	for _, sr := range m.custom.StreamRoutes {
		a := askingStream(sr)
		for _, p := range m.parents(a) {
			for i := range sr.Spec.Rules {
				base := p.base(a, i)
				base.Path, base.PathType = "/", Prefix
				base.Pattern = gatewayPattern(base.PathType, base.Path)
				base.Settings = proxy.Settings{{Knob: proxy.Protocol, Value: "TCP", Yes: true, At: model.FieldRef{Ref: a.ref, Field: base.Rule}}}
				m.backends(a, &base, sr.Spec.Rules[i].BackendRefs)
				out = append(out, p.spread(base, []Route{base})...)
			}
		}
	}
	return out
}

// Stream reports whether the gateway forwards the route's connections as they are: it then neither reads requests nor
// answers any itself.
func (r *Route) Stream() bool {
	return r.Object.Kind == "TLSRoute" || r.Object.Kind == "TCPRoute" || r.Settings.Yes(proxy.Passthrough)
}

// takesKind reports whether a listener's protocol is one for a kind of route (gateway-api.sigs.k8s.io/guides/tls, and
// the table in the documentation of Listener.protocol).
func takesKind(l *gatewayv1.Listener, kind string) bool {
	var of []gatewayv1.ProtocolType
	switch kind {
	case "TLSRoute":
		of = []gatewayv1.ProtocolType{gatewayv1.TLSProtocolType}
	case "TCPRoute":
		of = []gatewayv1.ProtocolType{gatewayv1.TCPProtocolType}
		if l.TLS != nil && (l.TLS.Mode == nil || *l.TLS.Mode == gatewayv1.TLSModeTerminate) {
			of = append(of, gatewayv1.TLSProtocolType)
		}
	default:
		of = []gatewayv1.ProtocolType{gatewayv1.HTTPProtocolType, gatewayv1.HTTPSProtocolType}
	}
	return slices.Contains(of, l.Protocol)
}
