package all

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// form is one format: how a record is written in it, and what of the record it does not have.
type form struct {
	name   string // as ParserFor takes it
	render func(record) string
	forget func(*model.Signal)
}

type m = map[string]any

// wholeSecond is the precision of nginx's and Traefik's times.
func wholeSecond(s *model.Signal) { s.At = s.At.Truncate(time.Second) }

func clf(r record, quote func(string) string) string {
	return fmt.Sprintf(`%s - - [%s] "%s %s%s HTTP/1.1" %d 12 "%s" "%s"`, r.client, r.at.Format("02/Jan/2006:15:04:05 -0700"), r.method, r.path, r.query, r.status, quote(r.referer), quote(r.agent))
}

func millis(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }

func plainCLF(s *model.Signal) {
	wholeSecond(s)
	unrouted(s)
	s.Tries, s.Duration, s.Request.Host, s.Request.Scheme = nil, 0, "", ""
}

// envoyTry: Envoy's formats have one host, its status where the upstream answered.
func envoyTry(s *model.Signal) {
	lastTry(s)
	s.Request.Scheme = ""
}

func envoyText(r record, details, tail string) string {
	if details != "" {
		details = " " + details
	}
	return fmt.Sprintf(`[%s] "%s %s%s HTTP/2" %d -%s 0 12 %d 5 "%s" "%s" "0af1" "%s" "%s"%s`, millis(r.at), r.method, r.path, r.query, r.status, details, r.took.Milliseconds(), r.client, r.agent, r.host, r.last().Address, tail)
}

func envoyObject(r record, keys m) string {
	for k, v := range (m{
		"method": r.method, "response_code": r.status, "response_flags": "-", "duration": r.took.Milliseconds(), "upstream_host": r.last().Address,
		"upstream_service_time": "5", "user_agent": r.agent,
	}) {
		keys[k] = v
	}
	return object(keys)
}

func haproxyLine(r record, backend, captures, request string) string {
	frontend := "http"
	if r.secure {
		frontend = "https~"
	}
	return fmt.Sprintf(`%s:50000 [%s] %s %s/SRV_1 0/0/0/2/%d %d 12 - - ---- 1/1/0/0/0 0/0 %s"%s"`, r.client, r.at.Format("02/Jan/2006:15:04:05.000"), frontend, backend, r.took.Milliseconds(), r.status, captures, request)
}

func kongTries(r record) (tries []m) {
	for _, t := range r.tries {
		at := strings.LastIndexByte(t.Address, ':')
		var port int
		if _, err := fmt.Sscan(t.Address[at+1:], &port); err != nil {
			panic(err) // an address of this test's own
		}
		tries = append(tries, m{"ip": strings.Trim(t.Address[:at], "[]"), "port": port})
	}
	return tries
}

func forms() []form {
	ok := func(*model.Signal) {}
	upstreamed := func(s *model.Signal) {
		wholeSecond(s)
		s.RouteName, s.Request.Host, s.Request.Scheme = "", "", ""
	}
	address := func(t model.Try) string { return t.Address }
	status := func(t model.Try) string { return fmt.Sprint(t.Status) }
	return []form{
		{"combined", func(r record) string { return clf(r, escaped) }, plainCLF},
		{"nginx-ingress", func(r record) string { return clf(r, escaped) + ` "` + escaped(r.agent) + `"` }, plainCLF},
		{"kong", func(r record) string { return clf(r, escaped) + ` kong_request_id: "0af1"` }, plainCLF},
		{"ingress-nginx", func(r record) string {
			return fmt.Sprintf(`%s 80 %s [%s-%s-%s] [] %s %s %s %s 0af1`, clf(r, escaped), r.seconds(), r.namespace, r.service, r.port,
				r.list(address), r.list(func(model.Try) string { return "0" }), r.list(func(model.Try) string { return "0.001" }), r.list(status))
		}, upstreamed},
		{"nginx", func(r record) string {
			return object(m{
				"time": r.at.Format("2006-01-02T15:04:05-07:00"), "remote_addr": r.client, "status": r.status, "vhost": r.host, "path": r.path, "request_time": json.Number(r.seconds()), "method": r.method, "http_user_agent": r.agent,
				"namespace": r.namespace, "ingress": r.route, "service": r.service, "service_port": r.port, "upstream_addr": r.list(address), "upstream_status": r.list(status), "upstream_response_time": r.list(func(model.Try) string { return "0.001" }),
			})
		}, func(s *model.Signal) { wholeSecond(s); s.Request.Scheme = "" }},
		{"kong", func(r record) string {
			return object(m{
				"client_ip": r.client, "started_at": r.at.UnixMilli(), "latencies": m{"request": r.took.Milliseconds(), "proxy": 1}, "response": m{"status": r.status}, "source": "service",
				"request": m{"method": r.method, "uri": r.path + r.query, "url": r.scheme() + "://" + r.host + ":8000" + r.path, "headers": m{"host": r.host, "user-agent": r.agent}},
				"tries":   kongTries(r), "upstream_status": r.list(status), "route": m{"name": strings.Join([]string{r.namespace, r.route, r.service, r.host, "80"}, ".")}, "service": m{"name": r.namespace + "." + r.service + "." + r.port},
			})
		}, ok},
		{"traefik", func(r record) string {
			quote := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, `\`, ""), `"`, `\"`) }
			return fmt.Sprintf(`%s %d "%s@kubernetes" "http://%s" %dms`, clf(r, quote), r.counter, r.route, r.last().Address, r.took.Milliseconds())
		}, func(s *model.Signal) {
			wholeSecond(s)
			lastTry(s)
			s.RouteNamespace, s.Service, s.ServicePort, s.RouteName, s.Request.Host, s.Request.Scheme = "", "", "", s.RouteName+"@kubernetes", "", ""
		}},
		{"traefik", func(r record) string {
			return object(m{
				"ClientHost": r.client, "DownstreamStatus": r.status, "DownstreamContentSize": 7777, "Duration": int64(r.took), "RequestHost": r.host, "RequestMethod": r.method, "RequestPath": r.path + r.query, "RequestScheme": r.scheme(),
				"KubernetesIngressNamespace": r.namespace, "KubernetesIngressName": r.route, "KubernetesServiceName": r.service, "KubernetesServicePort": r.port, "ServiceAddr": r.last().Address, "StartUTC": r.at.Format(time.RFC3339Nano), "request_User-Agent": r.agent, "msg": "",
			})
		}, lastTry},
		{"envoy", func(r record) string { return envoyText(r, "", "") }, func(s *model.Signal) { envoyTry(s); unrouted(s) }},
		{"istio", func(r record) string {
			return envoyText(r, `via_upstream - "-"`, fmt.Sprintf(" outbound|%s||%s.%s.svc.cluster.local 10.2.0.1:4 10.2.0.1:8080 %s:5 - default", r.port, r.service, r.namespace, "10.0.0.1"))
		}, func(s *model.Signal) { envoyTry(s); s.RouteName = "" }},
		{"contour", func(r record) string {
			return envoyObject(r, m{"@timestamp": millis(r.at), "authority": r.host, "path": r.path + r.query, "x_forwarded_for": r.client, "upstream_cluster": r.namespace + "_" + r.service + "_" + r.port})
		}, func(s *model.Signal) { envoyTry(s); s.RouteName = "" }},
		{"envoy-gateway", func(r record) string {
			return envoyObject(r, m{
				"start_time": millis(r.at), ":authority": r.host, "x-envoy-origin-path": r.path + r.query, "x-forwarded-for": r.client, "response_code_details": "via_upstream",
				"upstream_cluster": "httproute/" + r.namespace + "/" + r.route + "/rule/0", "route_name": "httproute/" + r.namespace + "/" + r.route + "/rule/0/match/0/x",
			})
		}, func(s *model.Signal) { envoyTry(s); s.Service, s.ServicePort = "", "" }},
		{"haproxy-kubernetes", func(r record) string {
			return haproxyLine(r, r.namespace+"_"+r.route+"_svc_"+r.service+"_"+r.port, "", r.method+" "+r.host+r.path+" HTTP/1.1")
		}, func(s *model.Signal) { s.Tries = nil }},
		{"haproxy", func(r record) string {
			return haproxyLine(r, r.namespace+"_"+r.service+"_"+r.port, "{"+hashed(r.agent)+"|"+hashed(r.referer)+"} ", r.method+" "+r.path+r.query+" HTTP/1.1")
		}, func(s *model.Signal) { s.Tries, s.RouteName, s.Request.Host = nil, "", "" }},
		{"caddy", func(r record) string {
			return object(m{
				"level": "info", "ts": float64(r.at.UnixMilli()) / 1000, "logger": "http.log.access", "msg": "handled request", "duration": json.Number(r.seconds()), "status": r.status, "resp_headers": m{"Via": []string{"1.1 Caddy"}},
				"request": m{"remote_ip": r.client, "method": r.method, "host": r.host, "uri": r.path + r.query, "headers": m{"User-Agent": []string{r.agent}}},
			})
		}, func(s *model.Signal) { unrouted(s); s.Tries, s.Request.Scheme = nil, "" }},
		{"alb", func(r record) string {
			kind, client := "http", r.client
			if r.secure {
				kind = "https"
			}
			if strings.Contains(client, ":") {
				client = "[" + client + "]"
			}
			return fmt.Sprintf(`%s %s app/x/50dc %s:42000 %s 0.000 %s 0.000 %d %d 312 5342 "%s %s://%s:443%s%s HTTP/1.1" "%s" - - arn:aws:elasticloadbalancing:eu:1:targetgroup/k8s-%s/73 "Root=1" "%s" "-" 1 %s "forward" "-" "-" "%s" "%d" "-" "-" TID_1`,
				kind, r.at.Format("2006-01-02T15:04:05.000000Z"), client, r.last().Address, r.seconds(), r.status, r.status, r.method, kind, r.host, r.path, r.query, escaped(r.agent), r.service, r.host, r.at.Format("2006-01-02T15:04:05.000000Z"), r.last().Address, r.status)
		}, func(s *model.Signal) {
			lastTry(s)
			s.RouteNamespace, s.RouteName, s.Service, s.ServicePort = "", "", "k8s-"+s.Service, ""
		}},
		{"gcp", func(r record) string {
			return object(m{
				"jsonPayload": m{"statusDetails": "response_sent_by_backend"}, "timestamp": r.at.Format("2006-01-02T15:04:05.000000Z"), "resource": m{"labels": m{"backend_service_name": "k8s1-1a2b-" + r.namespace + "-" + r.service + "-" + r.port + "-0123"}},
				"httpRequest": m{"requestMethod": r.method, "requestUrl": r.scheme() + "://" + r.host + r.path + r.query, "status": r.status, "userAgent": r.agent, "remoteIp": r.client, "serverIp": r.last().Address, "latency": r.seconds() + "s"},
			})
		}, func(s *model.Signal) { lastTry(s); s.RouteName = "" }},
		{"azure", func(r record) string {
			secure := "off"
			if r.secure {
				secure = "on"
			}
			// In version 2 of the gateway times have a fraction, whole or not.
			took := strings.Replace(object(m{"timeTaken": "T"}), `"T"`, r.seconds(), 1)
			properties := object(m{"clientIP": r.client, "httpMethod": r.method, "requestUri": r.path, "httpStatus": r.status, "userAgent": r.agent, "serverRouted": r.last().Address, "serverStatus": fmt.Sprint(r.status), "sslEnabled": secure, "originalHost": r.host, "error_info": "ERRORINFO_NO_ERROR"})
			return fmt.Sprintf(`{"timeStamp":%q,"category":"ApplicationGatewayAccessLog","backendPoolName":"pool-%s-%s-%s-bp-80","properties":%s,%s}`,
				r.at.Format("2006-01-02T15:04:05.000+00:00"), r.namespace, r.service, r.port, took[:len(took)-1], properties[1:])
		}, func(s *model.Signal) { lastTry(s); s.RouteName = "" }},
		{"linkerd", func(r record) string {
			return object(m{"client.addr": "10.2.0.1:5", "client.id": "-", "host": r.host, "method": r.method, "status": r.status, "timestamp": r.at.Format(time.RFC3339Nano), "total_ns": fmt.Sprint(int64(r.took)), "uri": r.path + r.query, "user_agent": r.agent})
		}, func(s *model.Signal) { unrouted(s); s.Client, s.Tries, s.Request.Scheme = "10.2.0.1", nil, "" }},
		{"linkerd", func(r record) string {
			return fmt.Sprintf(`10.2.0.1:5 - - [%s] "%s http://%s:80%s%s HTTP/2.0" %d 12`, r.at.Format(time.RFC3339Nano), r.method, r.host, r.path, r.query, r.status)
		}, func(s *model.Signal) {
			unrouted(s)
			s.Client, s.Tries, s.Request.Scheme, s.Duration = "10.2.0.1", nil, "", 0
		}},
	}
}
