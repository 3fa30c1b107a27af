package nginx

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/proxy/logformat"
)

// Formatted is a parser of access lines in a format of its user's own; all else that nginx prints is read as by [Parser].
type Formatted struct {
	of       *Parser
	template *logformat.Template
}

// Compile makes a parser from the parameter of a log_format directive, or from the whole directive, in which
// escape= may stand (nginx/nginx, src/http/modules/ngx_http_log_module.c). JSON is a format like any other. It fails
// where the format has no $status, or where two variables touch so that no line could be split.
func Compile(format string) (*Formatted, error) {
	text, escape, err := directive(format)
	if err != nil {
		return nil, fmt.Errorf("nginx log_format: %w", err)
	}
	parts, err := variables(text, escape)
	if err != nil {
		return nil, fmt.Errorf("nginx log_format: %w", err)
	}
	template, err := logformat.New(parts)
	if err != nil {
		return nil, fmt.Errorf("nginx log_format: %w", err)
	}
	template.Trust(inStatus, inTimeLocal, inTimeISO, inMsec)
	return &Formatted{of: NewParser(), template: template}, nil
}

// OmitRaw implements proxy.Skimmer.
func (f *Formatted) OmitRaw() { f.of.OmitRaw() }

// Parse implements proxy.Parser.
func (f *Formatted) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimRight(line, "\r\n")
	var e entry
	if (f.template.Split(line, e[:]) || f.template.Split(field.AfterSyslog(line), e[:])) && f.of.fill(&e, s) {
		if s.Failed() && !f.of.terse {
			s.Raw = field.Redact(line)
		}
		return proxy.Access
	}
	class := f.of.Parse(line, s)
	if class == proxy.Access {
		// It is not in the format that was asked for.
		*s = model.Signal{}
		return proxy.Foreign
	}
	return class
}

// errNoStatus means that requests could not be told from each other by how they ended.
var errNoStatus = errors.New("the format has no $status, without which failures cannot be counted")

// variables takes a format apart.
func variables(format, escape string) ([]logformat.Part, error) {
	known := slots(escape)
	other := variable{logformat.Skip, clientText(escape)}
	var parts []logformat.Part
	counted := false
	for at := 0; at < len(format); {
		if format[at] != '$' {
			end := at + 1
			for end < len(format) && format[end] != '$' {
				end++
			}
			parts = append(parts, logformat.Part{Literal: format[at:end]})
			at = end
			continue
		}
		name, end := variableName(format, at)
		if name == "" {
			return nil, &logformat.PositionError{At: at, Why: "a $ without the name of a variable"}
		}
		v, ok := known[name]
		if !ok {
			v = other
		}
		counted = counted || v.slot == inStatus
		part := logformat.Part{Name: format[at:end], At: at, Slot: v.slot, Content: v.content, Begins: begins(name, v.slot)}
		if part.Begins != '?' && escape != "json" {
			part.Unset = "-"
		}
		parts = append(parts, part)
		at = end
	}
	if !counted {
		return nil, errNoStatus
	}
	return parts, nil
}

// begins is the byte with which a variable begins that is often joined to another one: $host$request_uri, $uri$is_args$args. No host
// has a slash (ngx_http_validate_host), and what follows a question mark is no part of a path.
func begins(name string, slot int) byte {
	switch {
	case slot == inTarget:
		return '/'
	case name == "is_args": // which is never unset
		return '?'
	default:
		return 0
	}
}

// variableName reads "$name" or "${name}" at a place.
func variableName(format string, at int) (name string, end int) {
	from, braced := at+1, false
	if from < len(format) && format[from] == '{' {
		from, braced = from+1, true
	}
	end = from
	for end < len(format) && isNameByte(format[end]) {
		end++
	}
	name = format[from:end]
	if !braced {
		return name, end
	}
	if end == len(format) || format[end] != '}' {
		return "", end
	}
	return name, end + 1
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}
