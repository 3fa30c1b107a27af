package haproxy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/lab/gateway"
)

// Options are the settings that differ between a pod and a test.
type Options struct {
	Listen string // address:port; empty means port 80 on every address
	Health string // address:port of the liveness answer; empty means port 1042 on every address
	Stats  string // address:port of the metrics; empty means port 1024 on every address
	Folder string // for the runtime socket; empty means /tmp
}

// DefaultBackend answers what no rule takes. The namespace is the controller's own.
const DefaultBackend = "haproxy-controller_svc_default-local-service_http"

// logFormat is the controller's: the standard HTTP format with host and path for the URI.
const logFormat = `'%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc ` +
	`%sq/%bq %hr %hs "%HM %[var(txn.base)] %HV"'`

// Render writes the whole haproxy.cfg for a table. The same table gives the same text.
func Render(t gateway.Table, o Options) string {
	if o.Listen == "" {
		o.Listen = ":80"
	}
	if o.Health == "" {
		o.Health = ":1042"
	}
	if o.Stats == "" {
		o.Stats = ":1024"
	}
	if o.Folder == "" {
		o.Folder = "/tmp"
	}
	w := &writer{}
	w.section("global")
	w.line("log stdout format raw daemon")
	w.line("maxconn 4096")
	w.line("stats socket %s/haproxy-runtime-api.sock level admin expose-fd listeners", o.Folder)
	w.line("hard-stop-after 30s")
	w.section("defaults haproxytech")
	w.line("mode http")
	w.line("log global")
	w.line("log-format %s", logFormat)
	w.line("option dontlognull")
	w.line("option http-keep-alive")
	w.line("retries 3")
	for _, timeout := range []string{"http-request 5s", "connect 5s", "client 50s", "queue 5s", "server 50s", "tunnel 1h", "http-keep-alive 1m"} {
		w.line("timeout %s", timeout)
	}
	w.section("frontend healthz")
	w.line("bind %s", o.Health)
	w.line("monitor-uri /healthz")
	w.line("option dontlog-normal")
	w.section("frontend stats")
	w.line("bind %s", o.Stats)
	w.line("option dontlog-normal")
	w.line("http-request use-service prometheus-exporter if { path /metrics }")
	w.section("frontend http")
	w.line("bind %s name v4", o.Listen)
	w.line("http-request set-var(txn.base) base")
	w.line("http-request set-var(txn.host) hdr(Host),field(1,:),lower")
	w.line("option forwardfor")
	w.rules(t)
	w.line("default_backend %s", DefaultBackend)
	w.section("backend " + DefaultBackend)
	w.line("http-request return status 404 content-type text/plain string \"default backend - 404\"")
	for _, b := range t.Backends {
		if b.State == gateway.Found {
			w.backend(b, annotations(t, b.Key))
		}
	}
	return w.b.String()
}

// BackendName is the name of a backend in the configuration and in the log. Underscores cannot occur in
// its parts, so it splits exactly.
func BackendName(b gateway.Backend) string {
	return b.Key.Namespace + "_svc_" + b.Key.Service + "_" + b.PortName
}

type writer struct{ b strings.Builder }

func (w *writer) section(title string) { fmt.Fprintf(&w.b, "%s\n", title) }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.b, "  "+format+"\n", args...) }

// rules writes full host names before wildcards before the host that takes all, because the first match
// wins, and in each the most specific path first.
func (w *writer) rules(t gateway.Table) {
	hosts := slices.Clone(t.Hosts)
	slices.SortStableFunc(hosts, func(a, b gateway.Host) int { return breadth(a.Name) - breadth(b.Name) })
	for _, h := range hosts {
		for _, r := range longestFirst(h.Rules) {
			b := t.Backend(r.Backend)
			if b.State != gateway.Found {
				continue
			}
			for _, match := range matches(r) {
				w.line("use_backend %s if %s%s", BackendName(b), hostMatch(h.Name), match)
			}
		}
		if h.Name != "" { // the rules of a host are the only ones that are asked
			w.line("use_backend %s if %s", DefaultBackend, strings.TrimSpace(hostMatch(h.Name)))
		}
	}
}

// longestFirst puts rules in the order in which the original's maps find them: exact ones, then by the
// length of what a path must begin with, which is one more for a Prefix because of its slash.
func longestFirst(rules []gateway.Rule) []gateway.Rule {
	rank := func(r gateway.Rule) int {
		n := 2 * len(strings.TrimSuffix(r.Path, "/"))
		switch r.Type {
		case networkingv1.PathTypeExact:
			return 1 << 20
		case networkingv1.PathTypePrefix:
			return n + 1
		default:
			return n
		}
	}
	out := slices.Clone(rules)
	slices.SortStableFunc(out, func(a, b gateway.Rule) int { return rank(b) - rank(a) })
	return out
}

func breadth(host string) int {
	switch {
	case host == "":
		return 2
	case strings.HasPrefix(host, "*."):
		return 1
	default:
		return 0
	}
}

func hostMatch(host string) string {
	switch {
	case host == "":
		return ""
	case strings.HasPrefix(host, "*."):
		return fmt.Sprintf("{ var(txn.host) -m reg ^[^.]+%s$ } ", regexp.QuoteMeta(host[1:]))
	default:
		return fmt.Sprintf("{ var(txn.host) -m str %s } ", host)
	}
}

// matches are the path conditions of a rule. A prefix of the API ends at a path element; what is
// ImplementationSpecific is one of the text.
func matches(r gateway.Rule) []string {
	exact := func(path string) string { return fmt.Sprintf("{ path %s }", path) }
	begins := func(path string) string { return fmt.Sprintf("{ path_beg %s }", path) }
	switch {
	case r.Type == networkingv1.PathTypeExact:
		return []string{exact(r.Path)}
	case r.Path == "/":
		return []string{begins("/")}
	case r.Type == networkingv1.PathTypePrefix:
		path := strings.TrimSuffix(r.Path, "/")
		return []string{exact(path), begins(path + "/")}
	default:
		return []string{begins(strings.TrimSuffix(r.Path, "/"))}
	}
}

func (w *writer) backend(b gateway.Backend, annotations map[string]string) {
	w.section("backend " + BackendName(b))
	w.line("balance roundrobin")
	w.line("http-reuse safe")
	if v := annotations[prefix+"timeout-server"]; regexp.MustCompile(`^[0-9]+(ms|s|m|h)?$`).MatchString(v) {
		w.line("timeout server %s", v)
	}
	options := ""
	if annotations[prefix+"server-ssl"] == "true" {
		options += " ssl verify none"
	}
	if annotations[prefix+"server-proto"] == "h2" {
		options += " proto h2"
	}
	if annotations[prefix+"check"] == "true" {
		options += " check"
	}
	for i, e := range b.Endpoints {
		w.line("server SRV_%d %s%s", i+1, e, options)
	}
}

// prefix of the annotations that the controller reads.
const prefix = "haproxy.org/"

// annotations are those of the first rule that uses the backend: the original reads them per backend too.
func annotations(t gateway.Table, key gateway.BackendKey) map[string]string {
	for _, h := range t.Hosts {
		for _, r := range h.Rules {
			if r.Backend == key {
				return r.Annotations
			}
		}
	}
	return nil
}
