package kong

import (
	"bytes"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/proxy/nginx"
)

// Parser reads all that a Kong pod prints, and the JSON of Kong's log plugins.
type Parser struct {
	engine  *nginx.Parser
	json    fastjson.Parser
	names   field.Interner
	tries   field.Tries
	scratch []byte // of addresses
	terse   bool   // see OmitRaw
}

// NewParser returns a parser.
func NewParser() *Parser {
	return &Parser{engine: nginx.NewDialectParser(nginx.Dialect{Name: Name, Failure: failureOf})}
}

// Parse implements proxy.Parser.
func (p *Parser) Parse(line []byte, s *model.Signal) proxy.Class {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) > 0 && line[0] == '{' {
		*s = model.Signal{}
		class := p.plugin(line, s)
		if class == proxy.Foreign {
			*s = model.Signal{}
		}
		return class
	}
	return p.engine.Parse(cutID(line), s)
}

// cutID takes the id off an access line: `... "AGENT" kong_request_id: "ID"`. What comes before it is nginx's
// "combined" format.
func cutID(line []byte) []byte {
	const start = `" kong_request_id: `
	id, ended := bytes.CutSuffix(line, []byte{'"'})
	if !ended {
		return line
	}
	before := bytes.LastIndexByte(id, '"')
	if before < len(start) || string(id[before-len(start):before]) != start || bytes.IndexByte(id[before:], ' ') >= 0 {
		return line
	}
	return id[:before-len(start)+1]
}

// failureOf says what Kong's own words in the error log mean (Kong/kong, kong/init.lua,
// kong/runloop/balancer/init.lua, kong/runloop/handler.lua).
func failureOf(message []byte) model.FailureKind {
	for _, s := range [...]struct {
		part string
		kind model.FailureKind
	}{
		{"failure to get a peer from the ring-balancer", model.NoEndpoints},
		{"no peers are available", model.NoEndpoints},
		{"name resolution failed", model.NoEndpoints},
		{"DNS resolution failed", model.NoEndpoints},
		{"failed the initial dns/balancer resolve", model.NoEndpoints},
		{"failed to retry the dns/balancer resolver", model.Refused},
	} {
		if bytes.Contains(message, []byte(s.part)) {
			return s.kind
		}
	}
	return model.NoFailure
}
