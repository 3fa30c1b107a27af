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
