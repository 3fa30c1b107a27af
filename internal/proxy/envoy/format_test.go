package envoy

import (
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/testkit/formattest"
)

const (
	textHead    = `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS%`
	textNumbers = ` %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"`
	textFormat  = textHead + textNumbers
	istioFormat = textHead + ` %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%"` + textNumbers +
		` %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%` + "\n"
	jsonFormat = `{"start_time":"%START_TIME%","method":"%REQ(:METHOD)%","path":"%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%","response_code":"%RESPONSE_CODE%","response_flags":"%RESPONSE_FLAGS%","response_code_details":"%RESPONSE_CODE_DETAILS%",` +
		`"duration":"%DURATION%","x_forwarded_for":"%REQ(X-FORWARDED-FOR)%","authority":"%REQ(:AUTHORITY)%","upstream_host":"%UPSTREAM_HOST%","upstream_cluster":"%UPSTREAM_CLUSTER%","route_name":"%ROUTE_NAME%"}`
)

// The built-in formats, compiled, are read as the built-in parser reads them.
func TestCompiledIsBuiltIn(t *testing.T) {
	for format, lines := range map[string][]string{
		textFormat: {
			`[2026-05-04T08:30:15.123Z] "GET /buy?x=1 HTTP/1.1" 200 - 0 12 5 4 ` + quotes + ` "10.1.0.5:8080"`,
			`[2026-05-04T08:30:15.123Z] "GET /buy HTTP/1.1" 503 UF,URX 0 12 1 - "192.0.2.1" "a "b" c" "0af1" "shop.test" "10.1.0.5:8080"`,
			`[2026-05-04T08:30:15.123Z] "- - -" 0 NR 0 0 1 - "-" "-" "-" "-" "-"`,
			`[2026-05-04T08:30:15.123Z] "GET / HTTP/1.1" 2OO - 0 12 5 4 ` + quotes + ` "10.1.0.5:8080"`,
			`[2026-05-04 08:30:15.123][1][info][main] [source/server/server.cc:978] starting main dispatch loop`,
		},
		istioFormat: {
			`[2026-05-04T08:30:15.123Z] "GET /buy HTTP/2" 503 URX,UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} - "delayed_connect_error: Connection refused" 0 91 30 - ` +
				quotes + ` "10.1.0.5:8080" outbound|80|v1|cart.my-shop.svc.cluster.local - 10.2.0.1:443 192.0.2.1:5000 shop.test default`,
		},
		jsonFormat: {
			`{"start_time":"2026-05-04T08:30:15.123Z","response_code":503,"response_flags":"UH","response_code_details":"no_healthy_upstream","duration":0,"method":"GET","path":"/buy","authority":"shop.test","upstream_cluster":"my-shop_cart_http","x_forwarded_for":"192.0.2.1","upstream_host":null}`,
			`{"start_time":"2026-05-04T08:30:15.123Z","response_code":"200","response_flags":"-","response_code_details":"via_upstream","duration":"7","method":"GET","path":"/buy?x","upstream_host":"10.1.0.5:80"}`,
			`{"start_time":"not a time","response_code":503}`,
			`{"response_code":`,
		},
	} {
		f, err := Compile(format)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			formattest.Agree(t, NewParser(), f, line, nil)
		}
	}
}

func TestCompile(t *testing.T) {
	at := time.Date(2026, 5, 4, 8, 30, 15, 250e6, time.UTC)
	formattest.Reads(t, Compile, map[string]formattest.Case{
		"seconds, long flags, all hosts": {
			Format: `%START_TIME(%s.%3f)% %RESPONSE_CODE% %RESPONSE_FLAGS_LONG% "%UPSTREAM_HOSTS_ATTEMPTED%" %DURATION%`, Line: `1777883415.250 503 UpstreamConnectionFailure,UpstreamRetryLimitExceeded "10.1.0.5:80, 10.1.0.6:80" 12`,
			Want: model.Signal{
				At: at, Proxy: "envoy", Status: 503, Failure: model.Refused, Reason: "UF,URX", Duration: 12 * time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:80"}, {Address: "10.1.0.6:80"}},
			},
		},
		"nested JSON, a value of several operators": {
			Format: `{"req":{"line":"%REQ(:METHOD)% %REQ(:PATH):256% %PROTOCOL%","host":"%REQ(HOST)%"},"res":{"code":"%RESPONSE_CODE%","n":5},"x":"%REQ(X-A)%"}`,
			Line:   `{"req":{"line":"GET /buy?x HTTP/1.1","host":"shop.test:80"},"res":{"code":200,"n":5},"x":"\"code\":503"}`,
			Want:   model.Signal{Proxy: "envoy", Status: 200, Request: model.Request{Method: "GET", Host: "shop.test", Path: "/buy"}},
		},
		"as YAML quotes it, with parentheses in an argument and a zone": {
			Format: `"[%START_TIME_LOCAL%] %REQ(:METHOD)% %REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE% \"%CEL(string(request.size))%\"\n"`,
			Line:   `[2026-05-04T10:30:15.000+0200] GET /buy 200 "12"`,
			Want:   model.Signal{At: at.Truncate(time.Second), Proxy: "envoy", Status: 200, Request: model.Request{Method: "GET", Path: "/buy"}},
		},
		"a time in a form of its user's own": {
			Format: `[%START_TIME(%d/%b/%Y %H:%M:%S.%3f %z)%] %EMIT_TIME% %RESPONSE_CODE% 100%%`, Line: `[04/May/2026 10:30:15.250 +0200] 2026-05-04T08:30:17.250Z 200 100%`,
			Want: model.Signal{At: at, Proxy: "envoy", Status: 200},
		},
		"milliseconds since 1970, as JSON": {
			Format: `{"t":"%START_TIME(%s%3f)%","code":"%RESPONSE_CODE%","u":"%START_TIME(%s)%"}`, Line: `{"t":"1777883415250","code":200,"u":"1777883415"}`,
			Want: model.Signal{At: at, Proxy: "envoy", Status: 200},
		},
		"only the time at which the line was written": {
			Format: `%EMIT_TIME(%s.%3f)% %RESPONSE_CODE% %DURATION%`, Line: `1777883415.750 200 500`,
			Want: model.Signal{At: at, Proxy: "envoy", Status: 200, Duration: 500 * time.Millisecond},
		},
		"authority and path with nothing between": {
			Format: `%RESPONSE_CODE% "%REQ(:AUTHORITY)%%REQ(:PATH)%"`, Line: `200 "shop.test/buy?x=/"`,
			Want: model.Signal{Proxy: "envoy", Request: model.Request{Host: "shop.test", Path: "/buy"}, Status: 200},
		},
		"a time that does not tell the day is left out": {
			Format: `%START_TIME(%H:%M:%S)% %RESPONSE_CODE%`, Line: `08:30:15 200`,
			Want: model.Signal{Proxy: "envoy", Status: 200},
		},
	})
}

func TestCompileFails(t *testing.T) {
	for format, want := range map[string]string{
		`%START_TIME%`:                            "no %RESPONSE_CODE%",
		`%RESPONSE_CODE%%DURATION%`:               "character 16: %DURATION% follows %RESPONSE_CODE%",
		`%RESPONSE_CODE% %DURATION`:               "character 17: %DURATION without",
		`%RESPONSE_CODE% %REQ(X`:                  "character 17: a ( without its )",
		`%RESPONSE_CODE% 5%`:                      "character 18: a % that begins no operator",
		`{"a":"%RESPONSE_CODE%"`:                  "read the JSON object",
		`{"a":"%DURATION%"}`:                      "no %RESPONSE_CODE%",
		`{"a":{"b":"%RESPONSE_CODE%%DURATION%"}}`: "key a.b: at character 16",
	} {
		if _, err := Compile(format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", format, err, want)
		}
	}
}

// Envoy escapes nothing in text: a client may make its own line unreadable, but cannot make up a status or a cluster.
func TestCompiledCannotBeForged(t *testing.T) {
	f, err := Compile(`"%REQ(USER-AGENT)%" %RESPONSE_CODE% %RESPONSE_FLAGS% "%REQ(REFERER)%" %UPSTREAM_CLUSTER% "%REQ(X-A)%"`)
	if err != nil {
		t.Fatal(err)
	}
	for _, forged := range []string{`x" 503 UH "y" evil_evil_80 "z`, `" 503 UF "`, `" "`, `x" 503 UH "`} {
		for _, line := range []string{
			`"` + forged + `" 200 - "r" shop_cart_80 "a"`, `"u" 200 - "` + forged + `" shop_cart_80 "a"`, `"u" 200 - "r" shop_cart_80 "` + forged + `"`,
			`"` + forged + `" 200 - "` + forged + `" shop_cart_80 "` + forged + `"`,
		} {
			var s model.Signal
			if class := f.Parse([]byte(line), &s); s.Failed() || class == proxy.Access && (s.Status != 200 || s.Service != "cart") {
				t.Errorf("class %v, %+v: %s", class, s, line)
			}
		}
	}
}

func TestCompiledDoesNotAllocate(t *testing.T) {
	for format, line := range map[string]string{
		textFormat: `[2026-05-04T08:30:15.123Z] "GET /buy?x=1 HTTP/1.1" 200 - 0 12 5 4 ` + quotes + ` "10.1.0.5:8080"`,
		jsonFormat: `{"start_time":"2026-05-04T08:30:15.123Z","response_code":200,"response_flags":"-","response_code_details":"via_upstream","duration":7,"method":"GET","path":"/buy?x","upstream_host":"10.1.0.5:80"}`,
	} {
		f, err := Compile(format)
		if err != nil {
			t.Fatal(err)
		}
		var s model.Signal
		b := []byte(line)
		if n := testing.AllocsPerRun(1000, func() { f.Parse(b, &s) }); n != 0 || s.Status != 200 {
			t.Errorf("a line costs %v allocations, want 0; %+v", n, s)
		}
	}
}

// No format and no line make the compiler or what it made fail.
func FuzzCompile(f *testing.F) {
	f.Add(textFormat, []byte(`[2026-05-04T08:30:15.123Z] "GET /buy HTTP/1.1" 503 UF,URX 0 12 1 - "192.0.2.1" "a "b" c" "0af1" "shop.test" "10.1.0.5:8080"`))
	f.Add(jsonFormat, []byte(`{"start_time":"2026-05-04T08:30:15.123Z","response_code":503,"response_flags":"UH","duration":0,"upstream_host":null}`))
	f.Add(`{"req":{"line":"%REQ(:METHOD)% %REQ(:PATH):256%"},"code":"%RESPONSE_CODE%"}`, []byte(`{"req":{"line":"GET /"},"code":"200"}`))
	f.Add(`%START_TIME(%s.%3f)% %RESPONSE_CODE% %RESPONSE_FLAGS_LONG% "%UPSTREAM_HOSTS_ATTEMPTED%"`, []byte(`1777883415.250 503 UpstreamConnectionFailure,X "10.1.0.5:80, 10.1.0.6:80"`))
	f.Fuzz(func(t *testing.T, format string, line []byte) { formattest.Sane(t, Compile, format, line) })
}
