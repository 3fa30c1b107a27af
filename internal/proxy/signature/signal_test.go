package signature

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// What a line of JSON says in its fields is not weighed again as the parser's reason: the flags alone, without the rest of
// the line, speak for other causes.
func TestSignalOfJSON(t *testing.T) {
	const why = "TLS_error:|268436526:SSL_routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION:TLS_error_end"
	s := model.Signal{
		Proxy: "envoy", Reason: "UF,URX upstream_reset_before_response_started{remote_connection_failure|TLS_error} " + why,
		Raw: `{"response_code":"503","response_flags":"UF,URX","response_code_details":"upstream_reset_before_response_started{remote_connection_failure|TLS_error}","upstream_transport_failure_reason":"` + why + `"}`,
	}
	if got := Weigh(Load().Matcher("envoy").Signal(s)).Causes; len(got) == 0 || got[0] != "tls-version-mismatch" {
		t.Errorf("got %v, want tls-version-mismatch first", got)
	}
}
