package envoy

import (
	"bytes"
	"time"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Parser reads all that an Envoy gateway's pod prints.
type Parser struct {
	names field.Interner
	tries field.Tries
	json  fastjson.Parser
	// scratch holds the digits of JSON numbers while a line is read.
	scratch []byte
	clock   field.Clock // for Skim
	terse   bool        // see OmitRaw
}

// NewParser returns a parser.
func NewParser() *Parser { return &Parser{} }

// entry is one access-log entry as any of the formats has it. Unset fields are empty. The slices point
// into the line.
type entry struct {
	at                      []byte
	method, path, authority []byte
	code, flags, details    []byte
	transport               []byte // upstream_transport_failure_reason
	duration, serviceTime   []byte
	forwardedFor, remote    []byte
	upstreamHost            []byte
	upstreamCluster, route  []byte
	hasDetails              bool      // whether the format has the details
	attempted               []byte    // all hosts that were tried, where the format has them
	when                    time.Time // in place of at, where the format prints another form of time
}

// Parse implements proxy.Parser. The form of a line is recognised by its first bytes.
func (p *Parser) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 || isOwnLog(line) {
		return proxy.Event
	}
	var e entry
	var ok bool
	switch line[0] {
	case '{':
		ok = p.readJSON(line, &e)
	case '[':
		ok = readText(line, &e)
	}
	if !ok {
		return proxy.Foreign
	}
	class := p.signal(&e, s)
	if class != proxy.Access {
		*s = model.Signal{}
		return class
	}
	if s.Failed() && !p.terse {
		s.Raw = field.Redact(line)
	}
	return class
}

// signal turns an entry into a signal. A line without method and status is about a connection (TCP, or TLS that
// matched no listener), not a request.
func (p *Parser) signal(e *entry, s *model.Signal) proxy.Class {
	var ok bool
	if s.At, ok = field.ISO(e.at); !ok && e.at != nil {
		return proxy.Foreign
	}
	if e.at == nil {
		s.At = e.when
	}
	code, ok := field.Uint(e.code)
	if !ok || code > 999 || !validFlags(e.flags) {
		return proxy.Foreign
	}
	if !field.Unset(e.duration) {
		if s.Duration, ok = field.Millis(e.duration); !ok {
			return proxy.Foreign
		}
	}
	if field.Unset(e.method) && code == 0 {
		return proxy.Event
	}
	s.Status = int(code)
	p.fill(e, s)
	s.Failure = classify(e, s)
	if s.Failed() || tells(s) {
		s.Reason = reason(e)
	}
	return proxy.Access
}

// fill sets all that does not depend on how the entry was written down.
func (p *Parser) fill(e *entry, s *model.Signal) {
	s.Proxy = Name
	if !field.Unset(e.method) { // a 400 has none: the request could not be read
		s.Request.Method = p.names.String(e.method)
	}
	if !field.Unset(e.path) {
		_, path := field.Target(e.path)
		s.Request.Path = p.names.String(path)
	}
	if !field.Unset(e.authority) {
		s.Request.Host = p.names.String(field.Host(e.authority))
	}
	s.Client = p.client(e)
	p.backend(e.upstreamCluster, s)
	p.route(e.route, s)
	p.hosts(e, s)
}

// maxTries bounds how many tries of one line are read.
const maxTries = 32

// hosts sets the tries: the last one, or where the format has them all of them.
func (p *Parser) hosts(e *entry, s *model.Signal) {
	n := bytes.Count(e.attempted, []byte{','}) + 1
	switch {
	case !field.Unset(e.attempted) && n <= maxTries:
		s.Tries = p.tries.Take(n)
		rest := e.attempted
		for i := range s.Tries {
			var host []byte
			host, rest, _ = bytes.Cut(rest, []byte{','})
			s.Tries[i].Address = p.names.String(bytes.TrimSpace(host))
		}
		if n == 1 {
			s.Tries[0].Duration = s.Duration
		}
	case !field.Unset(e.upstreamHost):
		s.Tries = p.tries.Take(1)
		s.Tries[0] = model.Try{Address: p.names.String(e.upstreamHost), Duration: s.Duration}
	default:
		return
	}
	if isNumber(e.serviceTime) || string(e.details) == "via_upstream" {
		s.Tries[len(s.Tries)-1].Status = s.Status
	}
}

func (p *Parser) client(e *entry) string {
	if !field.Unset(e.forwardedFor) {
		first, _, _ := bytes.Cut(e.forwardedFor, []byte{','})
		return p.names.String(bytes.TrimSpace(first))
	}
	if field.Unset(e.remote) {
		return ""
	}
	return p.names.String(field.Host(e.remote))
}

// validFlags accepts short names joined with commas, or the dash.
func validFlags(b []byte) bool {
	if field.Unset(b) {
		return true
	}
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != ',' && c != '_' {
			return false
		}
	}
	return true
}

// isOwnLog recognises Envoy's process log ("[2026-03-14 09:26:00.123][1][info]...", a blank where
// access lines have a T) and the Istio agent's ("2026-03-14T09:26:00.123456Z	info	...").
func isOwnLog(line []byte) bool {
	if line[0] == '[' {
		return len(line) > 24 && line[11] == ' ' && bytes.IndexByte(line[:min(len(line), 40)], ']') > 20
	}
	if len(line) < 21 || line[10] != 'T' {
		return false
	}
	stamp, _, ok := bytes.Cut(line[:min(len(line), 40)], []byte{'\t'})
	if !ok {
		return false
	}
	_, ok = field.ISO(stamp)
	return ok
}
