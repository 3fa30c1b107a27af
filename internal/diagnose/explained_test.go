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
