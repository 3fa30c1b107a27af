package detect

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
)

func TestJoiner(t *testing.T) {
	pod := model.Ref{Kind: "Pod", Name: "gw"}
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	access := func(seconds, status int, failure model.FailureKind, addresses ...string) model.Signal {
		s := model.Signal{At: at(seconds), Proxy: "nginx", Gateway: pod, Client: "192.0.2.1", Service: "cart", Status: status, Failure: failure, Request: model.Request{Method: "GET", Path: "/buy"}}
		for _, a := range addresses {
			s.Tries = append(s.Tries, model.Try{Address: a})
		}
		return s
	}
	line := func(seconds int, address string) model.Signal {
		return model.Signal{
			At: at(seconds), Proxy: "nginx", Gateway: pod, Client: "192.0.2.1", ErrorLog: true, Failure: model.Refused, Reason: "refused!",
			Request: model.Request{Method: "GET", Host: "shop.test", Path: "/buy"}, Tries: []model.Try{{Address: address}},
		}
	}
	other := line(300, "a")
	other.Client = "192.0.2.2"
	var got []string
	j := NewJoiner(func(s *model.Signal) {
		got = append(got, fmt.Sprintf("%s %d %s %s%s lone=%t", s.At.Sub(start), s.Status, s.Failure, s.Request.Host, s.Reason, s.ErrorLog))
	})
	for _, s := range []model.Signal{
		access(0, 200, ""),
		line(1, "a"), line(1, "b"), access(1, 502, model.OtherFailure, "a", "b"), // one request, two tries
		line(5, "a"), access(5, 200, "", "a", "c"), // mended by the second try
		access(20, 502, model.OtherFailure, "a"), line(21, "a"), // its line comes late
		access(60, 502, model.OtherFailure, "a"),            // no line of its own
		access(100, 503, model.NoEndpoints), line(100, "a"), // nobody was asked for it
		line(300, "a"), line(300, "b"), // no access line: one request
		other, // of another client: another one
	} {
		j.Add(&s)
	}
	j.Flush()
	want := []string{
		"0s 200   lone=false",
		"1s 502 refused shop.testrefused! lone=false",
		"5s 200  shop.test lone=false",
		"20s 502 refused shop.testrefused! lone=false",
		"1m0s 502 other  lone=false",
		"1m40s 503 no-endpoints  lone=false",
		"1m40s 0 refused shop.testrefused! lone=true",
		"5m0s 0 refused shop.testrefused! lone=true",
		"5m0s 0 refused shop.testrefused! lone=true",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("handed over (-want +got)\n%s", d)
	}
}
