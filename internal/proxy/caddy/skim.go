package caddy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// OmitRaw implements proxy.Skimmer.
func (p *Parser) OmitRaw() { p.terse = true }

// The members that count. That which has members of its own is not the first, which stands for the object itself.
const (
	ofTime = iota
	ofRequest
	ofHost
	ofURI
	ofLogger
	ofStatus
	ofTook
	skimmedMembers
)

// member returns where a member belongs, as field.Take asks.
func member(within int, key []byte) (int, field.Form) {
	if within == ofRequest {
		switch string(key) {
		case "host":
			return ofHost, field.Text
		case "uri":
			return ofURI, field.Text
		}
		return -1, field.Text
	}
	switch string(key) {
	case "ts":
		return ofTime, field.Number
	case "request":
		return ofRequest, field.Object
	case "logger":
		return ofLogger, field.Text
	case "status":
		return ofStatus, field.Number
	case "duration":
		return ofTook, field.Number
	default:
		return -1, field.Text
	}
}

// Skim implements proxy.Skimmer for access entries. Caddy names no route: host and path stand for it.
func (p *Parser) Skim(line []byte, k *proxy.Skim) bool {
	var s [skimmedMembers][]byte
	if !field.Take(line, s[:], member) || !bytes.HasPrefix(s[ofLogger], []byte(accessLogger)) || s[ofHost] == nil {
		return false
	}
	at, ok := field.Epoch(s[ofTime])
	if !ok || at.Unix() <= 0 {
		return false
	}
	if k.Status, ok = field.Served(s[ofStatus]); !ok {
		return false
	}
	took, ok := field.Seconds(s[ofTook])
	if !ok {
		return false
	}
	segment, ok := field.TargetSegment(s[ofURI])
	if !ok || len(segment) < len(s[ofURI]) && s[ofURI][len(segment)] == '#' { // which no client sends
		return false
	}
	k.At, k.Duration, k.ByPath = at.UnixNano(), int64(took), true
	k.Route = append(k.Route[:0], field.Host(s[ofHost]), segment)
	return true
}

// accessLogger begins the name of every logger of requests.
const accessLogger = "http.log.access"
