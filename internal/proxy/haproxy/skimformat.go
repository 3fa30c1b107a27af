package haproxy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Skim implements proxy.Skimmer for the format of its user's own, of requests of a backend that nobody broke off.
func (f *Formatted) Skim(line []byte, k *proxy.Skim) bool {
	if len(line) == 0 || line[len(line)-1] < ' ' {
		return false
	}
	var in [inFields][]byte
	if !f.skimSplit(line, in[:]) && !f.skimSplit(field.AfterSyslog(line), in[:]) || len(in[inBackend]) == 0 {
		return false
	}
	if state := in[inState]; state != nil && (len(state) < 2 || state[0] != '-') {
		return false
	}
	var ok bool
	if k.At, ok = f.skimClock(&in); !ok {
		return false
	}
	if k.Status, ok = field.Served(in[inStatus]); !ok {
		return false
	}
	took := in[inActive]
	if took == nil {
		took = in[inTotal]
	}
	d, ok := field.Millis(bytes.TrimPrefix(took, []byte{'+'}))
	if !ok && took != nil {
		return false
	}
	k.Duration = int64(d)
	k.Route, k.ByPath = append(k.Route[:0], in[inBackend]), false
	return true
}

func (f *Formatted) skimSplit(text []byte, fields [][]byte) bool {
	if f.template == nil {
		return f.skimObject(text, fields)
	}
	return f.template.Skim(text, fields)
}

// skimClock reads the time as formatted does.
func (f *Formatted) skimClock(in *[inFields][]byte) (nanos int64, ok bool) {
	switch {
	case in[inExactTime] != nil:
		return f.clock.Local(in[inExactTime])
	case in[inTime] != nil:
		return f.clock.Common(in[inTime])
	case in[inEpoch] != nil:
		at, ok := field.Epoch(in[inEpoch])
		return at.UnixNano(), ok
	case in[inDate] != nil:
		at, ok := f.layout.Read(in[inDate])
		return at.UnixNano(), ok
	default:
		return 0, false
	}
}
