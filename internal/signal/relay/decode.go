package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// Bounds of what is believed of a message. An agent keeps to tighter ones; who does not is no agent of ours.
const (
	longestSample  = 16 << 10
	longestText    = 4 << 10 // of one field of a sample
	mostGateways   = 256     // of one node
	mostInMessage  = 200_000 // points
	samplesAtOnce  = 2 * mostSamples
	mostTries      = 32
	mostOfACounter = 1 << 53
)

// errMessage means that a message is none of an agent.
var errMessage = errors.New("this is no report of an agent")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errMessage, fmt.Sprintf(format, args...))
}

// received is a message as it was read.
type received struct {
	Report
	receiver string
	// whole is set if confirmed has all that was confirmed so far.
	whole     bool
	confirmed map[model.Ref]map[Series]uint64
}

// reader reads one message.
type reader struct {
	got             received
	points, samples int
}

// read takes a message apart.
func read(m *collector.ExportMetricsServiceRequest) (received, error) {
	r := reader{got: received{confirmed: map[model.Ref]map[Series]uint64{}}}
	if n := len(m.GetResourceMetrics()); n == 0 || n > mostGateways {
		return received{}, wrong("it has %d parts", n)
	}
	seen := map[model.Ref]bool{}
	for i, part := range m.GetResourceMetrics() {
		begin, g, err := r.resource(part.GetResource().GetAttributes())
		switch {
		case err != nil:
			return received{}, err
		case i == 0:
			r.got.Node, r.got.Instance, r.got.receiver, r.got.Number, r.got.Omitted, r.got.whole =
				begin.Node, begin.Instance, begin.receiver, begin.Number, begin.Omitted, begin.whole
		case begin.Node != r.got.Node || begin.Instance != r.got.Instance || begin.Number != r.got.Number || begin.receiver != r.got.receiver:
			return received{}, wrong("its parts are of different agents")
		case seen[g.Pod]:
			return received{}, wrong("%s/%s is in it twice", g.Pod.Namespace, g.Pod.Name)
		}
		seen[g.Pod] = true
		for _, scope := range part.GetScopeMetrics() {
			for _, metric := range scope.GetMetrics() {
				if err := r.metric(metric, &g); err != nil {
					return received{}, err
				}
			}
		}
		if !g.Pod.IsZero() {
			r.got.Gateways = append(r.got.Gateways, g)
		}
	}
	if r.got.Node == "" || r.got.Instance == "" || r.got.Number == 0 {
		return received{}, wrong("it does not say whose it is")
	}
	return r.got, nil
}

// resource reads what a part says of the agent and of the gateway.
func (r *reader) resource(attributes []*common.KeyValue) (begin received, g Gateway, err error) {
	var namespace, pod string
	for _, a := range attributes {
		v, n := a.GetValue().GetStringValue(), a.GetValue().GetIntValue()
		if !name(v, LongestName) || n < 0 {
			return begin, g, wrong("%s is longer than names are, or none", a.GetKey())
		}
		switch a.GetKey() {
		case keyNode:
			begin.Node = v
		case keyInstance:
			begin.Instance = v
		case keyReceiver:
			begin.receiver = v
		case keyWhole:
			begin.whole = a.GetValue().GetBoolValue()
		case keyNumber:
			begin.Number = uint64(n)
		case keyOmitted:
			begin.Omitted = uint64(n)
		case keyNamespace:
			namespace = v
		case keyPod:
			pod = v
		case keyRead:
			g.Read = moment(uint64(n))
		}
	}
	if namespace != "" && pod != "" {
		g.Pod = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: pod}
	}
	return begin, g, nil
}

// metric reads one metric of a gateway.
func (r *reader) metric(m *metrics.Metric, g *Gateway) error {
	points := m.GetSum().GetDataPoints()
	if r.points += len(points); r.points > mostInMessage {
		return wrong("it has more than %d points", mostInMessage)
	}
	for _, p := range points {
		started, at := moment(p.GetStartTimeUnixNano()), moment(p.GetTimeUnixNano())
		if started.IsZero() || at.IsZero() || !r.got.Started.IsZero() && !r.got.Started.Equal(started) {
			return wrong("its times make no sense")
		}
		r.got.Started, r.got.At = started, at
		if g.Pod.IsZero() {
			continue
		}
		s, err := seriesOf(p.GetAttributes())
		if err != nil {
			return err
		}
		value := p.GetAsInt()
		if value < 0 || value > mostOfACounter {
			return wrong("%d is no count", value)
		}
		samples, err := r.exemplars(p.GetExemplars(), g.Pod)
		if err != nil {
			return err
		}
		switch m.GetName() {
		case metricRequests:
			g.Points = append(g.Points, Point{Series: s, Value: uint64(value), Samples: samples})
		case metricErrors:
			g.Errors = append(g.Errors, samples...)
		case metricConfirmed:
			if r.got.confirmed[g.Pod] == nil {
				r.got.confirmed[g.Pod] = map[Series]uint64{}
			}
			r.got.confirmed[g.Pod][s] = uint64(value)
		}
	}
	return nil
}

func seriesOf(attributes []*common.KeyValue) (s Series, err error) {
	for _, a := range attributes {
		v, most := a.GetValue().GetStringValue(), LongestName
		switch a.GetKey() {
		case keyProxy:
			s.Proxy = v
		case keyHost:
			s.Host = v
		case keyPath:
			s.Path, most = v, LongestPath
		case keyRouteNamespace:
			s.RouteNamespace = v
		case keyRouteName:
			s.RouteName, most = v, LongestPath
		case keyService:
			s.Service, most = v, LongestPath
		case keyServicePort:
			s.ServicePort = v
		case keyFailure:
			s.Failure = model.FailureKind(v)
		case keyStatus:
			n := a.GetValue().GetIntValue()
			if n < 0 || n > 999 {
				return s, wrong("%d is no status", n)
			}
			s.Status = int(n)
		}
		if !name(v, most) {
			return s, wrong("%s is longer than names are, or none", a.GetKey())
		}
	}
	return s, nil
}

// name reports whether a text may be a name.
func name(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' })
}

// exemplars reads samples. They are of the gateway of which the message speaks, whatever they say themselves.
func (r *reader) exemplars(all []*metrics.Exemplar, pod model.Ref) ([]model.Signal, error) {
	if r.samples += len(all); r.samples > samplesAtOnce {
		return nil, wrong("it has more than %d samples", samplesAtOnce)
	}
	var out []model.Signal
	for _, e := range all {
		for _, a := range e.GetFilteredAttributes() {
			body := a.GetValue().GetStringValue()
			if a.GetKey() != keySignal {
				continue
			}
			var s model.Signal
			if len(body) > longestSample || json.Unmarshal([]byte(body), &s) != nil || !sane(&s) {
				continue // what it is a sample of is counted all the same
			}
			s.Gateway, s.Source = pod, source(pod)
			out = append(out, s)
		}
	}
	return out, nil
}

// sane reports whether a sample may be a line of a log.
func sane(s *model.Signal) bool {
	for _, field := range []string{
		s.Proxy, s.Client, s.Request.Scheme, s.Request.Host, s.Request.Path, s.Request.Method, s.RouteNamespace, s.RouteName, s.Service, s.ServicePort,
		string(s.Failure), s.Reason, s.Raw,
	} {
		if len(field) > longestText {
			return false
		}
	}
	return s.Status >= 0 && s.Status <= 999 && s.Duration >= 0 && len(s.Tries) <= mostTries && len(s.Request.Headers) == 0
}

// source names the log for people.
func source(pod model.Ref) string { return "agent/" + pod.Namespace + "/" + pod.Name }
