package synth

import "time"

// outcome is how requests on a route end at the proxy.
type outcome struct {
	status   int
	kind     string // refused, timeout, none (no endpoint), closed, reset, tls, protocol, app, slow, noroute, unusable, header
	upstream string // empty: one of the ready ones
	took     time.Duration
	words    string // the proxy's own, where the kind has several
	beside   string // the canary's backend, where there is one
}

func fine() outcome { return outcome{status: 200, took: 34 * time.Millisecond} }

func refused() outcome { return outcome{kind: "refused", took: 2 * time.Millisecond} }

func dropped() outcome { return outcome{kind: "timeout", took: 5 * time.Second} }

func nobody() outcome { return outcome{kind: "none"} }

func slow() outcome { return outcome{kind: "slow", took: 60 * time.Second} }

func badTLS() outcome {
	return outcome{kind: "tls", took: 3 * time.Millisecond, words: "wrong version number"}
}

func closed() outcome { return outcome{kind: "closed", took: 4 * time.Millisecond} }

func noRoute() outcome { return outcome{kind: "noroute"} }

func unusable() outcome { return outcome{kind: "unusable"} }

func app500() outcome { return outcome{kind: "app", status: 500, took: 40 * time.Millisecond} }

func app503() outcome { return outcome{kind: "app", status: 503, took: 40 * time.Millisecond} }

func bigHeader() outcome { return outcome{kind: "header", took: 9 * time.Millisecond} }
