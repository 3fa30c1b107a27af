package model

import "testing"

func TestAskedFor(t *testing.T) {
	tests := []struct {
		name    string
		method  string
		path    string
		raw     string
		status  int
		failure FailureKind
		want    bool
	}{
		{"a status in the path", "GET", "/status/503", "", 503, UpstreamStatus, true},
		{"another status than the one asked for", "GET", "/status/503", "", 502, UpstreamStatus, false},
		{"a number that is no status", "GET", "/orders/503", "", 503, UpstreamStatus, false},
		{"the proxy's own answer", "GET", "/status/503", "", 503, NoEndpoints, false},
		{"a method of WebDAV", "PROPFIND", "/", "", 501, UpstreamStatus, true},
		{"a method that users have", "POST", "/", "", 501, UpstreamStatus, false},
		{"an error under a method of WebDAV", "PROPFIND", "/", "", 500, UpstreamStatus, false},
		{"a status in the query", "GET", "/v1/sys/health", `"GET /v1/sys/health?activecode=503&standbycode=200 HTTP/1.1" 503 12`, 503, UpstreamStatus, true},
		{"another status in the query", "GET", "/v1/sys/health", `"GET /v1/sys/health?activecode=503&standbycode=200 HTTP/1.1" 502 12`, 502, UpstreamStatus, false},
		{"a number of another name", "GET", "/orders", `"GET /orders?page=503 HTTP/1.1" 503 12`, 503, UpstreamStatus, false},
		{"a query of the page before", "GET", "/", `"GET / HTTP/1.1" 503 12 "https://a.example/?code=503"`, 503, UpstreamStatus, false},
		{"a status in the query that the proxy answered", "GET", "/", `"GET /?code=503 HTTP/1.1" 503 12`, 503, NoEndpoints, false},
		{"a path without a query", "GET", "/status", "", 503, UpstreamStatus, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Signal{Request: Request{Method: tt.method, Path: tt.path}, Raw: tt.raw, Status: tt.status, Failure: tt.failure}
			if got := s.AskedFor(); got != tt.want {
				t.Errorf("AskedFor() = %v, want %v", got, tt.want)
			}
			if s.Failed() == tt.want {
				t.Errorf("Failed() = %v", s.Failed())
			}
		})
	}
	for path, want := range map[string]bool{"/primary": true, "/replica": true, "/read-only": false, "/health": false, "/api/primary": false} {
		s := Signal{Request: Request{Method: "GET", Path: path}, Status: 503, Failure: UpstreamStatus, Tries: []Try{{Address: "10.0.0.3:8008"}}}
		if got := s.AskedFor(); got != want {
			t.Errorf("Patroni asked for %s: AskedFor() = %v, want %v", path, got, want)
		}
		s.Tries[0].Address = "10.0.0.3:8080"
		if s.AskedFor() {
			t.Errorf("something else asked for %s: AskedFor() = true", path)
		}
	}
	if n := testing.AllocsPerRun(10, func() {
		s := Signal{Request: Request{Path: "/health"}, Raw: `"GET /health?standbycode=200&activecode=502 HTTP/1.1" 503`, Status: 503, Failure: UpstreamStatus}
		_ = s.AskedFor()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
