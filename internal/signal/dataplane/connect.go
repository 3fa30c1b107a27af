package dataplane

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// get asks a port inside the pod.
func (r Reader) get(ctx context.Context, p *corev1.Pod, port int, path string) ([]byte, error) {
	conn, err := r.Pods.Dial(ctx, snapshot.RefOf(p), int32(port))
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what for
	}
	defer func() { _ = conn.Close() }() // all that was wanted is read
	body, err := exchange(conn, path)
	if err != nil {
		if why := conn.Failure(); why != "" {
			return nil, errors.New(why) // nobody listens there
		}
		return nil, err
	}
	return body, nil
}

// exchange is one HTTP request and its answer.
func exchange(s io.ReadWriter, path string) ([]byte, error) {
	if _, err := fmt.Fprintf(s, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path); err != nil {
		return nil, err //nolint:wrapcheck // the caller says what for
	}
	resp, err := http.ReadResponse(bufio.NewReader(s), nil)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what for
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, mostRead)) //nolint:wrapcheck // the caller says what for
}

// run runs a program in a container.
func (r Reader) run(ctx context.Context, p *corev1.Pod, container string, argv []string, out io.Writer) error {
	return r.Pods.Run(ctx, snapshot.RefOf(p), container, argv, out) //nolint:wrapcheck // the caller says what for
}
