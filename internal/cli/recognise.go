package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// recognise finds proxies' words in pasted text. Whole log lines are read by the proxies' own
// parsers; what no parser reads is searched for the words with which a proxy reports a failure.
func recognise(text string) []printer.Match {
	found := []printer.Match{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		ms := parsed(line)
		if len(ms) == 0 {
			ms = quoted(line)
		}
		for _, m := range ms {
			if !slices.ContainsFunc(found, func(o printer.Match) bool {
				return o.Proxy == m.Proxy && o.Failure == m.Failure && o.Source == m.Source
			}) {
				found = append(found, m)
			}
		}
	}
	return found
}

// parsed asks every proxy's parser for a failure in the line.
func parsed(line string) []printer.Match {
	var ms []printer.Match
	for _, p := range all.Proxies() {
		var s model.Signal
		class := p.NewParser().Parse([]byte(line), &s)
		if (class != proxy.Access && class != proxy.ErrorLine) || !s.Failed() {
			continue
		}
		source := p.Name + " access log"
		if class == proxy.ErrorLine {
			source = p.Name + " error log"
		}
		if s.Reason != "" {
			source += ": " + s.Reason
		}
		ms = append(ms, match(p.Name, s.Failure, s.Status, source))
	}
	return ms
}

// quoted searches the line for the words that a proxy uses for each kind of failure: all of them, or,
// where no proxy's are there in full, what stands before the phase of the request ("connect() failed
// (111: Connection refused)" without "while connecting to upstream").
func quoted(line string) []printer.Match {
	if ms := quoting(line, func(words string) string { return words }); len(ms) > 0 {
		return ms
	}
	return quoting(line, func(words string) string {
		head, _, _ := strings.Cut(words, " while ")
		return head
	})
}

func quoting(line string, part func(words string) string) []printer.Match {
	var ms []printer.Match
	for _, p := range all.Proxies() {
		for _, m := range meanings() {
			words := part(p.Answer("", m.failure).Reason)
			if words == "" || !containsWords(line, words) {
				continue
			}
			ms = append(ms, match(p.Name, m.failure, 0, p.Name+" says "+words))
		}
	}
	return ms
}

// containsWords reports whether words stand in the line on their own: "UF" is not in "BUFFER".
func containsWords(line, words string) bool {
	for from := 0; ; {
		i := strings.Index(line[from:], words)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(words)
		if (i == 0 || !wordByte(line[i-1])) && (end == len(line) || !wordByte(line[end])) {
			return true
		}
		from = i + 1
	}
}

func wordByte(b byte) bool {
	return b == '_' || (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z')
}

func match(proxyName string, f model.FailureKind, status int, source string) printer.Match {
	for _, m := range meanings() {
		if m.failure == f {
			return printer.Match{Proxy: proxyName, Failure: string(f), Means: m.means, Causes: m.causes, Source: source}
		}
	}
	return printer.Match{
		Proxy: proxyName, Failure: string(cmp.Or(f, model.OtherFailure)), Source: source, Causes: []model.CauseID{},
		Means: strings.TrimSpace(fmt.Sprintf("the gateway answered %d and its line does not say why", status)),
	}
}

// meaning says what a kind of failure means and what is most likely behind it.
type meaning struct {
	failure model.FailureKind
	means   string
	causes  []model.CauseID
}

// meanings is ordered as a request can fail, from the route to the answer. That the causes exist in
// the catalogue is checked by a test.
func meanings() []meaning {
	return []meaning{
		{model.NoRoute, "no rule of the gateway matched the request's host and path", []model.CauseID{"ingress-path-mismatch", "ingress-class-missing", "gateway-listener-unattached"}},
		{
			model.NoEndpoints, "the gateway knows the Service but not a single address behind it",
			[]model.CauseID{"selector-mismatch", "no-replicas", "readiness-probe-misconfigured", "container-crashloop", "service-missing", "no-endpoints"},
		},
		{
			model.Refused, "the address answered, but nothing listens on that port there",
			[]model.CauseID{"target-port-mismatch", "wrong-listen-address", "container-crashloop", "termination-race"},
		},
		{
			model.ConnectTimeout, "packets to the address got no answer at all",
			[]model.CauseID{"networkpolicy-blocks-ingress", "stale-endpoints", "node-not-ready", "cni-datapath-fault"},
		},
		{
			model.Reset, "the backend cut an open connection with a TCP reset",
			[]model.CauseID{"keepalive-race", "termination-race", "oom-killed", "container-crashloop"},
		},
		{
			model.ClosedEarly, "the backend closed the connection before it had answered",
			[]model.CauseID{"keepalive-race", "termination-race", "app-crash-mid-request", "oom-killed"},
		},
		{model.TLS, "the TLS handshake between gateway and backend failed", []model.CauseID{"tls-backend-mismatch", "tls-sni-mismatch", "certificate-invalid", "mtls-mismatch"}},
		{model.Protocol, "the backend answered in something that is not the HTTP the gateway expects", []model.CauseID{"grpc-h2c-mismatch", "tls-backend-mismatch", "upstream-protocol-violation"}},
		{model.HeaderTooBig, "the backend's response headers do not fit into the gateway's buffer", []model.CauseID{"upstream-header-too-big"}},
		{model.ResponseTimeout, "the backend took the request and did not answer in time", []model.CauseID{"upstream-timeout", "app-workers-exhausted", "dependency-unavailable", "cpu-throttled"}},
		{model.Overload, "the gateway's own limit on connections or requests to the backend was reached", []model.CauseID{"circuit-breaker-open", "connection-limit", "proxy-overloaded"}},
		{model.Denied, "the gateway itself refused the request by a rule", []model.CauseID{"rate-limited", "mesh-policy-denies", "auth-backend-failing"}},
		{model.UpstreamStatus, "the application answered with this status itself; the gateway only passed it on", []model.CauseID{"app-error", "dependency-unavailable"}},
	}
}
