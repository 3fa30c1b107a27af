package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// generator writes lines of a gateway's log that look like those of a shop with fifty Services.
type generator struct {
	r        *rand.Rand
	now      time.Time
	failures float64 // share of requests
}

// request is what all formats tell.
type request struct {
	at               time.Time
	client, method   string
	path, query      string
	agent, referer   string
	service, address string
	status, size     int
	took             time.Duration
	id               uint64
	retried          bool // the first try failed, the second did not
	refused          bool // nobody listened
	host             string
}

func newGenerator(seed uint64, failures float64) *generator {
	return &generator{r: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC), failures: failures}
}

func agents() []string {
	return []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"curl/8.5.0", "python-requests/2.32.3", "kube-probe/1.31",
	}
}

func (g *generator) next() request {
	g.now = g.now.Add(time.Duration(g.r.ExpFloat64() * float64(2*time.Millisecond)))
	n := g.r.IntN(50)
	q := request{
		at: g.now, client: fmt.Sprintf("198.51.%d.%d", g.r.IntN(256), g.r.IntN(256)), method: "GET", status: 200,
		path: fmt.Sprintf("/s%d/items/%d", n, g.r.IntN(1_000_000)), agent: agents()[g.r.IntN(6)], referer: "-",
		service: fmt.Sprintf("shop-svc%d-80", n), address: fmt.Sprintf("10.244.%d.%d:8080", n, 1+g.r.IntN(4)),
		size: 200 + g.r.IntN(20000), took: time.Duration((0.002 + 0.03*g.r.ExpFloat64()) * float64(time.Second)), id: g.r.Uint64(), host: "shop.example.com",
	}
	if g.r.IntN(3) == 0 {
		q.query = fmt.Sprintf("?page=%d&sort=price", g.r.IntN(50))
	}
	if g.r.IntN(2) == 0 {
		q.referer = "https://shop.example.com/s1/"
	}
	switch x := g.r.Float64(); {
	case x < g.failures:
		q.status = []int{502, 502, 503, 504}[g.r.IntN(4)]
		q.refused = q.status == 502
	case x < g.failures+0.002:
		q.retried = true
	case x < 0.08:
		q.status = []int{301, 304, 304, 404, 401, 499}[g.r.IntN(6)]
	}
	return q
}

// write writes lines in a format until there are as many bytes.
func write(w io.Writer, format string, size int64, seed uint64, failures float64) error {
	line, ok := formats()[format]
	if !ok {
		return fmt.Errorf("no format %q", format)
	}
	g := newGenerator(seed, failures)
	b := bufio.NewWriterSize(w, 1<<20)
	var buf []byte
	for n := int64(0); n < size; n += int64(len(buf)) {
		buf = line(buf[:0], g.next())
		if _, err := b.Write(buf); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	return nil
}

func formats() map[string]func([]byte, request) []byte {
	return map[string]func([]byte, request) []byte{
		"ingress-nginx": ingressNginx, "ingress-nginx-json": ingressNginxJSON, "combined": combined, "envoy": envoy, "envoy-json": envoyJSON,
		"traefik": traefik, "traefik-json": traefikJSON, "haproxy": haproxy,
	}
}

func combinedPart(b []byte, q request) []byte {
	return fmt.Appendf(b, `%s - - [%s] "%s %s%s HTTP/1.1" %d %d "%s" "%s"`,
		q.client, q.at.Format("02/Jan/2006:15:04:05 -0700"), q.method, q.path, q.query, q.status, q.size, q.referer, q.agent)
}

func combined(b []byte, q request) []byte { return append(combinedPart(b, q), '\n') }

// tries are the lists of ingress-nginx's upstream fields.
func (q request) tries() (address, size, took, status string) {
	t := fmt.Sprintf("%.3f", q.took.Seconds())
	switch {
	case q.status == 503:
		return "-", "-", "-", "-"
	case q.retried:
		return q.address + ", 10.244.9.9:8080", fmt.Sprintf("0, %d", q.size), "0.001, " + t, fmt.Sprintf("502, %d", q.status)
	case q.status >= 500:
		return q.address, "0", t, fmt.Sprint(q.status)
	case q.status == 499:
		return q.address, "0", t, "-"
	default:
		return q.address, fmt.Sprint(q.size), t, fmt.Sprint(q.status)
	}
}

func ingressNginx(b []byte, q request) []byte {
	if q.refused {
		b = fmt.Appendf(b, `%s [error] 31#31: *%d connect() failed (111: Connection refused) while connecting to upstream, client: %s, server: %s, request: "%s %s%s HTTP/1.1", upstream: "http://%s%s", host: "%s"`+"\n",
			q.at.Format("2006/01/02 15:04:05"), q.id%100000, q.client, q.host, q.method, q.path, q.query, q.address, q.path, q.host)
	}
	address, size, took, status := q.tries()
	return fmt.Appendf(combinedPart(b, q), ` %d %.3f [%s] [] %s %s %s %s %016x%016x`+"\n", 300, q.took.Seconds(), q.service, address, size, took, status, q.id, q.id)
}

func ingressNginxJSON(b []byte, q request) []byte {
	address, size, took, status := q.tries()
	return fmt.Appendf(b, `{"time": "%s", "remote_addr": "%s", "x_forwarded_for": "%s", "request_id": "%016x%016x", "remote_user": "", "bytes_sent": %d, "request_time": %.3f, "status": %d, "vhost": "%s", "request_proto": "HTTP/1.1", "path": "%s", "request_query": "%s", "request_length": 300, "duration": %.3f, "method": "%s", "http_referrer": "%s", "http_user_agent": "%s", "proxy_upstream_name": "%s", "upstream_addr": "%s", "upstream_response_length": "%s", "upstream_response_time": "%s", "upstream_status": "%s"}`+"\n",
		q.at.Format(time.RFC3339), q.client, q.client, q.id, q.id, q.size+300, q.took.Seconds(), q.status, q.host, q.path, q.query, q.took.Seconds(), q.method, q.referer, q.agent,
		q.service, address, size, took, status)
}

// flags are Envoy's.
func (q request) flags() (flags, details, address string) {
	switch {
	case q.refused:
		return "UF", "upstream_reset_before_response_started{connection_failure}", q.address
	case q.status == 503:
		return "UH", "no_healthy_upstream", "-"
	case q.status == 504:
		return "UT", "response_timeout", q.address
	case q.status == 499:
		return "DC", "downstream_remote_disconnect", q.address
	default:
		return "-", "via_upstream", q.address
	}
}

func envoyStatus(q request) int {
	switch q.status {
	case 502:
		return 503
	case 499:
		return 0
	default:
		return q.status
	}
}

func envoy(b []byte, q request) []byte {
	flags, _, address := q.flags()
	return fmt.Appendf(b, `[%s] "%s %s%s HTTP/1.1" %d %s 0 %d %d %d "%s" "%s" "%08x-95d5-45ef-a6e7-dff9f98764da" "%s" "%s"`+"\n",
		q.at.Format("2006-01-02T15:04:05.000Z"), q.method, q.path, q.query, envoyStatus(q), flags, q.size, q.took.Milliseconds(), q.took.Milliseconds(), q.client, q.agent, uint32(q.id), q.host, address)
}

func envoyJSON(b []byte, q request) []byte {
	flags, details, address := q.flags()
	return fmt.Appendf(b, `{":authority":"%s","bytes_received":0,"bytes_sent":%d,"connection_termination_details":null,"downstream_local_address":"10.244.3.2:8080","downstream_remote_address":"%s:50000","duration":%d,"method":"%s","protocol":"HTTP/1.1","requested_server_name":null,"response_code":%d,"response_code_details":"%s","response_flags":"%s","route_name":"httproute/shop/svc%s/rule/0/match/0/shop_example_com","start_time":"%s","upstream_cluster":"httproute/shop/%s/rule/0","upstream_host":"%s","upstream_local_address":"10.244.3.2:42000","upstream_transport_failure_reason":null,"user-agent":"%s","x-envoy-origin-path":"%s%s","x-envoy-upstream-service-time":null,"x-forwarded-for":"%s","x-request-id":"%08x-95d5-45ef-a6e7-dff9f98764da"}`+"\n",
		q.host, q.size, q.client, q.took.Milliseconds(), q.method, envoyStatus(q), details, flags, q.service, q.at.Format("2006-01-02T15:04:05.000Z"), q.service, address, q.agent, q.path, q.query, q.client, uint32(q.id))
}

func traefik(b []byte, q request) []byte {
	return fmt.Appendf(combinedPart(b, q), ` %d "shop-%s-shop-example-com@kubernetes" "http://%s" %dms`+"\n", q.id%100000, q.service, q.address, q.took.Milliseconds())
}

func traefikJSON(b []byte, q request) []byte {
	return fmt.Appendf(b, `{"ClientAddr":"%s:40000","ClientHost":"%s","ClientPort":"40000","ClientUsername":"-","DownstreamContentSize":%d,"DownstreamStatus":%d,"Duration":%d,"KubernetesIngressName":"shop","KubernetesIngressNamespace":"shop","KubernetesServiceName":"%s","KubernetesServicePort":"80","OriginContentSize":%d,"OriginDuration":%d,"OriginStatus":%d,"Overhead":61000,"RequestAddr":"%s","RequestContentSize":0,"RequestCount":1,"RequestHost":"%s","RequestMethod":"%s","RequestPath":"%s%s","RequestPort":"-","RequestProtocol":"HTTP/1.1","RequestScheme":"http","RetryAttempts":0,"RouterName":"shop-%s-shop-example-com@kubernetes","ServiceAddr":"%s","ServiceName":"shop-web-80@kubernetes","ServiceURL":"http://%s","StartLocal":"%s","StartUTC":"%s","entryPointName":"web","level":"info","msg":"","request_User-Agent":"%s","time":"%s"}`+"\n",
		q.client, q.client, q.size, q.status, int64(q.took), q.service, q.size, int64(q.took)-61000, q.status, q.host, q.host, q.method, q.path, q.query, q.service, q.address, q.address,
		q.at.Format(time.RFC3339Nano), q.at.Format(time.RFC3339Nano), q.agent, q.at.Format(time.RFC3339))
}

func haproxy(b []byte, q request) []byte {
	state, server, status := "----", "SRV_1", q.status
	switch {
	case q.refused:
		state, status = "SC--", 503
	case q.status == 503:
		state, server = "SC--", "<NOSRV>"
	case q.status == 504:
		state = "sH--"
	case q.status == 499:
		state, status = "CD--", 200
	}
	ms := q.took.Milliseconds()
	return fmt.Appendf(b, `%s:51000 [%s] http shop_svc_%s_http/%s 0/0/0/%d/%d %d %d - - %s 12/10/2/1/0 0/0 "%s %s%s%s HTTP/1.1"`+"\n",
		q.client, q.at.Format("02/Jan/2006:15:04:05.000"), q.service, server, ms, ms, status, q.size, state, q.method, q.host, q.path, q.query)
}
