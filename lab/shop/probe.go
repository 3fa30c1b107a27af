package shop

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"
)

// Probe asks url once, as an exec probe in the pod does, and fails unless the answer is below 400.
// Certificates are not verified, as the kubelet's own HTTPS probes do not.
func Probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Second, fmt.Errorf("no answer within a second"))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("probe %q: %w", url, err)
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see the doc comment
	}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	if err := resp.Body.Close(); err != nil {
		return fmt.Errorf("probe %q: %w", url, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("probe %q: status %d", url, resp.StatusCode)
	}
	return nil
}
