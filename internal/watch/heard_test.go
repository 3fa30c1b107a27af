package watch

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

func TestEveryRequestIsCountedOnce(t *testing.T) {
	gateway := func(name, source string, errorLog bool) model.Signal {
		return model.Signal{Gateway: model.Ref{Kind: "Pod", Name: name}, Source: source, ErrorLog: errorLog}
	}
	h, start := heard{}, time.Unix(1000, 0)
	for i, c := range []struct {
		sig     model.Signal
		further bool
		after   time.Duration
		want    bool
	}{
		{gateway("a", "edge/a/envoy", false), false, 0, true},
		{gateway("a", "als/edge/a", false), true, 0, true},
		{gateway("a", "edge/a/envoy", false), false, time.Second, false},
		{gateway("a", "edge/a/envoy", true), false, time.Second, true}, // its error log has reasons
		{gateway("a", "otlp/edge/a", false), true, time.Second, false},
		{gateway("b", "edge/b/nginx", false), false, time.Second, true}, // another gateway
		{gateway("b", "edge/b/nginx", false), true, time.Second, true},  // a file of the node
		{gateway("b", "edge/b/nginx", true), false, time.Second, false},
		{gateway("a", "edge/a/envoy", false), false, 20 * time.Second, true}, // the service went silent
		{gateway("a", "otlp/edge/a", false), true, 20 * time.Second, true},
		{model.Signal{Source: "als/x"}, true, 21 * time.Second, true},
		{model.Signal{Source: "probe/http://shop.test"}, true, 21 * time.Second, true},
	} {
		if got := h.counts(c.sig, c.further, start.Add(c.after)); got != c.want {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
}

func TestAProbeInTheLogIsCountedOnce(t *testing.T) {
	start := time.Unix(1000, 0)
	request := func(host string, status int, at time.Duration) model.Signal {
		return model.Signal{At: start.Add(at), Status: status, Request: model.Request{Host: host, Path: "/cart"}}
	}
	var a asked
	a.add(request("shop.test", 502, 0))
	a.add(request("shop.test", 0, 0)) // no answer: no log has it
	for i, c := range []struct {
		sig  model.Signal
		want bool
	}{
		{request("other.test", 502, 0), false},
		{request("shop.test", 200, 0), false},
		{request("shop.test", 0, 0), false},
		{request("shop.test", 502, time.Minute), false},
		{request("", 502, time.Second), true},
		{request("shop.test", 502, time.Second), false}, // somebody else's
	} {
		if got := a.twin(c.sig); got != c.want {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
	a.add(request("shop.test", 502, 0))
	a.add(request("shop.test", 502, time.Minute))
	if len(a) != 1 {
		t.Errorf("%d are remembered, want the youngest only", len(a))
	}
}
