package nginx

import (
	"bytes"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/blanks"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Parser reads all that an nginx gateway's pod prints.
type Parser struct {
	dialect Dialect
	names   field.Interner
	tries   field.Tries
	groups  groups
	json    fastjson.Parser
	clock   field.Clock // for Skim
	blanks  blanks.Line // for Skim
	terse   bool        // see OmitRaw
	// said is the last message of the error log, meant what it means: one cause says the same again and again.
	said  string
	meant model.FailureKind
	// scratch holds the digits of JSON numbers while a line is read.
	scratch []byte
}

// Dialect is in what a proxy that is built on nginx differs from it.
type Dialect struct {
	// Name stands in Signal.Proxy.
	Name string
	// Failure says what messages of its own in the error log mean; NoFailure for those of nginx. nil: it has none.
	Failure func(message []byte) model.FailureKind
}

// NewParser returns a parser of nginx's own logs.
func NewParser() *Parser { return NewDialectParser(Dialect{Name: Name}) }

// NewDialectParser returns a parser of the logs of a proxy that is built on nginx.
func NewDialectParser(d Dialect) *Parser { return &Parser{dialect: d} }

// failure says what a message of the error log means.
func (p *Parser) failure(message []byte) model.FailureKind {
	if p.said == "" || string(message) != p.said {
		p.said, p.meant = p.names.String(message), p.meaning(message)
	}
	return p.meant
}

func (p *Parser) meaning(message []byte) model.FailureKind {
	if p.dialect.Failure != nil {
		if kind := p.dialect.Failure(message); kind != model.NoFailure {
			return kind
		}
	}
	return failureOf(message)
}

// OmitRaw implements proxy.Skimmer.
func (p *Parser) OmitRaw() { p.terse = true }

// Parse implements proxy.Parser. The form of a line is recognised by its first bytes.
func (p *Parser) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = field.AfterSyslog(bytes.TrimRight(line, "\r\n"))
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
