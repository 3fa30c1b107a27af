package traefik

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// isConsole recognises the console form of the process log: a time, coloured or not, and a level.
func isConsole(line []byte) bool {
	if line[0] == 0x1b {
		return true
	}
	if len(line) < len("2026-03-14T09:26:00Z ") {
		return false
	}
	at, _, ok := word(line)
	if !ok {
		return false
	}
	_, ok = field.ISO(at)
	return ok
}

// console reads `TIME LVL CALLER > MESSAGE error="TEXT" key=value ...` with terminal colours in it.
func (p *Parser) console(line []byte, s *model.Signal) proxy.Class {
	text := uncoloured(line)
	at, rest, ok := word(text)
	if !ok {
		return proxy.Foreign
	}
	_, rest, ok = word(rest) // the level
	if !ok {
		return proxy.Foreign
	}
	message, cause, _ := bytes.Cut(rest, []byte(" error="))
	if _, after, ok := bytes.Cut(message, []byte(" > ")); ok {
		message = after
	}
	if len(cause) > 0 && cause[0] == '"' {
		cause = cause[1:]
		for i := range cause {
			if cause[i] == '"' && (i == 0 || cause[i-1] != '\\') {
				cause = cause[:i]
				break
			}
		}
	} else {
		cause, _, _ = word(cause)
	}
	return p.process(at, message, cause, true, s)
}

// process reads a line of the process log. Those that say why a request failed carry its status as
// message, and nothing else of the request.
func (p *Parser) process(at, message, cause []byte, known bool, s *model.Signal) proxy.Class {
	when, ok := field.ISO(at)
	if !ok || !known {
		return proxy.Foreign
	}
	code, _, ok := word(message)
	if !ok || len(cause) == 0 {
		return proxy.Event
	}
	status, ok := field.Status(code)
	if !ok || status < 500 {
		return proxy.Event
	}
	s.Proxy, s.At, s.Status, s.ErrorLog = Name, when, status, true
	s.Failure = failureOf(cause)
	s.Reason = p.names.String(cause)
	if address := dialled(cause); len(address) > 0 {
		s.Tries = p.tries.Take(1)
		s.Tries[0].Address = p.names.String(address)
	}
	return proxy.ErrorLine
}

// failureOf says what a Go error means. The texts are those of Go's net, net/http, crypto/tls and
// golang.org/x/net/http2.
func failureOf(cause []byte) model.FailureKind {
	for _, s := range [...]struct {
		part string
		kind model.FailureKind
	}{
		{"TLS handshake timeout", model.TLS},
		{"tls: ", model.TLS},
		{"x509: ", model.TLS},
		{"no such host", model.OtherFailure},
		{"server misbehaving", model.OtherFailure},
		{": lookup ", model.OtherFailure},
		{"connection refused", model.Refused},
		{"no route to host", model.ConnectTimeout},
		{"network is unreachable", model.ConnectTimeout},
		{"connection timed out", model.ConnectTimeout},
		{"timeout awaiting response headers", model.ResponseTimeout},
		{"server response headers exceeded", model.HeaderTooBig},
		{"dial tcp", model.ConnectTimeout}, // "i/o timeout" and whatever else stops a dial
		{"i/o timeout", model.ResponseTimeout},
		{"connection reset by peer", model.Reset},
		{"broken pipe", model.Reset},
		{"server closed idle connection", model.ClosedEarly},
		{"malformed ", model.Protocol},
		{"frame", model.Protocol},
		{"EOF", model.ClosedEarly},
	} {
		if bytes.Contains(cause, []byte(s.part)) {
			return s.kind
		}
	}
	return model.OtherFailure
}

// dialled returns the address that the error names: "dial tcp ADDRESS: ..." or "read tcp
// OURS->ADDRESS: ...".
func dialled(cause []byte) []byte {
	_, rest, ok := bytes.Cut(cause, []byte(" tcp "))
	if !ok {
		return nil
	}
	address, _, ok := bytes.Cut(rest, []byte(": "))
	if !ok || bytes.IndexByte(address, ' ') >= 0 {
		return nil
	}
	if _, after, ok := bytes.Cut(address, []byte("->")); ok {
		return after
	}
	return address
}

// uncoloured takes terminal colours (ESC [ ... m) out.
func uncoloured(line []byte) []byte {
	if bytes.IndexByte(line, 0x1b) < 0 {
		return line
	}
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); i++ {
		if line[i] != 0x1b {
			out = append(out, line[i])
			continue
		}
		end := bytes.IndexByte(line[i:], 'm')
		if end < 0 {
			break
		}
		i += end
	}
	return out
}
