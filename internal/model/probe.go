package model

import (
	"fmt"
	"strings"
	"time"
)

// Probe is one active check of one step of a request's path, and what came of it. Who asked from where decides
// what it proves: a connection that is refused from outside a pod and taken inside it says that the process
// listens on loopback only.
type Probe struct {
	From Vantage `json:"from"`
	// To is what was asked: a gateway's pod, a Service, a backend's pod.
	To   Ref   `json:"to"`
	Port int32 `json:"port,omitempty"`
	// Request is what was asked for; nil where a connection alone was made, or sockets were looked at.
	Request *Request `json:"request,omitempty"`
	// Status is that of the answer; 0: there was none.
	Status  int         `json:"status,omitempty"`
	Failure FailureKind `json:"failure,omitempty"`
	Reason  string      `json:"reason,omitempty"` // in the words of whoever failed
	// Listens are the sockets on which processes of the pod listen: "127.0.0.1:8080", "[::]:9090".
	Listens []string      `json:"listens,omitempty"`
	At      time.Time     `json:"at"`
	Took    time.Duration `json:"took,omitempty"`
}

// Vantage is from where a probe looked.
type Vantage string

// The vantages.
const (
	FromGateway   Vantage = "gateway"    // through the gateway, with the route's Host and server name
	FromAPIServer Vantage = "api-server" // the API server connects to the Service or pod
	FromInsidePod Vantage = "inside-pod" // a connection to loopback in the pod's network, by port-forward
	FromSockets   Vantage = "sockets"    // the kernel's list of listening sockets in the pod
)

// String reads "Pod shop/cart-1 port 8080, from inside the pod: takes the connection".
func (p Probe) String() string {
	at := p.To.String()
	if p.Port != 0 {
		at = fmt.Sprintf("%s port %d", at, p.Port)
	}
	switch {
	case p.From == FromSockets && len(p.Listens) == 0:
		return at + ": nothing listens there"
	case p.From == FromSockets:
		return at + " listens on " + strings.Join(p.Listens, ", ")
	case p.Reason != "":
		return fmt.Sprintf("%s, %s: %s", at, p.From.text(), p.Reason)
	case p.Status != 0:
		return fmt.Sprintf("%s, %s: answers %d", at, p.From.text(), p.Status)
	default:
		return fmt.Sprintf("%s, %s: takes the connection", at, p.From.text())
	}
}

func (v Vantage) text() string {
	switch v {
	case FromGateway:
		return "through the gateway"
	case FromAPIServer:
		return "from the API server"
	case FromInsidePod:
		return "from inside the pod"
	default:
		return "from " + string(v)
	}
}

// Connected reports whether whoever was asked took the connection.
func (p Probe) Connected() bool { return p.Failure == NoFailure || p.Failure == UpstreamStatus }

// ProbeRoute is a route to probe, and where.
type ProbeRoute struct {
	Request Request
	Doors   []ProbePort // of the gateway's pods; the first that takes a connection is enough
	Service *ProbePort  // nil: there is none
	Pods    []ProbePort
}

// ProbePort is a port of a Service or pod.
type ProbePort struct {
	Ref       Ref
	Port      int32
	TLS       bool
	Container string // of a pod: the one that should listen there
}
