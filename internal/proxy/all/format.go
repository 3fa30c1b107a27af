package all

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/proxy/haproxy"
	"github.com/gatemend/gatemend/internal/proxy/nginx"
)

// products are names by which people know a proxy's logs besides the engine's own name.
func products() map[string]string {
	return map[string]string{
		"ingress-nginx": "nginx", "nginx-ingress": "nginx", "nginx-gateway-fabric": "nginx", "ngf": "nginx", "combined": "nginx",
		"contour": "envoy", "envoy-gateway": "envoy", "istio": "envoy",
		"haproxy-ingress": "haproxy", "haproxy-kubernetes": "haproxy",
		"alb": "aws-alb", "gcp": "gcp-lb", "azure": "azure-agw",
	}
}

// FormatNames returns what [ParserFor] takes as the name of a format, sorted.
func FormatNames() []string {
	names := []string{autoFormat}
	for _, p := range Proxies() {
		names = append(names, p.Name)
	}
	for product := range products() {
		names = append(names, product)
	}
	slices.Sort(names)
	return names
}

// autoFormat asks for the form of a log to be found out.
const autoFormat = "auto"

// ParserFor returns a parser of logs in the given format:
//
//   - "auto" or nothing, see [Auto];
//   - the name of a proxy or of a product that runs it (see [FormatNames]), which stands for all that it writes by default;
//   - "nginx:", "haproxy:" or "envoy:" with a format of that proxy's configuration after it, see [nginx.Compile],
//     [haproxy.Compile] and [envoy.Compile].
func ParserFor(format string) (proxy.Parser, error) {
	format = strings.TrimSpace(format)
	kind, text, own := strings.Cut(format, ":")
	name := strings.ToLower(strings.TrimSpace(kind))
	if name == "" || name == autoFormat && !own {
		return NewAuto(), nil
	}
	name = engine(format)
	if own {
		return compile(name, kind, text)
	}
	if p, ok := Named(name); ok {
		return p.NewParser(), nil
	}
	return nil, fmt.Errorf("unknown log format %q: want one of %s; or nginx:, haproxy: or envoy: with a format after it", format, strings.Join(FormatNames(), ", "))
}

// engine is the name of the proxy whose format it is; that of a proxy, or "auto" or nothing, stands for itself.
func engine(format string) string {
	kind, _, _ := strings.Cut(format, ":")
	name := strings.ToLower(strings.TrimSpace(kind))
	if engine, ok := products()[name]; ok {
		return engine
	}
	return name
}

func compile(name, kind, text string) (proxy.Parser, error) {
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("log format %q: no format after the colon", kind+":")
	}
	// A *Formatted that is nil must not become a Parser that is not.
	var p proxy.Parser
	var err error
	switch name {
	case "nginx":
		p, err = nginx.Compile(text)
	case "haproxy":
		p, err = haproxy.Compile(text)
	case "envoy":
		p, err = envoy.Compile(text)
	default:
		return nil, fmt.Errorf("log format %q: only nginx:, haproxy: and envoy: take a format", kind+":")
	}
	if err != nil {
		return nil, fmt.Errorf("compile the format: %w", err)
	}
	return p, nil
}
