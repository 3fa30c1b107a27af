package haproxy

import (
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/annotation"
)

// isCommunity tells jcmoraisjr/haproxy-ingress from HAProxy Technologies' kubernetes-ingress.
func isCommunity(controller string) bool {
	return strings.Contains(strings.ToLower(controller), "haproxy-ingress.github.io")
}

// technologiesTable is what HAProxy Technologies' controller reads, on Ingresses and Services alike
// (haproxytech/kubernetes-ingress, documentation/annotations.md).
var technologiesTable = sync.OnceValue(func() annotation.Table {
	span := annotation.Span(time.Millisecond)
	return annotation.Table{Prefixes: []string{"haproxy.org/", "ingress.kubernetes.io/"}, Rows: []annotation.Row{
		{Name: "server-ssl", Knob: proxy.Protocol, Form: https},
		{Name: "server-proto", Knob: proxy.Protocol, Form: h2},
		{Name: "server-ca", Knob: proxy.BackendCA, Form: annotation.Text},
		{Name: "server-crt", Knob: proxy.ClientSecret, Form: annotation.Text},
		{Name: "server-sni", Knob: proxy.ServerName, Form: annotation.Text},
		{Name: "set-host", Knob: proxy.UpstreamHost, Form: annotation.Text},
		{Name: "path-rewrite", Knob: proxy.Rewrite, Form: annotation.Text},
		{Name: "request-redirect", Knob: proxy.Redirect, Form: annotation.Text},
		{Name: "ssl-redirect", Knob: proxy.ForceTLS, Form: annotation.OnOff},
		{Name: "ssl-passthrough", Knob: proxy.Passthrough, Form: annotation.OnOff},
		{Name: "timeout-connect", Knob: proxy.ConnectTimeout, Form: span},
		{Name: "timeout-server", Knob: proxy.ReadTimeout, Form: span},
		{Name: "timeout-check", Knob: proxy.HealthTimeout, Form: span},
		{Name: "timeout-http-keep-alive", Knob: proxy.IdleTimeout, Form: span},
		{Name: "check", Knob: proxy.HealthScheme, Form: annotation.OnOff},
		{Name: "check-http", Knob: proxy.HealthPath, Form: annotation.Text},
		{Name: "check-interval", Knob: proxy.HealthInterval, Form: span},
		{Name: "auth-secret", Knob: proxy.AuthSecret, Form: annotation.Text},
		{Name: "client-ca", Knob: proxy.ClientCA, Form: annotation.Text},
		{Name: "backend-config-snippet", Knob: proxy.Snippet, Form: annotation.Text},
		{Name: "whitelist", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "allow-list", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "deny-list", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "blacklist", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "rate-limit-requests", Knob: proxy.RateLimit, Form: annotation.Number},
		{Name: "pod-maxconn", Knob: proxy.RateLimit, Form: annotation.Number},
		{Name: "send-proxy-protocol", Knob: proxy.ProxyProtocol, Form: annotation.Text},
		{Name: "cookie-persistence", Knob: proxy.Affinity, Form: annotation.Text},
		{Name: "load-balance", Knob: proxy.Affinity, Form: hashed},
		{Name: "request-set-header", Knob: proxy.SetHeader, Form: annotation.Text},
		{Name: "cr-backend", Knob: proxy.Extension, Form: annotation.Text},
	}}
})

// hashed are the ways to choose a server of which the same client gets the same one each time (haproxy/haproxy,
// doc/configuration.txt, balance).
func hashed(v string) proxy.Setting {
	way, _, _ := strings.Cut(strings.TrimSpace(v), " ")
	way, _, _ = strings.Cut(way, "(")
	return proxy.Setting{Value: v, Yes: slices.Contains([]string{"source", "uri", "url_param", "hdr", "hash", "rdp-cookie"}, way)}
}

// communityTable is what haproxy-ingress reads (jcmoraisjr/haproxy-ingress,
// docs/content/en/docs/configuration/keys.md).
var communityTable = sync.OnceValue(func() annotation.Table {
	span := annotation.Span(time.Millisecond)
	return annotation.Table{Prefixes: []string{"haproxy-ingress.github.io/", "ingress.kubernetes.io/"}, Rows: []annotation.Row{
		{Name: "backend-protocol", Knob: proxy.Protocol, Form: protocol},
		{Name: "secure-backends", Knob: proxy.Protocol, Form: https},
		{Name: "secure-sni", Knob: proxy.ServerName, Form: annotation.Text},
		{Name: "secure-verify-ca-secret", Knob: proxy.BackendCA, Form: annotation.Text},
		{Name: "secure-crt-secret", Knob: proxy.ClientSecret, Form: annotation.Text},
		{Name: "rewrite-target", Knob: proxy.Rewrite, Form: annotation.Text},
		{Name: "app-root", Knob: proxy.AppRoot, Form: annotation.Text},
		{Name: "redirect-to", Knob: proxy.Redirect, Form: annotation.Text},
		{Name: "ssl-redirect", Knob: proxy.ForceTLS, Form: annotation.Switch},
		{Name: "ssl-passthrough", Knob: proxy.Passthrough, Form: annotation.Switch},
		{Name: "service-upstream", Knob: proxy.ServiceAddress, Form: annotation.Switch},
		{Name: "path-type", Knob: proxy.UseRegex, Form: annotation.Text},
		{Name: "timeout-connect", Knob: proxy.ConnectTimeout, Form: span},
		{Name: "timeout-server", Knob: proxy.ReadTimeout, Form: span},
		{Name: "timeout-keep-alive", Knob: proxy.IdleTimeout, Form: span},
		{Name: "health-check-uri", Knob: proxy.HealthPath, Form: annotation.Text},
		{Name: "health-check-port", Knob: proxy.HealthPort, Form: annotation.Text},
		{Name: "proxy-body-size", Knob: proxy.BodyLimit, Form: annotation.Bytes},
		{Name: "auth-url", Knob: proxy.AuthURL, Form: annotation.Text},
		{Name: "auth-secret", Knob: proxy.AuthSecret, Form: annotation.Text},
		{Name: "auth-tls-secret", Knob: proxy.ClientCA, Form: annotation.Text},
		{Name: "config-backend", Knob: proxy.Snippet, Form: annotation.Text},
		{Name: "allowlist-source-range", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "whitelist-source-range", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "denylist-source-range", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "limit-rps", Knob: proxy.RateLimit, Form: annotation.Number},
		{Name: "limit-connections", Knob: proxy.RateLimit, Form: annotation.Number},
		{Name: "maxconn-server", Knob: proxy.RateLimit, Form: annotation.Number},
		{Name: "proxy-protocol", Knob: proxy.ProxyProtocol, Form: annotation.Text},
		{Name: "affinity", Knob: proxy.Affinity, Form: annotation.Text},
	}}
})

// https is a switch that turns TLS to the backend on.
func https(v string) proxy.Setting {
	s := annotation.Switch(v)
	s.Value = "HTTP"
	if s.Yes {
		s.Value = "HTTPS"
	}
	return s
}

// h2 is the server's proto keyword.
func h2(v string) proxy.Setting {
	s := annotation.OneOf("H2", "H1")(v)
	s.Value = map[string]string{"H2": "H2C", "H1": "HTTP"}[s.Value]
	return s
}

// protocol reads haproxy-ingress's own names.
func protocol(v string) proxy.Setting {
	s := annotation.OneOf("H1", "H1-SSL", "H2", "H2-SSL", "HTTP", "HTTPS", "GRPC", "GRPCS")(v)
	names := map[string]string{"H1": "HTTP", "H1-SSL": "HTTPS", "H2": "H2C", "H2-SSL": "HTTPS", "HTTP": "HTTP", "HTTPS": "HTTPS", "GRPC": "GRPC", "GRPCS": "GRPCS"}
	s.Value = names[s.Value]
	return s
}

func table(controller string) annotation.Table {
	if isCommunity(controller) {
		return communityTable()
	}
	return technologiesTable()
}

func ingressSettings(controller string, ing *networkingv1.Ingress) proxy.Settings {
	ref := model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: ing.Namespace, Name: ing.Name}
	return table(controller).Read(ref, ing.Annotations)
}

func serviceSettings(controller string, svc *corev1.Service, _ *corev1.ServicePort) proxy.Settings {
	return table(controller).Read(annotation.ServiceRef(svc), svc.Annotations)
}

// defaults are those of the two controllers (haproxytech/kubernetes-ingress,
// documentation/controller.md and annotations.md; haproxy-ingress, pkg/converters/ingress/defaults.go), and
// HAProxy's tune.bufsize less tune.maxrewrite for a header.
func defaults(controller string) proxy.Settings {
	prefix := "haproxy.org/"
	names := []string{"server-ssl", "timeout-connect", "timeout-server"}
	if isCommunity(controller) {
		prefix, names[0] = "haproxy-ingress.github.io/", "backend-protocol"
	}
	at := func(name string) model.FieldRef { return model.FieldRef{Field: annotation.Field(prefix + name)} }
	return proxy.Settings{
		{Knob: proxy.Protocol, Value: "HTTP", At: at(names[0]), Default: true},
		{Knob: proxy.ConnectTimeout, Time: 5 * time.Second, At: at(names[1]), Default: true},
		{Knob: proxy.ReadTimeout, Time: 50 * time.Second, At: at(names[2]), Default: true},
		{Knob: proxy.HeaderBuffer, Size: 15 << 10, Default: true},
	}
}

// patterns: HAProxy Technologies looks a path up among exact paths, then among prefixes that are the
// whole path, then among prefixes, the longest first (pkg/route/route.go: AddHostPathRoute, and the maps of
// pkg/controller/controller.go). haproxy-ingress goes by kind, exact, prefix, begin, regex
// (pkg/converters/ingress/ingress.go: readPathType; path-type-order), and its begin does not look at case.
func patterns(controller string, rules []proxy.PathRule) []proxy.Pattern {
	out := make([]proxy.Pattern, len(rules))
	for i, r := range rules {
		if r.Type == "Prefix" {
			r.Path = trimSlash(r.Path)
		}
		out[i] = proxy.PlainPattern(r, proxy.Leading)
		if r.Type == "Exact" || r.Type == "Prefix" {
			continue
		}
		if !isCommunity(controller) {
			out[i].Text = trimSlash(r.Path)
			out[i].Rank = 2 * len(out[i].Text)
			continue
		}
		kind, _ := r.Settings.Get(proxy.UseRegex)
		switch kind.Value {
		case "exact":
			out[i] = proxy.PlainPattern(proxy.PathRule{Path: r.Path, Type: "Exact"}, proxy.Leading)
		case "prefix":
			out[i] = proxy.PlainPattern(proxy.PathRule{Path: r.Path, Type: "Prefix"}, proxy.Leading)
		case "regex":
			out[i] = proxy.Pattern{How: proxy.Opens, Text: r.Path, Rank: 2*proxy.RegexLast + len(r.Path)}
		default:
			out[i] = proxy.Pattern{How: proxy.LeadingFold, Text: r.Path, Rank: proxy.RegexLast + len(r.Path)}
		}
	}
	return out
}

func trimSlash(p string) string {
	if len(p) > 1 {
		return strings.TrimSuffix(p, "/")
	}
	return p
}
