package kong

import (
	"encoding/json"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// No line makes the parser fail, what it does not know leaves nothing, and JSON that encoding/json reads too has the
// same status there.
func FuzzParse(f *testing.F) {
	f.Add([]byte(head + `"response":{"status":502},"source":"kong","tries":[` + first + `,` + first + `],"upstream_status":"502, 502"` + named))
	f.Add([]byte(head + `"response":{"status":500},"tries":[],"route":{"name":"httproute.shop.missing.v1.0.0"},"service":{"name":"httproute.shop.svc.shop.missing.80"}}`))
	f.Add([]byte(`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "-" "x" kong_request_id: "0af1"`))
	f.Add([]byte(`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "-" "x" kong_request_id: "`))
	f.Add([]byte(`2026/05/04 08:30:15 [error] 7#0: *5 [kong] init.lua:371 [balancer] failure to get a peer from the ring-balancer, client: 192.0.2.1, server: kong, request: "GET /x HTTP/1.1", host: "shop.test", request_id: "0af1"`))
	p := NewParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		var s model.Signal
		class := p.Parse(line, &s)
		if class == proxy.Foreign && (s.Failed() || s.Proxy != "") {
			t.Fatalf("a foreign line left %+v", s)
		}
		if class != proxy.Access {
			return
		}
		if s.Proxy == "" || s.Status < 0 || s.Status > 999 || s.Failed() == (s.Raw == "") {
			t.Fatalf("%q became %+v", line, s)
		}
		var slow struct {
			Response struct {
				Status *int `json:"status"`
			} `json:"response"`
		}
		if line[0] == '{' && json.Unmarshal(line, &slow) == nil && slow.Response.Status != nil && *slow.Response.Status != s.Status && !repeats(line) {
			t.Fatalf("status %d, the oracle says %d: %q", s.Status, *slow.Response.Status, line)
		}
	})
}

// repeats reports whether "status" is there twice, of which the two readers believe different ones.
func repeats(line []byte) bool {
	var v any
	if json.Unmarshal(line, &v) != nil {
		return false
	}
	once, err := json.Marshal(v)
	return err != nil || len(once) < len(line)/2 || countKeys(line) != countKeys(once)
}

func countKeys(line []byte) (n int) {
	for i := range line {
		if line[i] == ':' {
			n++
		}
	}
	return n
}
