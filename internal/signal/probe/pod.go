package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"

	"github.com/gatemend/gatemend/internal/model"
)

// inside connects to a port on loopback in a pod's network.
func (p *Prober) inside(ctx context.Context, b model.ProbePort) (model.Probe, error) {
	pr, ctx, cancel := p.check(ctx, model.FromInsidePod, b.Ref, b.Port)
	defer cancel()
	f, err := p.forward(ctx, b.Ref, b.Port)
	if err != nil {
		return pr, err
	}
	defer f.close()
	conn, err := f.dial(ctx)
	if err != nil {
		return pr, err
	}
	defer conn.Close()
	// The forwarder takes the connection before the pod does: only a byte, or the time that passes without an
	// end, says that somebody is there.
	if err := conn.SetReadDeadline(p.now().Add(p.each / 5)); err != nil {
		return pr, fmt.Errorf("set a deadline: %w", err)
	}
	_, err = conn.Read(make([]byte, 1))
	took := p.now().Sub(pr.At)
	if words := f.words(); words != "" {
		return failed(pr, took, words), nil
	}
	if ne := net.Error(nil); err != nil && !(errors.As(err, &ne) && ne.Timeout()) {
		return failed(pr, took, "the connection was closed at once: "+err.Error()), nil
	}
	pr.Took = took
	return pr, nil
}

// gateway sends the route's request to one of the gateway's own pods.
func (p *Prober) gateway(ctx context.Context, req model.Request, d model.ProbePort) (model.Probe, error) {
	pr, ctx, cancel := p.check(ctx, model.FromGateway, d.Ref, d.Port)
	defer cancel()
	pr.Request = &req
	f, err := p.forward(ctx, d.Ref, d.Port)
	if err != nil {
		return pr, err
	}
	defer f.close()
	protocol := "http"
	if d.TLS {
		protocol = "https"
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodGet, protocol+"://"+req.Host+req.Path, http.NoBody)
	if err != nil {
		return pr, fmt.Errorf("make the request: %w", err)
	}
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return f.dial(ctx) },
		DisableKeepAlives: true,
		// What is asked is whether the route works; the certificate is judged by its own cause.
		TLSClientConfig: &tls.Config{ServerName: req.Host, InsecureSkipVerify: true}, //nolint:gosec // nothing secret is sent
	}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(hr)
	took := p.now().Sub(pr.At)
	if err != nil {
		return failed(pr, took, strings.TrimSpace(f.words()+" "+err.Error())), nil
	}
	defer resp.Body.Close()
	pr.Status, pr.Took = resp.StatusCode, took
	if pr.Status >= http.StatusInternalServerError {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // as much as there is helps
		pr.Failure, pr.Reason = model.UpstreamStatus, fmt.Sprintf("it answers %d: %s", pr.Status, strings.TrimSpace(string(body)))
	}
	return pr, nil
}

// sockets reads on what the processes of a pod listen.
func (p *Prober) sockets(ctx context.Context, b model.ProbePort) (model.Probe, error) {
	pr, ctx, cancel := p.check(ctx, model.FromSockets, b.Ref, 0)
	defer cancel()
	out, err := p.exec(ctx, b, "cat", "/proc/net/tcp", "/proc/net/tcp6")
	if err != nil {
		return pr, fmt.Errorf("read the sockets of %s container %s: %w", b.Ref, b.Container, err)
	}
	for _, s := range Sockets(out) {
		pr.Listens = append(pr.Listens, s.String())
	}
	pr.Took = p.now().Sub(pr.At)
	return pr, nil
}

func (p *Prober) exec(ctx context.Context, b model.ProbePort, command ...string) ([]byte, error) {
	call := p.kube.CoreV1().RESTClient().Post().Namespace(b.Ref.Namespace).Resource("pods").Name(b.Ref.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: b.Container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	ws, err := remotecommand.NewWebSocketExecutor(p.config, http.MethodGet, call.URL().String())
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	old, err := remotecommand.NewSPDYExecutor(p.config, http.MethodPost, call.URL())
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	run, err := remotecommand.NewFallbackExecutor(ws, old, upgradeFailed)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	var stdout, stderr bytes.Buffer
	if err := run.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr}); err != nil {
		return nil, fmt.Errorf("%w %s", err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}

func upgradeFailed(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}

// forwarder is a port-forward to one port of one pod.
type forwarder struct {
	local uint16
	stop  chan struct{}
	done  chan error
	says  *saying
}

// saying collects what a forwarder complains of while it runs.
type saying struct {
	mu    sync.Mutex
	b     bytes.Buffer
	first sync.Once
	spoke chan struct{} // closed with the first word
}

func (s *saying) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first.Do(func() { close(s.spoke) })
	return s.b.Write(p)
}

func (s *saying) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (p *Prober) forward(ctx context.Context, pod model.Ref, port int32) (*forwarder, error) {
	url := p.kube.CoreV1().RESTClient().Post().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(p.config)
	if err != nil {
		return nil, fmt.Errorf("prepare a port-forward: %w", err)
	}
	old := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	tunnel, err := portforward.NewSPDYOverWebsocketDialer(url, p.config)
	if err != nil {
		return nil, fmt.Errorf("prepare a port-forward: %w", err)
	}
	f := &forwarder{stop: make(chan struct{}), done: make(chan error, 1), says: &saying{spoke: make(chan struct{})}}
	ready := make(chan struct{})
	fw, err := portforward.NewOnAddresses(portforward.NewFallbackDialer(tunnel, old, upgradeFailed), []string{"127.0.0.1"},
		[]string{fmt.Sprintf("0:%d", port)}, f.stop, ready, io.Discard, f.says)
	if err != nil {
		return nil, fmt.Errorf("prepare a port-forward: %w", err)
	}
	go func() { f.done <- fw.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-f.done:
		return nil, fmt.Errorf("forward port %d of %s: %w", port, pod, err)
	case <-ctx.Done():
		close(f.stop)
		return nil, fmt.Errorf("forward port %d of %s: %w", port, pod, context.Cause(ctx))
	}
	ports, err := fw.GetPorts()
	if err != nil || len(ports) == 0 {
		f.close()
		return nil, fmt.Errorf("forward port %d of %s: no local port: %w", port, pod, err)
	}
	f.local = ports[0].Local
	return f, nil
}

func (f *forwarder) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", f.local))
	if err != nil {
		return nil, fmt.Errorf("connect to the port-forward: %w", err)
	}
	return conn, nil
}

// words are what the kubelet said of the connection. They come on a stream of their own, a moment after the
// connection was closed.
func (f *forwarder) words() string {
	select {
	case <-f.says.spoke:
	case <-time.After(100 * time.Millisecond):
	}
	return f.says.String()
}

func (f *forwarder) close() {
	close(f.stop)
	<-f.done
}
