package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// maxTries bounds how many tries of one line are read.
const maxTries = 32

// groups are the four lists of upstream fields of one line, which have the same length, and where the
// first group of tries ends.
type groups struct {
	// first is how many tries belong to the request itself; what comes after a colon fetched an
	// error page.
	first        int
	lengths      [maxTries]int64 // of the answers' bodies; -1: none
	named        bool            // an address without port: no peer was left in the group of that name
	blind        bool            // the format does not say whether somebody was asked
	statuses     [maxTries]int
	upstreamName []byte
}

func (g *groups) reset() { *g = groups{} }

// upstream reads what ingress-nginx's default format (log-format-upstream) has after "combined":
//
//	LENGTH TIME [UPSTREAM] [ALTERNATIVE] ADDRS LENGTHS TIMES STATUSES REQUEST_ID
//
// The four lists in the middle have blanks in them, so the id is taken from the right first.
func (p *Parser) upstream(rest []byte, s *model.Signal) bool {
	p.groups.reset()
	length, rest, ok := word(rest)
	if _, number := field.Uint(length); !ok || !number {
		return false
	}
	took, rest, ok := word(rest)
	if !ok {
		return false
	}
	if s.Duration, ok = field.Seconds(took); !ok {
		return false
	}
	name, rest, ok := bracketed(rest)
	if !ok {
		return false
	}
	if _, rest, ok = bracketed(rest); !ok {
		return false
	}
	last := bytes.LastIndexByte(rest, ' ')
	if last < 0 || last == len(rest)-1 {
		return false
	}
	if !p.lists(rest[:last], s) {
		return false
	}
	p.groups.upstreamName = name
	p.service(name, s)
	return true
}

func bracketed(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '[' {
		return nil, nil, false
	}
	return bytes.Cut(b[1:], []byte("] "))
}

// lists reads the four lists. The tries of the signal are made from them, unless there was none.
func (p *Parser) lists(b []byte, s *model.Signal) bool {
	g := &p.groups
	addresses := b
	n, first, rest, ok := skipList(b)
	if !ok || n > maxTries {
		return false
	}
	g.first = first
	none := n == 1 && bytes.HasPrefix(addresses, []byte("- "))
	var tries []model.Try
	if !none {
		tries = p.tries.Take(n)
	}
	for i := range tries {
		var address []byte
		address, addresses = item(addresses)
		tries[i].Address = p.names.String(address)
		g.named = !hasPort(address)
	}
	if rest, ok = g.readLengths(rest, n); !ok {
		return false
	}
	if rest, ok = readDurations(rest, n, tries); !ok {
		return false
	}
	if rest, ok = g.readStatuses(rest, n, tries); !ok {
		return false
	}
	s.Tries = tries
	return len(rest) == 0
}

// readLengths reads the first n members of b as the lengths of answers.
func (g *groups) readLengths(b []byte, n int) (rest []byte, ok bool) {
	for i := range n {
		var text []byte
		text, b = item(b)
		length, known := field.Uint(text)
		if !known && string(text) != "-" {
			return nil, false
		}
		if g.lengths[i] = length; !known {
			g.lengths[i] = -1
		}
	}
	return b, true
}

// readDurations reads the first n members of b into the tries, of which there are n or none.
func readDurations(b []byte, n int, tries []model.Try) (rest []byte, ok bool) {
	for i := range n {
		var text []byte
		text, b = item(b)
		d, known := field.Seconds(text)
		if !known && string(text) != "-" {
			return nil, false
		}
		if i < len(tries) {
			tries[i].Duration = d
		}
	}
	return b, true
}

// readStatuses reads the first n members of b, also into the tries, of which there are n or none.
func (g *groups) readStatuses(b []byte, n int, tries []model.Try) (rest []byte, ok bool) {
	for i := range n {
		if len(b) == 0 {
			return nil, false
		}
		var text []byte
		text, b = item(b)
		status, known := field.Status(text)
		if !known && string(text) != "-" {
			return nil, false
		}
		if g.statuses[i] = status; i < len(tries) {
			tries[i].Status = status
		}
	}
	return b, true
}

// skipList counts the members of a list and finds its end: members are joined with ", " and, across an
// internal redirect, with " : ". first is how many come before a colon.
func skipList(b []byte) (n, first int, rest []byte, ok bool) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, ' ')
		if end < 1 {
			return 0, 0, nil, false
		}
		n++
		comma := b[end-1] == ','
		b = b[end+1:]
		switch {
		case comma:
		case bytes.HasPrefix(b, []byte(": ")):
			if first == 0 {
				first = n
			}
			b = b[2:]
		default:
			if first == 0 {
				first = n
			}
			return n, first, b, true
		}
	}
	return 0, 0, nil, false
}

// item takes one member of a list, with what joins it to the next.
func item(b []byte) (text, rest []byte) {
	text, rest, _ = bytes.Cut(b, []byte{' '})
	text = bytes.TrimSuffix(text, []byte{','})
	return text, bytes.TrimPrefix(rest, []byte(": "))
}

func hasPort(address []byte) bool {
	return bytes.IndexByte(address, ':') >= 0
}

// service takes what the upstream's name says: ingress-nginx joins namespace, Service and port with dashes. A name
// that cannot be split here stays whole in Service, for path.Map.Locate to match.
func (p *Parser) service(name []byte, s *model.Signal) {
	if field.Unset(name) || string(name) == "upstream-default-backend" || string(name) == "internal" {
		return
	}
	s.Service = p.names.String(name)
	namespace, service, port, ok := field.Joint(name)
	if !ok || bytes.HasPrefix(name, []byte("custom-default-backend-")) {
		return
	}
	s.RouteNamespace = p.names.String(namespace)
	s.Service = p.names.String(service)
	s.ServicePort = p.names.String(port)
}
