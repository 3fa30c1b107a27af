package app

import (
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// trustRoots has the program trust Mozilla's authorities where the system has none of its own, as in the smallest
// images. It may be called once, and is not by each start of the program: reading 150 certificates takes as long as
// counting 2 MB of logs.
func trustRoots() {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			panic(fmt.Sprintf("a certificate that is built in: %v", err))
		}
		pool.AddCertWithConstraint(cert, root.Constraint)
	}
	x509.SetFallbackRoots(pool)
}
