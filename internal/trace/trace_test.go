package trace_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/trace"
)

var start = time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)

func after(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// mended is an incident whose first repair was taken back and whose second one helped.
func mended() model.Incident {
	i := model.Incident{
		Cluster: "prod", ID: "shop/cart-1", Phase: model.PhaseResolved, Routes: []string{"shop.test/cart"}, Requests: 20, Errors: 9, Statuses: []int{502},
		Cause: "target-port-mismatch", Object: model.FieldRef{Ref: model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "cart"}},
		Started: start, Opened: after(1), Closed: after(40), Because: "20 requests in a row succeeded",
	}
	for n, kind := range []string{
		"detected", "diagnosed", "planned", "rehearsed", "answered", "applying", "applied", "waited", "judged", "undoing", "not-undone", "undone",
		"undo-checked", "not-helped", "planned", "rehearsed", "answered", "applying", "not-applied", "mended",
	} {
		i.Timeline = append(i.Timeline, model.IncidentEvent{At: after(n + 1), Kind: kind, Text: kind + "."})
	}
	return i
}

func TestSteps(t *testing.T) {
	want := []trace.Step{
		{Name: "detect", Begin: after(0), End: after(1), Text: "detected."},
		{Name: "diagnose", Begin: after(1), End: after(2), Text: "diagnosed."},
		{Name: "plan", Begin: after(2), End: after(3), Text: "planned."},
		{Name: "rehearse", Begin: after(3), End: after(4), Text: "rehearsed."},
		{Name: "decide", Begin: after(4), End: after(5), Text: "answered."},
		{Name: "apply", Begin: after(6), End: after(7), Text: "applied."},
		{Name: "settle", Begin: after(7), End: after(8), Text: "waited."},
		{Name: "verify", Begin: after(8), End: after(9), Text: "judged."},
		{Name: "undo", Begin: after(10), End: after(11), Text: "not-undone.", Failed: true},
		{Name: "undo", Begin: after(11), End: after(12), Text: "undone."},
		{Name: "check-undo", Begin: after(12), End: after(13), Text: "undo-checked."},
		{Name: "plan", Begin: after(14), End: after(15), Text: "planned."},
		{Name: "rehearse", Begin: after(15), End: after(16), Text: "rehearsed."},
		{Name: "decide", Begin: after(16), End: after(17), Text: "answered."},
		{Name: "apply", Begin: after(18), End: after(19), Text: "not-applied.", Failed: true},
	}
	if d := cmp.Diff(want, trace.Steps(mended())); d != "" {
		t.Error(d)
	}
	unknown := model.Incident{Opened: after(1), Timeline: []model.IncidentEvent{{At: after(2), Kind: "detected"}}}
	if s := trace.Steps(unknown); len(s) != 1 || !s[0].Begin.Equal(after(1)) {
		t.Errorf("nobody knows of the first request that failed: %+v", s)
	}
	back := model.Incident{Started: after(5), Timeline: []model.IncidentEvent{{At: after(3), Kind: "detected"}}}
	if s := trace.Steps(back); len(s) != 1 || s[0].Begin.After(s[0].End) {
		t.Errorf("a clock that was put back: %+v", s)
	}
}

// received exports incidents to a receiver of OTLP over HTTP, and gives what it was sent.
func received(t *testing.T, incidents ...model.Incident) []*tracev1.Span {
	t.Helper()
	bodies := make(chan []byte, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s: %v", r.URL, r.Header, err)
		}
		bodies <- body
	}))
	defer receiver.Close()
	e, err := trace.New(t.Context(), receiver.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range incidents {
		e.Export(t.Context(), i)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(bodies)
	var out []*tracev1.Span
	for body := range bodies {
		var m collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		for _, r := range m.GetResourceSpans() {
			for _, s := range r.GetScopeSpans() {
				out = append(out, s.GetSpans()...)
			}
		}
	}
	return out
}

func TestATraceIsReceived(t *testing.T) {
	spans := received(t, mended())
	if want := 1 + len(trace.Steps(mended())); len(spans) != want {
		t.Fatalf("%d spans, want %d", len(spans), want)
	}
	whole := spans[len(spans)-1] // it ends last
	if whole.GetName() != "incident" || len(whole.GetParentSpanId()) != 0 || whole.GetStartTimeUnixNano() != uint64(start.UnixNano()) || whole.GetEndTimeUnixNano() != uint64(after(40).UnixNano()) {
		t.Errorf("the whole: %v", whole)
	}
	seen := map[string]bool{}
	for _, s := range spans {
		id := string(s.GetSpanId())
		if seen[id] || string(s.GetTraceId()) != string(whole.GetTraceId()) {
			t.Errorf("%s: its ids are not its own", s.GetName())
		}
		seen[id] = true
		if s != whole && string(s.GetParentSpanId()) != string(whole.GetSpanId()) {
			t.Errorf("%s is not beneath the incident", s.GetName())
		}
		if failed := s.GetStatus().GetCode() == tracev1.Status_STATUS_CODE_ERROR; failed != (s.GetName() == "undo" && s.GetEndTimeUnixNano() == uint64(after(11).UnixNano()) || s.GetName() == "apply" && s.GetEndTimeUnixNano() == uint64(after(19).UnixNano())) {
			t.Errorf("%s: failed: %v", s.GetName(), failed)
		}
	}
	again := received(t, mended())
	if string(again[len(again)-1].GetTraceId()) != string(whole.GetTraceId()) {
		t.Error("another controller gives the trace another id")
	}
	other := mended()
	other.Cluster = "staging"
	if o := received(t, other); string(o[0].GetTraceId()) == string(whole.GetTraceId()) {
		t.Error("incidents of two clusters share a trace")
	}
}

// What one searches traces by: what was wrong, where, what was done and who let it be done, and which are left to a person.
func TestWhatOneSearchesBy(t *testing.T) {
	whole := func(i model.Incident) (*tracev1.Span, map[string]string) {
		spans := received(t, i)
		out := map[string]string{}
		last := spans[len(spans)-1]
		for _, a := range last.GetAttributes() {
			out[a.GetKey()] = a.GetValue().GetStringValue()
		}
		return last, out
	}
	i := mended()
	i.Actions = []model.IncidentAction{{Action: "patch-service"}}
	i.Decisions = []model.IncidentDecision{{Verdict: model.Approve, Who: "all"}, {Verdict: model.Allow, Who: "ann@example.com"}}
	span, got := whole(i)
	for key, want := range map[string]string{
		"k8s.cluster.name": "prod", "k8s.namespace.name": "shop", "gatemend.outcome": "mended", "gatemend.route": "shop.test/cart", "gatemend.cause": "target-port-mismatch",
		"gatemend.object": "Service shop/cart", "gatemend.action": "patch-service", "gatemend.decision": "allow", "gatemend.decided_by": "ann@example.com",
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
	if span.GetStatus().GetCode() != tracev1.Status_STATUS_CODE_UNSET {
		t.Errorf("mended: %v, want no error", span.GetStatus())
	}
	i.Cluster, i.Cause, i.Object = "", "", model.FieldRef{}
	i.Timeline = append(i.Timeline, model.IncidentEvent{At: after(30), Kind: "refused", Text: "no candidate is safe"}, model.IncidentEvent{At: after(40), Kind: "Resolved"})
	span, got = whole(i)
	if span.GetStatus().GetCode() != tracev1.Status_STATUS_CODE_ERROR || span.GetStatus().GetMessage() != "no candidate is safe" || got["gatemend.outcome"] != "refused" {
		t.Errorf("left to a person: %v, %s", span.GetStatus(), got["gatemend.outcome"])
	}
	for _, key := range []string{"k8s.cluster.name", "k8s.namespace.name", "gatemend.cause", "gatemend.object"} {
		if v, ok := got[key]; ok {
			t.Errorf("%s is %q, though nobody knows it", key, v)
		}
	}
}

func TestAReceiverIsAURL(t *testing.T) {
	for _, to := range []string{"", "collector:4318", "grpc://collector:4317", "http://", "://"} {
		if _, err := trace.New(t.Context(), to); err == nil {
			t.Errorf("%q was taken", to)
		}
	}
}
