package envoy

import (
	"strconv"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/proxy/field"
)

// readJSON reads one JSON object with the keys of Contour, Envoy Gateway or Istio. Their values are
// numbers or texts, depending on version and format settings; null, a dash and a missing key all mean
// "unset".
func (p *Parser) readJSON(line []byte, e *entry) bool {
	v, err := p.json.ParseBytes(line)
	if err != nil || v.Type() != fastjson.TypeObject {
		return false
	}
	p.scratch = p.scratch[:0]
	e.at = p.value(v, "start_time", "@timestamp", "timestamp")
	e.code = p.value(v, "response_code")
	if field.Unset(e.at) || field.Unset(e.code) {
		return false
	}
	e.method = p.value(v, "method")
	e.path = p.value(v, "path", "x-envoy-origin-path", "x_envoy_origin_path", "x-envoy-original-path")
	e.authority = p.value(v, "authority", ":authority")
	e.flags = p.value(v, "response_flags")
	e.details = p.value(v, "response_code_details")
	e.hasDetails = v.Exists("response_code_details")
	e.transport = p.value(v, "upstream_transport_failure_reason")
	e.duration = p.value(v, "duration")
	e.serviceTime = p.value(v, "upstream_service_time", "x-envoy-upstream-service-time")
	e.forwardedFor = p.value(v, "x_forwarded_for", "x-forwarded-for")
	e.remote = p.value(v, "downstream_remote_address")
	e.upstreamHost = p.value(v, "upstream_host")
	e.upstreamCluster = p.value(v, "upstream_cluster")
	e.route = p.value(v, "route_name")
	return true
}

// value returns the text or number of the first key that is set.
func (p *Parser) value(v *fastjson.Value, keys ...string) []byte {
	for _, k := range keys {
		f := v.Get(k)
		if f == nil {
			continue
		}
		switch f.Type() {
		case fastjson.TypeString:
			if b := f.GetStringBytes(); !field.Unset(b) {
				return b
			}
		case fastjson.TypeNumber:
			if n, err := f.Int64(); err == nil {
				from := len(p.scratch)
				p.scratch = strconv.AppendInt(p.scratch, n, 10)
				return p.scratch[from:]
			}
			return []byte{'?'} // not an integer, which no field may be
		default: // null and what no field may be count as not set
		}
	}
	return nil
}
