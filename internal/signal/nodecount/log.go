package nodecount

import (
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/signal/logfile"
	"github.com/gatemend/gatemend/internal/signal/relay"
)

// mostSkimmed is how many looks of lines are known by their parts alone; lines of further ones are read in full.
const mostSkimmed = 1 << 16

// Log is one log of a gateway. It is used by one goroutine.
type Log struct {
	book    *Book
	gateway *gateway
	parser  proxy.Parser
	skimmer proxy.Skimmer // nil: there is none

	skim    proxy.Skim
	skimmed map[string]*series // by the parts of a line that tell the route, and its status
	key     []byte
	signal  model.Signal
	closed  bool
}

// Take counts one line. stamp is when the node got it.
func (l *Log) Take(text []byte, stamp time.Time) proxy.Class {
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	if g := l.gateway; stamp.After(g.read) {
		g.read = stamp
	}
	skimmed := l.skimmer != nil && l.skimmer.Skim(text, &l.skim) && !l.skim.ByPath
	if skimmed {
		l.key = append(l.key[:0], byte(l.skim.Status), byte(l.skim.Status>>8))
		for _, part := range l.skim.Route {
			l.key = append(append(l.key, part...), 0)
		}
		if s := l.skimmed[string(l.key)]; s != nil && (len(s.samples) >= successes || l.book.samples >= mostSamples) {
			l.gateway.add(s)
			return proxy.Access
		}
	}
	class := l.parser.Parse(text, &l.signal)
	switch class {
	case proxy.Access:
		s := l.request(text, stamp)
		if skimmed && len(l.skimmed) < mostSkimmed {
			l.skimmed[string(l.key)] = s
		}
	case proxy.ErrorLine:
		if l.book.room(l.gateway.errors, mostSamples) {
			l.gateway.errors = append(l.gateway.errors, l.sample(text, stamp))
		} else {
			l.book.omitted++
		}
	case proxy.Event, proxy.Foreign:
	}
	return class
}

// request counts a request that was read in full.
func (l *Log) request(text []byte, stamp time.Time) *series {
	sig := &l.signal
	s := l.gateway.find(seriesOf(sig))
	l.gateway.add(s)
	most := successes
	if sig.Failed() {
		most = failures
	}
	if l.book.room(s.samples, most) {
		s.samples = append(s.samples, l.sample(text, stamp))
	} else if sig.Failed() {
		l.book.omitted++
	}
	return s
}

// sample is the line that was read last as it may leave the node.
func (l *Log) sample(text []byte, stamp time.Time) model.Signal {
	s := l.signal
	s.At, s.Raw = logfile.Moment(s, stamp), ""
	if s.Failed() || s.ErrorLog {
		s.Raw = strings.ToValidUTF8(field.Redact(text), "?")
	}
	s.Gateway = l.gateway.pod
	return s
}

// Close says that there is no more of the log. A gateway without a log is not reported any more.
func (l *Log) Close() {
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	if l.gateway.logs--; l.gateway.logs == 0 && l.book.gateways[l.gateway.pod] == l.gateway {
		delete(l.book.gateways, l.gateway.pod)
	}
}

// seriesOf is the series of a request.
func seriesOf(s *model.Signal) relay.Series {
	key := relay.Series{
		Proxy: s.Proxy, Status: s.Status, Failure: s.Failure,
		RouteNamespace: relay.Name(s.RouteNamespace, relay.LongestName), RouteName: relay.Name(s.RouteName, relay.LongestPath),
		Service: relay.Name(s.Service, relay.LongestPath), ServicePort: relay.Name(s.ServicePort, relay.LongestName),
	}
	if s.Status < 0 || s.Status > 999 {
		key.Status = 0
	}
	if s.Service == "" && s.RouteName == "" {
		key.Host, key.Path = relay.Name(strings.ToLower(s.Request.Host), relay.LongestName), relay.Name(general(s.Request.Path), relay.LongestPath)
	}
	return key
}
