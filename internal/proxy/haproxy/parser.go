package haproxy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Parser reads all that a HAProxy gateway's pod prints.
type Parser struct {
	names   field.Interner
	tries   field.Tries
	scratch []byte      // of addresses
	clock   field.Clock // for Skim
	terse   bool        // see OmitRaw
}

// NewParser returns a parser.
func NewParser() *Parser { return &Parser{} }

// Parse implements proxy.Parser.
func (p *Parser) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimRight(line, "\r\n")
	text := field.AfterSyslog(line)
	if len(text) == 0 || isEvent(text) {
		return proxy.Event
	}
	var e entry
	switch class := e.read(text); class {
	case proxy.Access:
	default:
		return class
	}
	if !p.signal(&e, s) {
		*s = model.Signal{}
		return proxy.Foreign
	}
	if s.Failed() && !p.terse {
		s.Raw = field.Redact(text)
	}
	return proxy.Access
}

// isEvent recognises what HAProxy and the controllers say about servers and themselves.
func isEvent(text []byte) bool {
	for _, start := range [...]string{
		"Server ", "Backup Server ", "backend ", "Backend ", "Proxy ", "proxy ", "Health check for ", "Connect from ",
		"[NOTICE]", "[WARNING]", "[ALERT]", "[INFO]", "Stopping ", "Pausing ", "Resuming ",
	} {
		if bytes.HasPrefix(text, []byte(start)) {
			return true
		}
	}
	// The controller: "2026/03/14 09:26:00 INFO    controller/controller.go:88 ...".
	if len(text) < 21 {
		return false
	}
	_, ok := field.Slashed(text[:19])
	return ok && text[19] == ' '
}

// signal turns an entry into a signal.
func (p *Parser) signal(e *entry, s *model.Signal) bool {
	var ok bool
	if s.At, ok = field.Local(e.at); !ok {
		return false
	}
	return p.fill(e, s)
}

// fill sets all but the time.
func (p *Parser) fill(e *entry, s *model.Signal) bool {
	took := e.timers[4]
	if took == nil {
		took = e.total
	}
	var ok bool
	if s.Duration, ok = field.Millis(bytes.TrimPrefix(took, []byte{'+'})); !ok && took != nil {
		return false
	}
	if string(e.status) != "-1" {
		if s.Status, ok = field.Status(e.status); !ok {
			return false
		}
	}
	s.Proxy = Name
	s.Client = p.names.String(e.client)
	s.Request.Scheme = "http"
	if bytes.HasSuffix(e.frontend, []byte{'~'}) {
		s.Request.Scheme = "https"
	}
	p.request(e.request, s)
	p.backend(e.backend, s)
	s.Failure = classify(e, s.Status)
	if s.Failed() {
		s.Reason = p.reason(e)
	}
	return true
}

// request reads "METHOD URI VERSION". The ingress controller of HAProxy Technologies logs host and path
// in the URI's place, the standard format the URI as it came. What was not HTTP prints "<BADREQ>".
func (p *Parser) request(line []byte, s *model.Signal) {
	method, target, ok := field.RequestLine(line)
	if !ok {
		return
	}
	s.Request.Method = p.names.String(method)
	p.target(target, s)
}

// target sets host and path.
func (p *Parser) target(target []byte, s *model.Signal) {
	if len(target) > 0 && target[0] != '/' && target[0] != '*' && !bytes.Contains(target, []byte("://")) {
		host, path := target, []byte("/")
		if i := bytes.IndexByte(target, '/'); i >= 0 {
			host, path = target[:i], target[i:]
		}
		s.Request.Host = p.names.String(field.Host(host))
		target = path
	}
	host, path := field.Target(target)
	s.Request.Path = p.names.String(path)
	if len(host) > 0 {
		s.Request.Host = p.names.String(field.Host(host))
	}
}

// backend takes apart the backend's name. Underscores cannot occur in names of Kubernetes objects:
//
//	shop_svc_cart_http           HAProxy Technologies
//	shop_web_svc_cart_http       the same, of a backend that one Ingress has to itself
//	shop_cart_8080               haproxy-ingress
func (p *Parser) backend(name []byte, s *model.Signal) {
	if isDefaultBackend(name) {
		return
	}
	owner, rest, ok := bytes.Cut(name, []byte("_svc_"))
	if !ok {
		if bytes.Count(name, []byte{'_'}) != 2 {
			return
		}
		owner, rest, _ = bytes.Cut(name, []byte{'_'})
	}
	service, port, _ := bytes.Cut(rest, []byte{'_'})
	namespace, ingress, _ := bytes.Cut(owner, []byte{'_'})
	s.RouteNamespace = p.names.String(namespace)
	s.RouteName = p.names.String(ingress)
	s.Service = p.names.String(service)
	s.ServicePort = p.names.String(port)
}

// isDefaultBackend recognises where requests go that no rule takes.
func isDefaultBackend(name []byte) bool {
	return bytes.HasSuffix(name, []byte("_svc_default-local-service_http")) || string(name) == "_error404" || string(name) == "_default_backend"
}

// reason is the termination state, with the word for "no server" where it tells two cases apart.
func (p *Parser) reason(e *entry) string {
	if string(e.server) == noServer {
		return p.names.String(bytes.TrimSpace(append(append(make([]byte, 0, 16), e.state...), " "+noServer...)))
	}
	return p.names.String(e.state)
}
