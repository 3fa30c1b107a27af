package haproxy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// noServer stands in the server's place when none was chosen.
const noServer = "<NOSRV>"

// cutAt is the length at which HAProxy cuts lines unless told otherwise (doc/configuration.txt, "log
// ... len"); the closing quote is then missing.
const cutAt = 1023

// entry is one line of the HTTP log format:
//
//	CLIENT:PORT [DATE] FRONTEND BACKEND/SERVER TR/Tw/Tc/Tr/Ta STATUS BYTES COOKIE COOKIE STATE A/F/B/S/R SQ/BQ {REQ} {RES} "REQUEST"
type entry struct {
	client, at                []byte
	frontend, backend, server []byte
	timers                    [5][]byte // nil: the format lacks it
	total                     []byte    // the session's time, where the format lacks the request's
	status, state             []byte    // no state: the format lacks it
	request                   []byte
}

// read takes a line apart. A line of the TCP log format is an event, and one about a connection on which no request came.
func (e *entry) read(line []byte) proxy.Class {
	address, rest, ok := word(line)
	if !ok {
		return proxy.Foreign
	}
	colon := bytes.LastIndexByte(address, ':') // IPv6 has no brackets here
	if colon < 1 || !isNumber(address[colon+1:]) {
		return proxy.Foreign
	}
	e.client = address[:colon]
	if len(rest) == 0 || rest[0] != '[' {
		return proxy.Foreign
	}
	if e.at, rest, ok = bytes.Cut(rest[1:], []byte("] ")); !ok {
		return proxy.Foreign
	}
	if e.frontend, rest, ok = word(rest); !ok {
		return proxy.Foreign
	}
	if e.isConnection() {
		return proxy.Event
	}
	target, rest, ok := word(rest)
	if !ok {
		return proxy.Foreign
	}
	if e.backend, e.server, ok = bytes.Cut(target, []byte{'/'}); !ok {
		return proxy.Foreign
	}
	timers, rest, ok := word(rest)
	if !ok {
		return proxy.Foreign
	}
	switch bytes.Count(timers, []byte{'/'}) {
	case 4:
	case 2:
		if _, is := field.Local(e.at); is {
			return proxy.Event
		}
		return proxy.Foreign
	default:
		return proxy.Foreign
	}
	if !e.readTimers(timers) || !e.readRest(rest) {
		return proxy.Foreign
	}
	return proxy.Access
}

// isConnection recognises "CLIENT:PORT [DATE] FRONTEND/LISTENER: words", which is written of a TLS handshake or a PROXY header that failed
// (doc/configuration.txt, "8.2.6. Error log format").
func (e *entry) isConnection() bool {
	name, ends := bytes.CutSuffix(e.frontend, []byte{':'})
	if !ends || bytes.IndexByte(name, '/') < 1 {
		return false
	}
	_, ok := field.Local(e.at)
	return ok
}

func (e *entry) readTimers(b []byte) bool {
	for i := range e.timers {
		e.timers[i], b, _ = bytes.Cut(b, []byte{'/'})
		t := e.timers[i]
		if i == len(e.timers)-1 {
			t = bytes.TrimPrefix(t, []byte{'+'})
		}
		if !isNumber(t) && string(t) != "-1" {
			return false
		}
	}
	return true
}

// readRest reads from the status to the request.
func (e *entry) readRest(b []byte) bool {
	var ok bool
	if e.status, b, ok = word(b); !ok {
		return false
	}
	size, b, ok := word(b)
	if !ok || !isNumber(bytes.TrimPrefix(size, []byte{'+'})) {
		return false
	}
	for range 2 { // captured cookies
		if _, b, ok = word(b); !ok {
			return false
		}
	}
	if e.state, b, ok = word(b); !ok || len(e.state) != 4 {
		return false
	}
	connections, b, ok := word(b)
	if !ok || bytes.Count(connections, []byte{'/'}) != 4 {
		return false
	}
	queues, b, ok := word(b)
	if !ok || bytes.Count(queues, []byte{'/'}) != 1 {
		return false
	}
	b, ok = skipHeaders(b)
	return ok && e.readRequest(b)
}

// skipHeaders skips the captured headers of the request and of the response; braces inside are encoded.
func skipHeaders(b []byte) (rest []byte, ok bool) {
	for range 2 {
		b = bytes.TrimLeft(b, " ")
		if len(b) > 0 && b[0] == '{' {
			if _, b, ok = bytes.Cut(b, []byte{'}'}); !ok || len(b) == 0 || b[0] != ' ' {
				return nil, false
			}
		}
	}
	return bytes.TrimLeft(b, " "), true
}

// readRequest reads the request line, which is cut off in a line that is too long.
func (e *entry) readRequest(b []byte) bool {
	if len(b) < 2 || b[0] != '"' {
		return false
	}
	if end := bytes.IndexByte(b[1:], '"') + 1; end > 0 && isTLS(b[end+1:]) {
		b = b[:end+1]
	}
	if b[len(b)-1] == '"' {
		e.request = b[1 : len(b)-1]
		// Two lines that ran into one would pass for one with a strange path.
		return bytes.Count(e.request, []byte(" HTTP/")) <= 1
	}
	e.request = b[1:]
	return len(b) > cutAt/2 && bytes.IndexByte(e.request, '"') < 0
}

// isTLS recognises what the HTTPS log format has behind the request, in which quotes are encoded (src/log.c,
// "default_https_log_format"): " ERRORS SNI/VERSION/CIPHERS", the former being four numbers, one of them hexadecimal, and whether the session was
// resumed.
func isTLS(b []byte) bool {
	b, ok := bytes.CutPrefix(b, []byte{' '})
	errors, names, split := bytes.Cut(b, []byte{' '})
	if !ok || !split || bytes.Count(errors, []byte{'/'}) != 4 || bytes.Count(names, []byte{'/'}) < 2 {
		return false
	}
	return len(bytes.Trim(errors, "/-0123456789abcdefABCDEF")) == 0 && bytes.IndexByte(names, ' ') < 0
}

func word(b []byte) (text, rest []byte, ok bool) {
	return bytes.Cut(b, []byte{' '})
}

func isNumber(b []byte) bool {
	_, ok := field.Uint(b)
	return ok
}
