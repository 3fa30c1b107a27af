package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/signal/admit"
)

// serve answers at a listener until the context ends; the server closes the listener. It waits for no answer that is under
// way: whoever asks one of gatemend's own addresses (a scrape, a probe, a click) asks again.
func serve(ctx context.Context, listener net.Listener, server *http.Server) {
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }() // ends when the server is closed
}

// serveMetrics listens on addr and serves metrics until the context ends.
func serveMetrics(ctx context.Context, addr, tokenFile string, m *metrics.Metrics) error {
	token, err := tokenIn(tokenFile)
	if err != nil {
		return fmt.Errorf("--metrics-token-file: %w", err)
	}
	if err := (admit.Rules{Token: token}).Check(addr); err != nil {
		return &cli.UsageError{
			Problem: fmt.Sprintf("--metrics-addr %s can be reached from other machines, and no token protects it", addr),
			Hint:    "add --metrics-token-file FILE, or listen on 127.0.0.1",
		}
	}
	listener, err := listen(ctx, addr)
	if err != nil {
		return fmt.Errorf("serve metrics: %w", err)
	}
	server := &http.Server{Handler: m.Handler(token), ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	serve(ctx, listener, server) // if it fails, so does the next scrape, which monitoring notices
	return nil
}
