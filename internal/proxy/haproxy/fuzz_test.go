package haproxy

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// slow says in a readable way what a line of the HTTP format looks like.
var slow = regexp.MustCompile(`(?s)[^ ]+:\d+ \[[^\]]*\] [^ ]* [^ /]*/[^ ]* (?:\d+|-1)/(?:\d+|-1)/(?:\d+|-1)/(?:\d+|-1)/\+?(?:\d+|-1) ` +
	`(\d{3}|-1) \+?\d+ [^ ]* [^ ]* ([^ ]{1,4}) [^ ]* [^ ]* *(?:\{[^}]*\} +)?(?:\{[^}]*\} +)?".*$`)

func FuzzParse(f *testing.F) {
	f.Add(success)
	f.Add([]byte(`<134>May  4 08:30:15 lb haproxy[31]: 192.0.2.1:5 [04/May/2026:08:30:15.123] http shop_cart_8080/SRV_1 0/0/0/-1/+9 502 217 - - SH-- 1/1/0/0/0 0/0 {a|b} {} "POST /buy HTTP/1.1"`))
	p := NewParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		var s model.Signal
		class := p.Parse(line, &s)
		if class != proxy.Access {
			if s.Failed() || !s.At.IsZero() {
				t.Fatalf("no request, but it left %+v", s)
			}
			return
		}
		m := slow.FindStringSubmatch(strings.TrimRight(string(line), "\r\n"))
		if m == nil {
			t.Fatalf("Parse took %q, the oracle does not", line)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || max(n, 0) != s.Status {
			t.Fatalf("status %d, the oracle says %s: %q", s.Status, m[1], line)
		}
	})
}
