package diagnose

import (
	"regexp"

	"github.com/gatemend/gatemend/internal/model"
)

// tlsVersionNames matches variables that say which versions or ciphers of TLS a program accepts.
var tlsVersionNames = regexp.MustCompile(`(?i)((tls|ssl).*(min|max|version|protocols?|ciphers?)|(min|max).*(tls|ssl))`)

// spokenCauses are the causes that only words tell. To add one: a row here, in the order of the catalogue;
// signatures that list it first, in the signatures.txt of the proxies that say it or in application.txt; a page;
// and cases in testdata.
func spokenCauses() []spoken {
	return []spoken{
		{
			cause: "upstream-protocol-violation", doc: "Finds backends whose responses are not valid HTTP.",
			says: "the backend of %s sends what is not valid HTTP", where: atWorkload,
		},
		{
			cause: "proxy-protocol-mismatch", doc: "Finds gateways that expect the PROXY protocol where it is not spoken, or speak it where it is not expected.",
			says: "one side of %s speaks the PROXY protocol and the other does not", where: atGateway,
			keys: []string{"use-proxy-protocol", "proxy-protocol"},
			entries: []string{
				"service.beta.kubernetes.io/aws-load-balancer-proxy-protocol", "service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol", "loadbalancer.openstack.org/proxy-protocol",
				"load-balancer.hetzner.cloud/uses-proxyprotocol", "service.beta.kubernetes.io/scw-loadbalancer-proxy-protocol-v2", "service.beta.kubernetes.io/linode-loadbalancer-default-proxy-protocol",
				"service.beta.kubernetes.io/azure-pls-proxy-protocol", "service.beta.kubernetes.io/oci-load-balancer-connection-proxy-protocol-version",
			},
			look: (*view).proxyProtocolApart,
		},
		{
			cause: "tls-version-mismatch", doc: "Finds backends with which the gateway shares no TLS version or cipher.",
			says: "gateway and backend of %s share no TLS version, cipher or signature algorithm", where: atWorkload,
			fields:    []string{"nginx.ingress.kubernetes.io/proxy-ssl-protocols", "nginx.ingress.kubernetes.io/proxy-ssl-ciphers"},
			variables: tlsVersionNames,
			// Envoy's default log tells a failed handshake as any other connection that could not be made, Traefik's as a mere 502.
			kinds: []model.FailureKind{model.TLS, model.Refused, model.Reset, model.ClosedEarly, model.Protocol, model.OtherFailure},
		},
		{
			cause: "request-body-timeout", doc: "Finds routes on which requests' bodies arrive too slowly.",
			says: "the bodies of requests for %s arrive too slowly for the gateway or the backend", where: atRoute,
			fields: []string{"nginx.ingress.kubernetes.io/client-body-timeout", "nginx.ingress.kubernetes.io/proxy-send-timeout", "haproxy.org/timeout-http-request"},
			look:   (*view).slowBodies,
		},
		{
			cause: "cni-datapath-fault", doc: "Finds gateways from which the pod network does not lead to a backend.",
			says: "the pod network does not carry packets from the gateway to the backend of %s", where: atNode,
		},
		{
			cause: "proxy-reload", doc: "Finds gateways that drop requests when they are reloaded.",
			says: "the gateway was reloaded while it served %s, and dropped requests", where: atGateway,
			look: (*view).cutByReloads,
		},
		{
			cause: "controller-bug", doc: "Finds gateways with a known defect.",
			says: "the gateway reports a fault of its own on %s", where: atGateway,
			beside: (*view).crashingWorkers,
		},
		{
			cause: "app-crash-mid-request", doc: "Finds applications that die, or cut the connection, while they serve a request.",
			says: "the application behind %s dies, or cuts the connection, while it serves requests", where: atWorkload,
			kinds: []model.FailureKind{model.ClosedEarly, model.Reset},
			seen:  (*view).crashInRequest,
		},
		{
			cause: "client-abort", doc: "Finds failures that are those of clients which went away.",
			says: "clients of %s go away before they have the answer; the backend is not the reason", where: atRoute,
			look: (*view).gaveUp,
		},
	}
}
