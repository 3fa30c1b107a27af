package signature

import (
	"slices"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

func TestWeigh(t *testing.T) {
	m := Load().Matcher()
	for name, c := range map[string]struct {
		text string
		want model.CauseID // the first
		not  model.CauseID // nowhere
	}{
		"one line of a log": {
			text: "connect() failed (111: Connection refused) while connecting to upstream", want: "target-port-mismatch", not: "upstream-timeout",
		},
		"a second line tells what the first leaves open": {
			text: "connect() failed (111: Connection refused) while connecting to upstream\nServer listening on http://127.0.0.1:8080", want: "wrong-listen-address",
		},
		"Envoy's flags in running text": {text: "we see response flags UO on this route", want: "circuit-breaker-open"},
		"Envoy's flags alone":           {text: "UH", want: "no-endpoints"},
		"several of Envoy's flags":      {text: "UF,URX", want: "target-port-mismatch", not: "no-endpoints"},
		"Envoy's body: refused": {
			text: "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure, transport failure reason: delayed connect error: 111",
			want: "target-port-mismatch", not: "no-endpoints",
		},
		"Envoy's body: a handshake": {
			text: "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end",
			want: "certificate-invalid",
		},
		"a database that refuses the user": {text: "Access denied for user 'shop'@'10.0.0.1' (using password: YES)", want: "app-misconfigured", not: "oom-killed"},
		"a server of HAProxy's is no node": {text: `Server shop/web is DOWN, reason: Layer4 connection problem, info: "Connection refused"`, want: "target-port-mismatch"},
		"HAProxy's state of a session":     {text: "the log says sH-- for these", want: "upstream-timeout"},
		"a counter":                        {text: "upstream_rq_pending_overflow jumped after the upgrade", want: "circuit-breaker-open"},
		"the shorter words of a longer text do not count twice": {
			text: "upstream sent too big header while reading response header from upstream", want: "upstream-header-too-big",
		},
		"what is said to be absent": {text: "no OOM kill; SIGTERM, and the process exits at once", want: "termination-race", not: "oom-killed"},
		"objects that disagree":     {text: "Service targetPort: 8080\nDeployment containerPort: 9090", want: "target-port-mismatch"},
		"a path is not prose":       {text: `10.0.0.1 - - [14/Mar/2026:09:26:53 +0000] "GET /docs/oom-killed HTTP/1.1" 503 190 "-" "curl" 80 0.001 [shop-cart-80] [] - - - - 1`, want: "no-endpoints", not: "oom-killed"},
		"what nginx adds to an error is not prose": {
			text: `[error] 22#22: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.1.1, server: dex.example.com, request: "GET /oauth2/auth HTTP/1.1", upstream: "http://10.1.2.3:4180/oauth2/auth", host: "dex.example.com"`,
			want: "target-port-mismatch", not: "auth-backend-failing",
		},
		"bytes that nginx counted are no pods": {
			text: `[error] 93#93: *1 upstream timed out (110: Connection timed out) while connecting to upstream, server: 0.0.0.0:8000, upstream: "10.1.17.2:8000", bytes from/to client:0/0, bytes from/to upstream:0/0`,
			want: "networkpolicy-blocks-ingress", not: "no-replicas",
		},
		"each alternative begins with a word": {text: "the probes of index.php fail, liveness kills the pod", want: "liveness-probe-kills", not: "auth-backend-failing"},
		"a distance ends with the sentence":   {text: "we upgrade the chart; no header is lost, the pod is OOMKilled", want: "oom-killed", not: "websocket-upgrade-failed"},
		"one word alone is no sign":           {text: "nf_conntrack: table full, dropping packet, hello", want: "conntrack-table-full", not: "tls-backend-mismatch"},
		"the status before a reason is not prose": {
			text: `time="2026-03-14T09:26:53Z" level=debug msg="'504 Gateway Timeout' caused by: dial tcp 10.1.2.3:80: i/o timeout"`, want: "networkpolicy-blocks-ingress", not: "upstream-timeout",
		},
		"headers of each answer are not prose": {text: "HTTP/1.1 503 Service Unavailable; content-type: text/plain; upstream overflow", want: "circuit-breaker-open", not: "grpc-h2c-mismatch"},
		"what Linkerd's proxy logs":            {text: "linkerd_app_core::errors::respond: HTTP/1.1 request failed error=logical service 10.0.3.18:80: route default.http: service in fail-fast", want: "no-endpoints", not: "app-error"},
		"a pool of connections is no backend":  {text: "could not obtain a connection from the pool: ConnectionTimeoutError, database has too many clients", want: "dependency-unavailable", not: "cni-datapath-fault"},
		"a handshake that only words tell":     {text: "nf_conntrack: table full, dropping packet", want: "conntrack-table-full"},
	} {
		v := Weigh(m.Match(c.text))
		if len(v.Causes) == 0 || v.Causes[0] != c.want || slices.Contains(v.Causes, c.not) {
			t.Errorf("%s: got %v, want %s first and no %s", name, v.Causes, c.want, c.not)
		}
	}
	if v := Weigh(m.Match("hello world, nothing to see")); len(v.Causes)+len(v.Matches) > 0 {
		t.Errorf("nothing to see: got %v", v.Causes)
	}
}
