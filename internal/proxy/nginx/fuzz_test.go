package nginx

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// slow says in a readable way what an access line looks like.
var slow = regexp.MustCompile(`^(?s)(?:[0-9a-fA-F.:%]+|unix:) - .*\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] ` +
	`"(?:[^"\\]|\\.)*" (\d{3}) \d+ "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"` +
	`(?:| "(?:[^"\\]|\\.)*" ?| ?| [a-z_]+=.*| \d+ \d+(?:\.\d+)? \[.*\] \[.*\] .+ .+ .+ .+ \S.*)$`)

func FuzzParse(f *testing.F) {
	f.Add(success)
	f.Add([]byte(`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 503 20 "-" "x" 80 0.001 [d] [] 10.1.0.5:80 : 10.1.0.9:80 0 : 20 0.001 : 0.000 504 : 503 0af1`))
	f.Add([]byte(`2026/05/04 08:30:15 [error] 31#31: *77 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: a, request: "GET / HTTP/1.1", upstream: "http://10.1.0.5:8080/", host: "a"`))
	f.Add([]byte(`{"time":"2026-05-04T08:30:15+00:00","status":502,"upstream_addr":"10.1.0.5:1 : 10.1.0.6:1","upstream_status":"502 : 502"}`))
	f.Add([]byte(`W0504 08:30:15.926154       7 controller.go:1241] Service "shop/cart" does not have any active Endpoint.`))
	p := NewParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		var s model.Signal
		class := p.Parse(line, &s)
		if class == proxy.Foreign && (s.Failed() || !s.At.IsZero()) {
			t.Fatalf("a foreign line left %+v", s)
		}
		if class != proxy.Access || len(line) == 0 || line[0] == '{' {
			return
		}
		m := slow.FindSubmatch([]byte(strings.TrimRight(string(line), "\r\n")))
		if m == nil {
			t.Fatalf("Parse took %q, the oracle does not", line)
		}
		if fmt.Sprintf("%03d", s.Status) != string(m[2]) {
			t.Fatalf("status %d, the oracle says %s: %q", s.Status, m[2], line)
		}
	})
}

// What is written in the format is read back, whatever the fields hold.
func TestRoundTrip(t *testing.T) {
	p := NewParser()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0).UTC()
		path := "/" + rapid.StringMatching(`[a-z0-9/._~%-]{0,20}`).Draw(t, "path")
		agent := rapid.StringMatching(`([ -!#-\[\]-~]|\\x22|\\x5C){0,20}`).Draw(t, "agent")
		user := rapid.StringMatching(`-|[a-z \[\]]{1,8}`).Draw(t, "user")
		status := rapid.IntRange(100, 599).Draw(t, "status")
		n := rapid.IntRange(1, 5).Draw(t, "tries")
		var addresses, lengths, times, statuses strings.Builder
		for i := range n {
			if i > 0 {
				separator := rapid.SampledFrom([]string{", ", " : "}).Draw(t, "separator")
				for _, b := range []*strings.Builder{&addresses, &lengths, &times, &statuses} {
					b.WriteString(separator)
				}
			}
			fmt.Fprintf(&addresses, "10.0.%d.1:80", i)
			fmt.Fprintf(&lengths, "%d", i*7)
			fmt.Fprintf(&times, "%d.%03d", i, i)
			fmt.Fprintf(&statuses, "%d", 200+i)
		}
		line := fmt.Sprintf(`192.0.2.1 - %s [%s] "GET %s HTTP/1.1" %d 12 "-" "%s" 5 1.250 [shop-web-80] [] %s %s %s %s id`,
			user, at.Format("02/Jan/2006:15:04:05 -0700"), path, status, agent, &addresses, &lengths, &times, &statuses)
		var s model.Signal
		if class := p.Parse([]byte(line), &s); class != proxy.Access {
			t.Fatalf("class %v: %s", class, line)
		}
		if !s.At.Equal(at) || s.Status != status || s.Request.Path != path || len(s.Tries) != n || s.Duration != 1250*time.Millisecond {
			t.Fatalf("got %+v of %s", s, line)
		}
		for i, try := range s.Tries {
			want := model.Try{Address: fmt.Sprintf("10.0.%d.1:80", i), Status: 200 + i, Duration: time.Duration(i) * 1001 * time.Millisecond}
			if try != want {
				t.Fatalf("try %d: got %+v, want %+v", i, try, want)
			}
		}
	})
}
