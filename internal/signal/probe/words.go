package probe

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// failureOf reads the words with which the API server's proxy, the kubelet's port-forward or Go's dialer say
// that a connection failed.
func failureOf(words string) model.FailureKind {
	low := strings.ToLower(words)
	for _, x := range []struct {
		says string
		kind model.FailureKind
	}{
		{"connection refused", model.Refused},
		{"no endpoints available", model.NoEndpoints},
		{"connection reset", model.Reset},
		{"no route to host", model.ConnectTimeout},
		{"network is unreachable", model.ConnectTimeout},
		{"i/o timeout", model.ConnectTimeout},
		{"server gave http response to https client", model.Protocol},
		{"malformed http", model.Protocol},
		{"tls:", model.TLS},
		{"x509:", model.TLS},
		{"awaiting headers", model.ResponseTimeout},
		{"deadline exceeded", model.ConnectTimeout},
		{"eof", model.ClosedEarly},
	} {
		if strings.Contains(low, x.says) {
			return x.kind
		}
	}
	return model.OtherFailure
}
