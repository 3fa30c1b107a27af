package diagnose

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// A sample shows both lines about a request: that of the error log, which tells why, and its own.
func TestExplainedKeepsBothLines(t *testing.T) {
	at := time.Date(2026, 3, 14, 9, 26, 0, 0, time.UTC)
	tries := []model.Try{{Address: "10.1.0.5:80"}}
	access := model.Signal{At: at, Status: 502, Failure: model.OtherFailure, Raw: `"GET / HTTP/1.1" 502`, Source: "gw.log:2", Tries: tries}
	reason := model.Signal{At: at.Add(time.Second), ErrorLog: true, Failure: model.Refused, Reason: "connect() failed", Raw: "connect() failed", Source: "gw.log:1", Tries: tries}
	got := explained(access, []model.Signal{reason})
	if got.Failure != model.Refused || got.Raw != reason.Raw || got.Source != reason.Source || got.Access != access.Raw {
		t.Errorf("got %+v", got)
	}
	reason.Tries = []model.Try{{Address: "10.1.0.6:80"}}
	if got := explained(access, []model.Signal{reason}); got.Raw != access.Raw || got.Access != "" {
		t.Errorf("of another upstream: got %+v", got)
	}
}

// A line of the error log about another host of the same route is about another request.
func TestExplainedByItsOwnHost(t *testing.T) {
	at := time.Date(2026, 3, 14, 9, 26, 0, 0, time.UTC)
	access := model.Signal{At: at, Status: 502, Failure: model.OtherFailure, Request: model.Request{Host: "a.test", Path: "/"}}
	reason := model.Signal{At: at, ErrorLog: true, Failure: model.Refused, Request: model.Request{Host: "b.test", Path: "/"}}
	if got := explained(access, []model.Signal{reason}); got.Failure != model.OtherFailure {
		t.Errorf("by another host's line: got %+v", got)
	}
	reason.Request.Host = "A.test"
	if got := explained(access, []model.Signal{reason}); got.Failure != model.Refused {
		t.Errorf("by its own: got %+v", got)
	}
}

// A request for which nobody was asked was refused by nobody, though another one was in the same second.
func TestExplainedByNobody(t *testing.T) {
	at := time.Date(2026, 3, 14, 9, 26, 0, 0, time.UTC)
	access := model.Signal{At: at, Status: 503, Failure: model.NoEndpoints}
	reason := model.Signal{At: at, ErrorLog: true, Failure: model.Refused, Tries: []model.Try{{Address: "10.1.0.5:80"}}}
	if got := explained(access, []model.Signal{reason}); got.Failure != model.NoEndpoints {
		t.Errorf("got %+v", got)
	}
}

// Of several lines that may be about a request the nearest in time is: an earlier one may be of a fault that is over.
func TestExplainedByTheNearestLine(t *testing.T) {
	at := time.Date(2026, 3, 14, 9, 26, 0, 0, time.UTC)
	access := model.Signal{At: at, Status: 502, Failure: model.OtherFailure}
	line := func(after time.Duration, failure model.FailureKind, path string) model.Signal {
		return model.Signal{At: at.Add(after), ErrorLog: true, Failure: failure, Request: model.Request{Path: path}}
	}
	access.Request.Path = "/"
	for _, tc := range []struct {
		name  string
		lines []model.Signal
		want  model.FailureKind
	}{
		{"one of before and one of now", []model.Signal{line(-1500*time.Millisecond, model.TLS, "/"), line(-100*time.Millisecond, model.Refused, "/")}, model.Refused},
		{"one of before and one of a moment later", []model.Signal{line(-1500*time.Millisecond, model.TLS, "/"), line(time.Second, model.Refused, "/")}, model.Refused},
		{"equally near: the earlier", []model.Signal{line(-time.Second, model.TLS, "/"), line(time.Second, model.Refused, "/")}, model.TLS},
		{"the nearest is about another request", []model.Signal{line(-1500*time.Millisecond, model.TLS, "/"), line(0, model.Refused, "/other")}, model.TLS},
		{"of the same moment the first", []model.Signal{line(0, model.TLS, "/"), line(0, model.Refused, "/")}, model.TLS},
		{"none is near", []model.Signal{line(-3*time.Second, model.TLS, "/"), line(2100*time.Millisecond, model.Refused, "/")}, model.OtherFailure},
	} {
		if got := explained(access, tc.lines); got.Failure != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got.Failure, tc.want)
		}
	}
}

// The line that is shown for a cause is one of what fails now, not of an earlier fault that looked alike and is over.
func TestEvidenceIsOfTheLatestFailures(t *testing.T) {
	at := time.Date(2026, 3, 14, 9, 26, 0, 0, time.UTC)
	var access []model.Signal
	add := func(n int, s model.Signal) {
		for range n {
			at = at.Add(100 * time.Millisecond)
			s.At = at
			access = append(access, s)
		}
	}
	failed := model.Signal{Status: 502, Failure: model.Refused, Reason: "connect() failed (111: Connection refused)", Raw: "before"}
	add(20, failed)
	add(600, model.Signal{Status: 200})
	failed.Raw = "now"
	add(20, failed)
	r := &route{}
	r.take(access, nil, nil, nil)
	f := find("target-port-mismatch", proven, model.FieldRef{}, "").on(r).as(model.Refused)
	if e, ok := logEvidence(f); !ok || e.Text != "now" {
		t.Errorf("got %+v", e)
	}
	h := hearing{}
	for _, s := range r.signals {
		h = h.with(s, proven, r.resumed)
	}
	if h.quoted.Raw != "now" || h.first.Raw != "before" {
		t.Errorf("of words: quoted %q, the first %q", h.quoted.Raw, h.first.Raw)
	}
}
