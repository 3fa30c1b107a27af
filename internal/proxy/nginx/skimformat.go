package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Skim implements proxy.Skimmer for the format of its user's own, of requests with one try at most.
func (f *Formatted) Skim(line []byte, k *proxy.Skim) bool {
	var e entry
	if len(line) == 0 || line[len(line)-1] < ' ' || !f.template.Skim(line, e[:]) {
		return false
	}
	var ok bool
	if k.At, ok = f.skimClock(&e); !ok {
		return false
	}
	if k.Status, ok = field.Served(e[inStatus]); !ok || k.Status == 404 && string(e[inUpstreamName]) == noRoute {
		return false
	}
	if bytes.IndexByte(e[inAddresses], ' ') >= 0 || bytes.IndexByte(e[inStatuses], ' ') >= 0 {
		return false
	}
	if status, _ := field.Status(e[inStatuses]); status >= 500 {
		return false
	}
	took, _ := field.Seconds(e[inTook]) // as in fill
	k.Duration = int64(took)
	if len(e[inUpstreamName]) > 0 || len(e[inService]) > 0 || len(e[inRoute]) > 0 {
		k.Route, k.ByPath = append(k.Route[:0], e[inUpstreamName], e[inNamespace], e[inService], e[inPort], e[inRoute]), false
		return true
	}
	return e.skimPath(k)
}

// skimClock reads the time as clock does.
func (f *Formatted) skimClock(e *entry) (nanos int64, ok bool) {
	switch {
	case len(e[inMsec]) > 0:
		at, ok := field.Epoch(e[inMsec])
		return at.UnixNano(), ok
	case len(e[inTimeISO]) > 0:
		return f.of.clock.ISO(e[inTimeISO])
	default:
		return f.of.clock.Common(e[inTimeLocal])
	}
}

// skimPath has host and path stand for the route, as fill finds them.
func (e *entry) skimPath(k *proxy.Skim) bool {
	var segment, host []byte
	var ok bool
	if len(e[inRequest]) > 0 {
		if segment, ok = field.Segment(e[inRequest]); !ok {
			return false
		}
	}
	if len(e[inTarget]) > 0 {
		if segment, ok = field.TargetSegment(e[inTarget]); !ok {
			return false
		}
	}
	if !field.Unset(e[inHost]) {
		host = field.Host(e[inHost])
	}
	k.Route, k.ByPath = append(k.Route[:0], host, segment), true
	return true
}
