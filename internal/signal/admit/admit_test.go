package admit_test

import (
	"crypto/tls"
	"errors"
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
