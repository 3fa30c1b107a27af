package nginx

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/logformat"
	"github.com/gatemend/gatemend/internal/testkit/formattest"
)

const (
	combinedFormat = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`
	upstreamFormat = combinedFormat + ` $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id`
)

// The built-in formats, compiled, are read as the built-in parsers read them.
func TestCompiledIsBuiltIn(t *testing.T) {
	for _, line := range []string{
		string(success),
		`2001:db8::7 - a [b] c [04/May/2026:08:30:15 +0000] "GET /buy HTTP/2.0" 502 150 "-" "x \x22 502 1 \x22" 80 0.004 [my-shop-cart-80] [] 10.1.0.5:8080, 10.1.0.6:8080 0, 0 0.001, 0.002 502, 502 0af1`,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 503 190 "-" "x" 80 0.000 [shop-cart-80] [] - - - - 0af1`,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 503 20 "-" "x" 80 0.001 [upstream-default-backend] [] 10.1.0.5:80 : 10.1.0.9:80 0 : 20 0.001 : 0.000 504 : 503 0af1`,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 150 "-" "x" 80 0.000 [shop-cart-80] [] shop-cart-80 0 0.000 502 0af1`,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 499 0 "-" "x" 80 1.500 [shop-cart-80] [] 10.1.0.5:80 0 1.500 - 0af1`,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "\x16\x03\x01" 400 150 "-" "-" 0 0.000 [] [] - - - - 0af1`,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 009 7 "-" "x" 80 0.001 [shop-pay-443] [] 10.1.0.5:80 7 0.001 200 0af1`,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 2O0 5 "-" "x" 80 0.001 [shop-pay-443] [] 10.1.0.5:80 7 0.001 200 0af1`,
		`2026/05/04 08:30:15 [error] 31#31: *77 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: a, request: "GET / HTTP/1.1", upstream: "http://10.1.0.5:8080/", host: "a"`,
		`I0504 08:30:15.701234       7 controller.go:228] "Backend successfully reloaded"`,
	} {
		f, err := Compile(upstreamFormat)
		if err != nil {
			t.Fatal(err)
		}
		formattest.Agree(t, NewParser(), f, line, nil)
	}
}

func TestCompile(t *testing.T) {
	at := time.Date(2026, 5, 4, 8, 30, 15, 0, time.UTC)
	get := model.Request{Method: "GET", Path: "/buy"}
	formattest.Reads(t, Compile, map[string]formattest.Case{
		"LTSV, whose tabs the configuration writes as letters": {
			Format: `log_format ltsv 'time:$time_iso8601\thost:$host\t' "st:$status\turi:$request_uri\tmethod:$request_method";`,
			Line:   "time:2026-05-04T08:30:15+00:00\thost:-\tst:200\turi:/buy?x=1\tmethod:GET",
			Want:   model.Signal{At: at, Proxy: "nginx", Request: get, Status: 200},
		},
		"tabs in a format of a ConfigMap": {
			Format: `$time_iso8601\t$status\t$request_uri\t$request_method`, Line: "2026-05-04T08:30:15+00:00\t200\t/buy?x=1\tGET",
			Want: model.Signal{At: at, Proxy: "nginx", Request: get, Status: 200},
		},
		"JSON, with nginx's own escapes and a status that is no JSON": {
			Format: `'{"t":"$time_iso8601","st":$status,"r":"$request","ua":"$http_user_agent","up":"$upstream_addr","us":"$upstream_status"}'`,
			Line:   `{"t":"2026-05-04T08:30:15+00:00","st":009,"r":"GET /buy?x=1 HTTP/1.1","ua":"\x22,\x22st\x22:200","up":"10.1.0.5:80","us":"200"}`,
			Want:   model.Signal{At: at, Proxy: "nginx", Request: get, Status: 9, Failure: model.Protocol, Tries: []model.Try{{Address: "10.1.0.5:80", Status: 200}}},
		},
		"the whole directive, in pieces": {
			Format: "log_format mine escape=json '{\"s\":\"$status\",'\n  '\"ua\":\"${http_user_agent}\",\"t\":$msec,\"h\":\"$host\"}';",
			Line:   `{"s":"502","ua":"a \"b\" \\","t":1777883415.250,"h":"shop.test:8443"}`,
			Want:   model.Signal{At: at.Add(250 * time.Millisecond), Proxy: "nginx", Request: model.Request{Host: "shop.test"}, Status: 502, Failure: model.OtherFailure},
		},
		"names of Kubernetes objects, no addresses: nobody can say that nobody was asked": {
			Format: `$status $namespace $ingress_name $service_name $service_port $request_time $scheme $request_method "$request_uri"`,
			Line:   `503 my-shop front cart http 0.250 https GET "/buy?x"`,
			Want: model.Signal{
				Proxy: "nginx", Request: model.Request{Scheme: "https", Method: "GET", Path: "/buy"}, RouteNamespace: "my-shop", RouteName: "front",
				Service: "cart", ServicePort: "http", Status: 503, Failure: model.OtherFailure, Duration: 250 * time.Millisecond,
			},
		},
		"statuses of tries without their addresses": {
			Format: `$status $upstream_status $upstream_response_time`, Line: `504 504, 504 5.000, 5.001`,
			Want: model.Signal{Proxy: "nginx", Status: 504, Failure: model.ConnectTimeout, Tries: []model.Try{{Status: 504, Duration: 5 * time.Second}, {Status: 504, Duration: 5001 * time.Millisecond}}},
		},
		"host and URI with nothing between, the query too": {
			Format: `$status "$scheme://$host$uri$is_args$args" $http_x$http_y`, Line: `200 "https://shop.test/buy?x=/1" ab`,
			Want: model.Signal{Proxy: "nginx", Request: model.Request{Scheme: "https", Host: "shop.test", Path: "/buy"}, Status: 200},
		},
		"the same without a query": {
			Format: `$status $http_host$uri$is_args$args`, Line: `200 shop.test:80/buy-`,
			Want: model.Signal{Proxy: "nginx", Request: model.Request{Host: "shop.test", Path: "/buy"}, Status: 200},
		},
		"the same of a request that could not be read": {
			Format: `$status $host$request_uri`, Line: `400 shop.test-`,
			Want: model.Signal{Proxy: "nginx", Request: model.Request{Host: "shop.test"}, Status: 400},
		},
		"F5's variables, nothing escaped": {
			Format: `escape=none $status "$http_user_agent" $resource_name $resource_namespace $service $upstream_addr`, Line: `200 "a "b" 503" front shop cart 10.1.0.5:80`,
			Want: model.Signal{Proxy: "nginx", RouteNamespace: "shop", RouteName: "front", Service: "cart", Status: 200, Tries: []model.Try{{Address: "10.1.0.5:80"}}},
		},
	})
}

func TestCompileFails(t *testing.T) {
	for format, want := range map[string]string{
		`$remote_addr "$request"`:            "no $status",
		``:                                   "no $status",
		`$status $`:                          "character 9: a $",
		`$status ${host`:                     "character 9: a $",
		`$status $request_time$pipe`:         "character 22: $pipe follows $request_time",
		`$status $http_x$request_uri`:        "character 16: $request_uri follows $http_x", // which may have slashes
		`log_format x escape=yes '$status';`: "escape=yes",
		`'$status' '`:                        "quote is missing",
		`'$status' x`:                        "without quotes",
	} {
		_, err := Compile(format)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", format, err, want)
		}
		if position := new(logformat.PositionError); strings.HasPrefix(want, "character") && !errors.As(err, &position) {
			t.Errorf("%s: %v says no position", format, err)
		}
	}
}

// With escape=none a client can write what it likes. It may make its own line unreadable, but cannot make up a status.
func TestCompiledCannotBeForged(t *testing.T) {
	f, err := Compile("escape=none " + combinedFormat)
	if err != nil {
		t.Fatal(err)
	}
	const forged = `x HTTP/1.1" 502 7 "-" "y`
	for _, line := range []string{
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /` + forged + ` HTTP/1.1" 200 5 "-" "z"`,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "` + forged + `" "z"`,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "-" "` + forged + `"`,
		`192.0.2.1 - ` + forged + ` [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "-" "z"`,
	} {
		var s model.Signal
		if class := f.Parse([]byte(line), &s); class == proxy.Access && s.Status != 200 || s.Failed() {
			t.Errorf("class %v, %+v: %s", class, s, line)
		}
	}
}

func TestCompiledDoesNotAllocate(t *testing.T) {
	f, err := Compile(upstreamFormat)
	if err != nil {
		t.Fatal(err)
	}
	var s model.Signal
	if n := testing.AllocsPerRun(1000, func() { f.Parse(success, &s) }); n != 0 {
		t.Errorf("a line costs %v allocations, want 0", n)
	}
	json := []byte(`{"time":"2026-05-04T08:30:15+00:00","remote_addr":"192.0.2.1","status":200,"path":"/pay","request_time":0.003,"upstream_addr":"10.1.0.5:1","upstream_status":"200"}`)
	p := NewParser()
	if n := testing.AllocsPerRun(1000, func() { p.Parse(json, &s) }); n != 0 || s.Status != 200 {
		t.Errorf("a line of JSON costs %v allocations, want 0; %+v", n, s)
	}
}

// No format and no line make the compiler or what it made fail.
func FuzzCompile(f *testing.F) {
	f.Add(upstreamFormat, success)
	f.Add("escape=none "+combinedFormat, []byte(`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /x" 502 7 "-" "y HTTP/1.1" 200 5 "-" "z"`))
	f.Add("log_format x escape=json '{\"s\":\"$status\",' '\"t\":${msec}}';", []byte(`{"s":"502","t":1777883415.250}`))
	f.Add(`$status $host$uri$is_args$args "$http_x$http_y"`, []byte(`200 shop.test/buy- "ab"`))
	f.Add(`$status $upstream_addr $upstream_status`, []byte(`502 1.1.1.1:1, 2.2.2.2:2 : 3.3.3.3:3 502, 502 : 502`))
	f.Fuzz(func(t *testing.T, format string, line []byte) { formattest.Sane(t, Compile, format, line) })
}

func BenchmarkCompiled(b *testing.B) {
	f, err := Compile(upstreamFormat)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(success)))
	var s model.Signal
	for b.Loop() {
		f.Parse(success, &s)
	}
}
