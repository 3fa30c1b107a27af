package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/signal/admit"
)

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
	context.AfterFunc(ctx, func() { _ = server.Close() }) // nothing is lost: a scrape is asked again
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			_ = listener.Close() // a scrape fails then, which monitoring notices
		}
	}()
	return nil
}
