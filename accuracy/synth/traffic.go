package synth

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// status is what the proxy answers to a kind of failure.
func (g gateway) status(o outcome) int {
	if o.status != 0 {
		return o.status
	}
	if status := g.otherStatus(o); status != 0 {
		return status
	}
	nginx := g.name == "nginx"
	switch o.kind {
	case "refused", "closed", "reset", "tls", "header", "protocol":
		if nginx || g.name == "traefik" {
			return 502
		}
		if o.kind == "closed" && g.name == "haproxy" || o.kind == "header" && g.name != "nginx" {
			return 502
		}
		return 503
	case "timeout":
		if nginx || g.name == "traefik" {
			return 504
		}
		return 503
	case "slow":
		return 504
	case "noroute":
		return 404
	case "unusable":
		switch g.name {
		case "traefik", "haproxy":
			return 404
		case "envoy-gateway", "istio":
			return 500
		default:
			return 503
		}
	default:
		if g.name == "envoy-gateway" || g.name == "istio" || g.name == "contour" || nginx || g.name == "haproxy" {
			return 503
		}
		return 503
	}
}

// traffic writes requests of one outcome on an app's route.
func (c *Cluster) traffic(a *App, o outcome, n int) { c.trafficOn(a, a.Path+"/items", o, n) }

func (c *Cluster) trafficOn(a *App, path string, o outcome, n int) {
	if path == "//items" {
		path = "/items"
	}
	for i := range n {
		r := request{at: at(i, n), path: path, o: o, status: c.gateway.status(o), app: a}
		if !slices.Contains([]string{"none", "noroute", "unusable", "overflow", "limited", "fault", "nocluster"}, o.kind) {
			ups := a.upstreams()
			switch {
			case o.upstream != "":
				r.upstream = o.upstream
			case len(ups) > 0:
				r.upstream = ups[i%len(ups)]
			}
		}
		c.write(r)
	}
}

type request struct {
	at             time.Time
	path, upstream string
	status         int
	o              outcome
	app            *App
	on             string // the host, if it is not the world's
}

func (r request) host() string { return or(r.on, r.app.c.world.host) }

// routeName is the name of the Ingress that leads to an app.
func (a *App) routeName() string {
	if a.Ingress != nil {
		return a.Ingress.Name
	}
	return a.c.world.name
}

// routeNamespace is where the route to an app is, which need not be where the app is.
func (a *App) routeNamespace() string {
	if hr := a.c.httpRoutes[a.Name]; hr != nil {
		return hr.Namespace
	}
	if a.Ingress != nil {
		return a.Ingress.Namespace
	}
	return a.c.world.namespace
}

func (c *Cluster) write(r request) {
	key := c.gatewayLog()
	lines := otherLines(c.gateway, r)
	switch c.gateway.name {
	case "nginx-inc", "ngf", "kong", "alb", "gke", "agic":
	case "nginx":
		lines = nginxLines(r)
	case "traefik":
		lines = traefikLines(r)
	case "haproxy":
		lines = haproxyLines(r)
	case "istio":
		lines = istioLines(r)
	case "contour":
		lines = contourLines(r)
	default:
		lines = envoyLines(r)
	}
	c.logs[key] = append(c.logs[key], lines...)
}

// nginxErrorLine is the line in nginx's error log, if there is one.
func nginxErrorLine(r request) string {
	says := map[string]string{
		"refused": "connect() failed (111: Connection refused) while connecting to upstream",
		"timeout": "upstream timed out (110: Operation timed out) while connecting to upstream",
		"slow":    "upstream timed out (110: Operation timed out) while reading response header from upstream",
		"closed":  "upstream prematurely closed connection while reading response header from upstream",
		"reset":   "recv() failed (104: Connection reset by peer) while reading response header from upstream",
		"header":  "upstream sent too big header while reading response header from upstream",
		"tls":     "SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream",
	}[r.o.kind]
	if r.o.kind == "tls" && r.o.words != "wrong version number" || r.o.kind == "protocol" || r.o.kind == "unreachable" {
		says = r.o.words
	}
	if says == "" {
		return ""
	}
	scheme := "http"
	if r.o.kind == "tls" {
		scheme = "https"
	}
	return fmt.Sprintf(`%s [error] 41#41: *27%d %s, client: 198.51.100.20, server: %s, request: "GET %s HTTP/2.0", upstream: "%s://%s%s", host: "%s"`,
		r.at.Add(r.o.took).Format("2006/01/02 15:04:05"), r.at.Unix()%1000, says, r.host(), r.path, scheme, r.upstream, r.path, r.host())
}

func nginxLines(r request) []string {
	var out []string
	end := r.at.Add(r.o.took)
	if line := nginxErrorLine(r); line != "" {
		out = append(out, line)
	}
	ups, upStatus, upTook, upBytes := r.upstream, fmt.Sprint(r.status), fmt.Sprintf("%.3f", r.o.took.Seconds()), "0"
	if r.upstream == "" {
		ups, upStatus, upTook, upBytes = "-", "-", "-", "-"
	}
	if r.status == 200 || r.o.kind == "app" {
		upBytes = "512"
	}
	name := fmt.Sprintf("%s-%s-http", r.app.Service.Namespace, r.app.Name)
	if r.o.kind == "noroute" {
		name = "upstream-default-backend"
	}
	return append(out, fmt.Sprintf(`198.51.100.20 - - [%s] "GET %s HTTP/2.0" %d 512 "-" "okhttp/4.12.0" 397 %.3f [%s] [%s] %s %s %s %s %032x`,
		end.Format("02/Jan/2006:15:04:05 -0700"), r.path, r.status, r.o.took.Seconds(), name, r.o.beside, ups, upBytes, upTook, upStatus, r.at.UnixNano()))
}

func traefikLines(r request) []string {
	router, server := fmt.Sprintf("websecure-%s-%s-%s%s@kubernetes", r.app.routeNamespace(), r.app.routeName(), strings.ReplaceAll(r.host(), ".", "-"), dash(r.app.Path)), "-"
	if r.upstream != "" {
		server = "http://" + r.upstream
		if r.o.kind == "tls" {
			server = "https://" + r.upstream
		}
	}
	if r.o.kind == "noroute" || r.o.kind == "unusable" {
		router = "-"
	}
	size := 512
	switch r.o.kind { // Traefik's own answers are the status's text
	case "refused", "closed", "reset", "tls", "header", "protocol":
		size = len("Bad Gateway")
		if r.status == 500 {
			size = len("Internal Server Error")
		}
	case "timeout", "slow":
		size = len("Gateway Timeout")
	case "none":
		size = len("no available server")
	case "noroute", "unusable":
		size = len("404 page not found\n")
	}
	return []string{fmt.Sprintf(`198.51.100.20 - - [%s] "GET %s HTTP/2.0" %d %d "-" "-" %d "%s" "%s" %dms`,
		r.at.Format("02/Jan/2006:15:04:05 -0700"), r.path, r.status, size, r.at.Unix()%9999, router, server, r.o.took.Milliseconds())}
}

func dash(path string) string {
	if path == "/" {
		return ""
	}
	return strings.ReplaceAll(path, "/", "-")
}

func haproxyLines(r request) []string {
	state := map[string]string{"refused": "SC--", "timeout": "sC--", "none": "SC--", "closed": "SH--", "reset": "SH--", "slow": "sH--", "tls": "SC--", "protocol": "PH--", "header": "PH--"}[r.o.kind]
	if state == "" {
		state = "----"
	}
	server, times := "SRV_1", fmt.Sprintf("0/0/1/%d/%d", r.o.took.Milliseconds(), r.o.took.Milliseconds()+1)
	backend := fmt.Sprintf("%s_svc_%s_http", r.app.routeNamespace(), r.app.Name)
	if r.upstream == "" {
		server, times = "<NOSRV>", "0/-1/-1/-1/0"
	}
	if r.o.kind == "noroute" || r.o.kind == "unusable" {
		backend = "haproxy-controller_default-local-service_http"
	}
	return []string{fmt.Sprintf(`198.51.100.20:51000 [%s] https~ %s/%s %s %d 512 - - %s 4/4/0/0/3 0/0 {%s} "GET %s HTTP/1.1"`,
		r.at.Format("02/Jan/2006:15:04:05.000"), backend, server, times, r.status, state, r.host(), r.path)}
}

// flags gives Envoy's response flags, details and the transport's reason.
func (r request) flags() (flags, details, transport string) {
	switch r.o.kind {
	case "refused":
		return "UF", "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}", "delayed_connect_error:_Connection_refused"
	case "timeout":
		return "UF", "upstream_reset_before_response_started{connection_timeout}", "connection_timeout"
	case "none":
		return "UH", "no_healthy_upstream", "-"
	case "closed", "reset":
		return "UC", "upstream_reset_before_response_started{connection_termination}", "-"
	case "slow":
		return "UT", "response_timeout", "-"
	case "tls":
		if strings.HasPrefix(r.o.words, "CERTIFICATE_") {
			return "UF", "upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:SSL_routines:OPENSSL_internal:" + strings.ReplaceAll(r.o.words, " ", "_") + ":TLS_error_end}", "TLS_error:|268435581:SSL routines:OPENSSL_internal:" + r.o.words + ":TLS_error_end"
		}
		return "UF", "upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end}", "TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"
	case "protocol":
		return "UPE", "upstream_reset_before_response_started{protocol_error}", "-"
	case "header":
		return "UPE", "upstream_reset_before_response_started{protocol_error}", "headers_size_exceeds_limit"
	case "noroute":
		return "NR", "route_not_found", "-"
	case "unusable":
		return "-", "direct_response", "-"
	case "overflow":
		return "UO", "overflow", "-"
	case "fault":
		return "FI", "fault_filter_abort", "-"
	case "nocluster":
		return "NC", "cluster_not_found", "-"
	case "limited":
		return "RL", "request_rate_limited", "-"
	default:
		return "-", "via_upstream", "-"
	}
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func istioLines(r request) []string {
	flags, details, transport := r.flags()
	cluster := fmt.Sprintf("outbound|80||%s.%s.svc.cluster.local", r.app.Name, r.app.Service.Namespace)
	if r.o.kind == "noroute" || r.o.kind == "unusable" {
		cluster = "-"
	}
	service := "-"
	if details == "via_upstream" {
		service = fmt.Sprint(r.o.took.Milliseconds())
	}
	return []string{fmt.Sprintf(`[%s] "GET %s HTTP/2" %d %s %s - "%s" 0 512 %d %s "198.51.100.20" "okhttp/4.12.0" "ffe3429a-cd66-e247-fd89-13cd74bd091d" "%s" "%s" %s - 10.244.1.9:443 198.51.100.20:51129 %s -`,
		r.at.Format("2006-01-02T15:04:05.000Z"), r.path, r.status, flags, details, transport, r.o.took.Milliseconds(), service, r.host(), or(r.upstream, "-"), cluster, r.host())}
}

func contourLines(r request) []string {
	flags, _, _ := r.flags()
	service := "-"
	if flags == "-" {
		service = fmt.Sprint(r.o.took.Milliseconds())
	}
	return []string{fmt.Sprintf(`[%s] "GET %s HTTP/2" %d %s 0 512 %d %s "198.51.100.20" "okhttp/4.12.0" "ffe3429a-cd66-e247-fd89-13cd74bd091d" "%s" "%s"`,
		r.at.Format("2006-01-02T15:04:05.000Z"), r.path, r.status, flags, r.o.took.Milliseconds(), service, r.host(), or(r.upstream, "-"))}
}

func envoyLines(r request) []string {
	flags, details, transport := r.flags()
	cluster := fmt.Sprintf("httproute/%s/%s/rule/0", r.app.routeNamespace(), r.app.Name)
	if r.o.kind == "noroute" || r.o.kind == "unusable" || r.o.kind == "none" {
		cluster = "-"
	}
	if r.o.kind == "none" { // Envoy Gateway answers itself where a route has no ready endpoint
		flags, details = "-", "direct_response"
	}
	return []string{fmt.Sprintf(`{"start_time":"%s","method":"GET","x-envoy-origin-path":"%s","protocol":"HTTP/2","response_code":"%d","response_flags":"%s","response_code_details":"%s","connection_termination_details":"-","upstream_transport_failure_reason":"%s","bytes_received":"0","bytes_sent":"512","duration":"%d","x-envoy-upstream-service-time":"-","x-forwarded-for":"198.51.100.20","user-agent":"okhttp/4.12.0","x-request-id":"f5946656-59c6-5cbb-4e25-8a5ae1839b51",":authority":"%s","upstream_host":"%s","upstream_cluster":"%s","upstream_local_address":"-","downstream_local_address":"10.244.1.9:10443","downstream_remote_address":"198.51.100.20:51644","requested_server_name":"%s","route_name":"%s/match/0/%s"}`,
		r.at.Format("2006-01-02T15:04:05.000Z"), r.path, r.status, flags, details, transport, r.o.took.Milliseconds(), r.host(), or(r.upstream, "-"), cluster, r.host(), cluster, strings.ReplaceAll(r.host(), ".", "_"))}
}
