package traefik

import (
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// skimmed are the members that count, as jsonLine takes them.
type skimmed struct {
	at, status, took                  []byte
	ingress, namespace, service, port []byte
	router, traefikService            []byte
}

// member returns where a member's text belongs; nil for those that do not count.
func (s *skimmed) member(key []byte) *[]byte {
	switch string(key) {
	case "StartUTC":
		return &s.at
	case "DownstreamStatus":
		return &s.status
	case "Duration":
		return &s.took
	case "KubernetesIngressName":
		return &s.ingress
	case "KubernetesIngressNamespace":
		return &s.namespace
	case "KubernetesServiceName":
		return &s.service
	case "KubernetesServicePort":
		return &s.port
	case "RouterName":
		return &s.router
	case "ServiceName":
		return &s.traefikService
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
		if to == &s.status || to == &s.took {
			value, ok = m.Value, m.Kind == '0'
		}
		if *to != nil || len(value) == 0 || !ok {
			return false
		}
		*to = value
	}
	return m.Whole()
}

// skimJSON reads the JSON format, of requests that a router took.
func (p *Parser) skimJSON(line []byte, k *proxy.Skim) bool {
	var s skimmed
	if !s.read(line) || s.router == nil {
		return false
	}
	var ok bool
	if k.At, ok = p.clock.ISO(s.at); !ok {
		return false
	}
	if k.Status, ok = field.Status(s.status); !ok || k.Status < 100 || k.Status >= 500 {
		return false
	}
	if k.Duration, ok = field.Uint(s.took); !ok {
		return false
	}
	k.ByPath = false
	if s.ingress != nil {
		k.Route = append(k.Route[:0], s.ingress, s.namespace, s.service, s.port)
	} else {
		k.Route = append(k.Route[:0], s.router, s.traefikService)
	}
	return true
}
