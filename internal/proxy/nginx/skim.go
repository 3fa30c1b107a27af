package nginx

import (
	"bytes"
	"time"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Skim implements proxy.Skimmer for the text formats that access reads, and for JSON. It goes through a line
// from left to right as access does, refuses what access would, and leaves to it whatever is out of the ordinary: escaped quotes, lists of
// several tries, failures, requests that no Service got.
func (p *Parser) Skim(line []byte, k *proxy.Skim) bool {
	if len(line) < minLine || line[len(line)-1] == '\r' {
		return false
	}
	if line[0] == '{' {
		return p.skimJSON(line, k)
	}
	b, ok := skipAddress(line)
	if !ok {
		return false
	}
	at, b, ok := skimTime(b)
	if !ok {
		return false
	}
	if k.At, ok = p.clock.Common(at); !ok {
		return false
	}
	request, b, ok := plainQuoted(b)
	if !ok || len(b) < 5 || b[3] != ' ' {
		return false
	}
	if k.Status, ok = field.Status(b[:3]); !ok || k.Status < 100 || k.Status >= 500 {
		return false
	}
	if b, ok = skipNumber(b[4:]); !ok {
		return false
	}
	if b, ok = skipAgent(b); !ok {
		return false
	}
	if len(b) > 0 && b[0] != '"' {
		return skimUpstream(b, k)
	}
	if len(b) > 0 {
		if _, b, ok = plainQuoted(b); !ok || len(b) > 0 {
			return false
		}
	}
	_, target, ok := field.RequestLine(request)
	if !ok || len(target) == 0 || target[0] != '/' {
		return false
	}
	_, path := field.Target(target)
	k.Duration, k.ByPath = 0, true
	k.Route = append(k.Route[:0], nil, field.FirstSegment(path))
	return true
}

// skipAgent passes over the referer, which is mostly none, and the user agent.
func skipAgent(b []byte) (rest []byte, ok bool) {
	if len(b) > 4 && b[0] == '"' && b[1] == '-' && b[2] == '"' && b[3] == ' ' {
		b = b[4:]
	} else if _, b, ok = plainQuoted(b); !ok {
		return nil, false
	}
	_, rest, ok = plainQuoted(b)
	return rest, ok
}

// minLine is shorter than any access line.
const minLine = 64

// The bytes of addresses below '@', as bits: digits, dots and colons; and of these the last two.
const (
	addressBytes   = 0x3ff<<'0' | separatorBytes
	separatorBytes = 1<<'.' | 1<<':'
)

// skipAddress passes over the client's address, as isAddress knows it, and the dash after it. It counts
// separators without branching on them, since where they stand cannot be foreseen.
func skipAddress(b []byte) (rest []byte, ok bool) {
	separators := uint64(0)
	for i, c := range b[:minLine] {
		switch {
		case c < '@' && addressBytes>>c&1 != 0:
			separators += separatorBytes >> c & 1
		case c >= 'a' && c <= 'f':
		case c == ' ':
			return b[i+3:], separators >= 2 && i+3 < minLine && b[i+1] == '-' && b[i+2] == ' '
		default:
			return nil, false
		}
	}
	return nil, false
}

// skimTime is cutTime, for which nearly always nobody logged in.
func skimTime(b []byte) (at, rest []byte, ok bool) {
	if len(b) > timeWidth+2 && b[0] == '-' && b[1] == ' ' && b[2] == '[' && b[timeWidth+1] == ']' && b[timeWidth+2] == ' ' {
		return b[3 : timeWidth+1], b[timeWidth+3:], true
	}
	return cutTime(b)
}

// plainQuoted takes a quoted field in which no quote is escaped, and the blank after it.
func plainQuoted(b []byte) (text, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != '"' {
		return nil, nil, false
	}
	end := bytes.IndexByte(b[1:], '"') + 1
	if end < 1 || b[end-1] == '\\' {
		return nil, nil, false
	}
	if end == len(b)-1 {
		return b[1:end], nil, true
	}
	if b[end+1] != ' ' {
		return nil, nil, false
	}
	return b[1:end], b[end+2:], true
}

// skipNumber passes over digits and the blank after them.
func skipNumber(b []byte) (rest []byte, ok bool) {
	for i, c := range b {
		if c >= '0' && c <= '9' {
			continue
		}
		return b[i+1:], c == ' ' && i > 0 && i <= field.MaxDigits
	}
	return nil, false
}

// skipSeconds reads seconds with three decimals, as nginx prints them, and passes over the blank after them.
func skipSeconds(b []byte) (nanos int64, rest []byte, ok bool) {
	n := int64(0)
	for i, c := range b[:min(len(b), 9)] {
		if c >= '0' && c <= '9' {
			n = n*10 + int64(c-'0')
			continue
		}
		if i == 0 || c != '.' || len(b) < i+5 || b[i+4] != ' ' {
			return 0, nil, false
		}
		for _, c := range b[i+1 : i+4] {
			if c < '0' || c > '9' {
				return 0, nil, false
			}
			n = n*10 + int64(c-'0')
		}
		return n * int64(time.Millisecond), b[i+5:], true
	}
	return 0, nil, false
}

// skimUpstream reads what ingress-nginx adds, if there was one try at most, and that one did not fail.
func skimUpstream(b []byte, k *proxy.Skim) bool {
	b, ok := skipNumber(b)
	if !ok {
		return false
	}
	if k.Duration, b, ok = skipSeconds(b); !ok {
		return false
	}
	name, b, ok := plainBracketed(b)
	if !ok || k.Status == 404 && string(name) == noRoute {
		return false
	}
	if len(b) > 3 && b[0] == '[' && b[1] == ']' && b[2] == ' ' { // no alternative
		b = b[3:]
	} else if _, b, ok = plainBracketed(b); !ok {
		return false
	}
	if b, ok = skipOneTry(b); !ok {
		return false
	}
	k.Route, k.ByPath = append(k.Route[:0], name), false
	return len(b) > 0 && bytes.IndexByte(b, ' ') < 0 // the request's id
}

// noRoute is the upstream of requests that no rule takes.
const noRoute = "upstream-default-backend"

// plainBracketed takes what stands in brackets, and the blank after it.
func plainBracketed(b []byte) (text, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != '[' {
		return nil, nil, false
	}
	end := bytes.IndexByte(b, ']')
	if end < 1 || end+2 > len(b) || b[end+1] != ' ' {
		return nil, nil, false
	}
	return b[1:end], b[end+2:], true
}

// skipOneTry passes over address, length, time and status of a single try, and the blanks after them.
func skipOneTry(b []byte) (rest []byte, ok bool) {
	end := 0
	for end < len(b) && b[end] != ' ' { // an address is too short for IndexByte to pay
		end++
	}
	if end < 1 || end == len(b) || b[end-1] == ',' {
		return nil, false
	}
	b = b[end+1:]
	if len(b) > 2 && b[0] == '-' && b[1] == ' ' { // no body, as of an answer to HEAD
		b = b[2:]
	} else if b, ok = skipNumber(b); !ok {
		return nil, false
	}
	if len(b) > 2 && b[0] == '-' && b[1] == ' ' {
		b = b[2:]
	} else if _, b, ok = skipSeconds(b); !ok {
		return nil, false
	}
	if len(b) > 2 && b[0] == '-' && b[1] == ' ' {
		return b[2:], true
	}
	if len(b) < 5 || b[3] != ' ' {
		return nil, false
	}
	if status, is := field.Status(b[:3]); !is || status >= 500 || status < 100 {
		return nil, false
	}
	return b[4:], true
}
