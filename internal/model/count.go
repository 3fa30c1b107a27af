package model

import "time"

// Count is how many requests of one kind a gateway answered in an interval, as its counters say. It says
// less than as many signals would: no addresses, no durations, and often no path.
type Count struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Proxy   string    `json:"proxy"`   // the proxy's name, as in package proxy
	Gateway Ref       `json:"gateway"` // the pod that counted; zero when unknown
	Source  string    `json:"source"`  // where the counters were read

	// Where the requests went, as far as the counters' labels tell. Host and Path are those of the rule.
	Host           string `json:"host,omitempty"`
	Path           string `json:"path,omitempty"`
	RouteNamespace string `json:"routeNamespace,omitempty"`
	RouteName      string `json:"routeName,omitempty"`
	Service        string `json:"service,omitempty"`
	ServicePort    string `json:"servicePort,omitempty"` // number or name

	Status   int         `json:"status,omitempty"` // exact; 0 where the proxy counts classes only
	Class    int         `json:"class"`            // first digit of the status; 0: no answer was sent
	Failure  FailureKind `json:"failure,omitempty"`
	Requests uint64      `json:"requests"`
}

// Failed reports whether the answers were errors of the kind that gatemend mends.
func (c Count) Failed() bool { return c.Class >= 5 || c.Failure != NoFailure }

// Signal is one request of the count, with what is known of all: enough to find the route.
func (c Count) Signal() Signal {
	status := c.Status
	if status == 0 {
		status = 100 * c.Class
	}
	return Signal{
		At: c.To, Proxy: c.Proxy, Gateway: c.Gateway, Source: c.Source,
		Request:        Request{Host: c.Host, Path: c.Path},
		RouteNamespace: c.RouteNamespace, RouteName: c.RouteName, Service: c.Service, ServicePort: c.ServicePort,
		Status: status, Failure: c.Failure,
	}
}

// Notice is somebody else's word that something fails or will fail: an alert, an object that vanished.
type Notice struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"` // who says so
	Text   string    `json:"text"`
	// About is what it may be about, the most specific first: the first that exists is looked at. None:
	// it names nothing that gatemend could look at, and Text says so.
	About []Target `json:"about,omitempty"`
}

// Account is what a gateway answered since the account before, as somebody counted who read its whole log. Of the
// requests some are there as the log has them.
type Account struct {
	Gateway Ref       `json:"gateway"` // the pod whose log it is
	Counts  []Counted `json:"counts,omitempty"`
	// Errors are lines of the gateway's error log.
	Errors []Signal `json:"errors,omitempty"`
}

// Counted are requests that ended alike, and some of them.
type Counted struct {
	Count
	Samples []Signal `json:"samples,omitempty"`
}
