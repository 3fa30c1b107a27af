package kong

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// OmitRaw implements proxy.Skimmer.
func (p *Parser) OmitRaw() {
	p.terse = true
	p.engine.OmitRaw()
}

// Skim implements proxy.Skimmer for access lines and the JSON of log plugins.
func (p *Parser) Skim(line []byte, k *proxy.Skim) bool {
	if len(line) == 0 || line[len(line)-1] < ' ' {
		return false
	}
	if line[0] == '{' {
		return skimJSON(line, k)
	}
	return p.engine.Skim(cutID(line), k)
}

// The members that count. Those that have members of their own are not the first, which stands for the object itself.
const (
	ofStarted = iota
	ofRequest
	ofResponse
	ofStatus
	ofLatencies
	ofTook
	ofService
	ofServiceName
	ofRoute
	ofRouteName
	ofSource
	ofTries
	ofUpstreamStatus
	skimmedMembers
)

// member returns where a member belongs, as field.Take asks.
func member(within int, key []byte) (int, field.Form) {
	switch within {
	case 0:
		return topMember(key)
	case ofResponse:
		if string(key) == "status" {
			return ofStatus, field.Number
		}
	case ofLatencies:
		if string(key) == "request" {
			return ofTook, field.Number
		}
	case ofService:
		if string(key) == "name" {
			return ofServiceName, field.Text
		}
	case ofRoute:
		if string(key) == "name" {
			return ofRouteName, field.Text
		}
	}
	return -1, field.Text
}

func topMember(key []byte) (int, field.Form) {
	switch string(key) {
	case "started_at":
		return ofStarted, field.Number
	case "request":
		return ofRequest, field.Object
	case "response":
		return ofResponse, field.Object
	case "latencies":
		return ofLatencies, field.Object
	case "service":
		return ofService, field.Object
	case "route":
		return ofRoute, field.Object
	case "source":
		return ofSource, field.Text
	case "tries":
		return ofTries, field.AtMostOne
	case "upstream_status":
		return ofUpstreamStatus, field.Text
	default:
		return -1, field.Text
	}
}

// skimJSON reads an entry of a log plugin about a request that a route took and that was tried once at most.
func skimJSON(line []byte, k *proxy.Skim) bool {
	const millisecond = 1_000_000
	var s [skimmedMembers][]byte
	if !field.Take(line, s[:], member) || s[ofRequest] == nil || s[ofRoute] == nil || s[ofServiceName] == nil && s[ofRouteName] == nil {
		return false
	}
	started, ok := field.Uint(s[ofStarted])
	if !ok || started <= 0 || started > latest {
		return false
	}
	if k.Status, ok = field.Served(s[ofStatus]); !ok {
		return false
	}
	took, ok := field.Uint(s[ofTook])
	if !ok || took >= longest {
		return false
	}
	first, _, _ := bytes.Cut(s[ofUpstreamStatus], []byte(", "))
	if status, _ := field.Status(first); status >= 500 {
		return false
	}
	k.At, k.Duration, k.ByPath = started*millisecond, took*millisecond, false
	k.Route = append(k.Route[:0], s[ofServiceName], s[ofRouteName])
	return true
}
