package envoy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/proxy/logformat"
)

// Formatted is a parser of access lines in a format of its user's own; all else that Envoy prints is read as by [Parser].
type Formatted struct {
	*Parser
	layouts
	text   *logformat.Template // nil: JSON
	values []valueFormat
	// members is how a JSON line is skimmed.
	members members
	// details is set if the format has RESPONSE_CODE_DETAILS.
	details bool
	flags   []byte
}

// valueFormat is the value of one key of a JSON format.
type valueFormat struct {
	path []string
	slot int                 // of a value that is one operator
	text *logformat.Template // of all others
}

// Compile makes a parser from a format string, or from a JSON object of them as json_format has it
// (envoyproxy/envoy, docs/root/configuration/observability/access_log/usage.rst). It fails where the format has no
// %RESPONSE_CODE%, or where two operators touch so that no line could be split.
func Compile(format string) (*Formatted, error) {
	format = strings.TrimSuffix(strings.TrimRight(strings.TrimSpace(format), "\n"), `\n`)
	switch n := len(format); {
	case n < 2 || format[0] != format[n-1]:
	case format[0] == '\'':
		format = strings.TrimSuffix(format[1:n-1], `\n`)
	case format[0] == '"':
		var text string // as YAML has it, which escapes like JSON
		if json.Unmarshal([]byte(format), &text) == nil {
			format = strings.TrimSuffix(text, "\n")
		}
	}
	f := &Formatted{Parser: NewParser()}
	var err error
	if strings.HasPrefix(format, "{") {
		err = f.compileJSON(format)
	} else {
		err = f.compileText(format)
	}
	if err != nil {
		return nil, fmt.Errorf("access log format of Envoy: %w", err)
	}
	return f, nil
}

// errNoCode means that requests could not be told from each other by how they ended.
var errNoCode = errors.New("the format has no %RESPONSE_CODE%, without which failures cannot be counted")

func (f *Formatted) compileText(format string) error {
	ps, err := f.parts(format)
	if err != nil {
		return err
	}
	if !f.note(ps) {
		return errNoCode
	}
	if f.text, err = logformat.New(ps); err != nil {
		return err
	}
	f.text.Trust(inCode, inTime, inFlags)
	return nil
}

// note remembers what a format has, and reports whether the status is part of it.
func (f *Formatted) note(ps []logformat.Part) (counted bool) {
	for _, p := range ps {
		if p.Literal == "" {
			f.details = f.details || p.Slot == inDetails
			counted = counted || p.Slot == inCode
		}
	}
	return counted
}

func (f *Formatted) compileJSON(format string) error {
	var object map[string]any
	if err := json.Unmarshal([]byte(format), &object); err != nil {
		return fmt.Errorf("read the JSON object: %w", err)
	}
	counted, err := f.keys(nil, object)
	if err != nil {
		return err
	}
	if !counted {
		return errNoCode
	}
	f.members = newMembers(f.values)
	return nil
}

// keys compiles the values of an object and of those in it.
func (f *Formatted) keys(path []string, object map[string]any) (counted bool, err error) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		below := append(slices.Clone(path), key)
		var has bool
		switch v := object[key].(type) {
		case map[string]any:
			has, err = f.keys(below, v)
		case string:
			has, err = f.compileValue(below, v)
		}
		if err != nil {
			return false, err
		}
		counted = counted || has
	}
	return counted, nil
}

func (f *Formatted) compileValue(path []string, format string) (counted bool, err error) {
	ps, err := f.parts(format)
	if err != nil {
		return false, fmt.Errorf("key %s: %w", strings.Join(path, "."), err)
	}
	counted = f.note(ps)
	if len(ps) == 1 && ps[0].Literal == "" {
		if ps[0].Slot != logformat.Skip {
			f.values = append(f.values, valueFormat{path: path, slot: ps[0].Slot})
		}
		return counted, nil
	}
	if !slices.ContainsFunc(ps, func(p logformat.Part) bool { return p.Literal == "" && p.Slot != logformat.Skip }) {
		return counted, nil
	}
	text, err := logformat.New(ps)
	if err != nil {
		return false, fmt.Errorf("key %s: %w", strings.Join(path, "."), err)
	}
	f.values = append(f.values, valueFormat{path: path, text: text})
	return counted, nil
}

// Parse implements proxy.Parser.
func (f *Formatted) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return proxy.Event
	}
	var in [inFields][]byte
	var ok bool
	if f.text != nil {
		ok = f.text.Split(line, in[:])
	} else {
		ok = f.object(line, in[:])
	}
	class := proxy.Foreign
	if ok {
		class = f.formatted(&in, s)
	}
	switch {
	case class == proxy.Access:
		if s.Failed() && !f.terse {
			s.Raw = field.Redact(line)
		}
		return class
	case class == proxy.Foreign && isOwnLog(line):
		class = proxy.Event
	}
	*s = model.Signal{}
	return class
}

// object reads a JSON object into the fields.
func (f *Formatted) object(line []byte, in [][]byte) bool {
	v, err := f.json.ParseBytes(line)
	if err != nil || v.Type() != fastjson.TypeObject {
		return false
	}
	f.scratch = f.scratch[:0]
	for i := range f.values {
		vf := &f.values[i]
		owner := v
		for _, key := range vf.path[:len(vf.path)-1] {
			if owner = owner.Get(key); owner == nil {
				break
			}
		}
		if owner == nil {
			continue
		}
		b := f.value(owner, vf.path[len(vf.path)-1])
		switch {
		case b == nil:
		case vf.text == nil:
			in[vf.slot] = b
		case !vf.text.Split(b, in):
			return false
		}
	}
	return in[inCode] != nil
}

// formatted turns the fields of a line into a signal.
func (f *Formatted) formatted(in *[inFields][]byte, s *model.Signal) proxy.Class {
	e := entry{
		at: in[inTime], method: in[inMethod], path: in[inPath], authority: in[inAuthority], code: in[inCode], flags: in[inFlags],
		details: in[inDetails], transport: in[inTransport], duration: in[inDuration], serviceTime: in[inServiceTime],
		forwardedFor: in[inForwardedFor], remote: in[inRemote], upstreamHost: in[inUpstreamHost], attempted: in[inAttempted],
		upstreamCluster: in[inCluster], route: in[inRoute], hasDetails: f.details,
	}
	if in[inLongFlags] != nil && e.flags == nil {
		f.flags = shortFlags(f.flags[:0], in[inLongFlags])
		e.flags = f.flags
	}
	if string(e.code) == "-" {
		e.code = []byte{'0'}
	}
	var ok bool
	if e.when, ok = f.when(in); !ok {
		return proxy.Foreign
	}
	return f.signal(&e, s)
}

// when reads the time of the start where it is not printed as ISO 8601. All other lines of Envoy have that, and so what
// has only the time at which the line was written is moved by the time that the request took.
func (f *Formatted) when(in *[inFields][]byte) (at time.Time, ok bool) {
	switch {
	case in[inTime] != nil:
		return at, true // read by signal
	case in[inStart] != nil:
		return f.start.Read(in[inStart])
	case in[inEmit] != nil:
		at, ok = f.emit.Read(in[inEmit])
		took, _ := field.Millis(in[inDuration])
		return at.Add(-took), ok
	default:
		return at, true
	}
}
