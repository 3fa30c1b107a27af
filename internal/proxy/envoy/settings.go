package envoy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/annotation"
)

// product is one of the control planes that drive Envoy.
type product uint8

const (
	byContour product = iota
	byEnvoyGateway
	byIstio
)

func productOf(controller string) product {
	switch c := strings.ToLower(controller); {
	case strings.HasPrefix(c, "istio.io/"):
		return byIstio
	case strings.Contains(c, "gateway.envoyproxy.io"):
		return byEnvoyGateway
	default:
		return byContour
	}
}

// contourTable is what Contour reads of Ingresses (projectcontour/contour,
// internal/annotation/annotations.go, internal/dag/policy.go: ingressTimeoutPolicy).
var contourTable = sync.OnceValue(func() annotation.Table {
	return annotation.Table{Prefixes: []string{"projectcontour.io/", "ingress.kubernetes.io/"}, Rows: []annotation.Row{
		{Name: "response-timeout", Knob: proxy.RequestTimeout, Form: Timeout},
		{Name: "num-retries", Knob: proxy.Retries, Form: annotation.Number},
		{Name: "retry-on", Knob: proxy.Retries, Form: annotation.Text},
		{Name: "force-ssl-redirect", Knob: proxy.ForceTLS, Form: annotation.Switch},
	}}
})

// Timeout reads a time as Contour does: as Go writes it, or "infinity".
func Timeout(v string) proxy.Setting {
	if v == "infinity" || v == "infinite" {
		return proxy.Setting{Value: v}
	}
	d, err := time.ParseDuration(v)
	s := proxy.Setting{Value: v, Time: d, Yes: d != 0}
	if err != nil {
		s.Wrong = fmt.Sprintf("%q is not a time", v)
	}
	return s
}

func ingressSettings(controller string, ing *networkingv1.Ingress) proxy.Settings {
	if productOf(controller) != byContour {
		return nil
	}
	ref := model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: ing.Namespace, Name: ing.Name}
	return contourTable().Read(ref, ing.Annotations)
}

// serviceSettings: Contour goes by appProtocol alone where there is one, else by its annotations, which
// list ports by number or name (internal/dag/accessors.go: upstreamProtocol). Istio takes a port's appProtocol or the prefix of its name, and finds out by itself where neither tells.
func serviceSettings(controller string, svc *corev1.Service, port *corev1.ServicePort) proxy.Settings {
	var out proxy.Settings
	switch productOf(controller) {
	case byContour:
		if port.AppProtocol != nil {
			break
		}
		for _, v := range []struct{ name, protocol string }{{"tls", "HTTPS"}, {"h2", "H2"}, {"h2c", "H2C"}} {
			name := "projectcontour.io/upstream-protocol." + v.name
			ports := strings.Split(strings.ReplaceAll(svc.Annotations[name], " ", ""), ",")
			if slices.Contains(ports, strconv.Itoa(int(port.Port))) || port.Name != "" && slices.Contains(ports, port.Name) {
				out = append(out, proxy.Setting{
					Knob: proxy.Protocol, Value: v.protocol, Yes: true,
					At: model.FieldRef{Ref: annotation.ServiceRef(svc), Field: annotation.Field(name)},
				})
			}
		}
	case byIstio:
		out = named(svc, port)
	case byEnvoyGateway:
	}
	return append(out, annotation.AppProtocol(svc, port)...)
}

// named reads Istio's NAME[-SUFFIX] of a port; appProtocol is stronger.
func named(svc *corev1.Service, port *corev1.ServicePort) proxy.Settings {
	if port.AppProtocol != nil {
		return nil
	}
	word, _, _ := strings.Cut(port.Name, "-")
	protocol := map[string]string{
		"http": "HTTP", "http2": "H2C", "grpc": "GRPC", "https": "HTTPS", "tls": "HTTPS", "tcp": "TCP", "mongo": "TCP", "redis": "TCP", "mysql": "TCP",
	}[word]
	if protocol == "" {
		return nil
	}
	for i := range svc.Spec.Ports {
		if svc.Spec.Ports[i].Name == port.Name {
			at := model.FieldRef{Ref: annotation.ServiceRef(svc), Field: fmt.Sprintf("spec.ports[%d].name", i)}
			return proxy.Settings{{Knob: proxy.Protocol, Value: protocol, Yes: true, At: at}}
		}
	}
	return nil
}

// defaults: Envoy's route timeout is 15 s, which Contour and Envoy Gateway leave in force and Istio turns
// off; it connects within 5 s in Envoy itself (cluster.proto), 2 s in Contour (pkg/config: ConnectTimeout), 10 s in
// Envoy Gateway and Istio (mesh config). A header of an answer may have 60 KiB.
func defaults(controller string) proxy.Settings {
	request, connect := 15*time.Second, 2*time.Second
	at := model.FieldRef{Field: annotation.Field("projectcontour.io/response-timeout")}
	switch productOf(controller) {
	case byIstio:
		request, connect, at = 0, 10*time.Second, model.FieldRef{}
	case byEnvoyGateway:
		connect, at = 10*time.Second, model.FieldRef{}
	case byContour:
	}
	return proxy.Settings{
		{Knob: proxy.Protocol, Value: "HTTP", Default: true},
		{Knob: proxy.RequestTimeout, Time: request, At: at, Default: true},
		{Knob: proxy.ConnectTimeout, Time: connect, Default: true},
		{Knob: proxy.HeaderBuffer, Size: 60 << 10, Default: true},
		{Knob: proxy.KeepAlive, Time: time.Hour, Default: true},
	}
}

// patterns: Contour takes an ImplementationSpecific path that looks like an expression for one, which
// must match the whole path, and else for a string prefix (internal/dag/ingress_processor.go: route);
// exact is asked before expressions, these before prefixes (internal/sorter/sorter.go: routeSorter). Istio takes
// it for exact unless it ends in .* or /* (pilot, pkg/config/kube/ingress/conversion.go: createFallbackStringMatch).
func patterns(controller string, rules []proxy.PathRule) []proxy.Pattern {
	out := make([]proxy.Pattern, len(rules))
	for i, r := range rules {
		if r.Type == "Prefix" && len(r.Path) > 1 {
			r.Path = strings.TrimRight(r.Path, "/")
		}
		out[i] = proxy.PlainPattern(r, proxy.Leading)
		if r.Type == "Exact" || r.Type == "Prefix" {
			continue
		}
		switch {
		case productOf(controller) == byIstio:
			out[i] = fallback(r.Path)
		case strings.ContainsAny(r.Path, "^+*[]%"):
			out[i] = proxy.Pattern{How: proxy.Matches, Text: r.Path, Rank: proxy.RegexFirst + len(r.Path)}
		}
	}
	return out
}

func fallback(path string) proxy.Pattern {
	for _, wild := range []string{".*", "/*"} {
		if rest, ok := strings.CutSuffix(path, wild); ok {
			return proxy.Pattern{How: proxy.Leading, Text: rest, Rank: len(rest)}
		}
	}
	return proxy.Pattern{How: proxy.Equal, Text: path, Rank: proxy.ExactFirst + len(path)}
}
