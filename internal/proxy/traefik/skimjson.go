package traefik

import (
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// The members that count, as jsonLine takes them.
const (
	ofAt = iota
	ofStatus
	ofTook
	ofIngress
	ofNamespace
	ofService
	ofPort
	ofRouter
	ofTraefikService
	skimmedMembers
)

// member returns where a member belongs, as field.Take asks.
func member(_ int, key []byte) (int, field.Form) {
	switch string(key) {
	case "StartUTC":
		return ofAt, field.Text
	case "DownstreamStatus":
		return ofStatus, field.Number
	case "Duration":
		return ofTook, field.Number
	case "KubernetesIngressName":
		return ofIngress, field.Text
	case "KubernetesIngressNamespace":
		return ofNamespace, field.Text
	case "KubernetesServiceName":
		return ofService, field.Text
	case "KubernetesServicePort":
		return ofPort, field.Text
	case "RouterName":
		return ofRouter, field.Text
	case "ServiceName":
		return ofTraefikService, field.Text
	default:
		return -1, field.Text
	}
}

// skimJSON reads the JSON format, of requests that a router took.
func (p *Parser) skimJSON(line []byte, k *proxy.Skim) bool {
	var s [skimmedMembers][]byte
	if !field.Take(line, s[:], member) || s[ofRouter] == nil {
		return false
	}
	var ok bool
	if k.At, ok = p.clock.ISO(s[ofAt]); !ok {
		return false
	}
	if k.Status, ok = field.Served(s[ofStatus]); !ok {
		return false
	}
	if k.Duration, ok = field.Uint(s[ofTook]); !ok {
		return false
	}
	k.ByPath = false
	if s[ofIngress] != nil {
		k.Route = append(k.Route[:0], s[ofIngress], s[ofNamespace], s[ofService], s[ofPort])
	} else {
		k.Route = append(k.Route[:0], s[ofRouter], s[ofTraefikService])
	}
	return true
}
