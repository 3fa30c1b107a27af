package model

import "time"

// FailureKind is how a request failed between the proxy and the application.
type FailureKind string

// The failure kinds. UpstreamStatus means that the application itself answered with a 5xx.
const (
	NoFailure       FailureKind = ""
	Refused         FailureKind = "refused"
	ConnectTimeout  FailureKind = "connect-timeout"
	Reset           FailureKind = "reset"
	ClosedEarly     FailureKind = "closed-early"
	NoEndpoints     FailureKind = "no-endpoints"
	NoRoute         FailureKind = "no-route"
	TLS             FailureKind = "tls"
	Protocol        FailureKind = "protocol"
	HeaderTooBig    FailureKind = "header-too-big"
	ResponseTimeout FailureKind = "response-timeout"
	Overload        FailureKind = "overload"
	Denied          FailureKind = "denied"
	UpstreamStatus  FailureKind = "upstream-status"
	// OtherFailure is a failure whose kind the proxy did not say.
	OtherFailure FailureKind = "other"
)

// Try is one attempt of a proxy at one upstream address.
type Try struct {
	Address  string        `json:"address"` // ip:port
	Status   int           `json:"status,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
}

// Signal is one request as a gateway saw it, or one line of its error log.
type Signal struct {
	At      time.Time `json:"at"`
	Proxy   string    `json:"proxy"`   // the proxy's name, as in package proxy
	Gateway Ref       `json:"gateway"` // the pod that said it; zero when unknown
	Source  string    `json:"source"`  // file:line, or namespace/pod/container
	Client  string    `json:"client,omitempty"`

	Request Request `json:"request"`
	// Where the proxy says that it sent the request, as far as its format tells.
	RouteNamespace string `json:"routeNamespace,omitempty"`
	RouteName      string `json:"routeName,omitempty"`
	Service        string `json:"service,omitempty"`
	ServicePort    string `json:"servicePort,omitempty"` // number or name

	Status   int           `json:"status"` // sent to the client; 0: none was sent
	Failure  FailureKind   `json:"failure,omitempty"`
	Reason   string        `json:"reason,omitempty"` // the proxy's own words
	Tries    []Try         `json:"tries,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
	// ErrorLog is set on lines of an error log: they explain a request, but must not be counted
	// beside its access-log line.
	ErrorLog bool   `json:"errorLog,omitempty"`
	Raw      string `json:"raw,omitempty"` // the line, without credentials; only for failures
	// Access is the request's own line where Raw is that of an error log about it.
	Access string `json:"access,omitempty"`
}

// Failed reports whether the gateway's answer was an error of the kind that gatemend mends.
func (s *Signal) Failed() bool {
	return (s.Status >= 500 || s.Failure != NoFailure) && !s.AskedFor()
}

// LogExcerpt is the end of a container's log.
type LogExcerpt struct {
	Pod       Ref      `json:"pod"`
	Container string   `json:"container"`
	Previous  bool     `json:"previous,omitempty"` // of the container before the last restart
	Lines     []string `json:"lines"`
}
