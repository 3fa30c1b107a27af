package model

import "time"

// KindLogReport is the kind of a [LogReport].
const KindLogReport = "LogReport"

// LogReport says what a gateway's log holds. Counts are of requests unless they say otherwise.
type LogReport struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Format names the proxy, or the proxies, that wrote the log; empty: nobody that is known.
	Format string `json:"format"`
	// Lines are all; each is one of Parsed, which are in a known form, and Bad.
	Lines  int `json:"lines"`
	Parsed int `json:"parsed"`
	Bad    int `json:"bad"`
	// Events are those of Parsed that are about no request: a start, a reload, a health check.
	Events int `json:"events,omitempty"`
	// Outside are those of Parsed that lie outside of the time asked for.
	Outside int `json:"outside,omitempty"`
	// Undated are those of Parsed that bear no time: they are in no alarm and not in Timeline, and where a time was asked for they are
	// not counted.
	Undated int   `json:"undated,omitempty"`
	Bytes   int64 `json:"bytes"` // after decompression
	// From and To are the times of the first and the last request; nil: there is none.
	From *time.Time `json:"from"`
	To   *time.Time `json:"to"`

	Requests int `json:"requests"`
	// Errors are requests that failed for their client: a 5xx, no answer, or one that broke off. Failed requests
	// that only an error log tells of are among them, and not among Requests.
	Errors   int            `json:"errors"`
	Statuses map[string]int `json:"statuses"`
	// Failures counts by kind of failure. What was refused, or for want of a route, stands here too, though it is no error.
	Failures map[FailureKind]int `json:"failures"`
	Routes   []LogRoute          `json:"routes"`
	Alarms   []LogAlarm          `json:"alarms"`

	Upstreams []LogUpstream `json:"upstreams"` // those of which most tries failed
	Slowest   []LogSlow     `json:"slowest"`
	Samples   []LogSample   `json:"samples"`
	Timeline  LogTimeline   `json:"timeline"`
	BadLines  []LogLine     `json:"badLines"`
	Unread    []Unseen      `json:"unread"` // what could not be read
}

// LogRoute is what a log holds of one route.
type LogRoute struct {
	Route     string              `json:"route"`
	Name      string              `json:"name,omitempty"` // of the Ingress or HTTPRoute, where the log has it
	Namespace string              `json:"namespace"`
	Service   string              `json:"service"`
	Port      string              `json:"port"`
	Requests  int                 `json:"requests"`
	Errors    int                 `json:"errors"`
	Statuses  map[string]int      `json:"statuses"`
	Failures  map[FailureKind]int `json:"failures"`
	// P50 and P99 are quantiles of the duration in seconds, within 4 %; nil: the log has no durations.
	P50 *float64 `json:"p50"`
	P99 *float64 `json:"p99"`
}

// LogAlarm is a time in which a route failed more than by chance.
type LogAlarm struct {
	Route    string    `json:"route"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"` // the last error
	Requests int       `json:"requests"`
	Errors   int       `json:"errors"`
	Open     bool      `json:"open,omitempty"` // the log ends before it does
}

// LogUpstream is an address to which tries failed.
type LogUpstream struct {
	Address  string              `json:"address"`
	Failed   int                 `json:"failed"` // tries
	Failures map[FailureKind]int `json:"failures"`
}

// LogSlow is a request that took long.
type LogSlow struct {
	Source  string    `json:"source"` // file:line
	At      time.Time `json:"at,omitzero"`
	Route   string    `json:"route"`
	Method  string    `json:"method,omitempty"`
	Path    string    `json:"path,omitempty"`
	Status  int       `json:"status"`
	Seconds float64   `json:"seconds"`
}

// LogSample is a failure as the gateway told it: its access line and, below it, its lines of the error log.
type LogSample struct {
	Failure FailureKind `json:"failure"`
	Source  string      `json:"source"`
	Route   string      `json:"route"`
	Lines   []string    `json:"lines"` // without credentials
}

// LogLine is a line that is in no known form.
type LogLine struct {
	Source string `json:"source"`
	Text   string `json:"text"`
}

// LogTimeline counts requests over time, in parts of the same length.
type LogTimeline struct {
	From    *time.Time `json:"from"`
	Seconds int        `json:"seconds"` // of one part
	Parts   []LogPart  `json:"parts"`
}

// LogPart is one part of a timeline.
type LogPart struct {
	Requests int `json:"requests"`
	Errors   int `json:"errors"`
}
