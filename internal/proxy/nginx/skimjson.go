package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// The members that count, as jsonLine takes them.
const (
	ofTime = iota
	ofTimeISO
	ofStamp
	ofStatus
	ofTook
	ofAddress
	ofUpstreamStatus
	ofName
	ofNamespace
	ofService
	ofServiceName
	ofServicePort
	ofIngress
	ofIngressName
	skimmedMembers
)

// member returns where a member belongs, as field.Take asks.
func member(_ int, key []byte) (int, field.Form) {
	switch string(key) {
	case "time":
		return ofTime, field.Text
	case "time_iso8601":
		return ofTimeISO, field.Text
	case "timestamp":
		return ofStamp, field.Text
	case "status":
		return ofStatus, field.TextOrNumber
	case "request_time":
		return ofTook, field.TextOrNumber
	case "upstream_addr":
		return ofAddress, field.Text
	case "upstream_status":
		return ofUpstreamStatus, field.Text
	case "proxy_upstream_name":
		return ofName, field.Text
	case "namespace":
		return ofNamespace, field.Text
	case "service":
		return ofService, field.Text
	case "service_name":
		return ofServiceName, field.Text
	case "service_port":
		return ofServicePort, field.Text
	case "ingress":
		return ofIngress, field.Text
	case "ingress_name":
		return ofIngressName, field.Text
	default:
		return -1, field.Text
	}
}

// skimJSON reads the JSON format. Members that count must be there once, and be plain texts or numbers.
func (p *Parser) skimJSON(line []byte, k *proxy.Skim) bool {
	var s [skimmedMembers][]byte
	if !field.Take(line, s[:], member) || s[ofTook] == nil || bytes.IndexByte(s[ofAddress], ' ') >= 0 {
		return false
	}
	var ok bool
	if k.At, ok = p.clock.ISO(first(s[ofTime], s[ofTimeISO], s[ofStamp])); !ok {
		return false
	}
	if k.Status, ok = field.Served(s[ofStatus]); !ok {
		return false
	}
	took, ok := field.Seconds(s[ofTook])
	if !ok || k.Status == 404 && string(s[ofName]) == noRoute {
		return false
	}
	k.Duration = int64(took)
	if s[ofUpstreamStatus] != nil && string(s[ofUpstreamStatus]) != "-" {
		if _, served := field.Served(s[ofUpstreamStatus]); !served {
			return false
		}
	}
	k.ByPath = false
	if s[ofNamespace] == nil && s[ofService] == nil && s[ofServiceName] == nil && s[ofServicePort] == nil && s[ofIngress] == nil && s[ofIngressName] == nil {
		k.Route = append(k.Route[:0], s[ofName]) // as in the text format, and means the same
		return true
	}
	k.Route = append(k.Route[:0], s[ofName], s[ofNamespace], first(s[ofService], s[ofServiceName]), s[ofServicePort], first(s[ofIngress], s[ofIngressName]))
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
