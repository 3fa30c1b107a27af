package traefik

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// slow says in a readable way what an access line looks like.
var slow = regexp.MustCompile(`^(?s)[^ ]+ - .* ?\[(?:\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] ` +
	`".*(?:HTTP/[^ ]*|-)" (\d{3}) (?:\d+|-) ".*" ".*"(?: ?| \d+ ".*" ".*" \d+(?:\.\d+)?ms)$`)

func FuzzParse(f *testing.F) {
	f.Add(success)
	f.Add([]byte(`{"DownstreamStatus":502,"StartUTC":"2026-05-04T08:30:15Z"}`))
	f.Add([]byte("\x1b[90m2026-05-04T08:30:15Z\x1b[0m DBG > 502 Bad Gateway error=\"dial tcp 10.1.0.5:8080: connect: connection refused\""))
	p := NewParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		var s model.Signal
		class := p.Parse(line, &s)
		if class == proxy.Foreign && (s.Failed() || !s.At.IsZero()) {
			t.Fatalf("a foreign line left %+v", s)
		}
		if class != proxy.Access || line[0] == '{' {
			return
		}
		m := slow.FindStringSubmatch(strings.TrimRight(string(line), "\r\n"))
		if m == nil {
			t.Fatalf("Parse took %q, the oracle does not", line)
		}
		if fmt.Sprintf("%03d", s.Status) != m[1] {
			t.Fatalf("status %d, the oracle says %s: %q", s.Status, m[1], line)
		}
	})
}
