package cloudlb

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// albLine is a line with what differs in it: target, three times, both statuses, actions and error reason.
func albLine(target, times string, status, targetStatus, actions, reason string) string {
	return `https 2026-05-04T08:30:15.250000Z app/k8s-shop-public-1a2b/50dc [2001:db8::7]:42000 ` + target + ` ` + times + ` ` + status + ` ` + targetStatus +
		` 312 534 "GET https://shop.test:443/buy?x=1 HTTP/2.0" "a \x22b\x22" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/k8s-shop-cart-0123456789/73e2 ` +
		`"Root=1-f6" "shop.test" "arn:aws:acm:x" 1 2026-05-04T08:30:15.240000Z "` + actions + `" "-" "` + reason + `" "` + target + `" "` + targetStatus + `" "-" "-" TID_c8e8`
}

func TestALB(t *testing.T) {
	const to = "10.1.0.5:8080"
	tests := map[string]struct {
		line    string
		failure model.FailureKind
		status  int
		took    time.Duration
	}{
		"a success":                  {albLine(to, "0.001 0.020 0.000", "200", "200", "forward", "-"), "", 200, 21 * time.Millisecond},
		"the time since creation":    {albLine(to, "0.001 0.002 0.000", "200", "200", "forward", "-"), "", 200, 10 * time.Millisecond},
		"the application's answer":   {albLine(to, "0.000 0.007 0.000", "503", "503", "forward", "-"), model.UpstreamStatus, 503, 10 * time.Millisecond},
		"refused":                    {albLine(to, "0.000 -1 -1", "502", "-", "forward", "-"), model.Refused, 502, 10 * time.Millisecond},
		"closed":                     {albLine(to, "0.000 0.013 -1", "502", "-", "forward", "-"), model.Reset, 502, 13 * time.Millisecond},
		"a handshake that hangs":     {albLine(to, "0.000 10.001 -1", "502", "-", "forward", "-"), model.TLS, 502, 10001 * time.Millisecond},
		"no targets":                 {albLine("-", "-1 -1 -1", "503", "-", "forward", "-"), model.NoEndpoints, 503, 10 * time.Millisecond},
		"no Service":                 {albLine("-", "-1 -1 -1", "503", "-", "fixed-response", "-"), model.NoEndpoints, 503, 10 * time.Millisecond},
		"no rule":                    {albLine("-", "-1 -1 -1", "404", "-", "fixed-response", "-"), model.NoRoute, 404, 10 * time.Millisecond},
		"cannot connect":             {albLine(to, "-1 -1 -1", "504", "-", "forward", "-"), model.ConnectTimeout, 504, 10 * time.Millisecond},
		"too slow":                   {albLine(to, "0.000 60.000 -1", "504", "-", "forward", "-"), model.ResponseTimeout, 504, time.Minute},
		"the client went away":       {albLine(to, "0.000 -1 -1", "460", "-", "forward", "-"), "", 460, 10 * time.Millisecond},
		"the firewall":               {albLine("-", "-1 -1 -1", "403", "-", "waf", "-"), model.Denied, 403, 10 * time.Millisecond},
		"the application's own 403":  {albLine(to, "0.000 0.020 0.000", "403", "403", "forward", "-"), "", 403, 20 * time.Millisecond},
		"no login":                   {albLine("-", "-1 -1 -1", "561", "-", "authenticate-oidc", "AuthInvalidIdToken"), model.Denied, 561, 10 * time.Millisecond},
		"a function's bad answer":    {albLine("-", "-1 0.120 -1", "502", "-", "forward", "LambdaInvalidResponse"), model.UpstreamStatus, 502, 120 * time.Millisecond},
		"an odd status without more": {albLine(to, "0.000 0.020 0.000", "505", "-", "forward", "-"), model.OtherFailure, 505, 20 * time.Millisecond},
	}
	for name, test := range tests {
		var s model.Signal
		if class := newALBParser().Parse([]byte(test.line), &s); class != proxy.Access {
			t.Errorf("%s: class %v", name, class)
		}
		if s.Failure != test.failure || s.Status != test.status || s.Duration != test.took {
			t.Errorf("%s: failure %q, status %d, took %v", name, s.Failure, s.Status, s.Duration)
		}
		if s.Failed() == (s.Raw == "") || (s.Failure != "") == (s.Reason == "") {
			t.Errorf("%s: reason %q, raw %q", name, s.Reason, s.Raw)
		}
		if want := (model.Request{Scheme: "https", Method: "GET", Host: "shop.test", Path: "/buy"}); !cmp.Equal(s.Request, want) || s.Client != "2001:db8::7" || s.Service != "k8s-shop-cart-0123456789" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	whole := tests["a success"].line
	for name, line := range map[string]string{
		"cut within the request": whole[:200], "two in one": whole + whole, "a time too few": albLine(to, "0.000 -1", "502", "-", "forward", "-"),
		"no status": albLine(to, "0.000 -1 -1", "50O", "-", "forward", "-"), "a header": "version account-id interface-id srcaddr dstaddr", "not decompressed": "\x1f\x8b\x08\x00",
	} {
		var s model.Signal
		if class := newALBParser().Parse([]byte(line), &s); class != proxy.Foreign || s.Failed() {
			t.Errorf("%s: class %v, %+v", name, class, s)
		}
	}
}

func gcpLine(status int, details, server, latency string) string {
	if server != "" {
		server = `,"serverIp":"` + server + `"`
	}
	return fmt.Sprintf(`{"insertId":"1","jsonPayload":{"statusDetails":%q,"remoteIp":"192.0.2.1"},"httpRequest":{"requestMethod":"GET","requestUrl":"https://shop.test/buy?x=1","status":%d,"remoteIp":"192.0.2.1","latency":%q%s},`+
		`"resource":{"type":"http_load_balancer","labels":{"backend_service_name":"k8s1-1a2b3c4d-shop-cart-80-0123abcd"}},"timestamp":"2026-05-04T08:30:15.250000Z","severity":"INFO"}`, details, status, latency, server)
}

func TestGCP(t *testing.T) {
	tests := map[string]struct {
		line    string
		failure model.FailureKind
	}{
		"a success":                {gcpLine(200, "response_sent_by_backend", "10.1.0.5", "0.012s"), ""},
		"the application's answer": {gcpLine(503, "response_sent_by_backend", "10.1.0.5", "0.012s"), model.UpstreamStatus},
		"refused":                  {gcpLine(502, "failed_to_connect_to_backend", "", "0.1s"), model.Refused},
		"cannot connect":           {gcpLine(502, "failed_to_connect_to_backend", "", "10.02s"), model.ConnectTimeout},
		"no backend":               {gcpLine(503, "failed_to_pick_backend", "", "0.002s"), model.NoEndpoints},
		"too slow":                 {gcpLine(504, "backend_timeout", "10.1.0.5", "30.001s"), model.ResponseTimeout},
		"broken off":               {gcpLine(200, "backend_connection_closed_after_partial_response_sent", "10.1.0.5", "9.3s"), model.ClosedEarly},
		"a certificate":            {gcpLine(502, "ssl_certificate_san_verification_failed", "10.1.0.5", "0.010s"), model.TLS},
		"no rule":                  {gcpLine(404, "config_not_found", "", "0.001s"), model.NoRoute},
		"the application's 404":    {gcpLine(404, "response_sent_by_backend", "10.1.0.5", "0.001s"), ""},
		"denied":                   {gcpLine(403, "denied_by_security_policy", "", "0.001s"), model.Denied},
		"the client went away":     {gcpLine(0, "client_disconnected_before_any_response", "10.1.0.5", "30s"), ""},
		"words nobody knows":       {gcpLine(502, "made_up", "", "30s"), model.OtherFailure},
	}
	for name, test := range tests {
		var s model.Signal
		if class := newGCPParser().Parse([]byte(test.line), &s); class != proxy.Access || s.Failure != test.failure {
			t.Errorf("%s: class %v, failure %q, want %q", name, class, s.Failure, test.failure)
		}
		if s.RouteNamespace != "shop" || s.Service != "cart" || s.ServicePort != "80" || s.Request.Path != "/buy" || s.Request.Host != "shop.test" || s.Client != "192.0.2.1" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for _, line := range []string{`{"httpRequest":{"status":502}}`, `{"textPayload":"x"}`, `[` + tests["a success"].line + `]`, gcpLine(502, "x", "", "fast")} {
		var s model.Signal
		if class := newGCPParser().Parse([]byte(line), &s); class != proxy.Foreign || s.Failed() {
			t.Errorf("class %v, %+v: %s", class, s, line)
		}
	}
}

// Regional and internal load balancers have other labels, and say what failed in the words of RFC 9209.
func TestRegionalGCP(t *testing.T) {
	line := func(status int, server, proxyStatus string) string {
		said := ""
		if proxyStatus != "" {
			said = fmt.Sprintf(`,"proxyStatus":%q`, proxyStatus)
		}
		return fmt.Sprintf(`{"httpRequest":{"latency":"0.012s","remoteIp":"192.0.2.1","requestMethod":"GET","requestUrl":"http://shop.test/buy?x=1","serverIp":%q,"status":%d},`+
			`"jsonPayload":{"backendTargetProjectNumber":"projects/1"%s},"resource":{"labels":{"backend_name":"","backend_target_name":"gkegw1-ab12-shop-cart-80-cd34","backend_type":"UNKNOWN"},`+
			`"type":"http_external_regional_lb_rule"},"timestamp":"2026-05-04T08:30:15.250Z"}`, server, status, said)
	}
	for name, test := range map[string]struct {
		line    string
		failure model.FailureKind
	}{
		"a success":                {line(200, "10.1.0.5", ""), ""},
		"the application's answer": {line(503, "10.1.0.5", ""), model.UpstreamStatus},
		"no backend":               {line(503, "", `error="destination_unavailable"; details="failed_to_pick_backend"`), model.NoEndpoints},
		"closed":                   {line(503, "10.1.0.5", `error="connection_terminated"; details="backend_connection_closed"`), model.ClosedEarly},
		"too slow":                 {line(504, "10.1.0.5", `error="http_response_timeout"; details="response_timeout"`), model.ResponseTimeout},
		"broken off":               {line(200, "10.1.0.5", `error="http_response_incomplete"; details="x"`), model.ClosedEarly},
		"the client's fault":       {line(408, "", `error="http_request_error"; details="client_timed_out"`), ""},
		"nobody was asked":         {line(503, "", ""), model.OtherFailure},
		"words nobody knows":       {line(503, "10.1.0.5", `details="made_up"`), model.OtherFailure},
	} {
		var s model.Signal
		if class := newGCPParser().Parse([]byte(test.line), &s); class != proxy.Access || s.Failure != test.failure {
			t.Errorf("%s: class %v, failure %q, want %q", name, class, s.Failure, test.failure)
		}
		if s.RouteNamespace != "shop" || s.Service != "cart" || s.ServicePort != "80" || s.Request.Path != "/buy" {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func azureLine(status, info, server, serverStatus, took string) string {
	return `{"timeStamp":"2026-05-04T08:30:15.250+00:00","backendPoolName":"pool-my-shop-cart-80-bp-8080","category":"ApplicationGatewayAccessLog","properties":{"clientIP":"192.0.2.1","httpMethod":"GET","requestUri":"/buy","requestQuery":"x=1",` +
		`"httpStatus":` + status + `,"timeTaken":` + took + `,"sslEnabled":"on","serverRouted":"` + server + `","serverStatus":"` + serverStatus + `","serverResponseLatency":"0.020","originalHost":"shop.test","host":"cart.internal","error_info":"` + info + `"}}`
}

func TestAzure(t *testing.T) {
	const to = "10.1.0.5:8080"
	tests := map[string]struct {
		line    string
		failure model.FailureKind
		took    time.Duration
	}{
		"a success":                {azureLine("200", "ERRORINFO_NO_ERROR", to, "200", "0.021"), "", 21 * time.Millisecond},
		"the application's answer": {azureLine("502", "ERRORINFO_NO_ERROR", to, "502", "0.021"), model.UpstreamStatus, 21 * time.Millisecond},
		"no server":                {azureLine("502", "ERRORINFO_UPSTREAM_NO_LIVE", "", "", "0.0"), model.NoEndpoints, 0},
		"no server, no words":      {azureLine("502", "", "", "", "0.0"), model.NoEndpoints, 0},
		"closed":                   {azureLine("502", "ERRORINFO_UPSTREAM_CLOSED_CONNECTION", to, "", "0.011"), model.ClosedEarly, 11 * time.Millisecond},
		"too slow":                 {azureLine("504", "ERRORINFO_UPSTREAM_TIMED_OUT", to, "", "30.002"), model.ResponseTimeout, 30002 * time.Millisecond},
		"the client went away":     {azureLine("499", "ERRORINFO_CLIENT_CLOSED_REQUEST", to, "", "12.4"), "", 12400 * time.Millisecond},
		"no listener":              {azureLine("400", "ERRORINFO_INVALID_HOST", "", "", "0.0"), model.NoRoute, 0},
		"version 1, milliseconds":  {azureLine("200", "", to, "200", "11"), "", 11 * time.Millisecond},
	}
	for name, test := range tests {
		var s model.Signal
		if class := newAzureParser().Parse([]byte(test.line), &s); class != proxy.Access || s.Failure != test.failure || s.Duration != test.took {
			t.Errorf("%s: class %v, failure %q, want %q, took %v", name, class, s.Failure, test.failure, s.Duration)
		}
		if s.Service != "my-shop-cart-80" || s.Request.Path != "/buy" || s.Request.Host != "shop.test" || s.Client != "192.0.2.1" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for line, want := range map[string]proxy.Class{
		`{"category":"ApplicationGatewayFirewallLog","properties":{}}`: proxy.Event,
		`{"records":[` + tests["a success"].line + `]}`:                proxy.Foreign,
		azureLine(`"502"`, "", "", "", "0.0"):                          proxy.Foreign,
		azureLine(`502`, "", "", "", `"soon"`):                         proxy.Foreign,
	} {
		var s model.Signal
		if class := newAzureParser().Parse([]byte(line), &s); class != want || s.Failed() {
			t.Errorf("class %v, %+v: %s", class, s, line)
		}
	}
}

func TestSuccessDoesNotAllocate(t *testing.T) {
	for name, test := range map[string]struct {
		p    proxy.Parser
		line string
	}{
		"alb":   {newALBParser(), albLine("10.1.0.5:80", "0.001 0.020 0.000", "200", "200", "forward", "-")},
		"gcp":   {newGCPParser(), gcpLine(200, "response_sent_by_backend", "10.1.0.5", "0.012s")},
		"azure": {newAzureParser(), azureLine("200", "ERRORINFO_NO_ERROR", "10.1.0.5:80", "200", "0.021")},
	} {
		var s model.Signal
		line := []byte(test.line)
		if n := testing.AllocsPerRun(1000, func() { test.p.Parse(line, &s) }); n != 0 {
			t.Errorf("%s: a line costs %v allocations, want 0", name, n)
		}
	}
}
