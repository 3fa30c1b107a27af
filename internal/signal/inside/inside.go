// Package inside reaches into pods through the API server, as kubectl port-forward and kubectl exec do: a
// connection to loopback in the pod's network, without a local listener, and a command in a container.
package inside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"

	"github.com/gatemend/gatemend/internal/model"
)

// Pods reaches into the pods of a cluster. Config must be the one that Kube was made of.
type Pods struct {
	Config *rest.Config
	Kube   kubernetes.Interface
}

// Conn is a connection to a port on loopback in a pod. It has no deadlines: the context that it was made with
// ends it.
type Conn struct {
	io.ReadWriteCloser
	failure io.Reader
	end     func() error
}

// Dial asks the kubelet to connect to a port inside a pod. The connection stands before the kubelet has tried:
// what it says when that fails is [Conn.Failure].
func (p Pods) Dial(ctx context.Context, pod model.Ref, port int32) (*Conn, error) {
	transport, upgrader, err := spdy.RoundTripperFor(p.Config)
	if err != nil {
		return nil, fmt.Errorf("prepare a connection to %s: %w", pod, err)
	}
	url := p.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
	conn, err := within(ctx, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url).Dial)
	if err != nil {
		return nil, fmt.Errorf("forward port %d of %s: %w", port, pod, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends every read
	c := &Conn{end: func() error {
		stop()
		return conn.Close() //nolint:wrapcheck // an io.Closer's
	}}
	headers := http.Header{}
	headers.Set(corev1.PortHeader, strconv.Itoa(int(port)))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	failure, err := conn.CreateStream(headers)
	if err == nil {
		c.failure = failure
		_ = failure.Close() // nothing is written to it
		headers.Set(corev1.StreamType, corev1.StreamTypeData)
		c.ReadWriteCloser, err = conn.CreateStream(headers)
	}
	if err != nil {
		_ = c.end() // the first error counts
		return nil, fmt.Errorf("forward port %d of %s: %w", port, pod, err)
	}
	return c, nil
}

// within dials until a context ends, of which the dialer knows nothing: an API server or a kubelet that takes a connection and says
// nothing would be waited for without end. A connection that comes too late is closed.
func within[C io.Closer](ctx context.Context, dial func(protocols ...string) (C, string, error)) (conn C, err error) {
	type answer struct {
		conn C
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		conn, _, err := dial(portforward.PortForwardProtocolV1Name)
		answers <- answer{conn, err}
	}()
	select {
	case a := <-answers:
		return a.conn, a.err
	case <-ctx.Done():
		go func() {
			if a := <-answers; a.err == nil {
				_ = a.conn.Close() // nobody uses it
			}
		}()
		return conn, context.Cause(ctx) //nolint:wrapcheck // the caller says what for
	}
}

// Failure is what the kubelet says of a connection that it could not make; empty if it could. It waits for the
// connection's end.
func (c *Conn) Failure() string {
	words, err := io.ReadAll(io.LimitReader(c.failure, 1<<10))
	if err != nil {
		return "" // the connection was ended before anybody complained
	}
	return strings.TrimSpace(string(words))
}

// Close ends the connection.
func (c *Conn) Close() error { return c.end() }

// The rest makes a [net.Conn] of it, which http.Transport asks for.

// LocalAddr is no real address.
func (c *Conn) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// RemoteAddr is no real address.
func (c *Conn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// SetDeadline does nothing: see [Conn].
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing: see [Conn].
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: see [Conn].
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// Run runs a program in a container and writes what it prints.
func (p Pods) Run(ctx context.Context, pod model.Ref, container string, argv []string, out io.Writer) error {
	url := p.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: argv, Stdout: true, Stderr: true}, scheme.ParameterCodec).URL()
	exec, err := remotecommand.NewSPDYExecutor(p.Config, http.MethodPost, url)
	if err != nil {
		return fmt.Errorf("run %s in %s: %w", argv[0], pod, err)
	}
	var stderr strings.Builder
	if err := exec.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: out, Stderr: &stderr}); err != nil {
		return fmt.Errorf("run %s in %s: %w", argv[0], pod, errors.Join(err, words(stderr.String())))
	}
	return nil
}

func words(s string) error {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return errors.New(s)
}
