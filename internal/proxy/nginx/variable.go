package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/proxy/logformat"
)

// variable says what a variable prints and where it belongs.
type variable struct {
	slot    int
	content logformat.Content
}

// slots lists the variables that are read or whose form is known: nginx's own (ngx_http_variables.c,
// ngx_http_upstream.c), those of ingress-nginx (docs/user-guide/nginx-configuration/log-format.md) and of F5's
// controller (internal/configs/version1/nginx.tmpl). All others may be anything.
func slots(escape string) map[string]variable {
	text := clientText(escape)
	word := logformat.Of(` "`, nil)
	number := logformat.Of(` "`, isNumber)
	read := func(slot int, c logformat.Content) variable { return variable{slot, c} }
	list := func(member func([]byte) bool) logformat.Content {
		return logformat.Of(`"`, isList(member)).Joined(" : ")
	}
	skip := func(c logformat.Content) variable { return variable{logformat.Skip, c} }
	return map[string]variable{
		"remote_addr": read(inClient, word), "realip_remote_addr": skip(word), "binary_remote_addr": skip(text), "remote_port": skip(number),
		"time_local":   read(inTimeLocal, logformat.Of(`"`, clock(field.Common))),
		"time_iso8601": read(inTimeISO, logformat.Of(` "`, clock(field.ISO))),
		"msec":         read(inMsec, logformat.Of(` "`, clock(field.Epoch))),
		"request":      read(inRequest, text), "request_method": read(inMethod, text),
		"request_uri": read(inTarget, text), "uri": read(inTarget, text), "document_uri": read(inTarget, text),
		"host": read(inHost, text), "http_host": read(inHost, text), "scheme": read(inScheme, word),
		"status": read(inStatus, logformat.Of(` "`, isStatus)), "request_time": read(inTook, number),
		"body_bytes_sent": skip(number), "bytes_sent": skip(number), "request_length": skip(number), "connection": skip(number),
		"req_id": skip(logformat.Text(` "`, true)), "request_id": skip(logformat.Text(` "`, true)),
		"connection_requests": skip(number), "pid": skip(number), "content_length": skip(text), "pipe": skip(word),
		"proxy_upstream_name": read(inUpstreamName, word), "proxy_alternative_upstream_name": skip(word),
		"upstream_addr":            read(inAddresses, list(isUpstream)),
		"upstream_response_length": read(inLengths, list(isNumber)),
		"upstream_bytes_received":  skip(list(isNumber)), "upstream_bytes_sent": skip(list(isNumber)),
		"upstream_response_time": read(inTimes, list(isNumber)),
		"upstream_connect_time":  skip(list(isNumber)), "upstream_header_time": skip(list(isNumber)),
		"upstream_status": read(inStatuses, list(isStatusOrNone)),
		"namespace":       read(inNamespace, word), "ingress_name": read(inRoute, word), "service_name": read(inService, word), "service_port": read(inPort, word),
		"resource_namespace": read(inNamespace, word), "resource_name": read(inRoute, word), "service": read(inService, word), "resource_type": skip(word),
	}
}

// clientText is text that is not nginx's own. Unless escape=none, no quote in it is bare: it is written \x22, or \"
// with escape=json.
func clientText(escape string) logformat.Content {
	if escape == "none" {
		return logformat.Text("", false)
	}
	return logformat.Text(`"`, true)
}

func clock[T any](read func([]byte) (T, bool)) func([]byte) bool {
	return func(b []byte) bool {
		_, ok := read(b)
		return ok
	}
}

// isNumber takes what is not set as well, which is a dash, or with escape=json nothing.
func isNumber(b []byte) bool {
	_, ok := field.Seconds(b)
	return ok || field.Unset(b)
}

func isStatus(b []byte) bool {
	_, ok := field.Status(b)
	return ok
}

func isStatusOrNone(b []byte) bool { return isStatus(b) || field.Unset(b) }

// isUpstream takes addresses and names of groups. A comma or colon that joins two belongs to none.
func isUpstream(b []byte) bool {
	return bytes.IndexByte(b, ' ') < 0 && !bytes.HasSuffix(b, []byte{','}) && string(b) != ":"
}

// isList checks each member of a list.
func isList(member func([]byte) bool) func([]byte) bool {
	return func(b []byte) bool {
		for {
			end := bytes.IndexByte(b, ' ')
			if end < 0 {
				return member(b)
			}
			head, rest := b[:end], b[end+1:]
			if after, ok := bytes.CutSuffix(head, []byte{','}); ok {
				head = after
			} else if after, ok := bytes.CutPrefix(rest, []byte(": ")); ok {
				rest = after
			} else {
				return false
			}
			if len(head) == 0 || !member(head) || len(rest) == 0 {
				return false
			}
			b = rest
		}
	}
}
