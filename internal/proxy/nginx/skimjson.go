package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// skimmed are the members that count, as jsonLine takes them.
type skimmed struct {
	time, timeISO, stamp              []byte
	status, took                      []byte
	address, upstreamStatus           []byte
	name, namespace                   []byte
	service, serviceName, servicePort []byte
	ingress, ingressName              []byte
}

// member returns where a member's text belongs; nil for those that do not count.
func (s *skimmed) member(key []byte) *[]byte {
	switch string(key) {
	case "time":
		return &s.time
	case "time_iso8601":
		return &s.timeISO
	case "timestamp":
		return &s.stamp
	case "status":
		return &s.status
	case "request_time":
		return &s.took
	case "upstream_addr":
		return &s.address
	case "upstream_status":
		return &s.upstreamStatus
	case "proxy_upstream_name":
		return &s.name
	case "namespace":
		return &s.namespace
	case "service":
		return &s.service
	case "service_name":
		return &s.serviceName
	case "service_port":
		return &s.servicePort
	case "ingress":
		return &s.ingress
	case "ingress_name":
		return &s.ingressName
	default:
		return nil
	}
}

// read takes the members that count, and reports whether each is plain and there once at most.
func (s *skimmed) read(line []byte) bool {
	m := field.MembersOf(line)
	for m.Next() {
		to := s.member(m.Key)
		if to == nil {
			continue
		}
		value, ok := m.Plain()
		if !ok && m.Kind == '0' && (to == &s.status || to == &s.took) {
			value, ok = m.Value, true
		}
		if *to != nil || len(value) == 0 || !ok {
			return false
		}
		*to = value
	}
	return m.Whole()
}

// skimJSON reads the JSON format. Members that count must be there once, and be plain texts or numbers.
func (p *Parser) skimJSON(line []byte, k *proxy.Skim) bool {
	var s skimmed
	if !s.read(line) || s.took == nil || bytes.IndexByte(s.address, ' ') >= 0 {
		return false
	}
	var ok bool
	if k.At, ok = p.clock.ISO(first(s.time, s.timeISO, s.stamp)); !ok {
		return false
	}
	if k.Status, ok = field.Status(s.status); !ok || k.Status < 100 || k.Status >= 500 {
		return false
	}
	took, ok := field.Seconds(s.took)
	if !ok || k.Status == 404 && string(s.name) == noRoute {
		return false
	}
	k.Duration = int64(took)
	if s.upstreamStatus != nil && string(s.upstreamStatus) != "-" {
		if status, is := field.Status(s.upstreamStatus); !is || status < 100 || status >= 500 {
			return false
		}
	}
	k.ByPath = false
	if s.namespace == nil && s.service == nil && s.serviceName == nil && s.servicePort == nil && s.ingress == nil && s.ingressName == nil {
		k.Route = append(k.Route[:0], s.name) // as in the text format, and means the same
		return true
	}
	k.Route = append(k.Route[:0], s.name, s.namespace, first(s.service, s.serviceName), s.servicePort, first(s.ingress, s.ingressName))
	return true
}

// first returns the first text that is there.
func first(texts ...[]byte) []byte {
	for _, t := range texts {
		if t != nil {
			return t
		}
	}
	return nil
}
