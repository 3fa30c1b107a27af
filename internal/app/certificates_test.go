package app

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/credentials"

	"github.com/gatemend/gatemend/internal/cli"
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
