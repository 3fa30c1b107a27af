package nginx

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// judge says how a request failed, as far as its access line alone tells. The error log says it better: package
// detect joins the two.
func (p *Parser) judge(s *model.Signal) {
	g := &p.groups
	switch {
	case s.Status == 9:
		// The backend's first bytes were no HTTP/1 status line, which nginx takes for HTTP/0.9: a TLS
		// alert or an HTTP/2 frame.
		s.Failure = model.Protocol
	case s.Status == 404 && string(g.upstreamName) == "upstream-default-backend":
		s.Failure = model.NoRoute
	case s.Status < 500:
	case len(s.Tries) == 0:
		// Nobody was asked. ingress-nginx answers 503 so for a backend without endpoints.
		s.Failure = model.OtherFailure
		if s.Status == 503 && s.Service != "" && !g.blind {
			s.Failure = model.NoEndpoints
		}
	default:
		s.Failure = p.lastTry(s)
	}
}

// defaultConnectTimeout is ingress-nginx's proxy-connect-timeout. nginx prints it with at most some ten
// milliseconds more.
const defaultConnectTimeout = 5 * time.Second

// lastTry judges the last try of the request itself. A 502 or 504 without a body is nginx's own verdict, anything
// else the application's answer.
func (p *Parser) lastTry(s *model.Signal) model.FailureKind {
	g := &p.groups
	i := g.first - 1
	switch status, body := g.statuses[i], g.lengths[i]; {
	case isFallback(s.Tries[i].Address):
		return model.NoEndpoints
	case status < 500:
		return model.OtherFailure
	case g.named:
		return model.NoEndpoints
	case status != 502 && status != 504 || body > 0:
		return model.UpstreamStatus
	case status == 504:
		return timedOut(s.Tries[:g.first])
	default:
		return model.OtherFailure // refused, reset, closed, TLS, too big: only the error log knows
	}
}

// timedOut tells the two timeouts apart by their length: several tries that all took the default connect timeout. A read
// timeout of that very length exists too, and the error log overrules this.
func timedOut(tries []model.Try) model.FailureKind {
	if len(tries) < 2 {
		return model.ResponseTimeout
	}
	for _, t := range tries {
		if t.Duration < defaultConnectTimeout || t.Duration > defaultConnectTimeout+100*time.Millisecond {
			return model.ResponseTimeout
		}
	}
	return model.ConnectTimeout
}

// isFallback recognises the places to which F5's controllers send requests of a Service without
// endpoints (nginx/kubernetes-ingress, nginx/nginx-gateway-fabric).
func isFallback(address string) bool {
	switch address {
	case "127.0.0.1:8181", "unix:/var/lib/nginx/nginx-502-server.sock",
		"unix:/var/run/nginx/nginx-503-server.sock", "unix:/var/run/nginx/nginx-500-server.sock", "0.0.0.1:80":
		return true
	default:
		return false
	}
}
