package envoy

import (
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Record is one access-log entry that came as values and not as a line, as from Envoy's gRPC access
// logger. What is not known is empty. Texts are those of the command operators of the text format of the
// same name.
type Record struct {
	At                            time.Time
	Duration                      time.Duration
	Method, Path, Authority       string
	Status                        int
	Flags                         string // short names joined with commas
	Details                       string // RESPONSE_CODE_DETAILS; of a connection CONNECTION_TERMINATION_DETAILS
	Transport                     string // UPSTREAM_TRANSPORT_FAILURE_REASON
	ForwardedFor, Client          string // Client is host:port
	UpstreamHost, UpstreamCluster string
	Route, ServerName             string
	// Connection is set for a connection (TCP, or TLS that is passed through), which has no status.
	Connection bool
}

// Record turns a record into a signal as Parse does with a line.
func (p *Parser) Record(r *Record, s *model.Signal) proxy.Class {
	*s = model.Signal{At: r.At, Duration: max(r.Duration, 0), Status: r.Status}
	e := &entry{
		method: []byte(r.Method), path: []byte(r.Path), authority: []byte(r.Authority),
		flags: []byte(r.Flags), details: []byte(r.Details), hasDetails: true, transport: []byte(r.Transport),
		forwardedFor: []byte(r.ForwardedFor), remote: []byte(r.Client),
		upstreamHost: []byte(r.UpstreamHost), upstreamCluster: []byte(r.UpstreamCluster), route: []byte(r.Route),
	}
	switch {
	case r.At.IsZero() || r.Status < 0 || r.Status > 999 || !validFlags(e.flags):
		*s = model.Signal{}
		return proxy.Foreign
	case r.Connection:
		e.authority = []byte(r.ServerName)
		p.fill(e, s)
		s.Failure = classifyConnection(e, s.Duration)
	case r.Method == "" && r.Status == 0:
		*s = model.Signal{}
		return proxy.Event // a connection on which no request came
	default:
		p.fill(e, s)
		s.Failure = classify(e, s)
	}
	if s.Failed() || tells(s) {
		s.Reason = reason(e)
	}
	if s.Failed() {
		s.Raw = r.text()
	}
	return proxy.Access
}

// classifyConnection says how a connection failed. A connection that was set up has no failure: what
// becomes of its bytes is not known here.
func classifyConnection(e *entry, took time.Duration) model.FailureKind {
	switch {
	case has(e.flags, "NR"):
		return model.NoRoute
	case has(e.flags, "UH", "NC"):
		return model.NoEndpoints
	case has(e.flags, "UF"):
		return connectFailure(e, took)
	case has(e.flags, "UO", "OM", "RL"):
		return model.Overload
	case has(e.flags, "DF"):
		return model.OtherFailure
	default:
		return model.NoFailure
	}
}

// text is the record in the order of Envoy's default format, with what is not known left out, without
// credentials.
func (r *Record) text() string {
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	line := fmt.Sprintf("[%s] %q %d %s %s %q %dms %q %q %q", r.At.UTC().Format(time.RFC3339Nano), dash(r.Method)+" "+dash(r.Path), r.Status,
		dash(r.Flags), dash(r.Details), dash(r.Transport), r.Duration.Milliseconds(), dash(r.Authority+r.ServerName), dash(r.UpstreamHost), dash(r.UpstreamCluster))
	return field.Redact([]byte(line))
}
