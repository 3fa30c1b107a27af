package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/testkit/admittest"
)

// mounted is a folder as the kubelet mounts a Secret: links to a folder that is replaced as a whole.
type mounted struct{ dir string }

func (m mounted) replace(t *testing.T, version string, files map[string][]byte) {
	t.Helper()
	data := filepath.Join(m.dir, "..data_"+version)
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(data, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(filepath.Join(m.dir, name)); err != nil {
			if err := os.Symlink(filepath.Join("..data", name), filepath.Join(m.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	next := filepath.Join(m.dir, "..data_tmp")
	if err := os.Symlink(filepath.Base(data), next); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(m.dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

func (m mounted) files() cli.Certificates {
	return cli.Certificates{CertFile: filepath.Join(m.dir, "tls.crt"), KeyFile: filepath.Join(m.dir, "tls.key"), CAFile: filepath.Join(m.dir, "ca.crt")}
}

// Certificates that the kubelet replaces are used by processes that run, on both sides, from the next connection on; one that
// is made meanwhile goes on with what it has.
func TestReplacedFilesAreUsedWithoutARestart(t *testing.T) {
	first, second := admittest.NewAuthority(t), admittest.NewAuthority(t)
	both := append(second.PEM(), first.PEM()...)
	controller, agent := mounted{t.TempDir()}, mounted{t.TempDir()}
	ofController := func(a *admittest.Authority, trusts []byte) map[string][]byte {
		return map[string][]byte{"tls.crt": a.Certificate(), "tls.key": a.Key(t), "ca.crt": trusts}
	}
	ofAgent := func(a *admittest.Authority, trusts []byte) map[string][]byte {
		return map[string][]byte{"tls.crt": a.ClientCertificate(), "tls.key": a.Key(t), "ca.crt": trusts}
	}
	controller.replace(t, "1", ofController(first, first.PEM()))
	agent.replace(t, "1", ofAgent(first, first.PEM()))
	server, err := admit.NewMutual(materialIn(controller.files()))
	if err != nil {
		t.Fatal(err)
	}
	client, err := admit.NewMutual(materialIn(agent.files()))
	if err != nil {
		t.Fatal(err)
	}
	serves, dials := server.Server(), client.Client("127.0.0.1") // once, as processes do

	connected := func(want *admittest.Authority) bool {
		t.Helper()
		near, far := net.Pipe()
		shown := make(chan *x509.Certificate, 1)
		go func() {
			defer far.Close()
			conn := tls.Server(far, serves)
			if conn.HandshakeContext(t.Context()) != nil {
				shown <- nil
				return
			}
			shown <- conn.ConnectionState().PeerCertificates[0]
		}()
		defer near.Close()
		_, info, err := dials.ClientHandshake(t.Context(), "", near)
		if err != nil {
			near.Close()
			<-shown
			return false
		}
		of, ok := info.(credentials.TLSInfo)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(want.PEM())
		o := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
		client := <-shown
		if !ok || client == nil {
			return false
		}
		_, errServer := of.State.PeerCertificates[0].Verify(o)
		_, errClient := client.Verify(o)
		return errServer == nil && errClient == nil
	}
	if !connected(first) {
		t.Fatal("they do not connect with the first certificates")
	}
	controller.replace(t, "2", ofController(second, both))
	if connected(first) || connected(second) {
		t.Error("an agent trusts a new authority of which its files say nothing")
	}
	agent.replace(t, "2", ofAgent(second, both))
	if !connected(second) {
		t.Error("they do not connect with the second certificates")
	}
	// In the middle of a change what was read last goes on.
	if err := os.Remove(filepath.Join(controller.dir, "tls.key")); err != nil {
		t.Fatal(err)
	}
	if !connected(second) {
		t.Error("half a change ends it")
	}
}

// An Alertmanager that keeps its connection meets the certificate of replaced files all the same, once that connection's time is over.
func TestAlertsComeToTheReplacedCertificate(t *testing.T) {
	first, second := admittest.NewAuthority(t), admittest.NewAuthority(t)
	both := append(first.PEM(), second.PEM()...)
	secret := mounted{t.TempDir()}
	holds := func(version string, a *admittest.Authority) {
		secret.replace(t, version, map[string][]byte{"tls.crt": a.Certificate(), "tls.key": a.Key(t), "ca.crt": both})
	}
	holds("1", first)
	free, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, files := free.Addr().String(), secret.files()
	var forward atomic.Int64
	c := cluster{now: func() time.Time { return time.Now().Add(time.Duration(forward.Load())) }}
	receiver, err := c.alerts(cli.AlertOptions{Address: address, CertFile: files.CertFile, KeyFile: files.KeyFile, ClientCAFile: files.CAFile})
	if err != nil {
		t.Fatal(err)
	}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- receiver.Run(ctx, make(chan model.Notice)) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	config := first.Client(t)
	config.RootCAs.AppendCertsFromPEM(both)
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	// shown is the authority of the certificate that a webhook meets.
	shown := func() *admittest.Authority {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+address, strings.NewReader(`{"version":"4","alerts":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body) // to its end, or the connection is not used again
		if err := errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s, error %v", resp.Status, err)
		}
		for _, a := range []*admittest.Authority{first, second} {
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(a.PEM())
			if _, err := resp.TLS.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots}); err == nil {
				return a
			}
		}
		t.Fatal("a certificate of nobody")
		return nil
	}
	for { // until it listens
		conn, err := tls.Dial("tcp", address, config)
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case err := <-done:
			done <- nil // for the one who waits at the end
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if shown() != first {
		t.Error("the first request met another certificate than that of the files")
	}
	holds("2", second)
	if shown() != first {
		t.Error("the connection was not kept: this test proves nothing")
	}
	forward.Store(int64(24 * time.Hour))
	if shown() != first {
		t.Error("a connection ended before its request was answered")
	}
	if shown() != second {
		t.Error("the connection is kept for ever, and with it the former certificate")
	}
}
