package traefik

import (
	"bytes"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Parser reads all that a Traefik pod prints.
type Parser struct {
	names field.Interner
	tries field.Tries
	json  fastjson.Parser
	clock field.Clock // for Skim
	terse bool        // see OmitRaw
}

// NewParser returns a parser.
func NewParser() *Parser { return &Parser{} }

// Parse implements proxy.Parser. The form of a line is recognised by its first bytes.
func (p *Parser) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return proxy.Event
	}
	var class proxy.Class
	switch {
	case line[0] == '{':
		class = p.jsonLine(line, s)
	case isConsole(line):
		class = p.console(line, s)
	default:
		class = p.access(line, s)
	}
	if class == proxy.Foreign || class == proxy.Event {
		*s = model.Signal{}
		return class
	}
	if s.Failed() && !p.terse {
		s.Raw = field.Redact(line)
	}
	return class
}
