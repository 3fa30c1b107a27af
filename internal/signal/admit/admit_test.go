package admit_test

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/testkit/admittest"
)

func TestPermits(t *testing.T) {
	for shown, want := range map[string]bool{
		"Bearer secret": true, "bearer secret": true, "Bearer": false, "": false, "Bearer secret ": false, "Basic secret": false, "secret": false, "Bearer other": false,
	} {
		if got := (admit.Rules{Token: "secret"}).Permits(shown); got != want {
			t.Errorf("%q: %v", shown, got)
		}
	}
	if !(admit.Rules{}).Permits("") {
		t.Error("without a token nothing must be shown")
	}
}

func TestCheck(t *testing.T) {
	ca := admittest.NewAuthority(t)
	mutual, err := admit.ServerTLS(ca.Certificate(), ca.Key(t), ca.PEM())
	if err != nil {
		t.Fatal(err)
	}
	oneSided, err := admit.ServerTLS(ca.Certificate(), ca.Key(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		address string
		rules   admit.Rules
		open    bool
	}{
		{":9000", admit.Rules{}, true},
		{"0.0.0.0:9000", admit.Rules{}, true},
		{"10.0.0.1:9000", admit.Rules{TLS: oneSided}, true},
		{"127.0.0.1:9000", admit.Rules{}, false},
		{"[::1]:9000", admit.Rules{}, false},
		{"localhost:9000", admit.Rules{}, false},
		{":9000", admit.Rules{Token: "x"}, false},
		{":9000", admit.Rules{TLS: mutual}, false},
	} {
		if err := c.rules.Check(c.address); errors.Is(err, admit.ErrOpen) != c.open || !c.open && err != nil {
			t.Errorf("%s: %v", c.address, err)
		}
	}
	if (admit.Rules{}).Check("nonsense") == nil {
		t.Error("an address without a port is none")
	}
}

func TestServerTLSSaysWhatIsWrong(t *testing.T) {
	ca := admittest.NewAuthority(t)
	if _, err := admit.ServerTLS([]byte("x"), ca.Key(t), nil); err == nil {
		t.Error("a certificate that is none was taken")
	}
	if _, err := admit.ServerTLS(ca.Certificate(), ca.Key(t), []byte("x")); err == nil {
		t.Error("an authority that is none was taken")
	}
	if c, err := admit.ServerTLS(ca.Certificate(), ca.Key(t), ca.PEM()); err != nil || c.ClientAuth != tls.RequireAndVerifyClientCert {
		t.Errorf("%v", err)
	}
}

// What a receiver shows and asks for is what the files say when a sender connects, as long as that makes sense and asks no less.
func TestServerIsReadAnew(t *testing.T) {
	first, second := admittest.NewAuthority(t), admittest.NewAuthority(t)
	of := func(a *admittest.Authority) admit.Material {
		return admit.Material{Certificate: a.Certificate(), Key: a.Key(t), Authority: a.PEM()}
	}
	now, failing := of(first), error(nil)
	server, err := admit.Server(func() (admit.Material, error) { return now, failing })
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	connects := func(client *tls.Config) bool {
		done := make(chan error, 1)
		go func() {
			far, err := listener.Accept()
			if err == nil {
				err = tls.Server(far, server).HandshakeContext(t.Context())
				_ = far.Close()
			}
			done <- err
		}()
		near, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer near.Close()
		// Of a client's certificate only the server knows whether it is taken.
		return errors.Join(tls.Client(near, client).HandshakeContext(t.Context()), <-done) == nil
	}
	halfWritten, open := of(second), of(second)
	halfWritten.Key = first.Key(t)
	open.Authority = nil
	for _, step := range []struct {
		name string
		now  admit.Material
		err  error
		of   *admittest.Authority
	}{
		{"at first", of(first), nil, first},
		{"new ones", of(second), nil, second},
		{"half of it is written", halfWritten, nil, second},
		{"it cannot be read", of(first), errors.New("gone"), second},
		{"the authority is gone", open, nil, second},
		{"the first again", of(first), nil, first},
	} {
		now, failing = step.now, step.err
		for _, a := range []*admittest.Authority{first, second} {
			if got := connects(a.Client(t)); got != (a == step.of) {
				t.Errorf("%s: a certificate of the right authority: %v, connects: %v", step.name, a == step.of, got)
			}
		}
		if connects(step.of.Anonymous()) {
			t.Errorf("%s: who shows nothing connects", step.name)
		}
	}
	failing = errors.New("gone")
	if _, err := admit.Server(func() (admit.Material, error) { return now, failing }); !errors.Is(err, failing) {
		t.Errorf("nothing is there at first: %v", err)
	}
}
