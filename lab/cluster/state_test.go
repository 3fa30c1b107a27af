package cluster

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// scratch is the layout of a cluster whose files are the test's own.
func scratch(t *testing.T) layout {
	t.Helper()
	return layout{name: "demo", dir: filepath.Join(t.TempDir(), "demo")}
}

func TestSpecRoundTrip(t *testing.T) {
	l := scratch(t)
	if _, err := readSpec(l); !errors.Is(err, ErrNotFound) {
		t.Fatalf("readSpec of nothing = %v, want ErrNotFound", err)
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	want := spec{Nodes: 2, Audit: true}
	if err := want.write(l); err != nil {
		t.Fatal(err)
	}
	if got, err := readSpec(l); err != nil || got != want {
		t.Errorf("readSpec = %+v, %v, want %+v", got, err, want)
	}
	for _, damaged := range []string{"", "{", `{"nodes":0}`, `{"nodes":1000}`} {
		if err := os.WriteFile(l.spec(), []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := readSpec(l); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("readSpec of %q = %+v, %v, want an error other than ErrNotFound", damaged, got, err)
		}
	}
}

func TestIdentitiesAreMadeOnceAndVerify(t *testing.T) {
	l := scratch(t)
	for _, dir := range []string{"pki", "kubeconfig"} {
		if err := os.MkdirAll(l.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	nodes := l.nodes(2)
	now := time.Now()
	if err := writeIdentities(l, nodes[:1], now); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(l.pki("apiserver.crt"))
	if err != nil {
		t.Fatal(err)
	}
	// A second node joins: the rest stays.
	if err := writeIdentities(l, nodes, now); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(l.pki("apiserver.crt"))
	if err != nil || string(before) != string(after) {
		t.Errorf("the API server's certificate changed (%v)", err)
	}
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(l.pki("ca.crt"))
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		t.Fatalf("read authority: %v", err)
	}
	for _, tc := range []struct{ file, host string }{
		{"apiserver", apiServiceIP},
		{"apiserver", "kubernetes.default.svc"},
		{nodes[0].component("kubelet"), nodes[0].IP},
		{nodes[1].component("kubelet"), nodes[1].IP},
	} {
		der, err := readPEM(l.pki(tc.file + ".crt"))
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: tc.host}); err != nil {
			t.Errorf("%s as %s: %v", tc.file, tc.host, err)
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig(admin))
	if err != nil || config.Host != l.apiURL() || len(config.CertData) == 0 {
		t.Errorf("admin kubeconfig: host %v, error %v", config, err)
	}
	info, err := os.Stat(l.pki("ca.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the authority's key has mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestLockState(t *testing.T) {
	l := scratch(t)
	ctx := context.Background()
	quiet := func() {}
	if _, err := lockState(ctx, l, false, quiet); !errors.Is(err, ErrNotFound) {
		t.Fatalf("lock of nothing = %v, want ErrNotFound", err)
	}
	unlock, err := lockState(ctx, l, true, quiet)
	if err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(ctx)
	said := false
	_, err = lockState(stopped, l, true, func() { said = true; cancel() })
	if !errors.Is(err, context.Canceled) || !said {
		t.Errorf("second lock = %v, said %v; want it to say that it waits, then to give up", err, said)
	}
	// The holder removes the folder, as Down does; who waited must not end
	// up with the lock of a folder that is gone.
	waits := make(chan struct{})
	got := make(chan error, 1)
	go func() {
		unlock, err := lockState(ctx, l, false, func() { close(waits) })
		if err == nil {
			unlock()
		}
		got <- err
	}()
	<-waits
	if err := os.RemoveAll(l.dir); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-got; !errors.Is(err, ErrNotFound) {
		t.Errorf("lock after removal = %v, want ErrNotFound", err)
	}
}
