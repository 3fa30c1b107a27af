package admit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
)

// Material are the contents of PEM files: a certificate with its key, and the authorities that the other side's may be of.
type Material struct{ Certificate, Key, Authority []byte }

// Mutual is TLS at which both sides show certificates. They are read anew for each connection, so that new ones are used
// without a restart. While what is read makes no sense, as in the middle of a change, the last that did is used.
type Mutual struct {
	read func() (Material, error)

	mu   sync.Mutex
	last *tls.Config
}

// NewMutual reads the certificates for the first time. There must be some then.
func NewMutual(read func() (Material, error)) (*Mutual, error) {
	m := &Mutual{read: read}
	c, err := m.fresh()
	if err != nil {
		return nil, err
	}
	m.last = c
	return m, nil
}

func (m *Mutual) fresh() (*tls.Config, error) {
	got, err := m.read()
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	if len(got.Authority) == 0 {
		return nil, errors.New("read certificates: there is no authority")
	}
	c, err := ServerTLS(got.Certificate, got.Key, got.Authority)
	if err != nil {
		return nil, err
	}
	c.MinVersion, c.NextProtos, c.RootCAs = tls.VersionTLS13, []string{"h2"}, c.ClientCAs
	return c, nil
}

// current is the newest configuration that makes sense.
func (m *Mutual) current() *tls.Config {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, err := m.fresh(); err == nil {
		m.last = c
	}
	return m.last
}

// Server is the configuration of who is connected to. It is for [Rules.TLS].
func (m *Mutual) Server() *tls.Config {
	c := m.current().Clone()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return m.current(), nil }
	return c
}

// Client are the credentials of who connects to a server whose certificate must have that name.
func (m *Mutual) Client(name string) credentials.TransportCredentials {
	return &client{TransportCredentials: credentials.NewTLS(m.current()), mutual: m, name: name}
}

// client makes its credentials anew for each connection.
type client struct {
	credentials.TransportCredentials
	mutual *Mutual
	name   string
}

func (c *client) ClientHandshake(ctx context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config := c.mutual.current().Clone()
	config.ServerName = c.name
	return credentials.NewTLS(config).ClientHandshake(ctx, c.name, conn)
}

func (c *client) Clone() credentials.TransportCredentials {
	return &client{TransportCredentials: c.TransportCredentials.Clone(), mutual: c.mutual, name: c.name}
}
