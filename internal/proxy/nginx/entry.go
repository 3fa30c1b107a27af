package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// The fields of an entry.
const (
	inClient = iota
	inTimeLocal
	inTimeISO
	inMsec
	inRequest
	inMethod
	inTarget
	inHost
	inScheme
	inStatus
	inTook
	inUpstreamName
	inAddresses
	inLengths
	inTimes
	inStatuses
	inNamespace
	inRoute
	inService
	inPort
	inFields
)

// entry is one request as a format other than the built-in ones has it. A field that the format lacks is nil, which is
// not the same as one that is empty. The slices point into the line.
type entry [inFields][]byte

// fill turns an entry into a signal. It reports false if a field is not what it must be.
func (p *Parser) fill(e *entry, s *model.Signal) bool {
	p.groups.reset()
	if !e.clock(s) {
		return false
	}
	var ok bool
	if s.Status, ok = field.Status(e[inStatus]); !ok {
		return false
	}
	s.Proxy = p.dialect.Name
	s.Client = p.names.String(e[inClient])
	s.Request.Scheme = p.names.String(e[inScheme])
	p.request(e[inRequest], s)
	if len(e[inMethod]) > 0 {
		s.Request.Method = p.names.String(e[inMethod])
	}
	if len(e[inTarget]) > 0 {
		_, path := field.Target(e[inTarget])
		s.Request.Path = p.names.String(path)
	}
	if !field.Unset(e[inHost]) {
		s.Request.Host = p.names.String(field.Host(e[inHost]))
	}
	s.Duration, _ = field.Seconds(e[inTook])
	p.upstreamLists(e, s)
	p.groups.upstreamName = e[inUpstreamName]
	p.service(e[inUpstreamName], s)
	if len(e[inService]) > 0 {
		s.RouteNamespace = p.names.String(e[inNamespace])
		s.Service = p.names.String(e[inService])
		s.ServicePort = p.names.String(e[inPort])
	}
	s.RouteName = p.names.String(e[inRoute])
	p.judge(s)
	return true
}

// clock sets the time, from the most exact of the variables that print it.
func (e *entry) clock(s *model.Signal) (ok bool) {
	switch {
	case len(e[inMsec]) > 0:
		s.At, ok = field.Epoch(e[inMsec])
	case len(e[inTimeISO]) > 0:
		s.At, ok = field.ISO(e[inTimeISO])
	case len(e[inTimeLocal]) > 0:
		s.At, ok = field.Common(e[inTimeLocal])
	default:
		ok = true
	}
	return ok
}

// upstreamLists reads the lists of upstream fields, as far as the format has them.
func (p *Parser) upstreamLists(e *entry, s *model.Signal) {
	g := &p.groups
	g.blind = e[inAddresses] == nil && e[inStatuses] == nil
	addresses, statuses, times, lengths := e[inAddresses], e[inStatuses], e[inTimes], e[inLengths]
	list := addresses
	if list == nil {
		list = statuses
	}
	if field.Unset(list) {
		return
	}
	n := bytes.Count(list, []byte(", ")) + bytes.Count(list, []byte(" : ")) + 1
	if n > maxTries {
		g.blind = true
		return
	}
	first, _, _ := bytes.Cut(list, []byte(" : "))
	g.first = bytes.Count(first, []byte(", ")) + 1
	s.Tries = p.tries.Take(n)
	for i := range s.Tries {
		var address, status, took, length []byte
		address, addresses = item(addresses)
		status, statuses = item(statuses)
		took, times = item(times)
		length, lengths = item(lengths)
		g.named = len(address) > 0 && !hasPort(address)
		g.statuses[i], _ = field.Status(status)
		g.lengths[i], _ = field.Uint(length)
		s.Tries[i].Address = p.names.String(address)
		s.Tries[i].Status = g.statuses[i]
		s.Tries[i].Duration, _ = field.Seconds(took)
	}
}
