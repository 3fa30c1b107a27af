package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/metrics"
)

// serveMetrics listens on addr and serves metrics until the context ends.
func serveMetrics(ctx context.Context, addr, tokenFile string, m *metrics.Metrics) error {
	token := ""
	if tokenFile != "" {
		text, err := os.ReadFile(tokenFile)
		if err != nil {
			return fmt.Errorf("read the token of --metrics-token-file: %w", err)
		}
		if token = strings.TrimSpace(string(text)); token == "" {
			return fmt.Errorf("read the token of --metrics-token-file: %s is empty", tokenFile)
		}
	} else if !loopback(addr) {
		return &cli.UsageError{
			Problem: fmt.Sprintf("--metrics-addr %s can be reached from other machines, and no token protects it", addr),
			Hint:    "add --metrics-token-file FILE, or listen on 127.0.0.1",
		}
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
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

// loopback reports whether only this machine reaches an address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
