// Package admittest makes certificates for tests of who is admitted.
package admittest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// Authority signs certificates for loopback.
type Authority struct {
	certificate, server, client *x509.Certificate
	key, leafKey                *ecdsa.PrivateKey
}

// NewAuthority makes one with a server's and a client's certificate.
func NewAuthority(t *testing.T) *Authority {
	t.Helper()
	a := &Authority{key: newKey(t), leafKey: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.certificate = template
	a.certificate = a.sign(t, template, a.key)
	a.issue(t, time.Hour)
	return a
}

// Lasting is the same authority with a new server's and a client's certificate, which are good for so long, to the second.
func (a *Authority) Lasting(t *testing.T, d time.Duration) *Authority {
	t.Helper()
	b := &Authority{certificate: a.certificate, key: a.key, leafKey: newKey(t)}
	b.issue(t, d)
	return b
}

// Ends is when the server's and the client's certificate are not good any more.
func (a *Authority) Ends() time.Time { return a.client.NotAfter }

func (a *Authority) issue(t *testing.T, lasting time.Duration) {
	t.Helper()
	leaf := func(serial int64, use x509.ExtKeyUsage) *x509.Certificate {
		return a.sign(t, &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "leaf"}, NotAfter: time.Now().Add(lasting),
			ExtKeyUsage: []x509.ExtKeyUsage{use}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}, a.leafKey)
	}
	a.server, a.client = leaf(2, x509.ExtKeyUsageServerAuth), leaf(3, x509.ExtKeyUsageClientAuth)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (a *Authority) sign(t *testing.T, template *x509.Certificate, owner *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &owner.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte { return encode("CERTIFICATE", a.certificate.Raw) }

// Certificate is the server's certificate.
func (a *Authority) Certificate() []byte { return encode("CERTIFICATE", a.server.Raw) }

// ClientCertificate is the client's certificate; it has the key of the server's.
func (a *Authority) ClientCertificate() []byte { return encode("CERTIFICATE", a.client.Raw) }

// Key is the key of both.
func (a *Authority) Key(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(a.leafKey)
	if err != nil {
		t.Fatal(err)
	}
	return encode("EC PRIVATE KEY", der)
}

// Anonymous trusts the authority and shows nothing.
func (a *Authority) Anonymous() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: "127.0.0.1"}
}

// Client shows the client's certificate.
func (a *Authority) Client(t *testing.T) *tls.Config {
	t.Helper()
	c := a.Anonymous()
	pair, err := tls.X509KeyPair(a.ClientCertificate(), a.Key(t))
	if err != nil {
		t.Fatal(err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c
}

// Stranger trusts the authority and shows a certificate of another one.
func (a *Authority) Stranger(t *testing.T) *tls.Config {
	t.Helper()
	c := a.Anonymous()
	c.Certificates = NewAuthority(t).Client(t).Certificates
	return c
}
