package envoy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

const quotes = `"192.0.2.1" "curl/8" "0af1" "shop.test:8443"`

func TestFormats(t *testing.T) {
	at := time.Date(2026, 5, 4, 8, 30, 15, 123e6, time.UTC)
	get := model.Request{Method: "GET", Host: "shop.test", Path: "/buy"}
	tests := map[string]struct {
		line string
		want model.Signal
	}{
		"default text, a success": {
			line: `[2026-05-04T08:30:15.123Z] "GET /buy?x=1 HTTP/1.1" 200 - 0 12 5 4 ` + quotes + ` "10.1.0.5:8080"`,
			want: model.Signal{
				At: at, Proxy: "envoy", Client: "192.0.2.1", Request: get, Status: 200, Duration: 5 * time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:8080", Status: 200, Duration: 5 * time.Millisecond}},
			},
		},
		"default text, refused, with quotes in the agent": {
			line: `[2026-05-04T08:30:15.123Z] "GET /buy HTTP/1.1" 503 UF 0 12 1 - "192.0.2.1" "a "b" c" "0af1" "shop.test" "10.1.0.5:8080"`,
			want: model.Signal{
				At: at, Proxy: "envoy", Client: "192.0.2.1", Request: get, Status: 503, Failure: model.Refused, Reason: "UF", Duration: time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:8080", Duration: time.Millisecond}},
			},
		},
		"Istio text": {
			line: `[2026-05-04T08:30:15.123Z] "GET /buy HTTP/2" 503 URX,UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} - "delayed_connect_error:_Connection_refused" 0 91 30 - ` +
				quotes + ` "10.1.0.5:8080" outbound|80|v1|cart.my-shop.svc.cluster.local - 10.2.0.1:443 192.0.2.1:5000 shop.test default`,
			want: model.Signal{
				At: at, Proxy: "envoy", Client: "192.0.2.1", Request: get, Status: 503, Failure: model.Refused, Duration: 30 * time.Millisecond,
				Reason:         "URX,UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
				RouteNamespace: "my-shop", Service: "cart", ServicePort: "80",
				Tries: []model.Try{{Address: "10.1.0.5:8080", Duration: 30 * time.Millisecond}},
			},
		},
		"Contour JSON": {
			line: `{"@timestamp":"2026-05-04T08:30:15.123Z","authority":"shop.test","duration":0,"method":"GET","path":"/buy","response_code":503,"response_flags":"UH","upstream_cluster":"my-shop_cart_http","x_forwarded_for":"192.0.2.1"}`,
			want: model.Signal{
				At: at, Proxy: "envoy", Client: "192.0.2.1", Request: get, Status: 503, Failure: model.NoEndpoints, Reason: "UH",
				RouteNamespace: "my-shop", Service: "cart", ServicePort: "http",
			},
		},
		"Envoy Gateway JSON, numbers as text": {
			line: `{":authority":"shop.test","start_time":"2026-05-04T08:30:15.123Z","method":"GET","x-envoy-origin-path":"/buy?a=b","response_code":"500","response_flags":"-","response_code_details":"direct_response","duration":"0",` +
				`"upstream_host":"-","upstream_cluster":"-","x-forwarded-for":"192.0.2.1, 10.0.0.1","route_name":"httproute/my-shop/cart/rule/0/match/0/shop_test"}`,
			want: model.Signal{
				At: at, Proxy: "envoy", Client: "192.0.2.1", Request: get, Status: 500, Failure: model.NoEndpoints, Reason: "direct_response",
				RouteNamespace: "my-shop", RouteName: "cart",
			},
		},
		"Envoy Gateway JSON, the application's 503": {
			line: `{":authority":"shop.test","start_time":"2026-05-04T08:30:15.123Z","method":"GET","x-envoy-origin-path":"/buy","response_code":503,"response_flags":null,"response_code_details":"via_upstream","duration":7,` +
				`"upstream_host":"10.1.0.5:8080","upstream_cluster":"httproute/my-shop/cart/rule/1","downstream_remote_address":"192.0.2.1:999"}`,
			want: model.Signal{
				At: at, Proxy: "envoy", Client: "192.0.2.1", Request: get, Status: 503, Failure: model.UpstreamStatus, Reason: "via_upstream", Duration: 7 * time.Millisecond,
				RouteNamespace: "my-shop", RouteName: "cart", Tries: []model.Try{{Address: "10.1.0.5:8080", Status: 503, Duration: 7 * time.Millisecond}},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got model.Signal
			if class := NewParser().Parse([]byte(test.line), &got); class != proxy.Access {
				t.Fatalf("class %v, want Access", class)
			}
			if got.Failed() == (got.Raw == "") {
				t.Errorf("Raw %q must be there for failures, and for them alone", got.Raw)
			}
			got.Raw = ""
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("signal (-want +got)\n%s", d)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	const tls = "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"
	tests := []struct {
		code, flags, details, transport, took string
		want                                  model.FailureKind
	}{
		{"503", "UF", "upstream_reset_before_response_started{connection_timeout}", "connection_timeout", "10000", model.ConnectTimeout},
		{"503", "UF", "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_113}", "delayed_connect_error:_113", "3001", model.ConnectTimeout},
		{"503", "UF", "upstream_reset_before_response_started{remote_connection_failure|" + tls + "}", tls, "3", model.TLS},
		{"503", "UF", "upstream_reset_before_response_started{remote_connection_failure}", "-", "1", model.Refused},
		{"503", "UC", "upstream_reset_before_response_started{connection_termination}", "-", "2", model.ClosedEarly},
		{"503", "UR", "upstream_reset_before_response_started{remote_reset}", "-", "2", model.Reset},
		{"503", "URX", "upstream_reset_before_response_started{connection_termination}", "-", "2", model.ClosedEarly},
		{"502", "UPE", "upstream_reset_before_response_started{protocol_error}", "-", "2", model.Protocol},
		{"504", "UT", "response_timeout", "-", "15000", model.ResponseTimeout},
		{"504", "UT", "upstream_per_try_timeout", "-", "15000", model.ResponseTimeout},
		{"503", "UO", "upstream_reset_before_response_started{overflow}", "-", "0", model.Overload},
		{"503", "UH", "no_healthy_upstream", "-", "0", model.NoEndpoints},
		{"503", "NC", "cluster_not_found", "-", "0", model.NoEndpoints},
		{"404", "NR", "route_not_found", "-", "0", model.NoRoute},
		{"403", "-", "rbac_access_denied_matched_policy[none]", "-", "0", model.Denied},
		{"200", "UC", "upstream_reset_after_response_started{connection_termination}", "-", "900", model.ClosedEarly},
		{"0", "DC", "downstream_remote_disconnect", "-", "900", model.NoFailure},
		{"404", "-", "via_upstream", "-", "3", model.NoFailure},
		{"500", "-", "via_upstream", "-", "3", model.UpstreamStatus},
		{"500", "-", "ext_authz_error", "-", "3", model.OtherFailure},
		{"504", "FI,DI", "fault_filter_abort", "-", "3", model.OtherFailure},
		{"503", "DI", "via_upstream", "-", "3", model.UpstreamStatus},
		{"503", "XYZ", "new_filter_says_no", "-", "3", model.OtherFailure},
	}
	for _, test := range tests {
		line := `[2026-05-04T08:30:15.123Z] "GET / HTTP/2" ` + test.code + " " + test.flags + " " + test.details + ` - "` + test.transport + `" 0 0 ` + test.took + ` - ` +
			quotes + ` "10.1.0.5:8080" outbound|80||cart.shop.svc.cluster.local - 10.2.0.1:443 192.0.2.1:5000 - default`
		var s model.Signal
		if class := NewParser().Parse([]byte(line), &s); class != proxy.Access {
			t.Errorf("class %v: %s", class, line)
		}
		if s.Failure != test.want {
			t.Errorf("%s %s %s: got %q, want %q", test.code, test.flags, test.details, s.Failure, test.want)
		}
	}
}

// The default format has the flags alone.
func TestFailuresByFlagsAlone(t *testing.T) {
	tests := []struct {
		rest string
		want model.FailureKind
	}{
		{`503 UF 0 91 2004 - ` + quotes + ` "10.1.0.5:8080"`, model.ConnectTimeout},
		{`503 UF 0 91 0 - ` + quotes + ` "10.1.0.5:8080"`, model.Refused},
		{`503 UC 0 91 4 - ` + quotes + ` "10.1.0.5:8080"`, model.ClosedEarly},
		{`503 UH 0 19 0 - ` + quotes + ` "-"`, model.NoEndpoints},
		{`503 - 0 0 0 - ` + quotes + ` "-"`, model.NoEndpoints}, // Contour's fixed answer for a missing Service
		{`503 - 0 9 8 7 ` + quotes + ` "10.1.0.5:8080"`, model.UpstreamStatus},
		{`503 DI,URX 0 9 8 - ` + quotes + ` "10.1.0.5:8080"`, model.UpstreamStatus},
		{`503 XYZ 0 9 8 7 ` + quotes + ` "10.1.0.5:8080"`, model.UpstreamStatus},
		{`503 XYZ 0 9 8 - ` + quotes + ` "10.1.0.5:8080"`, model.OtherFailure},
		{`503 LH 0 9 8 - ` + quotes + ` "-"`, model.OtherFailure},
		{`504 UT 0 24 15000 - ` + quotes + ` "10.1.0.5:8080"`, model.ResponseTimeout},
	}
	for _, test := range tests {
		var s model.Signal
		NewParser().Parse([]byte(`[2026-05-04T08:30:15.123Z] "GET / HTTP/1.1" `+test.rest), &s)
		if s.Failure != test.want {
			t.Errorf("%s: got %q, want %q", test.rest, s.Failure, test.want)
		}
	}
}

func TestClusters(t *testing.T) {
	tests := map[string]model.Signal{
		"shop_cart_80":                             {RouteNamespace: "shop", Service: "cart", ServicePort: "80"},
		"shop/cart/http/da39a3ee5e":                {RouteNamespace: "shop", Service: "cart", ServicePort: "http"},
		"httproute/shop/cart/rule/0":               {RouteNamespace: "shop", RouteName: "cart"},
		"grpcroute/shop/cart/rule/0":               {RouteNamespace: "shop", RouteName: "cart"},
		"service/shop/cart/80":                     {RouteNamespace: "shop", Service: "cart", ServicePort: "80"},
		"outbound|80||cart.shop.svc.cluster.local": {RouteNamespace: "shop", Service: "cart", ServicePort: "80"},
		"outbound|443||api.partner.test":           {Service: "api.partner.test", ServicePort: "443"},
		"inbound|8080||":                           {ServicePort: "8080"},
		"PassthroughCluster":                       {Service: "PassthroughCluster"},
		"-":                                        {},
	}
	for name, want := range tests {
		var got model.Signal
		NewParser().backend([]byte(name), &got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
	}
}

func TestOtherLines(t *testing.T) {
	whole := `[2026-05-04T08:30:15.123Z] "GET / HTTP/1.1" 200 - 0 12 5 4 ` + quotes + ` "10.1.0.5:8080"`
	tests := map[string]proxy.Class{
		`[2026-05-04 08:30:15.123][1][info][main] [source/server/server.cc:978] starting main dispatch loop`:                            proxy.Event,
		"2026-05-04T08:30:15.123456Z\tinfo\txdsproxy\tconnected":                                                                        proxy.Event,
		`[2026-05-04T08:30:15.123Z] "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" BlackHoleCluster - 203.0.113.9:443 10.1.0.1:4 x -`: proxy.Event,
		whole + whole:        proxy.Foreign,
		whole[:len(whole)-1]: proxy.Foreign,
		`[2026-05-04T08:30:15.123Z] "GET / HTTP/1.1" 503 UF,? 0 12 5 4 ` + quotes + ` "-"`: proxy.Foreign,
		`[not a time] "GET / HTTP/1.1" 503 UF 0 12 5 4 ` + quotes + ` "-"`:                 proxy.Foreign,
		`{"start_time":"2026-05-04T08:30:15Z","method":"GET","response_code":503.5}`:       proxy.Foreign,
		`{"start_time":"2026-05-04T08:30:15Z","method":"GET"}`:                             proxy.Foreign,
		`{"start_time":`: proxy.Foreign,
	}
	for line, want := range tests {
		var s model.Signal
		if got := NewParser().Parse([]byte(line), &s); got != want {
			t.Errorf("class %v, want %v: %s", got, want, line)
		}
	}
}

var successes = map[string][]byte{
	"text": []byte(`[2026-05-04T08:30:15.123Z] "GET /buy?x=1 HTTP/1.1" 200 - 0 12 5 4 ` + quotes + ` "10.1.0.5:8080"`),
	"json": []byte(`{":authority":"shop.test","start_time":"2026-05-04T08:30:15.123Z","method":"GET","x-envoy-origin-path":"/buy","response_code":200,"response_flags":null,"response_code_details":"via_upstream","duration":7,"upstream_host":"10.1.0.5:8080","upstream_cluster":"httproute/my-shop/cart/rule/1","x-forwarded-for":"192.0.2.1"}`),
}

func TestSuccessDoesNotAllocate(t *testing.T) {
	for name, line := range successes {
		p := NewParser()
		var s model.Signal
		if n := testing.AllocsPerRun(1000, func() { p.Parse(line, &s) }); n != 0 {
			t.Errorf("%s: a line costs %v allocations, want 0", name, n)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for name, line := range successes {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			p := NewParser()
			var s model.Signal
			for b.Loop() {
				p.Parse(line, &s)
			}
		})
	}
}
