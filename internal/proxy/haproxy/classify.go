package haproxy

import "github.com/gatemend/gatemend/internal/model"

// classify says how a request failed by its termination state (haproxy/haproxy, doc/configuration.txt,
// section 8.5): first who ended it, then in which phase.
func classify(e *entry, status int) model.FailureKind {
	if len(e.state) < 2 {
		return stateless(e, status)
	}
	who, phase := e.state[0], e.state[1]
	switch who {
	case 'C', 'c':
		return model.NoFailure // the client went away, or was too slow
	case 'S', 's':
		return serverFailure(e, who, phase)
	case 'P':
		return proxyDecision(phase, status)
	case 'R':
		return model.Overload // the proxy ran out of something: connections, ports, memory
	case 'L':
		return localAnswer(e, status)
	case 'D', 'U', 'K':
		return model.Reset // the server was taken down or up while the request was on its way
	case '-':
		return complete(e, status)
	default:
		if status >= 500 {
			return model.OtherFailure
		}
		return model.NoFailure
	}
}

// stateless goes by what a format without the termination state leaves.
func stateless(e *entry, status int) model.FailureKind {
	if status == 503 && string(e.server) == noServer {
		return model.NoEndpoints
	}
	return complete(e, status)
}

// serverFailure: capital S, the server closed or refused; small s, a timeout while waiting for it.
func serverFailure(e *entry, who, phase byte) model.FailureKind {
	switch {
	case phase == 'Q':
		return model.Overload
	case phase == 'C' && string(e.server) == noServer:
		return model.NoEndpoints
	case phase == 'C' && who == 's':
		return model.ConnectTimeout
	case phase == 'C':
		return model.Refused
	case who == 's':
		return model.ResponseTimeout
	default:
		return model.ClosedEarly
	}
}

// proxyDecision: an invalid or oversized answer in the header phase, a limit while connecting, or a rule
// that denies.
func proxyDecision(phase byte, status int) model.FailureKind {
	switch {
	case phase == 'H' || phase == 'D':
		return model.Protocol
	case phase == 'C' || phase == 'Q':
		return model.Overload
	case status == 403:
		return model.Denied
	case status >= 500:
		return model.OtherFailure
	default:
		return model.NoFailure
	}
}

func localAnswer(e *entry, status int) model.FailureKind {
	switch {
	case status == 404 && isDefaultBackend(e.backend):
		return model.NoRoute
	case status >= 500:
		return model.OtherFailure
	default:
		return model.NoFailure
	}
}

// complete: nothing went wrong on the way. With a response time it was the server that answered so.
func complete(e *entry, status int) model.FailureKind {
	switch {
	case status < 500:
		return model.NoFailure
	case isNumber(e.timers[3]):
		return model.UpstreamStatus
	default:
		return model.OtherFailure
	}
}
