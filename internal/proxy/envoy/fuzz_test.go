package envoy

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// slow says in a readable way what a line of the default text format, or of Istio's, looks like.
var slow = regexp.MustCompile(`^(?s)\[[^\]]*?\] "(?:[^ ]+) .*?(?:HTTP/[^ ]*|-)" (\d+) [^ ]* ` +
	`(?:[^ ]+ (?:[^ ]* )?".*" )?` +
	`[\d-]+ [\d-]+ [\d-]+ [\d-]+ ".*" ".*" ".*" ".*" ".*"(?: [^ ]* [^ ]* [^ ]* [^ ]* [^ ]* [^ ]+)?$`)

func FuzzParse(f *testing.F) {
	for _, line := range successes {
		f.Add(line)
	}
	f.Add([]byte(`[2026-05-04T08:30:15.123Z] "GET / HTTP/2" 503 UF details - "a "b" c" 0 0 1 - "-" "-" "-" "-" "-" outbound|80||cart.shop.svc.cluster.local - - - - default`))
	p := NewParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		var s model.Signal
		class := p.Parse(line, &s)
		if class == proxy.Foreign && (s.Failed() || !s.At.IsZero()) {
			t.Fatalf("a foreign line left %+v", s)
		}
		if class != proxy.Access || line[0] != '[' {
			return
		}
		m := slow.FindStringSubmatch(strings.TrimRight(string(line), "\r\n"))
		if m == nil {
			t.Fatalf("Parse took %q, the oracle does not", line)
		}
		if n, err := strconv.Atoi(m[1]); err != nil || n != s.Status {
			t.Fatalf("status %d, the oracle says %s: %q", s.Status, m[1], line)
		}
	})
}
