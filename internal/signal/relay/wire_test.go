package relay

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/gatemend/gatemend/internal/model"
)

func full() Report {
	line := model.Signal{
		At: after(2), Proxy: "envoy", Request: model.Request{Host: "shop.test", Path: "/buy"}, RouteNamespace: "shop", Service: "cart",
		Status: 503, Failure: model.Refused, Reason: "UF", Tries: []model.Try{{Address: "10.1.0.5:8080"}}, Raw: "the line",
	}
	return Report{Node: "n1", Instance: "a1", Started: start, Number: 7, At: after(3), Omitted: 2, Gateways: []Gateway{
		{Pod: pod, Read: after(2.5), Points: []Point{{Series: good, Value: 10}, {Series: bad, Value: 3, Samples: []model.Signal{line}}},
			Errors: []model.Signal{{At: after(1), ErrorLog: true, Failure: model.Reset, Raw: "error"}}},
		{Pod: model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "edge-2"}, Points: []Point{{
			Series: Series{Proxy: "nginx", Host: "shop.test", Path: "/a/b", RouteName: "r", ServicePort: "http", Status: 0}, Value: 1,
		}}},
		{Pod: model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "silent"}},
	}}
}

func sent(t *testing.T, m *collector.ExportMetricsServiceRequest) *collector.ExportMetricsServiceRequest {
	t.Helper()
	wire, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out collector.ExportMetricsServiceRequest
	if err := proto.Unmarshal(wire, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestRoundTrip(t *testing.T) {
	r := full()
	confirmed := map[model.Ref]map[Series]uint64{pod: {good: 4}}
	got, err := read(sent(t, message(r, "r1", confirmed)))
	if err != nil {
		t.Fatal(err)
	}
	// Whose a sample is says the message, not the sample.
	r.Gateways[0].Points[1].Samples[0].Gateway, r.Gateways[0].Points[1].Samples[0].Source = pod, "agent/edge/edge-1"
	r.Gateways[0].Errors[0].Gateway, r.Gateways[0].Errors[0].Source = pod, "agent/edge/edge-1"
	if d := cmp.Diff(r, got.Report, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(confirmed, got.confirmed); d != "" || got.receiver != "r1" || !got.whole {
		t.Errorf("%s: receiver %q, whole %v", d, got.receiver, got.whole)
	}
	if got, err = read(sent(t, message(r, "r1", nil))); err != nil || got.whole || len(got.confirmed) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
	r.Gateways = nil
	if got, err = read(sent(t, message(r, "r1", nil))); err != nil || len(got.Gateways) != 0 || got.Number != 7 || !got.At.Equal(r.At) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Texts of logs may be anything. What an agent sends of them a receiver takes.
func TestLongTextsAreCut(t *testing.T) {
	r := full()
	long := strings.Repeat("\x01\xff\"", 5000)
	r.Gateways[0].Points[1].Samples[0].Raw, r.Gateways[0].Points[1].Samples[0].Request.Path = long, "/"+long
	got, err := read(sent(t, message(r, "r1", nil)))
	if err != nil || len(got.Gateways[0].Points[1].Samples) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, s := range []string{"plain", "", "ä", long, "a\nb", strings.Repeat("ä", 200)} {
		if got := Name(s, LongestName); !name(got, LongestName) {
			t.Errorf("%q is no name", got)
		}
	}
}

func TestWrongMessages(t *testing.T) {
	for name, change := range map[string]func(*Report){
		"no node":         func(r *Report) { r.Node = "" },
		"no instance":     func(r *Report) { r.Instance = "" },
		"no number":       func(r *Report) { r.Number = 0 },
		"a pod twice":     func(r *Report) { r.Gateways[1].Pod = pod },
		"a long name":     func(r *Report) { r.Gateways[0].Points[0].Series.Service = strings.Repeat("x", LongestPath+1) },
		"a control":       func(r *Report) { r.Gateways[0].Points[0].Series.Host = "a\nb" },
		"a huge count":    func(r *Report) { r.Gateways[0].Points[0].Value = mostOfACounter + 1 },
		"a wrong status":  func(r *Report) { r.Gateways[0].Points[0].Series.Status = 1000 },
		"no start":        func(r *Report) { r.Started = time.Unix(0, 0) },
		"too many pods":   func(r *Report) { r.Gateways = make([]Gateway, mostGateways+1) },
		"no end of lines": func(r *Report) { r.Gateways[0].Errors = make([]model.Signal, samplesAtOnce+1) },
	} {
		r := full()
		change(&r)
		if _, err := read(sent(t, message(r, "r1", nil))); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := read(&collector.ExportMetricsServiceRequest{}); err == nil {
		t.Error("nothing is taken")
	}
}

// Whatever a message says, taking it in does not fail badly, and what comes of it is bounded.
func FuzzRead(f *testing.F) {
	for _, confirmed := range []map[model.Ref]map[Series]uint64{nil, {pod: {good: 4}}} {
		wire, err := proto.Marshal(message(full(), "r1", confirmed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		var m collector.ExportMetricsServiceRequest
		if proto.Unmarshal(wire, &m) != nil {
			return
		}
		got, err := read(&m)
		if err != nil {
			return
		}
		l := newLedger(got.receiver)
		for range 2 {
			accounts, _, err := l.take(got, after(5), func(model.Ref) time.Time { return time.Time{} })
			if err != nil {
				return
			}
			for _, a := range accounts {
				for _, c := range a.Counts {
					if c.Requests == 0 || c.Requests > mostAtOnce || c.Status < 0 || c.Status > 999 || !name(c.Path, LongestPath) || c.Gateway != a.Gateway {
						t.Errorf("got %+v", c)
					}
					for _, s := range c.Samples {
						if s.Gateway != a.Gateway || len(s.Raw) > longestText {
							t.Errorf("got %+v", s)
						}
					}
				}
			}
		}
		if points, samples := got.size(); points > mostInMessage || samples > samplesAtOnce || l.known > mostInMessage {
			t.Errorf("%d points, %d samples, %d known", points, samples, l.known)
		}
	})
}
