package haproxy

import (
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/testkit/formattest"
)

const (
	standardFormat   = `%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r`
	controllerFormat = `%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs "%HM %[var(txn.base)] %HV"`
)

// The built-in formats, compiled, are read as the built-in parser reads them.
func TestCompiledIsBuiltIn(t *testing.T) {
	long := `192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_cart_8080/SRV_1 0/0/0/2/9 200 217 - - ---- 1/1/0/0/0 0/0 "GET /` + strings.Repeat("x", 1100)
	for format, lines := range map[string][]string{
		controllerFormat: {
			string(success),
			`<134>May  4 08:30:15 lb-1 haproxy[31]: 2001:db8::1:50000 [04/May/2026:08:30:15.123] http shop_svc_cart_80/SRV_1 0/0/-1/-1/3004 503 217 - - SC-- 1/1/0/0/+3 0/0 "GET shop.test/buy HTTP/1.1"`,
			`192.0.2.1:50000 [04/May/2026:08:30:15.123] http http/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ> - <BADREQ>"`,
			`192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_svc_cart_80/SRV_1 0/0/0/-1/900 -1 0 - - CH-- 1/1/0/0/0 0/0 "GET shop.test/a"b HTTP/1.1"`,
			`backend shop_svc_cart_80 has no server available!`,
			`some application text`,
		},
		`log-format "` + strings.ReplaceAll(standardFormat, " ", `\ `) + `"`: {
			`192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_cart_8080/SRV_1 0/0/0/-1/+9 502 217 - - SH-- 1/1/0/0/0 0/0 {shop.test|curl #22x#22} {} "POST /buy?token=abc HTTP/1.1"`,
			`192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_cart_8080/SRV_1 0/0/0/2/9 200 217 - - ---- 1/1/0/0/0 0/0 {shop.test} "POST /buy HTTP/1.1"`,
			`192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_cart_8080/SRV_1 0/0/0/2/9 200 217 - - ---- 1/1/0/0/0 0/0 "POST /buy HTTP/1.1"`,
			long[:1023],
			long[:300],
		},
	} {
		f, err := Compile(format)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			formattest.Agree(t, NewParser(), f, line, func(s *model.Signal) { s.Request.Path = strings.TrimRight(s.Request.Path, "x") })
		}
	}
}

func TestCompile(t *testing.T) {
	at := time.Date(2026, 5, 4, 8, 30, 15, 0, time.UTC)
	formattest.Reads(t, Compile, map[string]formattest.Case{
		"JSON with the server's address": {
			Format: `{"ts":%Ts,"client":"%ci","be":"%b","srv":"%s","addr":"%si:%sp","status":%ST,"tt":%Tt,"state":"%ts","m":"%HM","u":"%HU","ua":"%[capture.req.hdr(0),json(utf8s)]"}`,
			Line:   `{"ts":1777883415,"client":"192.0.2.1","be":"shop_cart_80","srv":"SRV_1","addr":"10.1.0.5:80","status":503,"tt":3004,"state":"SC","m":"GET","u":"/buy?x=1","ua":"a \"b\",\"status\":200"}`,
			Want: model.Signal{
				At: at, Proxy: "haproxy", Client: "192.0.2.1", Request: model.Request{Scheme: "http", Method: "GET", Path: "/buy"}, RouteNamespace: "shop", Service: "cart", ServicePort: "80",
				Status: 503, Failure: model.Refused, Reason: "SC", Duration: 3004 * time.Millisecond, Tries: []model.Try{{Address: "10.1.0.5:80", Duration: 3004 * time.Millisecond}},
			},
		},
		"without the termination state": {
			Format: `%T %ft %b/%s %Tr %ST %[req.hdr(host)]`, Line: `04/May/2026:08:30:15 +0000 https~ shop_cart_80/<NOSRV> -1 503 shop.test:8443`,
			Want: model.Signal{
				At: at, Proxy: "haproxy", Request: model.Request{Scheme: "https", Host: "shop.test"}, RouteNamespace: "shop", Service: "cart", ServicePort: "80",
				Status: 503, Failure: model.NoEndpoints, Reason: "<NOSRV>",
			},
		},
		"captures before a variable without quotes, and tabs": {
			Format: `log-format "%b/%s\t%ST %hr %hs %HM %[fc_err]"`, Line: "shop_cart_80/SRV_1\t502 {shop.test} {} GET 0",
			Want: model.Signal{
				Proxy: "haproxy", Request: model.Request{Scheme: "http", Method: "GET"}, RouteNamespace: "shop", Service: "cart", ServicePort: "80",
				Status: 502, Failure: model.OtherFailure,
			},
		},
		"no captures before a variable without quotes, and captures at the end": {
			Format: `%b/%s %ST %hr %HM [%hs]`, Line: "shop_cart_80/SRV_1 502 GET [{a|b}]",
			Want: model.Signal{
				Proxy: "haproxy", Request: model.Request{Scheme: "http", Method: "GET"}, RouteNamespace: "shop", Service: "cart", ServicePort: "80",
				Status: 502, Failure: model.OtherFailure,
			},
		},
		"host, path and query with nothing between": {
			Format: `%ST %[req.hdr(host)]%HP%HQ`, Line: `502 shop.test/buy?x=/1`,
			Want: model.Signal{Proxy: "haproxy", Request: model.Request{Scheme: "http", Host: "shop.test", Path: "/buy"}, Status: 502, Failure: model.OtherFailure},
		},
		// Lines of HAProxy 2.6, of a client that sends quotes, backslashes and brackets.
		"everything in quotes that is text, and escaped": {
			Format: `"%{+Q,+E}o %ci:%cp [%tr] %f %b/%s %si:%sp %Ta %ST %tsc %rc %hr %hs %HM %HU %{-Q}HV %CC %[capture.req.hdr(0)]"`,
			Line:   `"127.0.0.1":33948 [04/May/2026:08:30:15.000] "fe" "shop_svc_cart_http"/"SRV_1" "127.0.0.1":18081 3003 503 SC-- 3 "{127.0.0.1:18080|a#22b\\c\]d}" "GET" "/buy?x=#22\]" HTTP/1.1 "" "a\" 200 \]"`,
			Want: model.Signal{
				At: at, Proxy: "haproxy", Client: "127.0.0.1", Request: model.Request{Scheme: "http", Method: "GET", Path: "/buy"}, RouteNamespace: "shop", Service: "cart", ServicePort: "http",
				Status: 503, Failure: model.Refused, Reason: "SC--", Duration: 3003 * time.Millisecond, Tries: []model.Try{{Address: "127.0.0.1:18081", Duration: 3003 * time.Millisecond}},
			},
		},
		"captures behind other text": {
			Format: `req=%hr res=%hs %ST`, Line: `req={shop.test} res= 502`,
			Want: model.Signal{Proxy: "haproxy", Request: model.Request{Scheme: "http"}, Status: 502, Failure: model.OtherFailure},
		},
		"expressions in place of variables": {
			Format: `%[accept_date(ms),ms_ltime("%Y-%m-%d %H:%M:%S.%3N %z")] %[be_name]/%[srv_name] %[bc_dst]:%[bc_dst_port] %[txn.timer.total] %[res.timer.hdr] %[txn.status] %[be_name,upper] %[date]`,
			Line:   `2026-05-04 10:30:15.250 +0200 shop_cart_80/SRV_1 10.1.0.5:80 3004 12 503 SHOP_CART_80 1777883419`,
			Want: model.Signal{
				At: at.Add(250 * time.Millisecond), Proxy: "haproxy", Request: model.Request{Scheme: "http"}, RouteNamespace: "shop", Service: "cart", ServicePort: "80",
				Status: 503, Failure: model.UpstreamStatus, Duration: 3004 * time.Millisecond, Tries: []model.Try{{Address: "10.1.0.5:80", Status: 503, Duration: 3004 * time.Millisecond}},
			},
		},
		"in hexadecimal": {
			Format: `%{+X}o %ci %Ts %b/%s %ST`, Line: `7F000001 6B0AE014 shop_svc_cart_http/<NOSRV> 503`,
			Want: model.Signal{
				Proxy: "haproxy", Request: model.Request{Scheme: "http"}, RouteNamespace: "shop", Service: "cart", ServicePort: "http",
				Status: 503, Failure: model.NoEndpoints, Reason: "<NOSRV>",
			},
		},
		"encoded as JSON": {
			Format: `%{+json}o this is not printed %(t)tr %(be)b %(srv)s %(a)si %(p:str)sp %(q)sp %(st)ST %(state)ts %(req)r %(h)hr %tsc %(took)Ta`,
			Line:   `{"t": "04/May/2026:08:30:15.000", "be": "shop_svc_cart_http", "srv": "SRV_1", "a": "fd00::1", "p": "80", "q": 80, "st": 503, "state": "SC", "req": "GET /\\?\"x HTTP/1.1", "h": null, "took": 3004}`,
			Want: model.Signal{
				At: at, Proxy: "haproxy", Request: model.Request{Scheme: "http", Method: "GET", Path: "/\\"}, RouteNamespace: "shop", Service: "cart", ServicePort: "http",
				Status: 503, Failure: model.Refused, Reason: "SC", Duration: 3004 * time.Millisecond, Tries: []model.Try{{Address: "[fd00::1]:80", Duration: 3004 * time.Millisecond}},
			},
		},
		"variables encoded as JSON": {
			Format: `{"ts":%Ts,"st":%{+json}ST,"u":%{+json}HU,"x":%{+json}[fc_err],"h":%{+json}[capture.req.hdr(0)]}`, Line: `{"ts":1777883415,"st":502,"u":"/a\\?\"","x":0,"h":"\",\"st\":200"}`,
			Want: model.Signal{At: at, Proxy: "haproxy", Request: model.Request{Scheme: "http", Path: "/a\\\\"}, Status: 502, Failure: model.OtherFailure},
		},
		"letters and a percent sign after variables": {
			Format: `%Tams %ST%% %{+Q}[capture.req.method]`, Line: `12ms 502% "GET"`,
			Want: model.Signal{Proxy: "haproxy", Request: model.Request{Scheme: "http", Method: "GET"}, Status: 502, Failure: model.OtherFailure, Duration: 12 * time.Millisecond},
		},
	})
}

func TestCompileFails(t *testing.T) {
	for format, want := range map[string]string{
		`%ci %b`:               "no %ST",
		`%ST %zz`:              `character 5: "%zz" is no variable`,
		`%ST %`:                "character 5",
		`%ST %[src`:            "character 6: [ without its ]",
		`%{+cbor}o %(a)ST`:     "character 1: %{+cbor} is an encoding",
		`%{+json}o %(a)ci %ST`: "no %ST", // without a name it is not printed
		`%ci %ST%B`:            "character 8: %B follows %ST",
		`%ST %{+Q`:             "character 6: { without its }",
		`%ST %(label`:          "character 6: ( without its )",
		`%ci%[src] %ST`:        "character 4",
		`log-format "no one"`:  "no %ST",
	} {
		if _, err := Compile(format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", format, err, want)
		}
	}
}

// The controller's format has host and path as they came. A client may make its own line unreadable, but cannot make up
// a status, a backend or a state.
func TestCompiledCannotBeForged(t *testing.T) {
	f, err := Compile(`%[var(txn.base)] %ST %tsc %b/%s "%HM %[var(txn.base)] %HV" %Ta`)
	if err != nil {
		t.Fatal(err)
	}
	for _, forged := range []string{`a 503 SC-- x_svc_y_1/<NOSRV> "GET b HTTP/1.1" 7`, `" 503`, `b HTTP/1.1" 7`} {
		line := forged + ` 200 ---- shop_cart_80/SRV_1 "GET ` + forged + ` HTTP/1.1" 4`
		var s model.Signal
		if class := f.Parse([]byte(line), &s); s.Failed() || class == proxy.Access && (s.Status != 200 || s.Service != "cart" || s.Duration != 4*time.Millisecond) {
			t.Errorf("class %v, %+v: %s", class, s, line)
		}
	}
}

func TestCompiledDoesNotAllocate(t *testing.T) {
	for format, line := range map[string][]byte{
		controllerFormat:                  success,
		`%{+json}o %(t)tr %(be)b %(st)ST`: []byte(`{"t": "04/May/2026:08:30:15.000", "be": "shop_svc_cart_http", "st": 200}`),
	} {
		f, err := Compile(format)
		if err != nil {
			t.Fatal(err)
		}
		var s model.Signal
		if n := testing.AllocsPerRun(1000, func() { f.Parse(line, &s) }); n != 0 || s.Status != 200 {
			t.Errorf("%s: a line costs %v allocations, want 0; %+v", format, n, s)
		}
		var k proxy.Skim
		if n := testing.AllocsPerRun(1000, func() { f.Skim(line, &k) }); n != 0 || format != controllerFormat && k.At != s.At.UnixNano() {
			t.Errorf("%s: skimming a line costs %v allocations, want 0; %+v", format, n, k)
		}
	}
}

// No format and no line make the compiler or what it made fail.
func FuzzCompile(f *testing.F) {
	f.Add(controllerFormat, success)
	f.Add(standardFormat, []byte(`192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_cart_8080/SRV_1 0/0/0/-1/+9 502 217 - - SH-- 1/1/0/0/0 0/0 {shop.test} {} "POST /buy HTTP/1.1"`))
	f.Add(`{"ts":%Ts,"addr":"%si:%sp","status":%ST,"state":"%ts","u":"%HU","ua":"%[capture.req.hdr(0),json(utf8s)]"}`, []byte(`{"ts":1777883415,"addr":"fd00::1:80","status":-1,"state":"SC","u":"<BADREQ>","ua":""}`))
	f.Add(`%{+json}o %(t)tr %(be)b %(st)ST`, []byte(`{"t": "04/May/2026:08:30:15.000", "be": "shop_svc_cart_http", "st": 200}`))
	f.Add(`%{+Q,+E}o %b/%s %ST %hr %hs %[capture.req.hdr(0)]`, []byte(`"a_b_c"/"d" 503 "{127.0.0.1:18080|a#22b\\c\]d}" "a\" 200 \]"`))
	f.Add(`%[date(us)] %[request_date,utime(%c)] %{+Q}[be_name] %ST`, []byte(`1777883415250000 Mon May  4 08:30:15 2026 "a_b_c" 503`))
	f.Add(`%ST %{+Q}[status] %(x)tr`, []byte(`502 "502" 04/May/2026:08:30:15.123`))
	f.Fuzz(func(t *testing.T, format string, line []byte) { formattest.Sane(t, Compile, format, line) })
}
