package haproxy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/proxy/logformat"
)

// Where a variable belongs.
const (
	inClient = iota
	inExactTime
	inTime
	inEpoch
	inDate // in a form of its user's own
	inFrontend
	inBackend
	inServer
	inServerAddress
	inServerPort
	inTimers // TR, and the four that follow it
	inQueue
	inConnect
	inResponse
	inActive
	inTotal
	inStatus
	inState
	inRequest
	inMethod
	inTarget
	inHost
	inFields
)

type variable struct {
	slot    int
	content logformat.Content
	form    form
	free    bool // a client's text, which +E and +json escape
}

// form says when what a variable prints is put in quotes (src/log.c, "sess_build_logline_orig").
type form uint8

const (
	quotable form = iota // with +Q, and in JSON
	plain                // only in JSON: times and states
	bare                 // never, or each part of it by itself
	captured             // as text, if anything was captured
)

// slots lists HAProxy's variables (doc/configuration.txt, section 8.2.6).
func slots() map[string]variable {
	word := logformat.Of(` "`, nil)
	encoded := logformat.Text(`"`, false) // quotes and what does not print are written #HH
	list := logformat.Text("", false)
	known := map[string]variable{
		"HM": {inMethod, logformat.Text(` "`, false), quotable, true}, "ID": {logformat.Skip, encoded, quotable, true},
		"hr": {logformat.Skip, logformat.Run(captures), captured, false}, "hs": {logformat.Skip, logformat.Run(captures), captured, false},
		"hrl": {logformat.Skip, list, bare, false}, "hsl": {logformat.Skip, list, bare, false},
	}
	for name, slot := range map[string]int{
		"ci": inClient, "f": inFrontend, "ft": inFrontend, "b": inBackend, "s": inServer, "si": inServerAddress,
		"HV": logformat.Skip, "H": logformat.Skip, "OG": logformat.Skip, "fi": logformat.Skip, "bi": logformat.Skip, "sslc": logformat.Skip, "sslv": logformat.Skip,
	} {
		known[name] = variable{slot, word, quotable, false}
	}
	for name, slot := range map[string]int{"r": inRequest, "HU": inTarget, "HP": inTarget, "HPO": inTarget, "HQ": logformat.Skip, "CC": logformat.Skip, "CS": logformat.Skip} {
		known[name] = variable{slot, encoded, quotable, true}
	}
	for name, slot := range map[string]int{
		"sp": inServerPort, "ST": inStatus, "Ts": inEpoch, "TR": inTimers, "Tw": inQueue, "Tc": inConnect, "Tr": inResponse, "Ta": inActive, "Tt": inTotal,
	} {
		known[name] = variable{slot, logformat.Of(` "`, isSigned), bare, false}
	}
	for _, name := range []string{"B", "U", "ac", "fc", "bc", "sc", "rc", "sq", "bq", "cp", "fp", "bp", "Th", "Ti", "Tq", "Td", "Tu", "ms", "pid", "rt", "lc"} {
		known[name] = variable{logformat.Skip, logformat.Of(` "`, isSigned), bare, false}
	}
	for _, name := range []string{"ts", "tsc"} {
		known[name] = variable{inState, word, plain, false}
	}
	for _, name := range []string{"t", "tr"} {
		known[name] = variable{inExactTime, logformat.Of(` "`, isLocal), plain, false}
	}
	for _, name := range []string{"T", "Tl", "trg", "trl"} {
		known[name] = variable{inTime, logformat.Of(`"`, isCommon), plain, false}
	}
	return known
}

// expressions are the sample expressions, %[...], whose value is known; all others may be anything.
func expressions() map[string]int {
	return map[string]int{
		"var(txn.base)": inTarget, "base": inTarget, "path": inTarget, "pathq": inTarget, "url": inTarget, "capture.req.uri": inTarget,
		"method": inMethod, "capture.req.method": inMethod, "hdr(host)": inHost, "req.hdr(host)": inHost, "var(txn.host)": inHost,
	}
}

// aliases are the expressions that stand for a variable (the table in section 8.2.6).
func aliases() map[string]string {
	return map[string]string{
		"src": "ci", "status": "ST", "txn.status": "ST", "be_name": "b", "srv_name": "s", "fe_name": "f", "bc_dst": "si", "bc_dst_port": "sp",
		"txn.timer.total": "Ta", "fc.timer.total": "Tt", "req.timer.hdr": "TR", "req.timer.queue": "Tw", "bc.timer.connect": "Tc", "res.timer.hdr": "Tr",
	}
}

// isSigned takes what counters, times and statuses print: "+" for one that went on, "-1" for what was not reached.
func isSigned(b []byte) bool {
	if len(b) > 1 && (b[0] == '+' || b[0] == '-') {
		b = b[1:]
	}
	return isNumber(b) || string(b) == "-"
}

func isLocal(b []byte) bool {
	_, ok := field.Local(b)
	return ok
}

func isCommon(b []byte) bool {
	_, ok := field.Common(b)
	return ok
}

// captures takes captured headers, {a|b} or "{a|b}", with the blank after them, if there is one: without captures nothing is printed, and HAProxy
// does not write two blanks in a row.
func captures(b []byte) int {
	n := 0
	for {
		ends := []byte{'}'}
		switch {
		case bytes.HasPrefix(b[n:], []byte{'{'}):
		case bytes.HasPrefix(b[n:], []byte(`"{`)):
			ends = []byte(`}"`)
		default:
			return n
		}
		end := bytes.Index(b[n:], ends)
		if end < 0 {
			return n
		}
		if n += end + len(ends); len(b) == n || b[n] != ' ' {
			return n
		}
		n++
	}
}
