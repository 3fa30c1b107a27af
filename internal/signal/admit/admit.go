// Package admit lets only known senders send signals: those that show a token, or a certificate of an
// authority, or both where both are set.
//
// Whoever may send signals can make gatemend believe in failures that are none, and with repairs on,
// make it act on them; so nothing but loopback may be served without one of the two.
package admit

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Rules say who is admitted. The zero value admits everybody.
type Rules struct {
	// Token is what a sender must show as "Authorization: Bearer TOKEN"; empty: none.
	Token string
	// TLS is how connections are protected; nil: not at all. See [Server].
	TLS *tls.Config
	// Renew is how long a connection may last whose sender showed a certificate; 0 means 1 h. Certificates are only
	// looked at when a connection is made: without an end, one that has run out would be good for ever.
	Renew time.Duration
}

// ErrOpen means that everybody in the network could send signals.
var ErrOpen = errors.New("everybody who reaches this address could send signals")

// Open reports whether nothing is asked of senders.
func (r Rules) Open() bool {
	return r.Token == "" && !r.certified()
}

// certified reports whether senders must show certificates.
func (r Rules) certified() bool {
	return r.TLS != nil && r.TLS.ClientAuth == tls.RequireAndVerifyClientCert
}

// Check refuses an address that would be open to others than this machine.
func (r Rules) Check(address string) error {
	if !r.Open() {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("read address %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("serve at %s: %w", address, ErrOpen)
}

// Permits reports whether an Authorization header is the right one.
func (r Rules) Permits(authorization string) bool {
	if r.Token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	// Hashes are of one length, so that the time tells nothing of the token's.
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(r.Token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

// ServerTLS is a configuration from PEM files' contents. With an authority, clients must show a
// certificate of it.
func ServerTLS(certificate, key, authority []byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("read certificate and key: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if len(authority) > 0 {
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(authority) {
			return nil, errors.New("read authority of clients: there is no certificate in PEM form in it")
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.SessionTicketsDisabled = true // who resumes a session shows no certificate
	}
	return c, nil
}
