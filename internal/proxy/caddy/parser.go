package caddy

import (
	"bytes"
	"math"
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
	access, failed := bytes.HasPrefix(logger, []byte("http.log.access")), bytes.HasPrefix(logger, []byte("http.log.error"))
	request := v.Get("request")
	if !access && !failed || request == nil {
		if logger != nil && v.Exists("level") && v.Exists("msg") {
			return proxy.Event
		}
		return proxy.Foreign
	}
	at := v.GetFloat64("ts")
	status := v.GetInt("status")
	if at <= 0 || at > 1e11 || status < 0 || status > 999 {
		return proxy.Foreign
	}
	whole, part := math.Modf(at)
	s.Proxy, s.At, s.Status = Name, time.Unix(int64(whole), int64(part*1e9)).UTC(), status
	if took := v.GetFloat64("duration"); took > 0 && took < 1e6 {
		s.Duration = time.Duration(took * float64(time.Second))
	}
	s.Client = p.names.String(request.GetStringBytes("remote_ip"))
	s.Request.Method = p.names.String(request.GetStringBytes("method"))
	s.Request.Host = p.names.String(field.Host(request.GetStringBytes("host")))
	path, _, _ := bytes.Cut(request.GetStringBytes("uri"), []byte{'?'})
	s.Request.Path = p.names.String(path)
	if !failed {
		if status >= 500 {
			s.Failure, s.Raw = model.OtherFailure, field.Redact(line)
			if v.Exists("resp_headers", "Via") {
				s.Failure = model.UpstreamStatus // the proxy adds Via to what a backend answered
			}
		}
		return proxy.Access
	}
	s.ErrorLog, s.Raw = true, field.Redact(line)
	s.Reason = string(v.GetStringBytes("msg"))
	s.Failure = failure(s.Reason)
	return proxy.ErrorLine
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
