package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certificateLife is how long the lab's certificates hold: longer than any
// cluster of it.
const certificateLife = 10 * 365 * 24 * time.Hour

// authority signs the certificates of one cluster.
type authority struct {
	layout      layout
	certificate *x509.Certificate
	key         crypto.Signer
	now         time.Time
}

// openAuthority loads the cluster's certificate authority or makes one.
func openAuthority(l layout, now time.Time) (*authority, error) {
	a := &authority{layout: l, now: now}
	if present(l.pki("ca.crt"), l.pki("ca.key")) {
		certificate, err := readPEM(l.pki("ca.crt"))
		if err != nil {
			return nil, err
		}
		if a.certificate, err = x509.ParseCertificate(certificate); err != nil {
			return nil, fmt.Errorf("read cluster authority: %w", err)
		}
		key, err := readPEM(l.pki("ca.key"))
		if err != nil {
			return nil, err
		}
		if a.key, err = x509.ParseECPrivateKey(key); err != nil {
			return nil, fmt.Errorf("read key of cluster authority: %w", err)
		}
		return a, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key of cluster authority: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "gatemend-lab " + l.name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	a.key, a.certificate = key, template
	return a, a.sign("ca", template, key)
}

// identity is who a certificate speaks for.
type identity struct {
	// file is the base name of the certificate and key.
	file string
	// user and groups are what RBAC sees.
	user   string
	groups []string
	// addresses makes it a server's certificate for these as well.
	addresses []string
	names     []string
}

// issue makes a certificate and key unless both are there.
func (a *authority) issue(id identity) error {
	if present(a.layout.pki(id.file+".crt"), a.layout.pki(id.file+".key")) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make key of %s: %w", id.file, err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: id.user, Organization: id.groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		DNSNames:    id.names,
	}
	for _, address := range id.addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	if len(id.addresses) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	return a.sign(id.file, template, key)
}

// sign completes, signs and writes a certificate. The key is written first:
// where the certificate is, its key is too.
func (a *authority) sign(file string, template *x509.Certificate, key *ecdsa.PrivateKey) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fmt.Errorf("make serial number: %w", err)
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = a.now.Add(-time.Hour), a.now.Add(certificateLife)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("sign certificate of %s: %w", file, err)
	}
	if err := writeKey(a.layout.pki(file+".key"), key); err != nil {
		return err
	}
	return writeFile(a.layout.pki(file+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// serviceAccountKeys makes the pair by which ServiceAccount tokens are signed
// and checked.
func serviceAccountKeys(l layout) error {
	if present(l.pki("sa.key"), l.pki("sa.pub")) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make service account key: %w", err)
	}
	if err := writeKey(l.pki("sa.key"), key); err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encode service account key: %w", err)
	}
	return writeFile(l.pki("sa.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644)
}

// writeKey writes a private key for its owner alone.
func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	return writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// readPEM returns the content of the first block of a file.
func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("read certificate %s: %w", path, errors.New("no PEM block"))
	}
	return block.Bytes, nil
}

// present says whether all files are there.
func present(paths ...string) bool {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return false
		}
	}
	return true
}
