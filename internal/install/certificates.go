package install

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"
)

// validFor is how long the certificates of agents and their controller hold. Printing the manifests again makes new ones.
const validFor = 365 * 24 * time.Hour

// certificates are the Secrets by which agents and the controller know each other: two certificates of an authority whose key
// nobody keeps. The chart makes the same (templates/agent-tls.yaml).
func certificates(namespace string, now time.Time, random io.Reader) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	authority := &x509.Certificate{
		Subject: pkix.Name{CommonName: "gatemend agents"}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root, err := signed(authority, authority, key, key, now, random)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, side := range []struct {
		name, dns string
		use       x509.ExtKeyUsage
	}{
		{"controller", "gatemend-agents." + namespace + ".svc", x509.ExtKeyUsageServerAuth},
		{"agent", "gatemend-agent", x509.ExtKeyUsageClientAuth},
	} {
		own, err := ecdsa.GenerateKey(elliptic.P256(), random)
		if err != nil {
			return "", fmt.Errorf("make a key: %w", err)
		}
		leaf, err := signed(&x509.Certificate{
			Subject: pkix.Name{CommonName: side.dns}, DNSNames: []string{side.dns}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{side.use},
		}, authority, own, key, now, random)
		if err != nil {
			return "", err
		}
		der, err := x509.MarshalPKCS8PrivateKey(own)
		if err != nil {
			return "", fmt.Errorf("write a key: %w", err)
		}
		fmt.Fprintf(&b, secret, side.name, namespace, encoded("CERTIFICATE", root), encoded("CERTIFICATE", leaf), encoded("PRIVATE KEY", der))
	}
	return b.String(), nil
}

// signed is a certificate, as DER.
func signed(template, parent *x509.Certificate, owner, signer *ecdsa.PrivateKey, now time.Time, random io.Reader) ([]byte, error) {
	serial := make([]byte, 16)
	if _, err := io.ReadFull(random, serial); err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	serial[0] &= 0x7f // it has to be positive (RFC 5280, 4.1.2.2)
	template.SerialNumber = new(big.Int).SetBytes(serial)
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(validFor) // nodes' clocks differ
	der, err := x509.CreateCertificate(random, template, parent, &owner.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return der, nil
}

func encoded(kind string, der []byte) string {
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}) // a buffer takes everything
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

const secret = `---
apiVersion: v1
kind: Secret
metadata:
  name: gatemend-agent-%s-tls
  namespace: %s
type: kubernetes.io/tls
data:
  ca.crt: %s
  tls.crt: %s
  tls.key: %s
`
