package nginx

import (
	"cmp"
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

// product is one of the controllers that run nginx.
type product uint8

const (
	community product = iota // kubernetes/ingress-nginx
	inc                      // nginx/kubernetes-ingress, of F5
	fabric                   // nginx/nginx-gateway-fabric
)

func productOf(controller string) product {
	switch c := strings.ToLower(controller); {
	case strings.Contains(c, "nginx.org/ingress-controller"):
		return inc
	case strings.Contains(c, "gateway.nginx.org"):
		return fabric
	default:
		return community
	}
}

// communityTable is what ingress-nginx reads (kubernetes/ingress-nginx,
// internal/ingress/annotations). A value that it cannot read counts as not written.
var communityTable = sync.OnceValue(func() annotation.Table {
	return annotation.Table{Prefixes: []string{"nginx.ingress.kubernetes.io/"}, Rows: []annotation.Row{
		{Name: "backend-protocol", Knob: proxy.Protocol, Form: annotation.OneOf("HTTP", "HTTPS", "GRPC", "GRPCS", "FCGI", "AUTO_HTTP")},
		{Name: "proxy-ssl-name", Knob: proxy.ServerName, Form: annotation.Text},
		{Name: "proxy-ssl-verify", Knob: proxy.VerifyBackend, Form: annotation.OnOff},
		{Name: "proxy-ssl-secret", Knob: proxy.ClientSecret, Form: annotation.Text},
		{Name: "upstream-vhost", Knob: proxy.UpstreamHost, Form: annotation.Text},
		{Name: "rewrite-target", Knob: proxy.Rewrite, Form: annotation.Text},
		{Name: "app-root", Knob: proxy.AppRoot, Form: annotation.Text},
		{Name: "permanent-redirect", Knob: proxy.Redirect, Form: redirect(301)},
		{Name: "temporal-redirect", Knob: proxy.Redirect, Form: redirect(302)},
		{Name: "force-ssl-redirect", Knob: proxy.ForceTLS, Form: annotation.Switch},
		{Name: "ssl-redirect", Knob: proxy.ForceTLS, Form: annotation.Switch},
		{Name: "ssl-passthrough", Knob: proxy.Passthrough, Form: annotation.Switch},
		{Name: "service-upstream", Knob: proxy.ServiceAddress, Form: annotation.Switch},
		{Name: "use-regex", Knob: proxy.UseRegex, Form: annotation.Switch},
		{Name: "proxy-connect-timeout", Knob: proxy.ConnectTimeout, Form: annotation.Seconds},
		{Name: "proxy-read-timeout", Knob: proxy.ReadTimeout, Form: annotation.Seconds},
		{Name: "proxy-send-timeout", Knob: proxy.SendTimeout, Form: annotation.Seconds},
		{Name: "proxy-buffer-size", Knob: proxy.HeaderBuffer, Form: annotation.Bytes},
		{Name: "proxy-body-size", Knob: proxy.BodyLimit, Form: annotation.Bytes},
		{Name: "proxy-buffering", Knob: proxy.Buffering, Form: annotation.OnOff},
		{Name: "proxy-next-upstream", Knob: proxy.Retries, Form: annotation.Text},
		{Name: "canary", Knob: proxy.Canary, Form: annotation.Switch},
		{Name: "canary-weight", Knob: proxy.CanaryWeight, Form: annotation.Number},
		{Name: "canary-weight-total", Knob: proxy.CanaryTotal, Form: annotation.Number},
		{Name: "canary-by-header", Knob: proxy.CanaryHeader, Form: annotation.Text},
		{Name: "canary-by-header-value", Knob: proxy.CanaryValue, Form: annotation.Text},
		{Name: "canary-by-header-pattern", Knob: proxy.CanaryValue, Form: annotation.Text},
		{Name: "canary-by-cookie", Knob: proxy.CanaryCookie, Form: annotation.Text},
		{Name: "mirror-target", Knob: proxy.Mirror, Form: annotation.Text},
		{Name: "auth-url", Knob: proxy.AuthURL, Form: annotation.Text},
		{Name: "auth-secret", Knob: proxy.AuthSecret, Form: annotation.Text},
		{Name: "auth-tls-secret", Knob: proxy.ClientCA, Form: annotation.Text},
		{Name: "server-snippet", Knob: proxy.Snippet, Form: annotation.Text},
		{Name: "configuration-snippet", Knob: proxy.Snippet, Form: annotation.Text},
		{Name: "auth-snippet", Knob: proxy.Snippet, Form: annotation.Text},
		{Name: "modsecurity-snippet", Knob: proxy.Snippet, Form: annotation.Text},
		{Name: "stream-snippet", Knob: proxy.Snippet, Form: annotation.Text},
		{Name: "whitelist-source-range", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "allowlist-source-range", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "denylist-source-range", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "limit-rps", Knob: proxy.RateLimit, Form: annotation.Number},
		{Name: "limit-rpm", Knob: proxy.RateLimit, Form: annotation.Number},
		{Name: "limit-connections", Knob: proxy.RateLimit, Form: annotation.Number},
		{Name: "default-backend", Knob: proxy.DefaultBackend, Form: annotation.Text},
		{Name: "custom-http-errors", Knob: proxy.ErrorCodes, Form: annotation.Text},
		{Name: "affinity", Knob: proxy.Affinity, Form: annotation.Text},
		{Name: "upstream-hash-by", Knob: proxy.Affinity, Form: annotation.Text},
	}}
})

// incTable is what the NGINX Ingress Controller reads (nginx/kubernetes-ingress, internal/configs/annotations.go
// and internal/k8s/validation.go). It refuses an Ingress with a value that it cannot read.
var incTable = sync.OnceValue(func() annotation.Table {
	span := annotation.Span(time.Second)
	return annotation.Table{Prefixes: []string{"nginx.org/", "nginx.com/"}, Rows: []annotation.Row{
		{Name: "rewrites", Knob: proxy.Rewrite, Form: annotation.Text},
		{Name: "rewrite-target", Knob: proxy.Rewrite, Form: annotation.Text},
		{Name: "app-root", Knob: proxy.AppRoot, Form: annotation.Text},
		{Name: "mergeable-ingress-type", Knob: proxy.Merges, Form: annotation.Text},
		{Name: "redirect-to-https", Knob: proxy.ForceTLS, Form: annotation.Switch},
		{Name: "ssl-redirect", Knob: proxy.ForceTLS, Form: annotation.Switch},
		{Name: "use-cluster-ip", Knob: proxy.ServiceAddress, Form: annotation.Switch},
		{Name: "path-regex", Knob: proxy.UseRegex, Form: annotation.Text},
		{Name: "proxy-connect-timeout", Knob: proxy.ConnectTimeout, Form: span},
		{Name: "proxy-read-timeout", Knob: proxy.ReadTimeout, Form: span},
		{Name: "proxy-send-timeout", Knob: proxy.SendTimeout, Form: span},
		{Name: "proxy-buffer-size", Knob: proxy.HeaderBuffer, Form: annotation.Bytes},
		{Name: "client-max-body-size", Knob: proxy.BodyLimit, Form: annotation.Bytes},
		{Name: "proxy-buffering", Knob: proxy.Buffering, Form: annotation.Switch},
		{Name: "proxy-next-upstream", Knob: proxy.Retries, Form: annotation.Text},
		{Name: "basic-auth-secret", Knob: proxy.AuthSecret, Form: annotation.Text},
		{Name: "jwt-key", Knob: proxy.AuthSecret, Form: annotation.Text},
		{Name: "server-snippets", Knob: proxy.Snippet, Form: annotation.Text},
		{Name: "location-snippets", Knob: proxy.Snippet, Form: annotation.Text},
		{Name: "limit-req-rate", Knob: proxy.RateLimit, Form: annotation.Text},
		{Name: "custom-http-errors", Knob: proxy.ErrorCodes, Form: annotation.Text},
		{Name: "sticky-cookie-services", Knob: proxy.Affinity, Form: annotation.Text},
		{Name: "policies", Knob: proxy.Middleware, Form: annotation.Text},
		{Name: "proxy-set-headers", Knob: proxy.SetHeader, Form: annotation.Text},
	}}
})

func redirect(status int64) annotation.Form {
	return func(v string) proxy.Setting { return proxy.Setting{Value: v, Size: status, Yes: v != ""} }
}

func ingressSettings(controller string, ing *networkingv1.Ingress) proxy.Settings {
	ref := model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: ing.Namespace, Name: ing.Name}
	if productOf(controller) == inc {
		s := incTable().Read(ref, ing.Annotations)
		return append(s, incProtocols(ref, ing.Annotations)...)
	}
	return communityTable().Read(ref, ing.Annotations)
}

// incProtocols: ssl-services and grpc-services list the Services to which TLS and gRPC are spoken; Value
// is "HTTPS name", for [forService] to pick from.
func incProtocols(ref model.Ref, annotations map[string]string) proxy.Settings {
	var out proxy.Settings
	for _, v := range []struct{ name, protocol string }{{"nginx.org/ssl-services", "HTTPS"}, {"nginx.org/grpc-services", "GRPC"}} {
		for service := range strings.SplitSeq(annotations[v.name], ",") {
			if service = strings.TrimSpace(service); service != "" {
				out = append(out, proxy.Setting{
					Knob: proxy.Protocol, Value: v.protocol, Yes: true, Service: service,
					At: model.FieldRef{Ref: ref, Field: annotation.Field(v.name)},
				})
			}
		}
	}
	return out
}

// serviceSettings: of the three, only Gateway Fabric looks at a port's appProtocol.
func serviceSettings(controller string, svc *corev1.Service, port *corev1.ServicePort) proxy.Settings {
	if productOf(controller) != fabric {
		return nil
	}
	return annotation.AppProtocol(svc, port)
}

// defaults are those of internal/ingress/controller/config/config.go of ingress-nginx, of
// internal/configs/config_params.go of F5's controller, and of nginx itself.
func defaults(controller string) proxy.Settings {
	prefix, connect := "nginx.ingress.kubernetes.io/", 5*time.Second
	at := func(name string) model.FieldRef { return model.FieldRef{Field: annotation.Field(prefix + name)} }
	switch productOf(controller) {
	case inc:
		prefix, connect = "nginx.org/", time.Minute
	case fabric:
		connect = time.Minute
		at = func(string) model.FieldRef { return model.FieldRef{} }
	case community:
	}
	return proxy.Settings{
		{Knob: proxy.Protocol, Value: "HTTP", At: at("backend-protocol"), Default: true},
		{Knob: proxy.ConnectTimeout, Time: connect, At: at("proxy-connect-timeout"), Default: true},
		{Knob: proxy.ReadTimeout, Time: time.Minute, At: at("proxy-read-timeout"), Default: true},
		{Knob: proxy.SendTimeout, Time: time.Minute, At: at("proxy-send-timeout"), Default: true},
		{Knob: proxy.HeaderBuffer, Size: 4 << 10, At: at("proxy-buffer-size"), Default: true},
		{Knob: proxy.BodyLimit, Size: 1 << 20, At: at("proxy-body-size"), Default: true},
		{Knob: proxy.KeepAlive, Time: time.Minute, Default: true},
	}
}

// patterns are nginx's locations. ingress-nginx turns all paths of a host into expressions, in any case,
// as soon as one of its Ingresses asks for expressions or rewrites to another path
// (internal/ingress/controller/template/template.go: enforceRegexModifier, buildLocation), and then the first
// that matches is taken, longest first. An older Ingress's rule for the same path and type leaves a younger one no
// location, and what that asks for with it (controller.go: createServers). F5's controller writes paths as they are, or as expressions
// where that Ingress says so (internal/configs/version1/template_helper.go: makeLocationPath).
func patterns(controller string, rules []proxy.PathRule) []proxy.Pattern {
	out := make([]proxy.Pattern, len(rules))
	isInc := productOf(controller) == inc
	seen := map[[2]string]bool{}
	regex := !isInc && slices.ContainsFunc(rules, func(r proxy.PathRule) bool {
		location := [2]string{r.Path, r.Type}
		if seen[location] {
			return false
		}
		seen[location] = true
		target, ok := r.Settings.Get(proxy.Rewrite)
		return r.Settings.Yes(proxy.UseRegex) || ok && target.Value != "" && target.Value != r.Path
	})
	var order map[string]int
	if regex {
		order = longestFirst(rules)
	}
	for i, r := range rules {
		switch {
		case regex:
			out[i] = proxy.Pattern{How: proxy.OpensFold, Text: r.Path, Rank: -order[r.Path]}
		case isInc:
			out[i] = incPattern(r)
		default:
			out[i] = proxy.PlainPattern(r, proxy.Leading)
		}
	}
	return out
}

// longestFirst is the order of locations (internal/ingress/controller/controller.go): the longest path,
// and of equally long ones the last by the alphabet.
func longestFirst(rules []proxy.PathRule) map[string]int {
	var paths []string
	for _, r := range rules {
		paths = append(paths, r.Path)
	}
	slices.SortFunc(paths, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(b, a)) })
	out := map[string]int{}
	for i, p := range paths {
		out[p] = i
	}
	return out
}

// incPattern: a Prefix is a plain location, which takes /ab as well as /a/b. An expression is asked
// before every prefix, as nginx does.
func incPattern(r proxy.PathRule) proxy.Pattern {
	kind, _ := r.Settings.Get(proxy.UseRegex)
	switch {
	case kind.Value == "case_sensitive":
		return proxy.Pattern{How: proxy.Opens, Text: r.Path, Rank: proxy.RegexFirst + len(r.Path)}
	case kind.Value == "case_insensitive":
		return proxy.Pattern{How: proxy.OpensFold, Text: r.Path, Rank: proxy.RegexFirst + len(r.Path)}
	case kind.Value == "exact" || r.Type == "Exact":
		return proxy.Pattern{How: proxy.Equal, Text: r.Path, Rank: proxy.ExactFirst + len(r.Path)}
	default:
		return proxy.Pattern{How: proxy.Leading, Text: r.Path, Rank: len(r.Path)}
	}
}

// matching: F5's controller gives a host to the oldest Ingress that names it (internal/k8s/configuration.go),
// unless they are made to be merged, and takes no request for a host that no Ingress names. ingress-nginx takes the number or
// name of a backend's port for a target port as well (internal/ingress/controller/controller.go, serviceEndpoints).
func matching(controller string) proxy.Matching {
	switch productOf(controller) {
	case inc:
		return proxy.Matching{OneObjectPerHost: true}
	case fabric:
		return proxy.Matching{}
	default:
		return proxy.Matching{Ports: proxy.PortsOrTarget}
	}
}
