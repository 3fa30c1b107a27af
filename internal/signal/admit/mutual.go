package admit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
)

// Material are the contents of PEM files: a certificate with its key, and the authorities that the other side's may be of.
type Material struct{ Certificate, Key, Authority []byte }

// renewed is a configuration of TLS that is made anew for each connection, so that new certificates are used without a restart.
// While what is read makes no sense, as in the middle of a change, the last that did is used.
type renewed struct {
	read func() (Material, error)
	of   func(Material) (*tls.Config, error)

	mu   sync.Mutex
	last *tls.Config
}

// newRenewed reads the certificates for the first time. They must make sense then.
func newRenewed(read func() (Material, error), of func(Material) (*tls.Config, error)) (*renewed, error) {
	r := &renewed{read: read, of: of}
	c, err := r.fresh()
	if err != nil {
		return nil, err
	}
	r.last = c
	return r, nil
}

func (r *renewed) fresh() (*tls.Config, error) {
	got, err := r.read()
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	return r.of(got)
}

// current is the newest configuration that makes sense. One that asks less of senders than the last, as the authority is
// gone, does not.
func (r *renewed) current() *tls.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, err := r.fresh(); err == nil && c.ClientAuth == r.last.ClientAuth {
		r.last = c
	}
	return r.last
}

// server is for [Rules.TLS].
func (r *renewed) server() *tls.Config {
	c := r.current().Clone()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return r.current(), nil }
	return c
}

// Server is the configuration of who is connected to, for [Rules.TLS]. It is read anew for each connection. With an authority,
// clients must show a certificate of it.
func Server(read func() (Material, error)) (*tls.Config, error) {
	r, err := newRenewed(read, func(m Material) (*tls.Config, error) { return ServerTLS(m.Certificate, m.Key, m.Authority) })
	if err != nil {
		return nil, err
	}
	return r.server(), nil
}

// Mutual is TLS at which both sides show certificates. They are read anew for each connection.
type Mutual struct{ renewed *renewed }

// NewMutual reads the certificates for the first time. There must be some then.
func NewMutual(read func() (Material, error)) (*Mutual, error) {
	r, err := newRenewed(read, mutual)
	if err != nil {
		return nil, err
	}
	return &Mutual{renewed: r}, nil
}

func mutual(m Material) (*tls.Config, error) {
	if len(m.Authority) == 0 {
		return nil, errors.New("read certificates: there is no authority")
	}
	c, err := ServerTLS(m.Certificate, m.Key, m.Authority)
	if err != nil {
		return nil, err
	}
	c.MinVersion, c.NextProtos, c.RootCAs = tls.VersionTLS13, []string{"h2"}, c.ClientCAs
	return c, nil
}

// Server is the configuration of who is connected to. It is for [Rules.TLS].
func (m *Mutual) Server() *tls.Config { return m.renewed.server() }

// Client are the credentials of who connects to a server whose certificate must have that name.
func (m *Mutual) Client(name string) credentials.TransportCredentials {
	return &client{TransportCredentials: credentials.NewTLS(m.renewed.current()), mutual: m, name: name}
}

// client makes its credentials anew for each connection.
type client struct {
	credentials.TransportCredentials
	mutual *Mutual
	name   string
}

func (c *client) ClientHandshake(ctx context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config := c.mutual.renewed.current().Clone()
	if err := good(config.Certificates[0].Leaf); err != nil {
		// The other side would say so, too, but that may be lost: to this side the connection stands by then.
		return nil, nil, fmt.Errorf("the certificate of this side cannot be shown: %w", err)
	}
	config.ServerName = c.name
	return credentials.NewTLS(config).ClientHandshake(ctx, c.name, conn)
}

func (c *client) Clone() credentials.TransportCredentials {
	return &client{TransportCredentials: c.TransportCredentials.Clone(), mutual: c.mutual, name: c.name}
}

// good says why a certificate cannot be shown now, whoever trusts it.
func good(c *x509.Certificate) error {
	itself := x509.NewCertPool()
	itself.AddCert(c)
	_, err := c.Verify(x509.VerifyOptions{Roots: itself, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}
