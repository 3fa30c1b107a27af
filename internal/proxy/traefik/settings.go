package traefik

import (
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/annotation"
)

const prefix = "traefik.ingress.kubernetes.io/"

// table is what Traefik reads of Ingresses (router.) and of Services (service.)
// (traefik/traefik, pkg/provider/kubernetes/ingress/annotations.go).
var table = sync.OnceValue(func() annotation.Table {
	return annotation.Table{Prefixes: []string{prefix}, Rows: []annotation.Row{
		{Name: "router.middlewares", Knob: proxy.Middleware, Form: annotation.Text},
		{Name: "router.pathmatcher", Knob: proxy.UseRegex, Form: annotation.Text},
		{Name: "service.serversscheme", Knob: proxy.Protocol, Form: scheme},
		{Name: "service.serverstransport", Knob: proxy.Extension, Form: annotation.Text},
		{Name: "service.nativelb", Knob: proxy.ServiceAddress, Form: annotation.Switch},
		{Name: "service.passhostheader", Knob: proxy.UpstreamHost, Form: annotation.Text},
		{Name: "service.sticky.cookie", Knob: proxy.Affinity, Form: annotation.Text},
	}}
})

func scheme(v string) proxy.Setting {
	s := annotation.OneOf("HTTP", "HTTPS", "H2C")(v)
	return s
}

func ingressSettings(_ string, ing *networkingv1.Ingress) proxy.Settings {
	ref := model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: ing.Namespace, Name: ing.Name}
	return table().Read(ref, ing.Annotations)
}

// serviceSettings: without an annotation Traefik takes the scheme from the port's number or name
// (pkg/provider/kubernetes/ingress/kubernetes.go: getProtocol).
func serviceSettings(_ string, svc *corev1.Service, port *corev1.ServicePort) proxy.Settings {
	out := table().Read(annotation.ServiceRef(svc), svc.Annotations)
	if port.Port != 443 && !strings.HasPrefix(port.Name, "https") {
		return out
	}
	for i := range svc.Spec.Ports {
		if svc.Spec.Ports[i].Port == port.Port && svc.Spec.Ports[i].Name == port.Name {
			field := fmt.Sprintf("spec.ports[%d].name", i)
			if port.Port == 443 {
				field = fmt.Sprintf("spec.ports[%d].port", i)
			}
			out = append(out, proxy.Setting{Knob: proxy.Protocol, Value: "HTTPS", Yes: true, At: model.FieldRef{Ref: annotation.ServiceRef(svc), Field: field}})
		}
	}
	return out
}

// defaults are those of pkg/config/dynamic/http_config.go: the answer is waited for without limit, a
// connection 30 s; and Go's limit for an answer's header.
func defaults(string) proxy.Settings {
	return proxy.Settings{
		{Knob: proxy.Protocol, Value: "HTTP", At: model.FieldRef{Field: annotation.Field(prefix + "service.serversscheme")}, Default: true},
		{Knob: proxy.ConnectTimeout, Time: 30 * time.Second, Default: true},
		{Knob: proxy.KeepAlive, Time: 90 * time.Second, Default: true},
		{Knob: proxy.HeaderBuffer, Size: 10 << 20, Default: true},
	}
}

// patterns: a Prefix is PathPrefix, which compares text and not elements unless strictPrefixMatching is
// set, and of the rules that match the longest is taken, hosts included
// (pkg/provider/kubernetes/ingress/kubernetes.go: loadRouter; pkg/muxer/http/mux.go: GetRulePriority).
func patterns(_ string, rules []proxy.PathRule) []proxy.Pattern {
	out := make([]proxy.Pattern, len(rules))
	for i, r := range rules {
		matcher := "PathPrefix"
		if m, ok := r.Settings.Get(proxy.UseRegex); ok && r.Type == "ImplementationSpecific" {
			matcher = m.Value
		}
		if r.Type == "Exact" {
			matcher = "Path"
		}
		how := map[string]proxy.How{"Path": proxy.Equal, "PathPrefix": proxy.Leading, "PathRegexp": proxy.Within}[matcher]
		out[i] = proxy.Pattern{How: how, Text: r.Path, Rank: ruleLength(r.Host, matcher, r.Path)}
	}
	return out
}

// ruleLength is the priority that Traefik gives an Ingress's rule: the length of its text.
func ruleLength(host, matcher, path string) int {
	n := len(fmt.Sprintf("%s(%q)", matcher, path))
	if host != "" {
		n += len(fmt.Sprintf("Host(%q) && ", host))
	}
	return n
}
