package kong

import (
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/annotation"
	"github.com/gatemend/gatemend/internal/proxy/image"
	"github.com/gatemend/gatemend/internal/proxy/nginx"
)

// Name is the proxy's name in output.
const Name = "kong"

// Proxy returns what gatemend knows of Kong.
func Proxy() proxy.Proxy {
	return proxy.Proxy{
		Name:             Name,
		Doc:              "Runs behind Kong's ingress and Gateway API controller.",
		ClaimsController: claimsController,
		GatewayContainer: gatewayContainer,
		Answer:           Answer,
		Default:          defaults,
		IngressSettings:  ingressSettings,
		ServiceSettings:  serviceSettings,
		Patterns:         patterns,
		Matching:         func(string) proxy.Matching { return proxy.Matching{FallsThrough: true} },
		Metrics:          metrics,
		NewParser:        func() proxy.Parser { return NewParser() },
	}
}

// claimsController takes ingress-controllers.konghq.com/kong and konghq.com/kic-gateway-controller.
func claimsController(controller string) bool {
	return strings.Contains(strings.ToLower(controller), "kong")
}

// gatewayContainer goes by image; the controller's own image is kong/kubernetes-ingress-controller.
func gatewayContainer(p *corev1.Pod) (container string, ok bool) {
	for i := range p.Spec.Containers {
		if c := &p.Spec.Containers[i]; image.Is(c.Image, "kong", "kong/kong-gateway", "kong-gateway") {
			return c.Name, true
		}
	}
	return "", false
}

// Answer is what a client gets from Kong when a request fails in the given way. The statuses are nginx's;
// bodies are those of Kong/kong, kong/error_handlers.lua, and what it says itself of kong/runloop: no
// healthy target is 503 (balancer/init.lua), no route 404 (handler.lua). The rate-limiting plugins answer 429
// and acl 403.
func Answer(_ string, f model.FailureKind) model.Outcome {
	o := nginx.Answer("", f)
	switch f {
	case model.NoEndpoints:
		o.Status, o.Reason = 503, "failure to get a peer from the ring-balancer"
	case model.NoRoute:
		o.Status, o.Reason = 404, "no Route matched with those values"
	case model.Overload:
		o.Status, o.Reason = 429, "API rate limit exceeded"
	case model.Denied:
		o.Status, o.Reason = 403, "You cannot consume this service"
	default: // as nginx has it
	}
	return o
}

// table is what Kong reads of Ingresses and Services (Kong/kubernetes-ingress-controller,
// internal/annotations/annotations.go). Its times are milliseconds.
var table = sync.OnceValue(func() annotation.Table {
	return annotation.Table{Prefixes: []string{"konghq.com/"}, Rows: []annotation.Row{
		{Name: "protocol", Knob: proxy.Protocol, Form: annotation.OneOf("HTTP", "HTTPS", "GRPC", "GRPCS", "TCP", "TLS", "WS", "WSS")},
		{Name: "path", Knob: proxy.Rewrite, Form: annotation.Text},
		{Name: "rewrite", Knob: proxy.Rewrite, Form: annotation.Text},
		{Name: "strip-path", Knob: proxy.StripPrefix, Form: annotation.Switch},
		{Name: "host-header", Knob: proxy.UpstreamHost, Form: annotation.Text},
		{Name: "connect-timeout", Knob: proxy.ConnectTimeout, Form: annotation.Milliseconds},
		{Name: "read-timeout", Knob: proxy.ReadTimeout, Form: annotation.Milliseconds},
		{Name: "write-timeout", Knob: proxy.SendTimeout, Form: annotation.Milliseconds},
		{Name: "retries", Knob: proxy.Retries, Form: annotation.Number},
		{Name: "plugins", Knob: proxy.Middleware, Form: annotation.Text},
		{Name: "client-cert", Knob: proxy.ClientSecret, Form: annotation.Text},
		{Name: "tls-verify", Knob: proxy.VerifyBackend, Form: annotation.Switch},
		{Name: "ca-certificates-secrets", Knob: proxy.BackendCA, Form: annotation.Text},
		{Name: "service-upstream", Knob: proxy.ServiceAddress, Form: annotation.Switch},
	}}
})

func ingressSettings(_ string, ing *networkingv1.Ingress) proxy.Settings {
	return table().Read(annotation.IngressRef(ing), ing.Annotations)
}

func serviceSettings(_ string, svc *corev1.Service, _ *corev1.ServicePort) proxy.Settings {
	t := table()
	t.Prefixes = append(t.Prefixes, "ingress.kubernetes.io/") // service-upstream
	return t.Read(annotation.ServiceRef(svc), svc.Annotations)
}

// defaults are those of a service entity (Kong/kong, kong/db/schema/entities/services.lua) and nginx's buffer.
func defaults(string) proxy.Settings {
	at := func(name string) model.FieldRef { return model.FieldRef{Field: annotation.Field("konghq.com/" + name)} }
	minute := annotation.Milliseconds("60000").Time
	return proxy.Settings{
		{Knob: proxy.Protocol, Value: "HTTP", At: at("protocol"), Default: true},
		{Knob: proxy.ConnectTimeout, Time: minute, At: at("connect-timeout"), Default: true},
		{Knob: proxy.ReadTimeout, Time: minute, At: at("read-timeout"), Default: true},
		{Knob: proxy.SendTimeout, Time: minute, At: at("write-timeout"), Default: true},
		{Knob: proxy.HeaderBuffer, Size: 8 << 10, Default: true},
	}
}

// patterns: a Prefix is the path itself and what is below it, Exact an expression with an end; what is
// ImplementationSpecific is a prefix of the text, or with /~ in front an expression
// (Kong/kubernetes-ingress-controller, internal/dataplane/translator/subtranslator/ingress.go). Kong asks
// expressions before prefixes.
func patterns(_ string, rules []proxy.PathRule) []proxy.Pattern {
	out := make([]proxy.Pattern, len(rules))
	for i, r := range rules {
		out[i] = proxy.PlainPattern(r, proxy.Leading)
		if rest, regex := strings.CutPrefix(r.Path, "/~"); regex && r.Type == "ImplementationSpecific" {
			out[i] = proxy.Pattern{How: proxy.Opens, Text: rest, Rank: proxy.RegexFirst + len(rest)}
		}
		if r.Host != "" {
			out[i].Rank += 4 * proxy.ExactFirst // a rule with a host is asked before one without
		}
	}
	return out
}
