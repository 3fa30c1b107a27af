package cloudlb

import (
	"bytes"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// albParser reads the access log of AWS's Application Load Balancer
// (awsdocs/elb-application-load-balancers-user-guide, doc_source/load-balancer-access-logs.md).
type albParser struct {
	names field.Interner
	tries field.Tries
}

func newALBParser() *albParser { return &albParser{} }

// The fields of a line that are read, by their place. More may follow at the end of a line, which is how the format
// grows.
const (
	albType = iota
	albTime
	albName
	albClient
	albTarget
	albRequestTime
	albTargetTime
	albResponseTime
	albStatus
	albTargetStatus
	albReceived
	albSent
	albRequest
	albAgent
	albCipher
	albProtocol
	albGroup
	albTrace
	albDomain
	albCertificate
	albPriority
	albCreated
	albActions
	albRedirect
	albError
	albFields
)

// albLeast is how many fields the oldest lines have. In nine years six were added to today's thirty; a line of more
// than albMost is two that ran into one.
const (
	albLeast = albTrace + 1
	albMost  = 48
)

type albEntry [albFields][]byte

// Parse implements proxy.Parser.
func (p *albParser) Parse(line []byte, s *model.Signal) proxy.Class {
	*s = model.Signal{}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return proxy.Event
	}
	var e albEntry
	if !e.read(line) || !p.signal(&e, s) {
		*s = model.Signal{}
		return proxy.Foreign
	}
	if s.Failed() {
		s.Raw = field.Redact(line)
	}
	return proxy.Access
}

// read takes a line apart.
func (e *albEntry) read(line []byte) bool {
	n := 0
	for rest := line; len(rest) > 0; n++ {
		var text []byte
		var ok bool
		if text, rest, ok = albField(rest); !ok {
			return false
		}
		if n < albFields {
			e[n] = text
		}
	}
	return n >= albLeast && n <= albMost
}

// albField takes a word, or a quoted text without quotes in it, and the blank after it.
func albField(b []byte) (text, rest []byte, ok bool) {
	if b[0] != '"' {
		text, rest, _ = bytes.Cut(b, []byte{' '})
		return text, rest, len(text) > 0 && bytes.IndexByte(text, '"') < 0
	}
	text, rest, ok = bytes.Cut(b[1:], []byte{'"'})
	switch {
	case !ok:
		return nil, nil, false
	case len(rest) == 0:
		return text, nil, true
	default:
		return text, rest[1:], rest[0] == ' '
	}
}

func (p *albParser) signal(e *albEntry, s *model.Signal) bool {
	switch string(e[albType]) {
	case "http", "ws":
		s.Request.Scheme = "http"
	case "https", "h2", "grpc", "grpcs", "wss":
		s.Request.Scheme = "https"
	default:
		return false
	}
	var ok bool
	if s.At, ok = field.ISO(e[albTime]); !ok {
		return false
	}
	if s.Status, ok = field.Status(e[albStatus]); !ok {
		return false
	}
	targetStatus, ok := field.Status(e[albTargetStatus])
	if !ok && string(e[albTargetStatus]) != "-" {
		return false
	}
	targetTime, ok := p.times(e, s)
	if !ok {
		return false
	}
	s.Proxy = "aws-alb"
	s.Client = p.names.String(field.Host(e[albClient]))
	if method, target, ok := field.RequestLine(e[albRequest]); ok {
		host, path := field.Target(target)
		s.Request.Method = p.names.String(method)
		s.Request.Host = p.names.String(field.Host(host))
		s.Request.Path = p.names.String(path)
	}
	s.Service = p.names.String(targetGroup(e[albGroup]))
	if !field.Unset(e[albTarget]) {
		s.Tries = p.tries.Take(1)
		s.Tries[0] = model.Try{Address: p.names.String(e[albTarget]), Status: targetStatus, Duration: max(targetTime, 0)}
	}
	s.Failure = e.failure(s, targetTime)
	if s.Failed() {
		s.Reason = e.reason()
	}
	return true
}

// times sets the duration: what passed between creation and end, or the sum of the three times where that is more (the
// creation is written with less precision). -1 is a time that was not reached.
func (p *albParser) times(e *albEntry, s *model.Signal) (target time.Duration, ok bool) {
	var sum time.Duration
	for i := albRequestTime; i <= albResponseTime; i++ {
		if string(e[i]) == "-1" {
			if i == albTargetTime {
				target = -1
			}
			continue
		}
		d, ok := field.Seconds(e[i])
		if !ok {
			return 0, false
		}
		if i == albTargetTime {
			target = d
		}
		sum += d
	}
	s.Duration = sum
	if created, ok := field.ISO(e[albCreated]); ok {
		s.Duration = max(sum, s.At.Sub(created))
	}
	return target, true
}

// tlsTimeout is after how long the load balancer gives a TLS handshake with a target up.
const tlsTimeout = 10 * time.Second

// failure says how a request failed; who answered is told by whether there is a target's status
// (doc_source/load-balancer-troubleshooting.md).
func (e *albEntry) failure(s *model.Signal, targetTime time.Duration) model.FailureKind {
	fixed := bytes.Contains(e[albActions], []byte("fixed-response"))
	switch {
	case s.Status == 404 && fixed:
		return model.NoRoute
	case s.Status == 403 && bytes.Contains(e[albActions], []byte("waf")), s.Status == 561:
		return model.Denied
	case s.Status < 500:
		return model.NoFailure // 460: the client went away
	case !field.Unset(e[albTargetStatus]), bytes.HasPrefix(e[albError], []byte("Lambda")):
		return model.UpstreamStatus
	case s.Status == 503 && len(s.Tries) == 0:
		return model.NoEndpoints // also the fixed answer in place of a Service that does not exist
	case s.Status == 504 && string(e[albRequestTime]) == "-1":
		return model.ConnectTimeout
	case s.Status == 504:
		return model.ResponseTimeout
	case s.Status != 502 || fixed:
		return model.OtherFailure
	case targetTime < 0:
		return model.Refused
	case targetTime >= tlsTimeout:
		return model.TLS
	default:
		return model.Reset
	}
}

// reason is in the words of the log's own fields.
func (e *albEntry) reason() string {
	switch {
	case !field.Unset(e[albError]):
		return string(e[albError])
	case field.Unset(e[albTarget]):
		return "elb_status_code " + string(e[albStatus]) + " target -"
	default:
		return "elb_status_code " + string(e[albStatus]) + " target_status_code " + string(e[albTargetStatus])
	}
}

// targetGroup takes the name out of "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID". The
// controller's names (k8s-NAMESPACE-SERVICE-HASH, both cut to 8 letters) do not tell the Service for sure.
func targetGroup(arn []byte) []byte {
	_, rest, ok := bytes.Cut(arn, []byte(":targetgroup/"))
	if !ok {
		return nil
	}
	name, _, _ := bytes.Cut(rest, []byte{'/'})
	return name
}
