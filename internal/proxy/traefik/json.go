package traefik

import (
	"time"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// jsonLine reads a JSON object: an access entry or a line of the process log.
func (p *Parser) jsonLine(line []byte, s *model.Signal) proxy.Class {
	v, err := p.json.ParseBytes(line)
	if err != nil || v.Type() != fastjson.TypeObject {
		return proxy.Foreign
	}
	if !v.Exists("DownstreamStatus") {
		return p.process(v.GetStringBytes("time"), v.GetStringBytes("message"), v.GetStringBytes("error"), v.Exists("level"), s)
	}
	status, err := v.Get("DownstreamStatus").Int()
	if err != nil || status < 0 || status > 999 {
		return proxy.Foreign
	}
	at, ok := field.ISO(v.GetStringBytes("StartUTC"))
	if !ok {
		if at, ok = field.ISO(v.GetStringBytes("time")); !ok {
			return proxy.Foreign
		}
	}
	took := v.GetInt64("Duration")
	if took < 0 {
		return proxy.Foreign
	}
	s.Proxy, s.At, s.Status, s.Duration = Name, at, status, time.Duration(took)
	s.Client = p.names.String(v.GetStringBytes("ClientHost"))
	s.Request.Scheme = p.names.String(v.GetStringBytes("RequestScheme"))
	s.Request.Method = p.names.String(v.GetStringBytes("RequestMethod"))
	s.Request.Host = p.names.String(field.Host(v.GetStringBytes("RequestHost")))
	_, path := field.Target(v.GetStringBytes("RequestPath"))
	s.Request.Path = p.names.String(path)
	p.jsonRoute(v, s)
	a := answer{size: v.GetInt64("DownstreamContentSize"), servers: true}
	if server := v.GetStringBytes("ServiceAddr"); !field.Unset(server) {
		a.picked = true
		p.server(server, s)
	} else if server := v.GetStringBytes("ServiceURL"); !field.Unset(server) {
		a.picked = true
		p.server(server, s)
	}
	s.Failure, s.Reason = classify(s, a)
	return proxy.Access
}

// jsonRoute takes the names of the Kubernetes objects, which are exact, else Traefik's router and
// service.
func (p *Parser) jsonRoute(v *fastjson.Value, s *model.Signal) {
	if name := v.GetStringBytes("KubernetesIngressName"); len(name) > 0 {
		s.RouteNamespace = p.names.String(v.GetStringBytes("KubernetesIngressNamespace"))
		s.RouteName = p.names.String(name)
		s.Service = p.names.String(v.GetStringBytes("KubernetesServiceName"))
		s.ServicePort = p.names.String(v.GetStringBytes("KubernetesServicePort"))
		return
	}
	s.RouteName = p.names.String(v.GetStringBytes("RouterName"))
	s.Service = p.names.String(v.GetStringBytes("ServiceName"))
}
