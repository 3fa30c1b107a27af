package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gatemend/gatemend/internal/notify/webhook"
)

// What a channel's defaults let through (docs/notifications.md).
const (
	singly      = 20              // new incidents that are told of one by one within
	digestEvery = 5 * time.Minute // after which further ones are in one message for each such time
	perMinute   = 60
	burst       = 5
)

// receiver counts what people would be told.
type receiver struct {
	server *http.Server

	mu       sync.Mutex
	messages map[string]bool // by their keys: a message is brought up to date under the same key
	requests int
}

// startReceiver listens, and gives the configuration by which gatemend tells it of incidents.
func (p *plane) startReceiver(ctx context.Context) (r *receiver, config string, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("receive notifications: %w", err)
	}
	r = &receiver{messages: map[string]bool{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.server.Serve(l) }() // ends with stop
	config = filepath.Join(p.bench.dir, "notify.yaml")
	text := "apiVersion: gatemend.dev/v1alpha1\nkind: NotificationConfig\nchannels:\n- name: bench\n  webhook: {url: \"http://" + l.Addr().String() + "/\"}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		r.stop()
		return nil, "", fmt.Errorf("receive notifications: %w", err)
	}
	return r, config, nil
}

// ServeHTTP counts a request.
func (r *receiver) ServeHTTP(_ http.ResponseWriter, q *http.Request) {
	_, _ = io.Copy(io.Discard, q.Body) // so that the connection can be used again
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	r.messages[q.Header.Get(webhook.HeaderKey)] = true
}

func (r *receiver) counts() (messages, requests int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.messages), r.requests
}

func (r *receiver) stop() { _ = r.server.Close() }

// flooded says how people were told too much within a time, or nothing.
func (s *storm) flooded() error {
	mostMessages := singly + 1 + (singly+1)*int(s.lasted/digestEvery)
	mostRequests := burst + int(perMinute*s.lasted.Minutes()) + 1
	switch {
	case s.messages == 0:
		return fmt.Errorf("nobody was notified of a storm of %d incidents", s.incidents)
	case s.messages > mostMessages:
		return fmt.Errorf("%d notifications of a storm within %s, more than %d", s.messages, s.lasted, mostMessages)
	case s.requests > mostRequests:
		return fmt.Errorf("%d requests to notify of a storm within %s, more than %d", s.requests, s.lasted, mostRequests)
	default:
		return nil
	}
}
