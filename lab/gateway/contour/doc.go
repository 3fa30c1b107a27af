// Package contour deploys the real Contour with the real Envoy, as objects.
//
// There are two pairs, because Contour has one access-log format per instance: [Ingress] serves
// Ingresses of class contour and writes Envoy's default text; [Gateway] serves one Gateway of the
// Gateway API and writes JSON. Each pair is a Deployment of contour serve, a Deployment of Envoy that
// contour bootstrap configures, and a Service for each.
//
// Differences to Contour's own example manifests: xDS is plain text (the lab has no one to hide it from),
// Envoy is a Deployment of one and has no shutdown manager, and each finds the other through the
// environment variables of Services, because the lab has no cluster DNS.
package contour
