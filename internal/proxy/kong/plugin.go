package kong

import (
	"bytes"
	"strconv"
	"time"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// maxTries bounds how many tries of one request are read.
const maxTries = 32

// Bounds of what is believed, in milliseconds: the time since 1970, and how long something took.
const (
	latest  = 1e14
	longest = 1e9
)

// plugin reads an entry of a log plugin.
func (p *Parser) plugin(line []byte, s *model.Signal) proxy.Class {
	v, err := p.json.ParseBytes(line)
	if err != nil || v.Type() != fastjson.TypeObject || !v.Exists("latencies") || !v.Exists("request") {
		return proxy.Foreign
	}
	code := v.Get("response", "status")
	if code == nil {
		return proxy.Foreign
	}
	status, err := code.Int()
	if err != nil || status < 0 || status > 999 {
		return proxy.Foreign
	}
	started := v.GetInt64("started_at")
	if started <= 0 || started > latest {
		return proxy.Foreign
	}
	s.Proxy, s.At, s.Status = Name, time.UnixMilli(started).UTC(), status
	if took := v.GetInt64("latencies", "request"); took > 0 && took < longest {
		s.Duration = time.Duration(took) * time.Millisecond
	}
	s.Client = p.names.String(v.GetStringBytes("client_ip"))
	s.Request.Method = p.names.String(v.GetStringBytes("request", "method"))
	s.Request.Host = p.names.String(field.Host(v.GetStringBytes("request", "headers", "host")))
	_, path := field.Target(v.GetStringBytes("request", "uri"))
	s.Request.Path = p.names.String(path)
	if scheme, _, ok := bytes.Cut(v.GetStringBytes("request", "url"), []byte("://")); ok {
		s.Request.Scheme = p.names.String(scheme)
	}
	p.service(v.GetStringBytes("service", "name"), s)
	p.route(v.GetStringBytes("route", "name"), s)
	p.pluginTries(v, s)
	judge(v, s)
	if s.Failed() && !p.terse {
		s.Raw = field.Redact(line)
	}
	return proxy.Access
}

// pluginTries reads the addresses from tries and the statuses from upstream_status, which holds one for each try,
// joined with commas.
func (p *Parser) pluginTries(v *fastjson.Value, s *model.Signal) {
	tries := v.GetArray("tries")
	if len(tries) == 0 || len(tries) > maxTries {
		return
	}
	statuses := v.GetStringBytes("upstream_status")
	s.Tries = p.tries.Take(len(tries))
	for i, t := range tries {
		var status []byte
		status, statuses, _ = bytes.Cut(statuses, []byte(", "))
		p.scratch = appendAddress(p.scratch[:0], t.GetStringBytes("ip"), t.GetInt("port"))
		s.Tries[i].Address = p.names.String(p.scratch)
		s.Tries[i].Status, _ = field.Status(status)
	}
	if took := v.GetInt64("latencies", "proxy"); len(tries) == 1 && took > 0 && took < longest {
		s.Tries[0].Duration = time.Duration(took) * time.Millisecond
	}
}

func appendAddress(b, ip []byte, port int) []byte {
	if bytes.IndexByte(ip, ':') >= 0 {
		b = append(append(append(b, '['), ip...), ']')
	} else {
		b = append(b, ip...)
	}
	return strconv.AppendInt(append(b, ':'), int64(port), 10)
}

// judge says how a request failed: source tells whether the Service or Kong answered, a try's state whether it was
// given up for another one.
func judge(v *fastjson.Value, s *model.Signal) {
	source := v.GetStringBytes("source")
	own := string(source) != "service"
	if source == nil { // before Kong 3.6: it says how long the Service took, unless told not to, if that is who answered
		own = !v.Exists("response", "headers", "x-kong-upstream-latency")
	}
	switch {
	case s.Status == 404 && own && !v.Exists("route"):
		s.Failure, s.Reason = model.NoRoute, "no Route matched with those values"
	case s.Status < 500:
	case !own:
		s.Failure = model.UpstreamStatus
	case len(s.Tries) == 0:
		// Nobody was asked: no target is healthy or its name does not resolve (503), or the rule has no backend (500).
		s.Failure = model.OtherFailure
		if s.Status == 503 || s.Status == 500 && v.Exists("service") {
			s.Failure = model.NoEndpoints
		}
	default:
		s.Failure = lastTry(v.GetArray("tries"), s.Status)
	}
}

// lastTry: Kong gives a try up, and notes so, where connecting failed; after that only the error log knows.
func lastTry(tries []*fastjson.Value, status int) model.FailureKind {
	gaveUp := string(tries[len(tries)-1].GetStringBytes("state")) == "failed"
	switch {
	case status == 504 && gaveUp:
		return model.ConnectTimeout
	case status == 504:
		return model.ResponseTimeout
	case gaveUp:
		return model.Refused
	default:
		return model.OtherFailure
	}
}

// service takes a Service's name apart: NAMESPACE.SERVICE.PORT, or for a route of the Gateway API
// httproute.NAMESPACE.svc.NAMESPACE.SERVICE.PORT with more of these where there are several
// (Kong/kubernetes-ingress-controller, internal/dataplane/translator). None of the parts has dots.
func (p *Parser) service(name []byte, s *model.Signal) {
	if kind, rest, ok := bytes.Cut(name, []byte{'.'}); ok && bytes.HasSuffix(kind, []byte("route")) {
		_, rest, ok = bytes.Cut(rest, []byte(".svc."))
		if !ok {
			return
		}
		name = rest
	}
	if bytes.Count(name, []byte{'.'}) != 2 {
		s.Service = p.names.String(name) // several, or made by hand: for people to read
		return
	}
	namespace, rest, _ := bytes.Cut(name, []byte{'.'})
	service, port, _ := bytes.Cut(rest, []byte{'.'})
	s.RouteNamespace = p.names.String(namespace)
	s.Service = p.names.String(service)
	s.ServicePort = p.names.String(port)
}

// route takes a route's name apart: NAMESPACE.INGRESS.SERVICE.HOST.PORT, where host and Ingress may have dots, or
// httproute.NAMESPACE.NAME.RULE.MATCH.
func (p *Parser) route(name []byte, s *model.Signal) {
	first, rest, ok := bytes.Cut(name, []byte{'.'})
	if !ok {
		return
	}
	if bytes.HasSuffix(first, []byte("route")) {
		namespace, rest, _ := bytes.Cut(rest, []byte{'.'})
		for range 2 { // rule and match
			if i := bytes.LastIndexByte(rest, '.'); i > 0 {
				rest = rest[:i]
			}
		}
		p.setRoute(namespace, rest, s)
		return
	}
	ingress, _, _ := bytes.Cut(rest, []byte{'.'})
	if s.Service != "" {
		if i := indexDotted(rest, s.Service); i > 0 {
			ingress = rest[:i]
		}
	}
	p.setRoute(first, ingress, s)
}

func (p *Parser) setRoute(namespace, name []byte, s *model.Signal) {
	if s.RouteNamespace == "" {
		s.RouteNamespace = p.names.String(namespace)
	}
	s.RouteName = p.names.String(name)
}

// indexDotted finds ".NAME." in b.
func indexDotted(b []byte, name string) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '.')
		if i < 0 {
			return -1
		}
		i += from
		if rest := b[i+1:]; len(rest) > len(name) && string(rest[:len(name)]) == name && rest[len(name)] == '.' {
			return i
		}
		from = i + 1
	}
}
