package caddy

import (
	"bytes"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Parser reads Caddy's JSON log: access entries of logger http.log.access and errors of http.log.error
// (caddyserver/caddy, modules/caddyhttp/server.go).
type Parser struct {
	json  fastjson.Parser
	names field.Interner
	// scratch holds the digits of a JSON number while it is read: as a float a time would lose some.
	scratch []byte
	terse   bool // see OmitRaw
}

// NewParser returns a parser.
func NewParser() *Parser { return &Parser{} }

// Parse reads one line.
func (p *Parser) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' {
		return proxy.Foreign
	}
	v, err := p.json.ParseBytes(line)
	if err != nil || v.Type() != fastjson.TypeObject {
		return proxy.Foreign
	}
	logger := v.GetStringBytes("logger")
	access, failed := bytes.HasPrefix(logger, []byte(accessLogger)), bytes.HasPrefix(logger, []byte("http.log.error"))
	request := v.Get("request")
	if !access && !failed || request == nil {
		if logger != nil && v.Exists("level") && v.Exists("msg") {
			return proxy.Event
		}
		return proxy.Foreign
	}
	if !p.entry(v, request, s) {
		*s = model.Signal{}
		return proxy.Foreign
	}
	if access {
		return p.answered(v, line, s)
	}
	if s.Status > 0 && s.Status < 500 {
		*s = model.Signal{}
		return proxy.Event // a refusal that the access entry tells as well, or a client that went away (499)
	}
	s.ErrorLog = true
	if !p.terse {
		s.Raw = field.Redact(line)
	}
	s.Reason = string(v.GetStringBytes("msg"))
	s.Failure = failure(s.Reason)
	return proxy.ErrorLine
}

// entry reads what access and error entries have in common.
func (p *Parser) entry(v, request *fastjson.Value, s *model.Signal) bool {
	at, ok := p.stamp(v.Get("ts"))
	if !ok || at.Unix() <= 0 {
		return false
	}
	if n := v.Get("status"); n != nil {
		status, err := n.Int()
		if err != nil || status < 0 || status > 999 {
			return false
		}
		s.Status = status
	}
	s.Proxy, s.At = Name, at
	s.Duration, _ = p.took(v.Get("duration"))
	s.Client = p.names.String(request.GetStringBytes("remote_ip"))
	s.Request.Method = p.names.String(request.GetStringBytes("method"))
	s.Request.Host = p.names.String(field.Host(request.GetStringBytes("host")))
	path, _, _ := bytes.Cut(request.GetStringBytes("uri"), []byte{'?'})
	s.Request.Path = p.names.String(path)
	return true
}

// stamp reads a time in any of the forms that time_format may ask for. They are told apart by themselves (caddyserver/caddy,
// modules/logging/encoders.go).
func (p *Parser) stamp(v *fastjson.Value) (time.Time, bool) {
	if v == nil || v.Type() != fastjson.TypeString {
		digits := p.number(v)
		whole, _, _ := bytes.Cut(digits, []byte{'.'})
		switch len(whole) {
		case len("1777883415250000000"):
			seconds, ok := field.Uint(whole[:10])
			nanos, also := field.Uint(whole[10:])
			return time.Unix(seconds, nanos).UTC(), ok && also
		case len("1777883415250"):
			since, ok := field.Millis(digits)
			return time.Unix(0, int64(since)).UTC(), ok
		default:
			return field.Epoch(digits)
		}
	}
	text := v.GetStringBytes()
	if at, ok := field.ISO(text); ok {
		return at, true
	}
	if at, ok := field.Common(text); ok {
		return at, true
	}
	clock, decimals, dotted := bytes.Cut(text, []byte{'.'})
	at, ok := field.Slashed(clock)
	if !dotted || !ok {
		return at, ok
	}
	p.scratch = append(append(p.scratch[:0], "0."...), decimals...)
	part, ok := field.Seconds(p.scratch)
	return at.Add(part), ok
}

// took reads how long something took: seconds, or a text as Go writes it ("1m0.5s").
func (p *Parser) took(v *fastjson.Value) (time.Duration, bool) {
	if v == nil || v.Type() != fastjson.TypeString {
		return field.Seconds(p.number(v))
	}
	d, err := time.ParseDuration(string(v.GetStringBytes()))
	return d, err == nil && d >= 0
}

// unhandled is the message of a request that no handler took: its status is 0, and the client gets an empty answer of 200
// (caddyserver/caddy, modules/caddyhttp/server.go, logRequest).
const unhandled = "NOP"

// answered judges an access entry: the proxy adds Via to what a backend answered.
func (p *Parser) answered(v *fastjson.Value, line []byte, s *model.Signal) proxy.Class {
	if s.Status == 0 && string(v.GetStringBytes("msg")) == unhandled {
		s.Status = 200
	}
	if s.Status < 500 {
		return proxy.Access
	}
	s.Failure = model.OtherFailure
	if !p.terse {
		s.Raw = field.Redact(line)
	}
	if v.Exists("resp_headers", "Via") {
		s.Failure = model.UpstreamStatus
	}
	return proxy.Access
}

// number returns a JSON number as it was written.
func (p *Parser) number(v *fastjson.Value) []byte {
	if v == nil || v.Type() != fastjson.TypeNumber {
		return nil
	}
	p.scratch = v.MarshalTo(p.scratch[:0])
	return p.scratch
}

// failure sorts the words of Go's transport.
func failure(words string) model.FailureKind {
	for _, v := range []struct {
		text string
		kind model.FailureKind
	}{
		{"no upstreams available", model.NoEndpoints},
		{"connection refused", model.Refused},
		{"no route to host", model.ConnectTimeout},
		{"timeout awaiting response headers", model.ResponseTimeout},
		{"TLS handshake timeout", model.TLS},
		{"tls: ", model.TLS},
		{"i/o timeout", model.ConnectTimeout},
		{"connection timed out", model.ConnectTimeout},
		{"connection reset by peer", model.Reset},
		{"response headers exceeded", model.HeaderTooBig},
		{"transport connection broken", model.Protocol},
		{"frame header looked like an HTTP/1.1", model.Protocol},
		{"EOF", model.ClosedEarly},
	} {
		if strings.Contains(words, v.text) {
			return v.kind
		}
	}
	return model.OtherFailure
}
