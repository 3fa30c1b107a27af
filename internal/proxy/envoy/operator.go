package envoy

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/proxy/logformat"
)

// Where a command operator belongs.
const (
	inTime  = iota // of the start, as ISO 8601
	inStart        // of the start, in a form of its user's own
	inEmit         // of the line
	inMethod
	inPath
	inAuthority
	inCode
	inFlags
	inLongFlags
	inDetails
	inTransport
	inDuration
	inServiceTime
	inForwardedFor
	inRemote
	inUpstreamHost
	inAttempted
	inCluster
	inRoute
	inFields
)

// operator is one command operator of a format, %NAME(ARGUMENT):LENGTH%.
type operator struct{ name, argument string }

// isoForm is how times are printed without an argument.
const isoForm = "%Y-%m-%dT%H:%M:%E3SZ"

// layouts are the forms of the times of a format. Of several of one kind the first is read.
type layouts struct{ start, emit *field.Layout }

// slot says where an operator belongs and what it prints (envoyproxy/envoy,
// docs/root/configuration/observability/access_log/usage.rst). Nothing is escaped in text.
func (o operator) slot(l *layouts) (int, logformat.Content) {
	word := logformat.Of(` "`, nil)
	number := logformat.Of(` "`, isNumberOrNone)
	text := logformat.Text("", false)
	switch o.name {
	case "START_TIME", "START_TIME_LOCAL":
		if o.argument == "" || strings.HasPrefix(o.argument, "%Y-%m-%dT%H:%M:%S") && !strings.HasSuffix(o.argument, "S") {
			return inTime, logformat.Of(` "`, func(b []byte) bool { _, ok := field.ISO(b); return ok })
		}
		return o.time(inStart, &l.start)
	case "EMIT_TIME", "EMIT_TIME_LOCAL":
		return o.time(inEmit, &l.emit)
	case "REQ", "REQ_WITHOUT_QUERY":
		return header(o.argument, text)
	case "RESP":
		if strings.EqualFold(o.argument, "x-envoy-upstream-service-time") {
			return inServiceTime, number
		}
		return logformat.Skip, text
	case "PATH":
		return inPath, logformat.Text(" ", false)
	case "PROTOCOL", "REQUESTED_SERVER_NAME", "UPSTREAM_PROTOCOL", "UPSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_LOCAL_ADDRESS",
		"DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "CONNECTION_TERMINATION_DETAILS", "GRPC_STATUS", "GRPC_STATUS_NUMBER":
		return logformat.Skip, word
	case "RESPONSE_CODE":
		return inCode, number
	case "RESPONSE_FLAGS":
		return inFlags, logformat.Of(` "`, validFlags)
	case "RESPONSE_FLAGS_LONG":
		return inLongFlags, logformat.Of(` "`, validFlags)
	case "RESPONSE_CODE_DETAILS":
		return inDetails, word
	case "UPSTREAM_TRANSPORT_FAILURE_REASON":
		return inTransport, logformat.Of("", nil)
	case "BYTES_RECEIVED", "BYTES_SENT", "REQUEST_DURATION", "RESPONSE_DURATION", "RESPONSE_TX_DURATION", "CONNECTION_ID",
		"UPSTREAM_REQUEST_ATTEMPT_COUNT", "ATTEMPT_COUNT":
		return logformat.Skip, number
	case "DURATION":
		return inDuration, number
	case "DOWNSTREAM_REMOTE_ADDRESS", "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":
		return inRemote, word
	case "UPSTREAM_HOST", "UPSTREAM_REMOTE_ADDRESS":
		return inUpstreamHost, word
	case "UPSTREAM_HOSTS_ATTEMPTED":
		return inAttempted, logformat.Of(`"`, nil)
	case "UPSTREAM_CLUSTER", "UPSTREAM_CLUSTER_RAW":
		return inCluster, word
	case "ROUTE_NAME":
		return inRoute, word
	default:
		return logformat.Skip, text
	}
}

// time reads a time by its form. One that does not tell the day is left out.
func (o operator) time(slot int, known **field.Layout) (int, logformat.Content) {
	form := o.argument
	if form == "" {
		form = isoForm
	}
	l, ok := field.NewLayout(form)
	if !ok {
		return logformat.Skip, logformat.Of(`"`, nil)
	}
	stop := ` "`
	if strings.ContainsAny(form, " cet") { // the letters of directives that print blanks
		stop = `"`
	}
	if *known != nil {
		slot = logformat.Skip
	} else {
		*known = l
	}
	return slot, logformat.Of(stop, func(b []byte) bool { _, ok := l.Read(b); return ok })
}

// header: of "A?B" the second is printed where there is no first. A method has only letters, and no path a blank
// (the codec refuses both).
func header(argument string, text logformat.Content) (int, logformat.Content) {
	names := strings.Split(strings.ToLower(argument), "?")
	switch names[len(names)-1] {
	case ":method":
		return inMethod, logformat.Text(` "`, false)
	case ":path":
		return inPath, logformat.Text(" ", false)
	case ":authority", "host":
		return inAuthority, text
	case "x-forwarded-for":
		return inForwardedFor, text
	default:
		return logformat.Skip, text
	}
}

func isNumberOrNone(b []byte) bool { return isNumber(b) || string(b) == "-" }

// parts takes a format string apart.
func (l *layouts) parts(format string) ([]logformat.Part, error) {
	var out []logformat.Part
	for at := 0; at < len(format); {
		if format[at] != '%' {
			end := at + strings.IndexByte(format[at:]+"%", '%')
			out = append(out, logformat.Part{Literal: format[at:end]})
			at = end
			continue
		}
		if strings.HasPrefix(format[at:], "%%") {
			out = append(out, logformat.Part{Literal: "%"})
			at += 2
			continue
		}
		o, end, why := readOperator(format, at)
		if why != "" {
			return nil, &logformat.PositionError{At: at, Why: why}
		}
		slot, content := o.slot(l)
		part := logformat.Part{Name: format[at:end], At: at, Slot: slot, Content: content, Unset: "-"}
		if slot == inPath { // often behind the authority
			part.Begins = '/'
		}
		out = append(out, part)
		at = end
	}
	return out, nil
}

// readOperator reads one operator, which begins at a percent sign.
func readOperator(format string, at int) (o operator, end int, why string) {
	i := at + 1
	for i < len(format) && (format[i] >= 'A' && format[i] <= 'Z' || format[i] == '_' || format[i] >= '0' && format[i] <= '9') {
		i++
	}
	if o.name = format[at+1 : i]; o.name == "" {
		return o, 0, "a % that begins no operator"
	}
	if i == len(format) || format[i] != '(' {
		if end, ok := operatorEnd(format, i); ok {
			return o, end, ""
		}
		return o, 0, fmt.Sprintf("%%%s without the %% that ends it", o.name)
	}
	if strings.IndexByte(format[i:], ')') < 0 {
		return o, 0, "a ( without its )"
	}
	// The argument, which may hold parentheses, goes up to the first one with which the operator ends
	// (envoyproxy/envoy, source/common/formatter/substitution_format_utility.h).
	for j := i + 1; j < len(format); j++ {
		if format[j] != ')' {
			continue
		}
		if end, ok := operatorEnd(format, j+1); ok {
			o.argument = format[i+1 : j]
			return o, end, ""
		}
	}
	return o, 0, fmt.Sprintf("%%%s without the %% that ends it", o.name)
}

// operatorEnd passes over ":LENGTH" and the percent sign.
func operatorEnd(format string, i int) (end int, ok bool) {
	if i < len(format) && format[i] == ':' {
		for i++; i < len(format) && format[i] >= '0' && format[i] <= '9'; {
			i++
		}
	}
	return i + 1, i < len(format) && format[i] == '%'
}

// shortFlags turns long names of response flags into short ones; both are joined with commas
// (envoyproxy/envoy, envoy/stream_info/stream_info.h).
func shortFlags(dst, long []byte) []byte {
	for len(long) > 0 {
		var name []byte
		name, long, _ = bytes.Cut(long, []byte{','})
		if len(dst) > 0 {
			dst = append(dst, ',')
		}
		if short := shortFlag(string(name)); short != "" {
			dst = append(dst, short...)
		} else {
			dst = append(dst, name...)
		}
	}
	return dst
}

func shortFlag(long string) string {
	switch long {
	case "FailedLocalHealthCheck":
		return "LH"
	case "NoHealthyUpstream":
		return "UH"
	case "UpstreamRequestTimeout":
		return "UT"
	case "LocalReset":
		return "LR"
	case "UpstreamRemoteReset":
		return "UR"
	case "UpstreamConnectionFailure":
		return "UF"
	case "UpstreamConnectionTermination":
		return "UC"
	case "UpstreamOverflow":
		return "UO"
	case "NoRouteFound":
		return "NR"
	case "DelayInjected":
		return "DI"
	case "FaultInjected":
		return "FI"
	case "RateLimited":
		return "RL"
	case "UnauthorizedExternalService":
		return "UAEX"
	case "DownstreamConnectionTermination":
		return "DC"
	case "UpstreamRetryLimitExceeded":
		return "URX"
	case "StreamIdleTimeout":
		return "SI"
	case "UpstreamMaxStreamDurationReached":
		return "UMSDR"
	case "NoFilterConfigFound":
		return "NFCF"
	case "DurationTimeout":
		return "DT"
	case "UpstreamProtocolError":
		return "UPE"
	case "NoClusterFound":
		return "NC"
	case "OverloadManagerTerminated":
		return "OM"
	case "DnsResolutionFailed":
		return "DF"
	case "DropOverload":
		return "DO"
	case "DownstreamRemoteReset":
		return "DR"
	case "UnconditionalDropOverload":
		return "UDO"
	default:
		return ""
	}
}
