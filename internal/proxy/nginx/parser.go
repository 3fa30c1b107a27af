package nginx

import (
	"bytes"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Parser reads all that an nginx gateway's pod prints.
type Parser struct {
	names  field.Interner
	tries  field.Tries
	groups groups
	json   fastjson.Parser
}

// NewParser returns a parser.
func NewParser() *Parser { return &Parser{} }

// Parse implements proxy.Parser. The form of a line is recognised by its first bytes.
func (p *Parser) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimRight(line, "\r\n")
	switch {
	case len(line) == 0:
		return proxy.Event
	case isKlog(line):
		return p.klog(line, s)
	case len(line) > 20 && line[4] == '/' && line[19] == ' ':
		return p.errorLine(line, s)
	case line[0] == '{':
		return p.jsonLine(line, s)
	case isStream(line) || isBanner(line):
		return proxy.Event
	}
	class := p.access(line, s)
	if class == proxy.Foreign {
		*s = model.Signal{}
	}
	return class
}

// isStream recognises a TCP or UDP session of ingress-nginx: "[ip] [time] TCP 200 ...". It says nothing
// about a request.
func isStream(line []byte) bool {
	if line[0] != '[' {
		return false
	}
	_, rest, ok := bytes.Cut(line, []byte("] ["))
	if !ok {
		return false
	}
	_, rest, ok = bytes.Cut(rest, []byte("] "))
	return ok && (bytes.HasPrefix(rest, []byte("TCP ")) || bytes.HasPrefix(rest, []byte("UDP ")))
}

// isBanner recognises what the controllers and nginx print when they start.
func isBanner(line []byte) bool {
	for _, start := range [...]string{
		"-----", "NGINX Ingress controller", "  Release: ", "  Build: ", "  Repository: ", "  nginx version", "nginx version",
		"nginx: ", "NGINX Ingress Controller",
		"server returned error code", // the second line of an entry of the Lua resolver
	} {
		if bytes.HasPrefix(line, []byte(start)) {
			return true
		}
	}
	return false
}
