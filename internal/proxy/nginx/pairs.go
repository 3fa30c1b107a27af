package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// pairs reads names with values after "combined", as nginx's own example has it (NGINX documentation, "Configuring Logging":
// rt=$request_time uct="$upstream_connect_time" urt="$upstream_response_time"). What else is named is passed over.
func (p *Parser) pairs(rest []byte, s *model.Signal) bool {
	var e entry
	for len(rest) > 0 {
		name, after, ok := bytes.Cut(rest, []byte{'='})
		if !ok || !isName(name) {
			return false
		}
		var value []byte
		if len(after) > 0 && after[0] == '"' {
			value, rest, ok = quoted(after)
		} else {
			value, rest = bare(after)
		}
		if !ok {
			return false
		}
		if in, known := named(name); known {
			e[in] = value
		}
	}
	if !field.Unset(e[inHost]) {
		s.Request.Host = p.names.String(field.Host(e[inHost]))
	}
	p.groups.reset()
	s.Duration, _ = field.Seconds(e[inTook])
	p.upstreamLists(&e, s)
	return true
}

// bare takes a value without quotes, which may be a list: "10.0.0.1:80, 10.0.0.2:80", with a colon across an internal redirect.
func bare(b []byte) (value, rest []byte) {
	for i := 0; i < len(b); i++ {
		if b[i] == ' ' && (i == 0 || b[i-1] != ',' && b[i-1] != ':') && !bytes.HasPrefix(b[i:], []byte(" : ")) {
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

func isName(b []byte) bool {
	for _, c := range b {
		if (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return len(b) > 0
}

// named is the field for which a name stands: a variable's own, or short for it.
func named(name []byte) (in int, known bool) {
	switch string(name) {
	case "host", "http_host":
		return inHost, true
	case "rt", "request_time":
		return inTook, true
	case "upstream", "upstream_addr":
		return inAddresses, true
	case "us", "upstream_status":
		return inStatuses, true
	case "urt", "upstream_response_time":
		return inTimes, true
	default:
		return 0, false
	}
}
