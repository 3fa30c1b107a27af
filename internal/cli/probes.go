package cli

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// ProbeOptions says which URLs are asked again and again, and how.
type ProbeOptions struct {
	URLs     []string // none: nothing is asked
	Every    time.Duration
	Address  string // host:port of the gateway; empty: by the status of the route's Gateway or Ingress, else by name
	Method   string
	Headers  []string // NAME: VALUE
	Insecure bool
}

// Bounds of probes: together they are at most mostProbes a second.
const (
	mostProbes      = 50
	leastProbeEvery = time.Second
)

func (o *ProbeOptions) add(f *pflag.FlagSet) {
	// It was --probe once, which makes checks in 'diagnose' and takes no value there.
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "probe" {
			name = "probe-url"
		}
		return pflag.NormalizedName(name)
	})
	f.StringArrayVar(&o.URLs, "probe-url", nil, "also send requests to this URL through its gateway; may be given several times")
	f.DurationVar(&o.Every, "probe-every", 5*time.Second, "with --probe-url: how often to ask each URL")
	f.StringVar(&o.Address, "probe-address", "", "with --probe-url: HOST:PORT of the gateway, instead of the address in the route's status or its name's")
	f.StringVar(&o.Method, "probe-method", "GET", "with --probe-url: GET or HEAD")
	f.StringArrayVar(&o.Headers, "probe-header", nil, "with --probe-url: a header to send, as 'NAME: VALUE'; may be given several times")
	f.BoolVar(&o.Insecure, "probe-insecure", false, "with --probe-url: take any certificate")
}

func (o *ProbeOptions) validate() error {
	switch {
	case len(o.URLs) == 0 && (o.Address != "" || len(o.Headers) > 0 || o.Insecure):
		return usagef("add --probe-url URL", "--probe-... is for --probe-url")
	case len(o.URLs) > mostProbes:
		return usagef("leave some out", "at most %d URLs can be probed, not %d", mostProbes, len(o.URLs))
	case o.Every < leastProbeEvery:
		return usagef("for example: --probe-every 5s", "a URL cannot be probed more often than every %s", leastProbeEvery)
	case !slices.Contains([]string{"GET", "HEAD"}, o.Method):
		return usagef("give GET or HEAD", "--probe-method %q might change something", o.Method)
	}
	for _, text := range o.URLs {
		if u, err := url.Parse(text); err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
			return usagef("for example: --probe-url https://shop.example.com/cart", "--probe-url %q is no http or https URL", text)
		}
	}
	for _, text := range o.Headers {
		name, _, ok := strings.Cut(text, ":")
		if !ok || name == "" || strings.ContainsAny(text, "\r\n") {
			return usagef("for example: --probe-header 'X-Tenant: a'", "--probe-header must be NAME: VALUE")
		}
	}
	if _, _, err := net.SplitHostPort(o.Address); o.Address != "" && err != nil {
		return usagef("for example: --probe-address 203.0.113.7:443", "--probe-address %q is no HOST:PORT", o.Address)
	}
	return nil
}
