package envoy

import (
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// skimmed are the members that count, as readJSON takes them.
type skimmed struct {
	at, code, flags, details, duration, cluster, route []byte
}

// member returns where a member's text belongs; nil for those that do not count.
func (s *skimmed) member(key []byte) *[]byte {
	switch string(key) {
	case "start_time", "@timestamp", "timestamp":
		return &s.at
	case "response_code":
		return &s.code
	case "response_flags":
		return &s.flags
	case "response_code_details":
		return &s.details
	case "duration":
		return &s.duration
	case "upstream_cluster":
		return &s.cluster
	case "route_name":
		return &s.route
	default:
		return nil
	}
}

// read takes the members that count, and reports whether each is plain and set, and there once at most.
func (s *skimmed) read(line []byte) bool {
	m := field.MembersOf(line)
	for m.Next() {
		to := s.member(m.Key)
		if to == nil {
			continue
		}
		value, ok := m.Plain()
		if !ok && m.Kind == '0' && (to == &s.code || to == &s.duration) {
			value, ok = m.Value, true
		}
		if *to != nil || len(value) == 0 || !ok {
			return false
		}
		*to = value
	}
	return m.Whole()
}

// skimJSON reads the JSON formats. A line that names no cluster is left to readJSON.
func (p *Parser) skimJSON(line []byte, k *proxy.Skim) bool {
	var s skimmed
	if !s.read(line) || len(s.code) != 3 || s.duration == nil || s.cluster == nil {
		return false
	}
	if s.flags != nil && string(s.flags) != "-" || s.details != nil && string(s.details) != "via_upstream" {
		return false
	}
	var ok bool
	if k.At, ok = p.clock.ISO(s.at); !ok {
		return false
	}
	if k.Status, ok = field.Status(s.code); !ok || k.Status < 100 || k.Status >= 500 {
		return false
	}
	if _, ok = field.Uint(s.duration); !ok {
		return false
	}
	took, ok := field.Millis(s.duration)
	k.Duration = int64(took)
	k.Route, k.ByPath = append(k.Route[:0], s.cluster, s.route), false
	return ok
}
