package cloudlb

import (
	"bytes"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// jsonParser reads logs of one JSON object a line.
type jsonParser struct {
	names field.Interner
	tries field.Tries
	json  fastjson.Parser
	// scratch holds the digits of a JSON number while a line is read.
	scratch []byte
	entry   func(*jsonParser, *fastjson.Value, *model.Signal) proxy.Class
}

// Parse implements proxy.Parser.
func (p *jsonParser) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return proxy.Event
	}
	if line[0] != '{' {
		return proxy.Foreign
	}
	v, err := p.json.ParseBytes(line)
	if err != nil {
		return proxy.Foreign
	}
	class := p.entry(p, v, s)
	if class != proxy.Access {
		*s = model.Signal{}
		return class
	}
	if s.Failed() {
		s.Raw = field.Redact(line)
	}
	return class
}

// status reads a status that is a JSON number, and nothing else.
func status(v *fastjson.Value) (int, bool) {
	if v == nil || v.Type() != fastjson.TypeNumber {
		return 0, false
	}
	n, err := v.Int()
	return n, err == nil && n >= 0 && n <= 999
}

// number returns a JSON number as it was written.
func (p *jsonParser) number(v *fastjson.Value) []byte {
	if v == nil || v.Type() != fastjson.TypeNumber {
		return nil
	}
	p.scratch = v.MarshalTo(p.scratch[:0])
	return p.scratch
}

// joint sets namespace, Service and port from a name that joins them with dashes.
func (p *jsonParser) joint(name []byte, s *model.Signal) {
	s.Service = p.names.String(name)
	if namespace, service, port, ok := field.Joint(name); ok {
		s.RouteNamespace = p.names.String(namespace)
		s.Service = p.names.String(service)
		s.ServicePort = p.names.String(port)
	}
}
