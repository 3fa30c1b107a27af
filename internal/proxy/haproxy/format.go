package haproxy

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/proxy/logformat"
)

// Formatted is a parser of traffic lines in a format of its user's own; all else that HAProxy prints is read as by
// [Parser].
type Formatted struct {
	*Parser
	template *logformat.Template // nil: lines are encoded as JSON
	members  []member            // of an encoded line
	layout   *field.Layout       // of the time in a form of its user's own; nil: there is none
	json     fastjson.Parser
	own      []byte // a line that was made whole, or the numbers of an encoded one
}

// Compile makes a parser from a log-format string, with or without the keyword, quotes and backslashes of the
// configuration around it (haproxy/haproxy, doc/configuration.txt, section 8.2.6). JSON is a format like any other, and
// may also be the encoding of the whole line, %{+json}o. It fails where the format has no %ST, or one without a name where
// only what has one is printed, a variable that HAProxy does not know, CBOR, or two variables that touch so that no line
// could be split.
func Compile(format string) (*Formatted, error) {
	found, err := scan(unquoted(format))
	if err != nil {
		return nil, fmt.Errorf("log-format of HAProxy: %w", err)
	}
	f := &Formatted{Parser: NewParser(), layout: found.layout}
	if found.flags.json {
		f.members = found.members
		return f, nil
	}
	if f.template, err = logformat.New(found.parts); err != nil {
		return nil, fmt.Errorf("log-format of HAProxy: %w", err)
	}
	f.template.Trust(inStatus, inExactTime, inTime, inEpoch)
	return f, nil
}

// Parse implements proxy.Parser.
func (f *Formatted) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimRight(line, "\r\n")
	text := line
	var fields [inFields][]byte
	split := f.split(text, fields[:])
	if !split { // the format may itself begin with a time
		text = field.AfterSyslog(line)
		split = f.split(text, fields[:])
	}
	if split && f.formatted(&fields, s) {
		if s.Failed() && !f.terse {
			s.Raw = field.Redact(text)
		}
		return proxy.Access
	}
	class := f.Parser.Parse(line, s)
	if class == proxy.Access {
		// It is not in the format that was asked for.
		*s = model.Signal{}
		return proxy.Foreign
	}
	return class
}

// split takes a line apart, also one that was cut for its length within its last field, a quoted request.
func (f *Formatted) split(text []byte, fields [][]byte) bool {
	if f.template == nil {
		return f.object(text, fields)
	}
	if f.template.Split(text, fields) {
		return true
	}
	if len(text) < cutAt-1 || text[len(text)-1] == '"' {
		return false
	}
	f.own = append(append(f.own[:0], text...), '"')
	return f.template.Split(f.own, fields)
}

// formatted turns the fields of a line into a signal.
func (f *Formatted) formatted(in *[inFields][]byte, s *model.Signal) bool {
	e := entry{
		client: in[inClient], frontend: in[inFrontend], backend: in[inBackend], server: in[inServer], status: in[inStatus],
		state: in[inState], request: in[inRequest], total: in[inTotal],
	}
	if len(e.state) == 1 {
		return false
	}
	for i := range e.timers {
		e.timers[i] = in[inTimers+i]
	}
	ok := true
	switch {
	case in[inExactTime] != nil:
		s.At, ok = field.Local(in[inExactTime])
	case in[inTime] != nil:
		s.At, ok = field.Common(in[inTime])
	case in[inEpoch] != nil:
		s.At, ok = field.Epoch(in[inEpoch])
	case in[inDate] != nil:
		s.At, ok = f.layout.Read(in[inDate])
	}
	if !ok || !f.fill(&e, s) {
		return false
	}
	f.requestParts(in, s)
	if address := in[inServerAddress]; !field.Unset(address) {
		f.try(address, in[inServerPort], s)
	}
	return true
}

// requestParts sets what a format has instead of the whole request line.
func (p *Parser) requestParts(in *[inFields][]byte, s *model.Signal) {
	if !field.Unset(in[inMethod]) && string(in[inMethod]) != badRequest {
		s.Request.Method = p.names.String(in[inMethod])
	}
	if !field.Unset(in[inTarget]) && string(in[inTarget]) != badRequest {
		p.target(in[inTarget], s)
	}
	if !field.Unset(in[inHost]) {
		s.Request.Host = p.names.String(field.Host(in[inHost]))
	}
}

// badRequest stands in place of a request that was no HTTP.
const badRequest = "<BADREQ>"

// try notes the server's address, which only formats of people's own have.
func (p *Parser) try(address, port []byte, s *model.Signal) {
	p.scratch = p.scratch[:0]
	if len(port) > 0 && bytes.IndexByte(address, ':') >= 0 {
		p.scratch = append(append(append(p.scratch, '['), address...), ']')
	} else {
		p.scratch = append(p.scratch, address...)
	}
	if len(port) > 0 {
		p.scratch = append(append(p.scratch, ':'), port...)
	}
	s.Tries = p.tries.Take(1)
	s.Tries[0] = model.Try{Address: p.names.String(p.scratch), Duration: s.Duration}
	if s.Failure == model.UpstreamStatus || s.Failure == model.NoFailure {
		s.Tries[0].Status = s.Status
	}
}

// errNoStatus means that requests could not be told from each other by how they ended.
var errNoStatus = errors.New("the format has no %ST, without which failures cannot be counted")
