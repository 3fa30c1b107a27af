package otlp

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/feed"
)

// longestName bounds what a sender may call itself.
const longestName = 253

func sourceName(gateway model.Ref, s feed.Sender, from netip.Addr) string {
	if !gateway.IsZero() {
		return gateway.Namespace + "/" + gateway.Name
	}
	if name := s.Pod; name != "" {
		return name[:min(len(name), longestName)]
	}
	return from.String()
}

// senderOf reads the attributes of a resource: those of the semantic conventions for Kubernetes
// (opentelemetry.io/docs/specs/semconv/resource/k8s), or node_name and cluster_name, which Envoy's logger puts
// there (envoyproxy/envoy, source/extensions/access_loggers/open_telemetry).
func senderOf(attributes []*common.KeyValue) feed.Sender {
	var pod, namespace, node string
	for _, a := range attributes {
		v := a.GetValue().GetStringValue()
		switch a.GetKey() {
		case "k8s.pod.name":
			pod = v
		case "k8s.namespace.name":
			namespace = v
		case "node_name":
			node = v
		}
	}
	return feed.Sender{Namespace: namespace, Pod: cmp.Or(pod, node)}
}

// moment is when a record's event happened, or else was seen.
func moment(r *logs.LogRecord) time.Time {
	nanos := cmp.Or(r.GetTimeUnixNano(), r.GetObservedTimeUnixNano())
	if nanos == 0 || nanos > 1<<62 {
		return time.Time{}
	}
	return time.Unix(0, int64(nanos)).UTC()
}

// lines gives the ways to read a record as a line of a log, the likelier first.
func lines(r *logs.LogRecord) [][]byte {
	var out [][]byte
	switch body := r.GetBody().GetValue().(type) {
	case *common.AnyValue_StringValue:
		if body.StringValue != "" {
			out = append(out, []byte(body.StringValue))
		}
	case *common.AnyValue_BytesValue:
		out = append(out, body.BytesValue)
	case *common.AnyValue_KvlistValue:
		out = appendObject(out, body.KvlistValue.GetValues(), moment(r))
	}
	return appendObject(out, r.GetAttributes(), moment(r))
}

// appendObject appends attributes as a JSON object. Formats of attributes often leave the time to the
// record; it is added in Envoy's way.
func appendObject(out [][]byte, attributes []*common.KeyValue, at time.Time) [][]byte {
	if len(attributes) == 0 {
		return out
	}
	object := fields(attributes, 0)
	timed := false
	for _, key := range [...]string{"start_time", "@timestamp", "timestamp", "time", "StartUTC", "ts"} {
		_, has := object[key]
		timed = timed || has
	}
	if !timed && !at.IsZero() {
		object["start_time"] = at.Format(time.RFC3339Nano)
	}
	b, err := json.Marshal(object)
	if err != nil {
		return out // a number that JSON has no form for
	}
	return append(out, b)
}

// deepest is how far values within values are followed.
const deepest = 8

// fields turns attributes into what encoding/json writes.
func fields(attributes []*common.KeyValue, depth int) map[string]any {
	object := make(map[string]any, len(attributes)+1)
	for _, a := range attributes {
		object[a.GetKey()] = value(a.GetValue(), depth)
	}
	return object
}

func value(v *common.AnyValue, depth int) any {
	if depth > deepest {
		return nil
	}
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_BoolValue:
		return v.BoolValue
	case *common.AnyValue_IntValue:
		return v.IntValue
	case *common.AnyValue_DoubleValue:
		return v.DoubleValue
	case *common.AnyValue_KvlistValue:
		return fields(v.KvlistValue.GetValues(), depth+1)
	case *common.AnyValue_ArrayValue:
		list := make([]any, 0, len(v.ArrayValue.GetValues()))
		for _, e := range v.ArrayValue.GetValues() {
			list = append(list, value(e, depth+1))
		}
		return list
	default:
		return nil
	}
}
