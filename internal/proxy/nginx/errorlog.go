package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// errorLine reads nginx's error log:
//
//	YYYY/MM/DD HH:MM:SS [level] PID#TID: *CONNECTION MESSAGE, client: IP, server: NAME, request: "LINE", upstream: "URL", host: "HOST"
//
// Nothing in it is escaped, so the message ends at the first ", client: " (before it all is nginx's own)
// and the last fields are looked for from the right.
func (p *Parser) errorLine(line []byte, s *model.Signal) proxy.Class {
	at, ok := field.Slashed(line[:19])
	if !ok {
		return proxy.Foreign
	}
	level, rest, ok := bracketed(line[20:])
	if !ok || !isLevel(level) {
		return proxy.Foreign
	}
	process, rest, ok := bytes.Cut(rest, []byte(": "))
	if !ok || !isProcess(process) {
		return proxy.Foreign
	}
	if bytes.HasPrefix(rest, []byte{'*'}) {
		_, rest, _ = word(rest)
	}
	message, trailer, ok := bytes.Cut(rest, []byte(", client: "))
	if !ok {
		return proxy.Event
	}
	failure := p.failure(message)
	if failure == model.NoFailure || ofSubrequest(trailer) {
		return proxy.Event // what became of a subrequest, as to an authorisation service, nginx says of the request in a line of its own
	}
	s.At, s.Proxy, s.ErrorLog, s.Failure = at, p.dialect.Name, true, failure
	s.Reason = p.said
	if !p.terse {
		s.Raw = field.Redact(line)
	}
	p.errorTrailer(trailer, s)
	return proxy.ErrorLine
}

// ofSubrequest reports whether a message is about a subrequest: nginx names it behind the request that made it
// (src/http/ngx_http_request.c: ngx_http_log_error_handler). What clients send may look like that elsewhere.
func ofSubrequest(trailer []byte) bool {
	_, rest, ok := bytes.Cut(trailer, []byte(`, request: "`))
	if !ok {
		return false
	}
	_, rest, ok = bytes.Cut(rest, []byte(" HTTP/"))
	if !ok {
		return false
	}
	_, rest, ok = bytes.Cut(rest, []byte{'"'})
	return ok && bytes.HasPrefix(rest, []byte(`, subrequest: "`))
}

func (p *Parser) errorTrailer(b []byte, s *model.Signal) {
	client, _, _ := bytes.Cut(b, []byte(", "))
	s.Client = p.names.String(client)
	if _, rest, ok := bytes.Cut(b, []byte(`, request: "`)); ok {
		if i := bytes.Index(rest, []byte(" HTTP/")); i >= 0 {
			if method, target, ok := bytes.Cut(rest[:i], []byte{' '}); ok {
				_, path := field.Target(target)
				s.Request.Method = p.names.String(method)
				s.Request.Path = p.names.String(path)
			}
		}
	}
	if host, ok := lastField(b, `, host: "`); ok {
		s.Request.Host = p.names.String(field.Host(host))
	}
	if url, ok := lastField(b, `, upstream: "`); ok {
		if address := addressOf(url); len(address) > 0 {
			s.Tries = p.tries.Take(1)
			s.Tries[0].Address = p.names.String(address)
			if s.Failure == model.Refused && isFallback(s.Tries[0].Address) {
				s.Failure = model.NoEndpoints
			}
		}
	}
}

// lastField returns what stands between the last occurrence of a field's start and the next quote; a line
// that was cut at 2048 bytes may lack that quote, and then the field is not trusted.
func lastField(b []byte, start string) ([]byte, bool) {
	_, b, ok := bytes.Cut(b, []byte(start))
	for again := ok; again; { // which takes the processor less time than to look from the end
		var rest []byte
		if _, rest, again = bytes.Cut(b, []byte(start)); again {
			b = rest
		}
	}
	text, _, closed := bytes.Cut(b, []byte{'"'})
	return text, ok && closed
}

// addressOf takes the address out of "http://10.0.0.1:8080/path" or "http://unix:/path:/uri".
func addressOf(url []byte) []byte {
	_, rest, ok := bytes.Cut(url, []byte("://"))
	if !ok {
		return nil
	}
	if bytes.HasPrefix(rest, []byte("unix:")) {
		address, _, _ := bytes.Cut(rest[len("unix:"):], []byte{':'})
		return rest[:len("unix:")+len(address)]
	}
	if i := bytes.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

func isLevel(b []byte) bool {
	switch string(b) {
	case "debug", "info", "notice", "warn", "error", "crit", "alert", "emerg":
		return true
	default:
		return false
	}
}

// isProcess checks "31#31".
func isProcess(b []byte) bool {
	pid, tid, ok := bytes.Cut(b, []byte{'#'})
	_, ok1 := field.Uint(pid)
	_, ok2 := field.Uint(tid)
	return ok && ok1 && ok2
}
