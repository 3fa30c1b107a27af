package linkerd

import (
	"bytes"
	"time"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Parser reads what Linkerd's proxy writes: its access log in both forms, and its own log.
type Parser struct {
	names field.Interner
	json  fastjson.Parser
}

// NewParser returns a parser.
func NewParser() *Parser { return &Parser{} }

// Parse implements proxy.Parser.
func (p *Parser) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return proxy.Event
	}
	var class proxy.Class
	switch {
	case line[0] == '{':
		class = p.object(line, s)
	case isOwn(line):
		return proxy.Event
	default:
		class = p.apache(line, s)
	}
	if class != proxy.Access {
		*s = model.Signal{}
		return class
	}
	s.Proxy = Name
	if s.Status >= 500 {
		// The application's answer, or the proxy's in its place: the line does not say which.
		s.Failure, s.Raw = model.OtherFailure, field.Redact(line)
	}
	return class
}

// apache reads `CLIENT:PORT IDENTITY - [TIME] "METHOD URI VERSION" STATUS BYTES`; the last is left out where the answer
// has no length.
func (p *Parser) apache(line []byte, s *model.Signal) proxy.Class {
	client, rest, ok := word(line)
	if !ok || !isAddress(client) {
		return proxy.Foreign
	}
	_, rest, ok = word(rest) // the client's identity
	if !ok {
		return proxy.Foreign
	}
	rest, ok = bytes.CutPrefix(rest, []byte("- ["))
	if !ok {
		return proxy.Foreign
	}
	at, rest, ok := bytes.Cut(rest, []byte(`] "`))
	if !ok {
		return proxy.Foreign
	}
	if s.At, ok = field.ISO(at); !ok {
		return proxy.Foreign
	}
	request, rest, ok := bytes.Cut(rest, []byte{'"'}) // a URI has no quotes in it
	if !ok {
		return proxy.Foreign
	}
	method, target, ok := field.RequestLine(request)
	if !ok {
		return proxy.Foreign
	}
	code, size, _ := word(bytes.TrimPrefix(rest, []byte{' '}))
	if s.Status, ok = field.Status(code); !ok {
		return proxy.Foreign
	}
	if _, number := field.Uint(size); !number && !field.Unset(size) {
		return proxy.Foreign
	}
	p.request(client, method, target, nil, s)
	return proxy.Access
}

// object reads the JSON form. Durations are texts of nanoseconds.
func (p *Parser) object(line []byte, s *model.Signal) proxy.Class {
	v, err := p.json.ParseBytes(line)
	if err != nil {
		return proxy.Foreign
	}
	if !v.Exists("client.addr") {
		if v.Exists("threadId") && v.Exists("level") && v.Exists("target") {
			return proxy.Event // the proxy's own log, as JSON
		}
		return proxy.Foreign
	}
	var ok bool
	if s.At, ok = field.ISO(v.GetStringBytes("timestamp")); !ok {
		return proxy.Foreign
	}
	// A request whose answer never came has no status.
	if n := v.Get("status"); n != nil {
		code, err := n.Int()
		if err != nil || code < 100 || code > 999 {
			return proxy.Foreign
		}
		s.Status = code
	}
	if took, ok := field.Uint(v.GetStringBytes("total_ns")); ok {
		s.Duration = time.Duration(took)
	}
	p.request(v.GetStringBytes("client.addr"), v.GetStringBytes("method"), v.GetStringBytes("uri"), v.GetStringBytes("host"), s)
	return proxy.Access
}

func (p *Parser) request(client, method, uri, header []byte, s *model.Signal) {
	host, path := field.Target(uri)
	if len(host) == 0 {
		host = header
	}
	s.Client = p.names.String(field.Host(client))
	s.Request.Method = p.names.String(method)
	s.Request.Host = p.names.String(field.Host(host))
	s.Request.Path = p.names.String(path)
}

// isOwn recognises the proxy's own log, "[   12.345678s]  WARN ThreadId(01) outbound:...".
func isOwn(line []byte) bool {
	if line[0] != '[' {
		return false
	}
	end := bytes.Index(line, []byte("s] "))
	if end < 0 {
		return false
	}
	_, ok := field.Seconds(bytes.TrimLeft(line[1:end], " "))
	return ok
}

// isAddress checks "10.0.0.1:5000" or "[::1]:5000".
func isAddress(b []byte) bool {
	colon := bytes.LastIndexByte(b, ':')
	if colon < 1 {
		return false
	}
	_, ok := field.Uint(b[colon+1:])
	return ok
}

func word(b []byte) (text, rest []byte, ok bool) {
	return bytes.Cut(b, []byte{' '})
}
