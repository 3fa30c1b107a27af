package traefik

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// answer is what is known of the answer to a request, whatever the format.
type answer struct {
	size   int64 // of the body; -1: not known
	picked bool  // whether a server was picked
	// servers is false in the generic format, which does not say whether one was.
	servers bool
}

// access reads the common format, and the generic one, which ends after the agent:
//
//	HOST - USER [TIME] "METHOD PATH PROTOCOL" STATUS SIZE "REFERER" "AGENT" COUNT "ROUTER" "SERVER" Nms
func (p *Parser) access(line []byte, s *model.Signal) proxy.Class {
	client, rest, ok := bytes.Cut(line, []byte(" - "))
	if !ok || len(client) == 0 || client[0] < ' ' || bytes.IndexByte(client, ' ') >= 0 {
		return proxy.Foreign
	}
	_, rest, ok = bytes.Cut(rest, []byte(" ["))
	if !ok {
		return proxy.Foreign
	}
	at, rest, ok := bytes.Cut(rest, []byte(`] "`))
	if !ok {
		return proxy.Foreign
	}
	if s.At, ok = field.Common(at); !ok {
		return proxy.Foreign
	}
	request, rest, ok := cutRequest(rest)
	if !ok {
		return proxy.Foreign
	}
	status, rest, ok := word(rest)
	if !ok {
		return proxy.Foreign
	}
	if s.Status, ok = field.Status(status); !ok {
		return proxy.Foreign
	}
	size, rest, ok := word(rest)
	if !ok {
		return proxy.Foreign
	}
	a := answer{size: -1}
	if n, number := field.Uint(size); number {
		a.size = n
	} else if string(size) != "-" {
		return proxy.Foreign
	}
	for range 2 { // referer and agent
		if _, rest, ok = quoted(rest); !ok {
			return proxy.Foreign
		}
	}
	s.Proxy = Name
	s.Client = p.names.String(client)
	p.requestLine(request, s)
	if len(rest) > 0 && !p.own(rest, s, &a) {
		return proxy.Foreign
	}
	s.Failure, s.Reason = classify(s, a)
	return proxy.Access
}

// own reads the four fields that Traefik adds.
func (p *Parser) own(b []byte, s *model.Signal, a *answer) bool {
	count, b, ok := word(b)
	if _, number := field.Uint(count); !ok || !number {
		return false
	}
	router, b, ok := quoted(b)
	if !ok {
		return false
	}
	server, b, ok := quoted(b)
	if !ok {
		return false
	}
	took, ok := bytes.CutSuffix(b, []byte("ms"))
	if !ok {
		return false
	}
	if s.Duration, ok = field.Millis(took); !ok {
		return false
	}
	if !field.Unset(router) {
		s.RouteName = p.names.String(router)
	}
	a.servers = true
	if !field.Unset(server) {
		a.picked = true
		p.server(server, s)
	}
	return true
}

// server notes the server that was picked, given as URL or address.
func (p *Parser) server(b []byte, s *model.Signal) {
	if _, rest, ok := bytes.Cut(b, []byte("://")); ok {
		b, _, _ = bytes.Cut(rest, []byte{'/'})
	}
	s.Tries = p.tries.Take(1)
	s.Tries[0] = model.Try{Address: p.names.String(b), Status: s.Status, Duration: s.Duration}
}

// cutRequest takes the request line. It is not escaped, so its end is the last place that looks like
// one: in the fields after it quotes are escaped.
func cutRequest(b []byte) (request, rest []byte, ok bool) {
	for end := len(b); ; {
		i := bytes.LastIndex(b[:end], []byte(`" `))
		if i < 0 {
			return nil, nil, false
		}
		protocol := b[bytes.LastIndexByte(b[:i], ' ')+1 : i]
		status, _, _ := word(b[i+2:])
		if _, is := field.Status(status); is && isProtocol(protocol) {
			// Two lines that ran into one would pass for one with a strange path.
			return b[:i], b[i+2:], !bytes.Contains(b[:i], []byte(`] "`))
		}
		end = i
	}
}

// isProtocol takes "HTTP/1.1" and the dash, but not what ends in the backslash of an escaped quote.
func isProtocol(b []byte) bool {
	version, ok := bytes.CutPrefix(b, []byte("HTTP/"))
	return ok && len(version) > 0 && version[len(version)-1] != '\\' || string(b) == "-"
}

func (p *Parser) requestLine(line []byte, s *model.Signal) {
	method, target, ok := field.RequestLine(line)
	if !ok {
		return
	}
	host, path := field.Target(target)
	s.Request.Method = p.names.String(method)
	s.Request.Path = p.names.String(path)
	s.Request.Host = p.names.String(field.Host(host))
}

// quoted takes a quoted field, in which only quotes are escaped, and the blank after it.
func quoted(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(b); i++ {
		if b[i] != '"' || b[i-1] == '\\' {
			continue
		}
		switch {
		case i == len(b)-1:
			return b[1:i], nil, true
		case b[i+1] == ' ':
			return b[1:i], b[i+2:], true
		default:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

func word(b []byte) (text, rest []byte, ok bool) {
	return bytes.Cut(b, []byte{' '})
}
