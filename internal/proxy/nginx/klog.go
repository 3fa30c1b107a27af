package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// isKlog recognises the controllers' own lines: "W0314 09:26:05.100200 7 controller.go:1126] text". F5's has the year before
// the day (nginx/kubernetes-ingress, internal/logger/glog).
func isKlog(b []byte) bool {
	if len(b) == 0 || b[0] != 'I' && b[0] != 'W' && b[0] != 'E' && b[0] != 'F' {
		return false
	}
	digits := 1
	for digits < len(b) && b[digits] >= '0' && b[digits] <= '9' {
		digits++
	}
	rest := b[digits:]
	return (digits == 5 || digits == 9) && len(rest) >= len(" 15:04:05.000000") && rest[0] == ' ' && rest[3] == ':' && rest[6] == ':'
}

// klog reads a controller's line. It is an event, never a request; those that name a Service which
// requests cannot be sent to set the signal's names all the same (kubernetes/ingress-nginx,
// internal/ingress/controller/controller.go).
func (p *Parser) klog(line []byte, s *model.Signal) proxy.Class {
	_, text, ok := bytes.Cut(line, []byte("] "))
	if !ok {
		return proxy.Event
	}
	_, rest, ok := bytes.Cut(text, []byte(`Service "`))
	if !ok {
		return proxy.Event
	}
	name, rest, ok := bytes.Cut(rest, []byte{'"'})
	if !ok {
		return proxy.Event
	}
	namespace, service, ok := bytes.Cut(name, []byte{'/'})
	if !ok || !bytes.Contains(rest, []byte("does not have any active Endpoint")) && !bytes.Contains(rest, []byte("no object matching key")) {
		return proxy.Event
	}
	s.Proxy = p.dialect.Name
	s.RouteNamespace = p.names.String(namespace)
	s.Service = p.names.String(service)
	s.Failure = model.NoEndpoints
	s.Reason = p.names.String(text)
	return proxy.Event
}
