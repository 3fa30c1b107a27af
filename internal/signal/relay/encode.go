package relay

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// The names on the wire. Those without gatemend in them are of OpenTelemetry's semantic conventions.
const (
	keyNode      = "k8s.node.name"
	keyInstance  = "service.instance.id"
	keyReceiver  = "gatemend.receiver" // the receiver that confirmed the last report
	keyWhole     = "gatemend.whole"    // all that a former receiver has confirmed is in the message
	keyNumber    = "gatemend.report"
	keyOmitted   = "gatemend.samples.omitted"
	keyNamespace = "k8s.namespace.name"
	keyPod       = "k8s.pod.name"
	keyRead      = "gatemend.log.read" // Unix time in nanoseconds

	keyProxy          = "gatemend.proxy"
	keyHost           = "server.address"
	keyPath           = "url.path"
	keyRouteNamespace = "gatemend.route.namespace"
	keyRouteName      = "http.route"
	keyService        = "k8s.service.name"
	keyServicePort    = "server.port"
	keyStatus         = "http.response.status_code"
	keyFailure        = "error.type"
	keySignal         = "gatemend.signal" // of an exemplar: a model.Signal as JSON

	metricRequests = "gatemend.requests"
	// metricConfirmed has the values up to which a former receiver has confirmed.
	metricConfirmed = "gatemend.requests.confirmed"
	metricErrors    = "gatemend.errors" // lines of error logs, as exemplars of a point
)

// message is a report for a receiver. confirmed is what another receiver has confirmed; nil: this one has.
func message(r Report, receiver string, confirmed map[model.Ref]map[Series]uint64) *collector.ExportMetricsServiceRequest {
	out := &collector.ExportMetricsServiceRequest{}
	begin := []*common.KeyValue{
		text(keyNode, r.Node), text(keyInstance, r.Instance), text(keyReceiver, receiver),
		number(keyNumber, int64(r.Number)), number(keyOmitted, int64(r.Omitted)),
	}
	if confirmed != nil {
		begin = append(begin, &common.KeyValue{Key: keyWhole, Value: &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: true}}})
	}
	for i := range r.Gateways {
		g := &r.Gateways[i]
		at := stamps{uint64(r.Started.UnixNano()), uint64(r.At.UnixNano())}
		var all []*metrics.Metric
		if before := confirmed[g.Pod]; len(before) > 0 {
			points := make([]*metrics.NumberDataPoint, 0, len(before))
			for s, v := range before {
				points = append(points, at.point(s, v, nil))
			}
			all = append(all, sum(metricConfirmed, points))
		}
		if len(g.Points) > 0 {
			points := make([]*metrics.NumberDataPoint, 0, len(g.Points))
			for _, p := range g.Points {
				points = append(points, at.point(p.Series, p.Value, p.Samples))
			}
			all = append(all, sum(metricRequests, points))
		}
		if len(g.Errors) > 0 {
			all = append(all, sum(metricErrors, []*metrics.NumberDataPoint{at.point(Series{}, 0, g.Errors)}))
		}
		attributes := append(slices.Clone(begin), text(keyNamespace, g.Pod.Namespace), text(keyPod, g.Pod.Name))
		if !g.Read.IsZero() {
			attributes = append(attributes, number(keyRead, g.Read.UnixNano()))
		}
		out.ResourceMetrics = append(out.ResourceMetrics, &metrics.ResourceMetrics{
			Resource: &resource.Resource{Attributes: attributes}, ScopeMetrics: []*metrics.ScopeMetrics{{Metrics: all}},
		})
	}
	if len(r.Gateways) == 0 {
		out.ResourceMetrics = []*metrics.ResourceMetrics{{Resource: &resource.Resource{Attributes: begin}, ScopeMetrics: []*metrics.ScopeMetrics{{
			Metrics: []*metrics.Metric{sum(metricRequests, []*metrics.NumberDataPoint{stamps{uint64(r.Started.UnixNano()), uint64(r.At.UnixNano())}.point(Series{}, 0, nil)})},
		}}}}
	}
	return out
}

// stamps are the times of a report's points.
type stamps struct{ start, now uint64 }

func (t stamps) point(s Series, value uint64, samples []model.Signal) *metrics.NumberDataPoint {
	p := &metrics.NumberDataPoint{
		StartTimeUnixNano: t.start, TimeUnixNano: t.now,
		Value: &metrics.NumberDataPoint_AsInt{AsInt: int64(value)},
	}
	for _, a := range [...]struct{ key, value string }{
		{keyProxy, s.Proxy}, {keyHost, s.Host}, {keyPath, s.Path}, {keyRouteNamespace, s.RouteNamespace}, {keyRouteName, s.RouteName},
		{keyService, s.Service}, {keyServicePort, s.ServicePort}, {keyFailure, string(s.Failure)},
	} {
		if a.value != "" {
			p.Attributes = append(p.Attributes, text(a.key, a.value))
		}
	}
	if s.Status != 0 {
		p.Attributes = append(p.Attributes, number(keyStatus, int64(s.Status)))
	}
	for i := range samples {
		body, ok := sampleBody(samples[i])
		if !ok {
			continue // it is counted all the same
		}
		p.Exemplars = append(p.Exemplars, &metrics.Exemplar{
			TimeUnixNano: t.now, FilteredAttributes: []*common.KeyValue{text(keySignal, body)},
			Value: &metrics.Exemplar_AsInt{AsInt: 1},
		})
	}
	return p
}

// sampleBody is a sample as JSON, its texts cut to what a receiver takes.
func sampleBody(s model.Signal) (string, bool) {
	for _, field := range []*string{&s.Client, &s.Request.Host, &s.Request.Path, &s.Request.Method, &s.RouteName, &s.Service, &s.Reason, &s.Raw} {
		*field = strings.ToValidUTF8((*field)[:min(len(*field), longestText)], "")
	}
	s.Tries = s.Tries[:min(len(s.Tries), mostTries)]
	body, err := json.Marshal(&s)
	if len(body) > longestSample {
		s.Raw = ""
		body, err = json.Marshal(&s)
	}
	return string(body), err == nil && len(body) <= longestSample
}

// Name cuts a text of a log to what may be a name in a report.
func Name(s string, most int) string {
	if name(s, most) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

func sum(metric string, points []*metrics.NumberDataPoint) *metrics.Metric {
	return &metrics.Metric{Name: metric, Unit: "{request}", Data: &metrics.Metric_Sum{Sum: &metrics.Sum{
		AggregationTemporality: metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE, IsMonotonic: true, DataPoints: points,
	}}}
}

func text(key, v string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}

func number(key string, v int64) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v}}}
}

// moment reads a time; zero for what is none.
func moment(nanos uint64) time.Time {
	if nanos == 0 || nanos > 1<<62 {
		return time.Time{}
	}
	return time.Unix(0, int64(nanos)).UTC()
}
