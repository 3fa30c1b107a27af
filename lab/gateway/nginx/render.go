package nginx

import (
	"cmp"
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
	Folder string // for the pid file and temporary files; empty means /tmp
}

// logFormat is ingress-nginx's default, log-format-upstream.
const logFormat = `'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" ' ` +
	`'"$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] ' ` +
	`'$upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id'`

// Render writes the whole nginx.conf for a table. The same table gives the same text.
func Render(t gateway.Table, o Options) string {
	if o.Listen == "" {
		o.Listen = "80"
	}
	if o.Folder == "" {
		o.Folder = "/tmp"
	}
	w := &writer{}
	w.line(0, "user root root;")
	w.line(0, "daemon off;")
	w.line(0, "worker_processes 1;")
	w.line(0, "worker_shutdown_timeout 240s;")
	w.line(0, "pid %s/nginx.pid;", o.Folder)
	w.line(0, "error_log stderr notice;")
	w.line(0, "events { worker_connections 4096; multi_accept on; }")
	w.line(0, "http {")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		w.line(1, "%s_temp_path %s/nginx-%s;", kind, o.Folder, kind)
	}
	w.line(1, "log_format upstreaminfo escape=default %s;", logFormat)
	w.line(1, "access_log /dev/stdout upstreaminfo;")
	w.line(1, "map $http_x_request_id $req_id { default $http_x_request_id; '' $request_id; }")
	w.line(1, "server_tokens off;")
	w.line(1, "keepalive_timeout 75s;")
	w.line(1, "client_header_buffer_size 1k;")
	w.line(1, "large_client_header_buffers 4 8k;")
	w.line(1, "proxy_ssl_session_reuse on;")
	for _, b := range t.Backends {
		w.upstream(b)
	}
	fallback := gateway.Host{}
	for _, h := range t.Hosts {
		if h.Name == "" {
			fallback = h
		}
	}
	w.server("_", o.Listen+" default_server backlog=4096", fallback, t)
	for _, h := range t.Hosts {
		if h.Name != "" {
			w.server(h.Name, o.Listen, h, t)
		}
	}
	w.line(0, "}")
	return w.b.String()
}

// UpstreamName is the name of a backend in the configuration and in the access log. Dashes occur in its
// parts too: splitting it again needs the cluster's Services, as it does with ingress-nginx.
func UpstreamName(k gateway.BackendKey) string {
	return k.Namespace + "-" + k.Service + "-" + k.Port
}

type writer struct{ b strings.Builder }

func (w *writer) line(depth int, format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *writer) upstream(b gateway.Backend) {
	if len(b.Endpoints) == 0 {
		return // nginx refuses an empty upstream; the locations answer 503 themselves
	}
	w.line(1, "upstream %s {", UpstreamName(b.Key))
	for _, e := range b.Endpoints {
		// ingress-nginx balances in Lua and never takes a peer out after failures.
		w.line(2, "server %s max_fails=0;", e)
	}
	w.line(2, "keepalive 320;")
	w.line(2, "keepalive_timeout 60s;")
	w.line(2, "keepalive_requests 10000;")
	w.line(1, "}")
}

func (w *writer) server(name, listen string, h gateway.Host, t gateway.Table) {
	w.line(1, "server {")
	w.line(2, "listen %s;", listen)
	w.line(2, "server_name %s;", serverName(name))
	w.line(2, "set $proxy_upstream_name '-';")
	w.line(2, "set $proxy_alternative_upstream_name '';")
	root := false
	rules, match := h.Rules, locations
	if regex(h.Rules) {
		rules, match = longestFirst(h.Rules), expression
	}
	written := map[string]bool{}
	for _, r := range rules {
		for _, match := range match(r) {
			if written[match] {
				continue // of the prefixes /a and /a/ both are at /a/
			}
			written[match] = true
			root = root || match == "/"
			w.location(match, r, t.Backend(r.Backend))
		}
	}
	if name == "_" {
		w.line(2, "location = /healthz { access_log off; return 200; }")
	}
	if !root {
		w.line(2, "location / { set $proxy_upstream_name 'upstream-default-backend'; return 404; }")
	}
	w.line(1, "}")
}

// serverName makes a wildcard stand for one label, as ingress-nginx does (template.go: buildServerName).
func serverName(host string) string {
	rest, wild := strings.CutPrefix(host, "*.")
	if !wild {
		return host
	}
	return `~^(?<subdomain>[\w-]+)\.` + regexp.QuoteMeta(rest) + "$"
}

// regex reports whether an Ingress of the host asks for expressions or rewrites to another path:
// ingress-nginx then makes expressions of all paths of the host.
func regex(rules []gateway.Rule) bool {
	return slices.ContainsFunc(rules, func(r gateway.Rule) bool {
		target := r.Annotations[prefix+"rewrite-target"]
		return r.Annotations[prefix+"use-regex"] == "true" || target != "" && target != r.Path
	})
}

// longestFirst is the order in which ingress-nginx writes locations; nginx takes the first expression
// that matches.
func longestFirst(rules []gateway.Rule) []gateway.Rule {
	out := slices.Clone(rules)
	slices.SortStableFunc(out, func(a, b gateway.Rule) int {
		return cmp.Or(len(b.Path)-len(a.Path), cmp.Compare(b.Path, a.Path), a.Created.Compare(b.Created),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Ingress, b.Ingress), a.Place-b.Place)
	})
	return out
}

// expression is the match of any rule of such a host, in any case and open at the end.
func expression(r gateway.Rule) []string { return []string{fmt.Sprintf("~* \"^%s\"", r.Path)} }

// locations are the nginx matches of a rule. A prefix of the API ends at a path element: /cart takes
// /cart and /cart/list, not /carts.
func locations(r gateway.Rule) []string {
	switch {
	case r.Type == networkingv1.PathTypeExact:
		return []string{"= " + r.Path}
	case r.Type == networkingv1.PathTypePrefix && r.Path != "/":
		return []string{"= " + r.Path, strings.TrimSuffix(r.Path, "/") + "/"}
	default:
		return []string{r.Path}
	}
}

func (w *writer) location(match string, r gateway.Rule, b gateway.Backend) {
	s := read(r.Annotations)
	w.line(2, "location %s {", match)
	w.line(3, "set $proxy_upstream_name '%s';", UpstreamName(r.Backend))
	if len(b.Endpoints) == 0 {
		w.line(3, "return 503;")
		w.line(2, "}")
		return
	}
	d := "proxy"
	if s.grpc {
		d = "grpc"
	}
	w.line(3, "%s_set_header Host $http_host;", d)
	w.line(3, "%s_set_header X-Request-ID $req_id;", d)
	w.line(3, "%s_set_header X-Real-IP $remote_addr;", d)
	w.line(3, "%s_set_header X-Forwarded-For $remote_addr;", d)
	w.line(3, "%s_connect_timeout 5s;", d)
	w.line(3, "%s_send_timeout 60s;", d)
	w.line(3, "%s_read_timeout %s;", d, s.readTimeout)
	w.line(3, "%s_next_upstream error timeout;", d)
	w.line(3, "%s_next_upstream_timeout 0;", d)
	w.line(3, "%s_next_upstream_tries 3;", d)
	w.line(3, "%s_buffer_size %s;", d, s.bufferSize)
	if !s.grpc {
		w.line(3, "proxy_buffering off;")
		w.line(3, "proxy_buffers 4 %s;", s.bufferSize)
		w.line(3, "proxy_http_version 1.1;")
		w.line(3, "proxy_set_header Connection '';")
		w.line(3, "proxy_redirect off;")
	}
	w.line(3, "%s_pass %s://%s;", d, s.scheme, UpstreamName(r.Backend))
	w.line(2, "}")
}
