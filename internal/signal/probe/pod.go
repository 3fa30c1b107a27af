package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/inside"
)

// silence is how long nothing must be heard on a connection inside a pod before it is taken that somebody
// holds it: a refusal comes back at once.
const silence = 5 // of this many parts of a check's time, one

// within connects to a port on loopback in a pod's network.
func (p *Prober) within(ctx context.Context, b model.ProbePort) (model.Probe, error) {
	pr, ctx, cancel := p.check(ctx, model.FromInsidePod, b.Ref, b.Port)
	defer cancel()
	ctx, hush := context.WithTimeout(ctx, p.each/silence)
	defer hush()
	conn, err := p.pods.Dial(ctx, b.Ref, b.Port)
	if err != nil {
		return pr, err //nolint:wrapcheck // says what it was for
	}
	defer func() { _ = conn.Close() }() // all that was wanted is known
	_, err = conn.Read(make([]byte, 1))
	took := p.now().Sub(pr.At)
	switch words := conn.Failure(); {
	case words != "":
		return failed(pr, took, words), nil
	case err != nil && ctx.Err() == nil:
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
	protocol := "http"
	if d.TLS {
		protocol = "https"
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodGet, protocol+"://"+req.Host+req.Path, http.NoBody)
	if err != nil {
		return pr, fmt.Errorf("make the request: %w", err)
	}
	var conn *inside.Conn
	transport := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			var err error
			conn, err = p.pods.Dial(ctx, d.Ref, d.Port)
			return conn, err //nolint:wrapcheck // says what it was for
		},
		DisableKeepAlives: true,
		// What is asked is whether the route works; the certificate is judged by its own cause.
		TLSClientConfig: &tls.Config{ServerName: req.Host, InsecureSkipVerify: true}, //nolint:gosec // nothing secret is sent
	}
	resp, err := transport.RoundTrip(hr)
	took := p.now().Sub(pr.At)
	switch {
	case err != nil && conn == nil:
		return pr, fmt.Errorf("ask the gateway: %w", err)
	case err != nil:
		return failed(pr, took, strings.TrimSpace(conn.Failure()+" "+err.Error())), nil
	}
	defer resp.Body.Close()
	pr.Status, pr.Took = resp.StatusCode, took
	if pr.Status >= http.StatusInternalServerError {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // as much as there is helps
		pr.Failure, pr.Reason = model.UpstreamStatus, fmt.Sprintf("it answers %d: %s", pr.Status, strings.TrimSpace(string(body)))
	}
	return pr, nil
}

// sockets reads on what the processes of a pod listen: in one of its own containers, else, since many images hold no
// program but their own, in one that joins it, if that is allowed.
func (p *Prober) sockets(ctx context.Context, b model.ProbePort) (model.Probe, error) {
	pr, own, cancel := p.check(ctx, model.FromSockets, b.Ref, 0)
	defer cancel()
	var out bytes.Buffer
	err := p.pods.Run(own, b.Ref, b.Container, []string{"cat", "/proc/net/tcp", "/proc/net/tcp6"}, &out)
	table := out.Bytes()
	if err != nil && len(table) == 0 { // where there is no IPv6 the second file is missing
		err = fmt.Errorf("read the sockets of container %s: %w", b.Container, err)
		if p.guest == nil {
			return pr, fmt.Errorf("%w (--probe-container looks at them from a container of its own)", err)
		}
		ctx, leave := context.WithTimeoutCause(ctx, welcome, fmt.Errorf("it took longer than %s", welcome))
		defer leave()
		// The second file may be missing: that is no failure of the program's.
		if table, err = p.guest(ctx, b.Ref, []string{"sh", "-c", "cat /proc/net/tcp; cat /proc/net/tcp6 2>/dev/null || true"}); err != nil {
			return pr, fmt.Errorf("read the sockets from a container that joins the pod: %w", err)
		}
	}
	for _, s := range Sockets(table) {
		pr.Listens = append(pr.Listens, s.String())
	}
	pr.Took = p.now().Sub(pr.At)
	return pr, nil
}
