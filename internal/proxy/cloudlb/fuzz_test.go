package cloudlb

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// slowALB says in a readable way what a line looks like.
var slowALB = regexp.MustCompile(`^(?s)(?:https?|h2|grpcs?|wss?) [^ "]+ [^ "]+ [^ "]+ [^ "]+(?: (?:-1|\d+(?:\.\d+)?)){3} (\d{3}) (?:-|\d{3}) `)

// checked parses a line and holds that what is no request leaves nothing, and what is one is whole.
func checked(t *testing.T, p proxy.Parser, line []byte) (s model.Signal, access bool) {
	class := p.Parse(line, &s)
	if class != proxy.Access {
		if s.Failed() || s.Proxy != "" {
			t.Fatalf("class %v left %+v", class, s)
		}
		return s, false
	}
	if s.Proxy == "" || s.Status < 0 || s.Status > 999 || s.Duration < 0 || s.Failed() == (s.Raw == "") {
		t.Fatalf("%q became %+v", line, s)
	}
	return s, true
}

func FuzzALB(f *testing.F) {
	f.Add([]byte(albLine("10.1.0.5:8080", "0.001 0.020 0.000", "200", "200", "forward", "-")))
	f.Add([]byte(albLine("-", "-1 -1 -1", "503", "-", "fixed-response", "-")))
	f.Add([]byte(albLine("10.1.0.5:8080", "0.000 -1 -1", "502", "-", "forward", "Lambda")))
	p := newALBParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		s, access := checked(t, p, line)
		if !access {
			return
		}
		m := slowALB.FindSubmatch(line)
		if m == nil {
			t.Fatalf("Parse took %q, the oracle does not", line)
		}
		if n, err := strconv.Atoi(string(m[1])); err != nil || n != s.Status {
			t.Fatalf("status %d, the oracle says %s: %q", s.Status, m[1], line)
		}
	})
}

func FuzzGCP(f *testing.F) {
	f.Add([]byte(gcpLine(200, "response_sent_by_backend", "10.1.0.5", "0.012s")))
	f.Add([]byte(gcpLine(502, "failed_to_connect_to_backend", "", "10.02s")))
	f.Add([]byte(`{"httpRequest":{"status":502},"resource":{"labels":{"backend_service_name":"k8s1--"}},"timestamp":"2026-05-04T08:30:15Z"}`))
	p := newGCPParser()
	f.Fuzz(func(t *testing.T, line []byte) { checked(t, p, line) })
}

func FuzzAzure(f *testing.F) {
	f.Add([]byte(azureLine("200", "ERRORINFO_NO_ERROR", "10.1.0.5:80", "200", "0.021")))
	f.Add([]byte(azureLine("502", "ERRORINFO_UPSTREAM_NO_LIVE", "", "", "0.0")))
	f.Add([]byte(azureLine("502", "", "10.1.0.5:80", "", "11")))
	p := newAzureParser()
	f.Fuzz(func(t *testing.T, line []byte) { checked(t, p, line) })
}
