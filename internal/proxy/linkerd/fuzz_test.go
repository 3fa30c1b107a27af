package linkerd

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// slow says in a readable way what a line of the text form looks like.
var slow = regexp.MustCompile(`^(?s)[^ ]+:\d+ [^ ]* - \[\d{4}-[^\]]*\] "[A-Z_-]+ [^"]* HTTP/[^"]*" ?(\d{3})(?: \d+| -| ?)[\r\n]*$`)

func FuzzParse(f *testing.F) {
	f.Add([]byte(apacheLine))
	f.Add([]byte(jsonLine))
	f.Add([]byte(`[   12.345678s]  WARN ThreadId(01) outbound:proxy{addr=10.96.0.10:80}: linkerd_reconnect: Failed to connect`))
	f.Add([]byte(`{"client.addr":"[::1]:5","status":1e2,"timestamp":"2026-05-04T08:30:15Z","total_ns":"99999999999999999999"}`))
	p := NewParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		var s model.Signal
		class := p.Parse(line, &s)
		if class != proxy.Access {
			if s.Failed() || s.Proxy != "" {
				t.Fatalf("class %v left %+v", class, s)
			}
			return
		}
		if s.Proxy == "" || s.Status < 0 || s.Status > 999 || s.Failed() == (s.Raw == "") {
			t.Fatalf("%q became %+v", line, s)
		}
		if line[0] == '{' {
			return
		}
		m := slow.FindSubmatch(line)
		if m == nil {
			t.Fatalf("Parse took %q, the oracle does not", line)
		}
		if n, err := strconv.Atoi(string(m[1])); err != nil || n != s.Status {
			t.Fatalf("status %d, the oracle says %s: %q", s.Status, m[1], line)
		}
	})
}
