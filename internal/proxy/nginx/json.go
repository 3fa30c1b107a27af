package nginx

import (
	"bytes"

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
	status := v.GetInt("status")
	if status == 0 {
		status, _ = field.Status(v.GetStringBytes("status"))
	}
	at, ok := field.ISO(text(v, "time", "time_iso8601", "timestamp"))
	if !ok || status < 1 || status > 999 || !v.Exists("upstream_addr") && !v.Exists("request_time") {
		return proxy.Foreign
	}
	p.groups.reset()
	s.At, s.Status, s.Proxy = at, status, p.dialect.Name
	s.Client = p.names.String(text(v, "remote_addr", "remote_ip"))
	s.Request.Method = p.names.String(text(v, "method", "request_method"))
	s.Request.Host = p.names.String(field.Host(text(v, "vhost", "host")))
	_, path := field.Target(text(v, "path", "uri", "request_uri"))
	s.Request.Path = p.names.String(path)
	s.Duration, _ = field.Seconds(p.number(v, "request_time"))
	p.jsonTries(v, s)
	name := text(v, "proxy_upstream_name")
	p.groups.upstreamName = name
	p.service(name, s)
	if service := text(v, "service", "service_name"); len(service) > 0 {
		s.RouteNamespace = p.names.String(text(v, "namespace"))
		s.Service = p.names.String(service)
		s.ServicePort = p.names.String(text(v, "service_port"))
	}
	s.RouteName = p.names.String(text(v, "ingress", "ingress_name"))
	p.judge(s)
	if s.Failed() {
		s.Raw = field.Redact(line)
	}
	return proxy.Access
}

// jsonTries reads the lists of upstream fields, which are texts as in the default format.
func (p *Parser) jsonTries(v *fastjson.Value, s *model.Signal) {
	addresses := text(v, "upstream_addr")
	if field.Unset(addresses) {
		return
	}
	statuses, times, lengths := text(v, "upstream_status"), text(v, "upstream_response_time"), text(v, "upstream_response_length")
	n := bytes.Count(addresses, []byte(", ")) + bytes.Count(addresses, []byte(" : ")) + 1
	if n > maxTries {
		return
	}
	g := &p.groups
	first, _, _ := bytes.Cut(addresses, []byte(" : "))
	g.first = bytes.Count(first, []byte(", ")) + 1
	s.Tries = p.tries.Take(n)
	for i := range s.Tries {
		var address, status, took, length []byte
		address, addresses = item(addresses)
		status, statuses = item(statuses)
		took, times = item(times)
		length, lengths = item(lengths)
		g.named = !hasPort(address)
		g.statuses[i], _ = field.Status(status)
		g.lengths[i], _ = field.Uint(length)
		s.Tries[i].Address = p.names.String(address)
		s.Tries[i].Status = g.statuses[i]
		s.Tries[i].Duration, _ = field.Seconds(took)
	}
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
		p.scratch = n.MarshalTo(p.scratch[:0])
		return p.scratch
	}
	return n.GetStringBytes()
}
