package envoy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// OmitRaw implements proxy.Skimmer.
func (p *Parser) OmitRaw() { p.terse = true }

// Skim implements proxy.Skimmer for the default text format, Istio's and JSON. It goes through a line from left to right, and so
// leaves to readText every line that has a quote in one of its fields: nothing is escaped there.
func (p *Parser) Skim(line []byte, k *proxy.Skim) bool {
	if len(line) > 0 && line[0] == '{' {
		return p.skimJSON(line, k)
	}
	const stamp = len("[2026-03-14T09:26:00.123Z")
	if len(line) < stamp+3 || line[0] != '[' || line[11] != 'T' || string(line[stamp:stamp+2]) != "] " || line[len(line)-1] < ' ' {
		return false
	}
	var ok bool
	if k.At, ok = p.clock.ISO(line[1:stamp]); !ok {
		return false
	}
	request, i := field.Quoted(line, stamp+2)
	segment, ok := field.Segment(request)
	if !ok {
		return false
	}
	if i, k.Status = field.AfterServed(line, i); i < 0 {
		return false
	}
	if len(line)-i < 3 || string(line[i:i+2]) != "- " { // flags
		return false
	}
	i += 2
	istio := line[i] > '9'
	if istio {
		i = afterDetails(line, i)
	}
	if i = p.skimNumbers(line, i, k); i < 0 {
		return false
	}
	agent, i := field.Quoted(line, field.AfterQuoted(line, i)) // behind forwarded for
	if bytes.HasSuffix(agent, []byte("] ")) {                  // with its quote like the begin of another line, see readQuoted
		return false
	}
	host, i := field.Quoted(line, field.AfterQuoted(line, i)) // behind the id
	if i = field.AfterQuoted(line, i); i < 0 {                // upstream
		return false
	}
	if istio {
		return skimTail(line, i, k)
	}
	if i != len(line) || line[i-1] != '"' {
		return false
	}
	if field.Unset(host) {
		host = nil
	}
	k.Route, k.ByPath = append(k.Route[:0], field.Host(host), segment), true
	return true
}

// afterDetails passes over what Istio prints between flags and numbers, of a request that was answered by an upstream: details,
// termination, and the transport's reason.
func afterDetails(line []byte, i int) int {
	const plain = `via_upstream - "-" `
	if len(line)-i < len(plain) || string(line[i:i+len(plain)]) != plain {
		return -1
	}
	return i + len(plain)
}

// skimNumbers reads what was received, sent, how long it took, and how long the upstream took, which may not be known.
func (p *Parser) skimNumbers(line []byte, i int, k *proxy.Skim) (end int) {
	i = field.AfterNumber(line, field.AfterNumber(line, i))
	i, k.Duration = field.AfterMillis(line, i)
	if i > 0 && len(line)-i > 2 && string(line[i:i+2]) == "- " {
		return i + 2
	}
	return field.AfterNumber(line, i)
}

// skimTail reads Istio's last six words. Cluster and route name the route.
func skimTail(line []byte, i int, k *proxy.Skim) bool {
	from := i
	if i = field.AfterWord(line, i); i < 0 {
		return false
	}
	cluster := line[from : i-1]
	for range 4 {
		i = field.AfterWord(line, i)
	}
	if i < 0 || !field.IsWord(line[i:]) {
		return false
	}
	k.Route, k.ByPath = append(k.Route[:0], cluster, line[i:]), false
	return true
}
