package envoy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// The same entry as a line and as a record is the same signal.
func TestRecordIsTheLine(t *testing.T) {
	line := `{":authority":"shop.test:8443","start_time":"2026-05-04T08:30:15.123Z","method":"GET","path":"/buy?token=1","response_code":503,"response_flags":"URX,UF",` +
		`"response_code_details":"upstream_reset_before_response_started{connection_timeout}","upstream_transport_failure_reason":"","duration":5,` +
		`"upstream_host":"10.1.0.5:80","upstream_cluster":"httproute/my-shop/cart/rule/1","x-forwarded-for":"192.0.2.1, 10.0.0.1","route_name":"httproute/my-shop/cart/rule/1/match/0/x"}`
	record := Record{
		At: time.Date(2026, 5, 4, 8, 30, 15, 123e6, time.UTC), Duration: 5 * time.Millisecond, Method: "GET", Path: "/buy?token=1", Authority: "shop.test:8443",
		Status: 503, Flags: "URX,UF", Details: "upstream_reset_before_response_started{connection_timeout}", ForwardedFor: "192.0.2.1, 10.0.0.1",
		UpstreamHost: "10.1.0.5:80", UpstreamCluster: "httproute/my-shop/cart/rule/1", Route: "httproute/my-shop/cart/rule/1/match/0/x",
	}
	var want, got model.Signal
	if c := NewParser().Parse([]byte(line), &want); c != proxy.Access {
		t.Fatal(c)
	}
	if c := NewParser().Record(&record, &got); c != proxy.Access {
		t.Fatal(c)
	}
	if strings.Contains(got.Raw, "token=1") || got.Raw == "" {
		t.Errorf("raw %q", got.Raw)
	}
	want.Raw, got.Raw = "", ""
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-line +record)\n%s", d)
	}
}

func TestConnections(t *testing.T) {
	for flags, want := range map[string]model.FailureKind{
		"": model.NoFailure, "DC": model.NoFailure, "UF": model.Refused, "UF,URX": model.Refused, "UH": model.NoEndpoints,
		"NR": model.NoRoute, "UO": model.Overload, "DF": model.OtherFailure,
	} {
		var s model.Signal
		c := NewParser().Record(&Record{At: time.Unix(1, 0), Flags: flags, ServerName: "db.test", Connection: true}, &s)
		if c != proxy.Access || s.Failure != want || s.Request.Host != "db.test" || s.Failed() != (want != model.NoFailure) {
			t.Errorf("%q: class %v, %+v; want %q", flags, c, s, want)
		}
	}
}

func TestRecordsThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		r    Record
		want proxy.Class
	}{
		"no time":               {Record{Method: "GET", Status: 200}, proxy.Foreign},
		"a status out of range": {Record{At: time.Unix(1, 0), Method: "GET", Status: 1000}, proxy.Foreign},
		"flags that are none":   {Record{At: time.Unix(1, 0), Method: "GET", Status: 200, Flags: "a b"}, proxy.Foreign},
		"no request":            {Record{At: time.Unix(1, 0)}, proxy.Event},
	} {
		var s model.Signal
		if got := NewParser().Record(&c.r, &s); got != c.want || !cmp.Equal(s, model.Signal{}) {
			t.Errorf("%s: class %v, %+v", name, got, s)
		}
	}
}
