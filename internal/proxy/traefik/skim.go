package traefik

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// OmitRaw implements proxy.Skimmer.
func (p *Parser) OmitRaw() { p.terse = true }

// Skim implements proxy.Skimmer for the common format and JSON, of requests that a router took. The request line is not escaped
// in the common format: what may be taken for the end of one elsewhere is left to access.
func (p *Parser) Skim(line []byte, k *proxy.Skim) bool {
	if len(line) > 0 && line[0] == '{' {
		return p.skimJSON(line, k)
	}
	const before, after, width = " - - [", "] ", len("14/Mar/2026:09:26:00 +0000")
	i := field.AddressEnd(line)
	if i < 0 || len(line)-i < len(before)+width+len(after) || string(line[i:i+len(before)]) != before {
		return false
	}
	i += len(before) + width
	if string(line[i:i+len(after)]) != after {
		return false
	}
	var ok bool
	if k.At, ok = p.clock.Common(line[i-width : i]); !ok {
		return false
	}
	request, i := field.Quoted(line, i+len(after))
	if _, ok = field.Segment(request); !ok {
		return false
	}
	if i, k.Status = field.AfterServed(line, i); i < 0 {
		return false
	}
	from := field.AfterQuoted(line, field.AfterNumber(line, i)) // after size and referer
	if i = field.AfterQuoted(line, from); i < 0 || i == len(line) || endsLikeRequest(line[from:i]) {
		return false
	}
	router, i := field.Quoted(line, field.AfterNumber(line, i))       // after the count
	if i = field.AfterQuoted(line, i); i < 0 || field.Unset(router) { // the server
		return false
	}
	millis, ok := bytes.CutSuffix(line[i:], []byte("ms"))
	if !ok {
		return false
	}
	took, ok := field.Millis(millis)
	k.Duration = int64(took)
	k.Route, k.ByPath = append(k.Route[:0], router), false
	return ok
}

// endsLikeRequest reports whether the last word of a quoted field, the quote and a blank after it included, looks like the
// protocol of a request line.
func endsLikeRequest(b []byte) bool {
	last := b[bytes.LastIndexByte(b[:len(b)-1], ' ')+1:]
	return last[0] == '-' || last[0] == 'H'
}
