package envoy

import (
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// The members that count, as readJSON takes them.
const (
	ofAt = iota
	ofCode
	ofFlags
	ofDetails
	ofDuration
	ofCluster
	ofRoute
	skimmedMembers
)

// member returns where a member belongs, as field.Take asks.
func member(_ int, key []byte) (int, field.Form) {
	switch string(key) {
	case "start_time", "@timestamp", "timestamp":
		return ofAt, field.Text
	case "response_code":
		return ofCode, field.TextOrNumber
	case "response_flags":
		return ofFlags, field.Text
	case "response_code_details":
		return ofDetails, field.Text
	case "duration":
		return ofDuration, field.TextOrNumber
	case "upstream_cluster":
		return ofCluster, field.Text
	case "route_name":
		return ofRoute, field.Text
	default:
		return -1, field.Text
	}
}

// skimJSON reads the JSON formats. A line that names no cluster is left to readJSON.
func (p *Parser) skimJSON(line []byte, k *proxy.Skim) bool {
	var s [skimmedMembers][]byte
	if !field.Take(line, s[:], member) || len(s[ofCode]) != 3 || s[ofDuration] == nil || s[ofCluster] == nil {
		return false
	}
	if s[ofFlags] != nil && string(s[ofFlags]) != "-" || s[ofDetails] != nil && string(s[ofDetails]) != "via_upstream" {
		return false
	}
	var ok bool
	if k.At, ok = p.clock.ISO(s[ofAt]); !ok {
		return false
	}
	if k.Status, ok = field.Served(s[ofCode]); !ok {
		return false
	}
	if _, ok = field.Uint(s[ofDuration]); !ok {
		return false
	}
	took, ok := field.Millis(s[ofDuration])
	k.Duration = int64(took)
	k.Route, k.ByPath = append(k.Route[:0], s[ofCluster], s[ofRoute]), false
	return ok
}
