package all

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/proxy"
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

// ParserFor returns a parser of logs in the given format: "auto" or nothing (see [Auto]), or the name of a proxy
// or of a product that runs it (see [FormatNames]), which stands for all that it writes by default.
func ParserFor(format string) (proxy.Parser, error) {
	name := strings.ToLower(strings.TrimSpace(format))
	if name == "" || name == autoFormat {
		return NewAuto(), nil
	}
	if engine, ok := products()[name]; ok {
		name = engine
	}
	if p, ok := Named(name); ok {
		return p.NewParser(), nil
	}
	return nil, fmt.Errorf("unknown log format %q: want one of %s", format, strings.Join(FormatNames(), ", "))
}
