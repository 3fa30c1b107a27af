package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
)

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:2382 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
   1: 0000000000000000FFFF00000100007F:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
   2: 00000000000000000000000001000000:0CEA 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
   3: 00000000000000000000000001000000:0CEA broken
`

func TestSockets(t *testing.T) {
	var got []string
	for _, s := range Sockets([]byte(table)) {
		got = append(got, s.String())
	}
	slices.Sort(got)
	want := []string{"0.0.0.0:80", "127.0.0.1:3000", "127.0.0.1:8080", "[::1]:3306", "[::]:9090"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// FuzzSockets: whatever a container prints, what comes out is valid, in order and there once.
func FuzzSockets(f *testing.F) {
	f.Add([]byte(table))
	f.Add([]byte("0: 0100007F:1F90 0 0A"))
	f.Add([]byte("x : : 0A"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out := Sockets(data)
		if !slices.IsSortedFunc(out, netip.AddrPort.Compare) {
			t.Errorf("not in order: %v", out)
		}
		for _, s := range out {
			if !s.IsValid() {
				t.Errorf("invalid: %v", s)
			}
		}
	})
}

func TestFailureOf(t *testing.T) {
	for words, want := range map[string]model.FailureKind{
		"error trying to reach service: dial tcp 10.244.1.5:8080: connect: connection refused":                                           model.Refused,
		"error forwarding port 9090 to pod abc, uid : failed to connect to localhost:9090 inside namespace: connect: connection refused": model.Refused,
		`no endpoints available for service "http:web:80"`:                                                                               model.NoEndpoints,
		"error trying to reach service: dial tcp 10.244.1.5:8080: i/o timeout":                                                           model.ConnectTimeout,
		"error trying to reach service: net/http: HTTP/1.x transport connection broken: malformed HTTP response":                         model.Protocol,
		"tls: first record does not look like a TLS handshake":                                                                           model.TLS,
		"EOF":            model.ClosedEarly,
		"something else": model.OtherFailure,
	} {
		if got := failureOf(words); got != want {
			t.Errorf("%q: got %s, want %s", words, got, want)
		}
	}
}

func ExampleSockets() {
	fmt.Println(Sockets([]byte("0: 0100007F:1F90 00000000:0000 0A\n")))
	// Output: [127.0.0.1:8080]
}
