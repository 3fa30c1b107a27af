package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// access reads "combined", which is
//
//	ADDR - USER [TIME] "REQUEST" STATUS BYTES "REFERER" "AGENT"
//
// followed by nothing, by one more quoted field (the NGINX Ingress Controller's X-Forwarded-For), by what
// ingress-nginx adds (see upstream.go), or by names with values (see pairs.go).
func (p *Parser) access(line []byte, s *model.Signal) proxy.Class {
	client, rest, ok := bytes.Cut(line, []byte(" - "))
	if !ok || !isAddress(client) {
		return proxy.Foreign
	}
	at, rest, ok := cutTime(rest)
	if !ok {
		return proxy.Foreign
	}
	if s.At, ok = field.Common(at); !ok {
		return proxy.Foreign
	}
	request, rest, ok := quoted(rest)
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
	if _, number := field.Uint(size); !ok || !number {
		return proxy.Foreign
	}
	if _, rest, ok = quoted(rest); !ok { // referer
		return proxy.Foreign
	}
	if _, rest, ok = quoted(rest); !ok { // user agent
		return proxy.Foreign
	}
	if !p.trailer(rest, s) {
		return proxy.Foreign
	}
	s.Proxy = p.dialect.Name
	s.Client = p.names.String(client)
	p.request(request, s)
	p.judge(s)
	if s.Failed() && !p.terse {
		s.Raw = field.Redact(line)
	}
	return proxy.Access
}

// trailer reads what follows "combined".
func (p *Parser) trailer(rest []byte, s *model.Signal) bool {
	switch {
	case len(rest) == 0:
		p.groups.reset()
		return true
	case rest[0] == '"':
		p.groups.reset()
		_, rest, ok := quoted(rest)
		return ok && len(rest) == 0
	case rest[0] >= 'a' && rest[0] <= 'z':
		return p.pairs(rest, s)
	default:
		return p.upstream(rest, s)
	}
}

func (p *Parser) request(line []byte, s *model.Signal) {
	method, target, ok := field.RequestLine(line)
	if !ok {
		// Not HTTP, or nothing was read: the status (400, 408) is all there is, and what stands in the request's place.
		if bytes.HasPrefix(line, []byte("PROXY TCP")) || bytes.HasPrefix(line, []byte("PROXY UNKNOWN")) {
			s.Reason = "PROXY protocol header in the place of a request"
		}
		return
	}
	host, path := field.Target(target)
	s.Request.Method = p.names.String(method)
	s.Request.Path = p.names.String(path)
	if len(host) > 0 || s.Request.Host == "" { // the trailer may have named one
		s.Request.Host = p.names.String(field.Host(host))
	}
}

// isAddress is a cheap test that keeps other text with " - " in it out: digits, hexadecimal, dots and
// colons, or a unix socket.
func isAddress(b []byte) bool {
	if len(b) == 0 || len(b) > 64 {
		return false
	}
	if string(b) == "unix:" {
		return true
	}
	separators := 0
	for _, c := range b {
		switch {
		case c == '.' || c == ':':
			separators++
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' || c == '%':
		default:
			return false
		}
	}
	return separators >= 2
}

// timeWidth is the length of "[02/Jan/2006:15:04:05 -0700]".
const timeWidth = 28

// cutTime finds the time behind the user's name. The name comes from the client and may have blanks
// and brackets in it, so the first bracket that holds a time is taken.
func cutTime(b []byte) (at, rest []byte, ok bool) {
	for i := 0; ; i++ {
		next := bytes.IndexByte(b[i:], '[')
		if next < 0 {
			return nil, nil, false
		}
		i += next
		if i < 2 || b[i-1] != ' ' || len(b) < i+timeWidth+1 || b[i+timeWidth-1] != ']' || b[i+timeWidth] != ' ' {
			continue
		}
		return b[i+1 : i+timeWidth-1], b[i+timeWidth+1:], true
	}
}

// quoted takes a quoted field and the blank after it. nginx writes quotes inside as \x22, or as \"
// with escape=json.
func quoted(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	end := quoteEnd(b)
	if end < 0 {
		return nil, nil, false
	}
	text, rest = b[1:end], b[end+1:]
	if len(rest) == 0 {
		return text, nil, true
	}
	if rest[0] != ' ' {
		return nil, nil, false
	}
	return text, rest[1:], true
}

// quoteEnd is where the first quote behind the one at the begin is that is not escaped, or -1.
func quoteEnd(b []byte) int {
	end := bytes.IndexByte(b[1:], '"') + 1
	if end == 0 {
		return -1
	}
	if bytes.IndexByte(b[1:end], '\\') < 0 { // nearly always
		return end
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// word takes everything up to a blank.
func word(b []byte) (text, rest []byte, ok bool) {
	return bytes.Cut(b, []byte{' '})
}
