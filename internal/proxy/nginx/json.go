package nginx

import (
	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// jsonLine reads the JSON access format that ingress-nginx's documentation shows, which is what people
// who want JSON copy (docs/user-guide/nginx-configuration/log-format.md), with the exact names of
// namespace, Ingress and Service that may be added to it.
func (p *Parser) jsonLine(line []byte, s *model.Signal) proxy.Class {
	v, err := p.json.ParseBytes(line)
	if err != nil {
		return proxy.Foreign
	}
	if !v.Exists("upstream_addr") && !v.Exists("request_time") {
		return proxy.Foreign
	}
	p.scratch = p.scratch[:0]
	e := entry{
		inClient: text(v, "remote_addr", "remote_ip"), inTimeISO: text(v, "time", "time_iso8601", "timestamp"), inStatus: p.status(v),
		inMethod: text(v, "method", "request_method"), inHost: text(v, "vhost", "host"), inTarget: text(v, "path", "uri", "request_uri"),
		inTook: p.number(v, "request_time"), inUpstreamName: text(v, "proxy_upstream_name"),
		inAddresses: text(v, "upstream_addr"), inStatuses: text(v, "upstream_status"),
		inTimes: text(v, "upstream_response_time"), inLengths: text(v, "upstream_response_length"),
		inNamespace: text(v, "namespace"), inRoute: text(v, "ingress", "ingress_name"), inService: text(v, "service", "service_name"), inPort: text(v, "service_port"),
	}
	if len(e[inTimeISO]) == 0 || !p.fill(&e, s) || s.Status == 0 {
		*s = model.Signal{}
		return proxy.Foreign
	}
	if s.Failed() && !p.terse {
		s.Raw = field.Redact(line)
	}
	return proxy.Access
}

// status returns the digits of the status, which is a number or a text.
func (p *Parser) status(v *fastjson.Value) []byte {
	if b := v.GetStringBytes("status"); b != nil {
		return b
	}
	n := v.GetInt("status") // 009 is no number
	if n < 1 || n > 999 {
		return nil
	}
	from := len(p.scratch)
	p.scratch = append(p.scratch, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
	return p.scratch[from:]
}

// text returns the first of the keys that is there.
func text(v *fastjson.Value, keys ...string) []byte {
	for _, k := range keys {
		if b := v.GetStringBytes(k); b != nil {
			return b
		}
	}
	return nil
}

// number returns a number as it was written, or the text in its place.
func (p *Parser) number(v *fastjson.Value, key string) []byte {
	n := v.Get(key)
	if n == nil {
		return nil
	}
	if n.Type() == fastjson.TypeNumber {
		from := len(p.scratch)
		p.scratch = n.MarshalTo(p.scratch)
		return p.scratch[from:]
	}
	return n.GetStringBytes()
}
