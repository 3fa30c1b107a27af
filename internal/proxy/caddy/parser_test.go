package caddy

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func TestParse(t *testing.T) {
	request := `"request":{"remote_ip":"192.0.2.1","proto":"HTTP/2.0","method":"GET","host":"shop.test:443","uri":"/cart?id=1","headers":{}}`
	for name, tt := range map[string]struct {
		line    string
		class   proxy.Class
		status  int
		failure model.FailureKind
	}{
		"a success":                {`{"level":"info","ts":1777883415.25,"logger":"http.log.access.log0","msg":"handled request",` + request + `,"duration":0.012,"size":5,"status":200}`, proxy.Access, 200, model.NoFailure},
		"one that nobody took":     {`{"level":"info","ts":1777883415.25,"logger":"http.log.access.log0","msg":"NOP",` + request + `,"duration":0.00007377,"size":0,"status":0}`, proxy.Access, 200, model.NoFailure},
		"the application's answer": {`{"level":"error","ts":1777883415.25,"logger":"http.log.access","msg":"handled request",` + request + `,"duration":0.012,"status":502,"resp_headers":{"Via":["1.1 Caddy"]}}`, proxy.Access, 502, model.UpstreamStatus},
		"Caddy's own":              {`{"level":"error","ts":1777883415.25,"logger":"http.log.access","msg":"handled request",` + request + `,"duration":0.012,"status":502,"resp_headers":{}}`, proxy.Access, 502, model.OtherFailure},
		"refused":                  {`{"level":"error","ts":1777883415.25,"logger":"http.log.error","msg":"dial tcp 10.1.0.5:80: connect: connection refused",` + request + `,"duration":0.012,"status":502,"err_id":"x"}`, proxy.ErrorLine, 502, model.Refused},
		"no upstream":              {`{"level":"error","ts":1777883415.25,"logger":"http.log.error.log0","msg":"no upstreams available",` + request + `,"status":503}`, proxy.ErrorLine, 503, model.NoEndpoints},
		"the client went away":     {`{"level":"info","ts":1777883415.25,"logger":"http.log.error","msg":"context canceled",` + request + `,"status":499}`, proxy.Event, 0, model.NoFailure},
		"a status that is none":    {`{"level":"info","ts":1777883415.25,"logger":"http.log.access","msg":"handled request",` + request + `,"status":"502"}`, proxy.Foreign, 0, model.NoFailure},
		"a start":                  {`{"level":"info","ts":1777883415.25,"logger":"admin","msg":"admin endpoint started"}`, proxy.Event, 0, model.NoFailure},
		"an application's":         {`{"level":"info","ts":1777883415.25,"msg":"listening"}`, proxy.Foreign, 0, model.NoFailure},
		"text":                     {`listening`, proxy.Foreign, 0, model.NoFailure},
	} {
		var s model.Signal
		if class := NewParser().Parse([]byte(tt.line), &s); class != tt.class || s.Status != tt.status || s.Failure != tt.failure {
			t.Errorf("%s: class %d, %+v", name, class, s)
		}
		if tt.status == 0 {
			continue
		}
		if want := time.Date(2026, 5, 4, 8, 30, 15, 250000000, time.UTC); !s.At.Equal(want) || s.Request.Host != "shop.test" || s.Request.Path != "/cart" {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// Whatever form of time Caddy is told to write, and durations in words.
func TestTimes(t *testing.T) {
	want := time.Date(2026, 5, 4, 8, 30, 15, 250000000, time.UTC)
	for ts, off := range map[string]time.Duration{
		`1777883415.25`: 0, `1777883415250.25`: 250 * time.Microsecond, `1777883415250000001`: 1, `"2026-05-04T10:30:15.250+0200"`: 0, `"2026-05-04T08:30:15.25Z"`: 0,
		`"2026-05-04T08:30:15Z"`: -250 * time.Millisecond, `"2026/05/04 08:30:15"`: -250 * time.Millisecond, `"2026/05/04 08:30:15.250"`: 0,
		`"2026/05/04 08:30:15.250000001"`: 1, `"04/May/2026:10:30:15 +0200"`: -250 * time.Millisecond,
	} {
		line := `{"level":"info","ts":` + ts + `,"logger":"http.log.access","msg":"handled request","request":{"method":"GET","host":"shop.test","uri":"/"},"duration":"1m0.5s","status":200}`
		var s model.Signal
		if class := NewParser().Parse([]byte(line), &s); class != proxy.Access || !s.At.Equal(want.Add(off)) || s.Duration != 60500*time.Millisecond {
			t.Errorf("%s: class %d, at %v, took %v", ts, class, s.At, s.Duration)
		}
	}
	for _, ts := range []string{`"2026/05/04 08:30:15."`, `"2026/05/04 08:30:15.x"`, `"now"`, `17778834152500`, `null`} {
		var s model.Signal
		if class := NewParser().Parse([]byte(`{"ts":`+ts+`,"logger":"http.log.access","request":{"uri":"/"},"status":200}`), &s); class != proxy.Foreign {
			t.Errorf("%s: class %d, at %v; it is no time", ts, class, s.At)
		}
	}
}

// FuzzParse: no line makes the parser fail.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"level":"error","ts":1e300,"logger":"http.log.error","msg":"EOF","request":{"uri":"/"},"status":502}`))
	f.Add([]byte(`{"ts":-1,"logger":"http.log.access","request":[]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var s model.Signal
		if class := NewParser().Parse(line, &s); (class == proxy.Access || class == proxy.ErrorLine) && s.At.IsZero() {
			t.Errorf("%q has no time", line)
		}
	})
}

var success = []byte(`{"level":"info","ts":1777883415.25,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.1","method":"GET","host":"shop.test","uri":"/cart"},"duration":0.012,"size":5,"status":200}`)

func TestSuccessDoesNotAllocate(t *testing.T) {
	p := NewParser()
	var s model.Signal
	if n := testing.AllocsPerRun(1000, func() { p.Parse(success, &s) }); n != 0 || s.Status != 200 {
		t.Errorf("a line costs %v allocations, want 0; %+v", n, s)
	}
}

func BenchmarkParse(b *testing.B) {
	p := NewParser()
	var s model.Signal
	b.ReportAllocs()
	for b.Loop() {
		p.Parse(success, &s)
	}
}
