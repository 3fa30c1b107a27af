package proxy

import "github.com/gatemend/gatemend/internal/model"

// Metrics says how a proxy counts requests in Prometheus's terms.
type Metrics struct {
	// Endpoints are where its pods expose them, the likeliest first.
	Endpoints []MetricsEndpoint
	// Requests are counters of answers by status. They are alternatives, the most telling first: of those
	// that a gateway exposes the first is read, since the others count the same requests.
	Requests []RequestCounter
	// Reasons are counters that tell how requests failed.
	Reasons []ReasonCounter
	// Started is a gauge that holds the Unix time at which the counting process started, Uptime one that
	// holds how many seconds it has run; empty if there is none.
	Started, Uptime string
}

// MetricsEndpoint is where a pod answers with its metrics.
type MetricsEndpoint struct {
	Port int32
	Path string // with its slash
}

// RequestCounter is a counter of answers.
type RequestCounter struct {
	Name string
	// Status is the label that holds the status (502) or only its class (5xx, 5).
	Status string
	// Only lists labels that a series must have with these values.
	Only map[string]string
	// Read fills in where the requests went, from the labels. It may set the failure too, where a label
	// tells; the status is set already. It reports false for series that are about nothing in particular.
	Read func(label func(name string) string, c *model.Count) bool
}

// ReasonCounter is a counter of failures of one kind. It may count tries, of which a request can have
// several, and is therefore only ever used to divide up the failed requests.
type ReasonCounter struct {
	Name    string
	Failure model.FailureKind
	// Status is what clients get for it; 0: any 5xx.
	Status int
	// Beside names another reason whose count is part of this one and must be taken off.
	Beside []string
	// Read is as in [RequestCounter].
	Read func(label func(name string) string, c *model.Count) bool
}
