package envoy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy/field"
)

// readText reads Envoy's default text format
//
//	[TIME] "METHOD PATH PROTOCOL" CODE FLAGS RECEIVED SENT DURATION SERVICE_TIME "FORWARDED" "AGENT" "ID" "AUTHORITY" "UPSTREAM"
//
// and Istio's, which has DETAILS TERMINATION "TRANSPORT_FAILURE" behind the flags and CLUSTER LOCAL
// DOWNSTREAM_LOCAL DOWNSTREAM_REMOTE SNI ROUTE at the end. Nothing is escaped: the user agent may hold
// quotes, so the line is read from both ends and the agent is what is left.
func readText(line []byte, e *entry) bool {
	at, rest, ok := bytes.Cut(line[1:], []byte(`] "`))
	if !ok {
		return false
	}
	e.at = at
	if rest, ok = readRequest(rest, e); !ok {
		return false
	}
	if e.code, rest, ok = word(rest); !ok {
		return false
	}
	if e.flags, rest, ok = word(rest); !ok || len(e.flags) == 0 {
		return false
	}
	istio := false
	if first, _, _ := word(rest); !isNumber(first) {
		istio = true
		if rest, ok = readDetails(rest, e); !ok {
			return false
		}
	}
	for i := range 4 {
		var n []byte
		if n, rest, ok = word(rest); !ok || !isNumber(n) && string(n) != "-" {
			return false
		}
		switch i {
		case 2:
			e.duration = n
		case 3:
			e.serviceTime = n
		}
	}
	if istio {
		if rest, ok = readTail(rest, e); !ok {
			return false
		}
	}
	return readQuoted(rest, e)
}

// readRequest takes the request line. A path has no blanks in it, so the first end that fits is the
// right one; lines about connections have dashes.
func readRequest(b []byte, e *entry) (rest []byte, ok bool) {
	request, rest, ok := cutRequest(b)
	if !ok {
		return nil, false
	}
	if e.method, request, ok = word(request); !ok || len(e.method) == 0 {
		return nil, false
	}
	i := bytes.LastIndexByte(request, ' ')
	if i < 0 {
		return nil, false
	}
	e.path = request[:i]
	return rest, true
}

func cutRequest(b []byte) (request, rest []byte, ok bool) {
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte(`" `))
		if i < 0 {
			return nil, nil, false
		}
		i += from
		last := b[bytes.LastIndexByte(b[:i], ' ')+1 : i]
		if bytes.HasPrefix(last, []byte("HTTP/")) || string(last) == "-" {
			return b[:i], b[i+2:], true
		}
		from = i + 2
	}
}

// readDetails takes what Istio prints between the flags and the numbers. The transport's reason is
// quoted and may hold anything, so its end is the quote before the first number.
func readDetails(b []byte, e *entry) (rest []byte, ok bool) {
	if e.details, b, ok = word(b); !ok || len(e.details) == 0 {
		return nil, false
	}
	e.hasDetails = true
	if string(e.details) == `"-"` {
		// Old proxies have one quoted field less before the transport's reason.
		e.details, e.hasDetails = nil, false
	} else {
		var termination []byte
		if termination, b, ok = word(b); !ok || len(termination) == 0 {
			return nil, false
		}
	}
	if len(b) == 0 || b[0] != '"' {
		return nil, false
	}
	b = b[1:]
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte(`" `))
		if i < 0 {
			return nil, false
		}
		i += from
		if next, _, _ := word(b[i+2:]); isNumber(next) {
			e.transport = b[:i]
			return b[i+2:], true
		}
		from = i + 2
	}
}

// readTail takes Istio's last six fields, which have no quotes and no blanks.
func readTail(b []byte, e *entry) (rest []byte, ok bool) {
	for i := range 6 {
		at := bytes.LastIndexByte(b, ' ')
		if at < 0 || at == len(b)-1 {
			return nil, false
		}
		value := b[at+1:]
		b = b[:at]
		switch i {
		case 0:
			e.route = value
		case 2:
			e.remote = value
		case 5:
			e.upstreamCluster = value
		}
	}
	return b, true
}

// readQuoted takes `"FORWARDED" "AGENT" "ID" "AUTHORITY" "UPSTREAM"`.
func readQuoted(b []byte, e *entry) (ok bool) {
	if e.upstreamHost, b, ok = lastQuoted(b); !ok {
		return false
	}
	if e.authority, b, ok = lastQuoted(b); !ok {
		return false
	}
	if _, b, ok = lastQuoted(b); !ok { // request id
		return false
	}
	if len(b) < 2 || b[0] != '"' {
		return false
	}
	forwarded, agent, ok := bytes.Cut(b[1:], []byte(`" "`))
	e.forwardedFor = forwarded
	// Two lines that ran into one would pass for one with a strange agent.
	return ok && !bytes.Contains(agent, []byte(`] "`)) && bytes.HasSuffix(agent, []byte{'"'})
}

// lastQuoted takes the last quoted field and the blank before it.
func lastQuoted(b []byte) (text, rest []byte, ok bool) {
	if len(b) < 3 || b[len(b)-1] != '"' {
		return nil, nil, false
	}
	b = b[:len(b)-1]
	i := bytes.LastIndex(b, []byte(` "`))
	if i < 0 {
		return nil, nil, false
	}
	return b[i+2:], b[:i], true
}

func word(b []byte) (text, rest []byte, ok bool) {
	return bytes.Cut(b, []byte{' '})
}

func isNumber(b []byte) bool {
	_, ok := field.Uint(b)
	return ok
}
