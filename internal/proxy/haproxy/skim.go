package haproxy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// OmitRaw implements proxy.Skimmer.
func (p *Parser) OmitRaw() { p.terse = true }

// Skim implements proxy.Skimmer for the HTTP log format without a syslog header and captured headers, of requests that
// nobody broke off.
func (p *Parser) Skim(line []byte, k *proxy.Skim) bool {
	const stamp, shortest = len("[14/Mar/2026:09:26:00.123] "), 12 // of "1.2.3.4:1024"; a syslog header has a blank before
	i := field.AddressEnd(line)
	if i < shortest || len(line)-i < 1+stamp || !endsWithPort(line[:i]) || line[i] != ' ' || line[i+1] != '[' {
		return false
	}
	i += 1 + stamp
	if string(line[i-2:i]) != "] " || line[len(line)-1] != '"' {
		return false
	}
	var ok bool
	if k.At, ok = p.clock.Local(line[i-stamp+1 : i-2]); !ok {
		return false
	}
	from := field.AfterWord(line, i) // after the frontend
	if i = field.AfterWord(line, from); i < 0 {
		return false
	}
	slash := bytes.IndexByte(line[from:i], '/')
	if slash < 0 {
		return false
	}
	backend := line[from : from+slash]
	if i = afterSlashed(line, i, 4); i < 0 {
		return false
	}
	i, k.Duration = field.AfterMillis(line, i)
	if i, k.Status = field.AfterServed(line, i); i < 0 {
		return false
	}
	i = field.AfterNumber(line, i)
	const plain = "- - ---- " // no cookies, and nothing went wrong
	if i < 0 || len(line)-i < len(plain) || string(line[i:i+len(plain)]) != plain {
		return false
	}
	i = field.AfterNumber(line, afterSlashed(line, i+len(plain), 4)) // connections
	i = field.AfterNumber(line, afterSlashed(line, i, 1))            // queues
	if i < 0 || len(line)-i < 2 || line[i] != '"' || bytes.Count(line[i:], []byte(" HTTP/")) > 1 {
		return false
	}
	k.Route, k.ByPath = append(k.Route[:0], backend), false
	return true
}

// endsWithPort reports whether a colon and digits come after an address.
func endsWithPort(b []byte) bool {
	i := len(b)
	for i > 0 && b[i-1] >= '0' && b[i-1] <= '9' {
		i--
	}
	return i > 1 && b[i-1] == ':' && i < len(b) && len(b)-i <= field.MaxDigits
}

// afterSlashed passes over numbers with a slash after each, as many as are said. It returns where that ends, or -1.
func afterSlashed(b []byte, i, n int) int {
	if i < 0 {
		return -1
	}
	for digits := 0; i < len(b) && digits <= field.MaxDigits; i++ {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '/' && digits > 0:
			if n--; n == 0 {
				return i + 1
			}
			digits = 0
		default:
			return -1
		}
	}
	return -1
}
