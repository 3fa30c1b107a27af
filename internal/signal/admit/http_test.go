package admit_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/testkit/admittest"
)

// A connection over HTTP whose sender showed a certificate ends with the answer to a request after its time; one before that, and
// one for which a token was enough, goes on.
func TestConnectionsOverHTTPAreRenewed(t *testing.T) {
	ca := admittest.NewAuthority(t)
	mutual, err := admit.ServerTLS(ca.Certificate(), ca.Key(t), ca.PEM())
	if err != nil {
		t.Fatal(err)
	}
	oneSided, err := admit.ServerTLS(ca.Certificate(), ca.Key(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		rules  admit.Rules
		reused bool
	}{
		"its time is over":  {admit.Rules{TLS: mutual, Renew: time.Nanosecond}, false},
		"it is not":         {admit.Rules{TLS: mutual, Renew: time.Hour}, true},
		"by default":        {admit.Rules{TLS: mutual}, true},
		"a token is enough": {admit.Rules{TLS: oneSided, Token: "x", Renew: time.Nanosecond}, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "heard") }), ReadHeaderTimeout: time.Minute}
			c.rules.HTTP(server, time.Now)
			listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- server.Serve(tls.NewListener(listener, c.rules.TLS)) }()
			transport := &http.Transport{TLSClientConfig: ca.Client(t)}
			var reused []bool
			for range 3 {
				trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = append(reused, i.Reused) }}
				req, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), http.MethodPost, "https://"+listener.Addr().String(), nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := transport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil || string(body) != "heard" {
					t.Errorf("got %q, error %v", body, err)
				}
				_ = resp.Body.Close()
			}
			if reused[0] || reused[1] != c.reused || reused[2] != c.reused {
				t.Errorf("connections were used again: %v, want %v", reused, c.reused)
			}
			transport.CloseIdleConnections()
			_ = server.Close()
			<-done
		})
	}
}
