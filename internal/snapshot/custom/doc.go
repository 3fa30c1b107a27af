// Package custom reads the custom resources that tell gateways how to route: Contour's HTTPProxy,
// Traefik's IngressRoute, F5's VirtualServer, Istio's VirtualService and what belongs to them.
//
// The types here are our own and hold only the fields that are read, so that no project's API module is
// needed. [Read] makes them of a snapshot's other objects.
package custom
