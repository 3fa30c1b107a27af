package dataplane

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// get asks a port inside the pod, through a forwarded connection and without a local listener.
func (r Reader) get(ctx context.Context, p *corev1.Pod, port int, path string) ([]byte, error) {
	transport, upgrader, err := spdy.RoundTripperFor(r.Config)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what for
	}
	url := r.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(p.Namespace).Name(p.Name).SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	conn, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what for
	}
	defer func() { _ = conn.Close() }()                         // all that was wanted is read
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends every read below
	defer stop()
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	failure, err := conn.CreateStream(headers)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what for
	}
	_ = failure.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := conn.CreateStream(headers)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what for
	}
	body, err := exchange(data, path)
	if err == nil {
		return body, nil
	}
	if why, readErr := io.ReadAll(io.LimitReader(failure, 1<<10)); readErr == nil && len(why) > 0 {
		return nil, errors.New(string(why)) // the kubelet's words: nobody listens there
	}
	return nil, err
}

// exchange is one HTTP request and its answer.
func exchange(s httpstream.Stream, path string) ([]byte, error) {
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
	url := r.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(p.Namespace).Name(p.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: argv, Stdout: true}, scheme.ParameterCodec).URL()
	exec, err := remotecommand.NewSPDYExecutor(r.Config, http.MethodPost, url)
	if err != nil {
		return err //nolint:wrapcheck // the caller says what for
	}
	return exec.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: out}) //nolint:wrapcheck // the caller says what for
}
