// Package envoy knows Envoy as a gateway: Contour, Envoy Gateway and Istio's gateways.
//
// It reads Envoy's default text format (Contour's default), Istio's longer text format, and one JSON
// object a line with the key names of Contour, Envoy Gateway or Istio. Response flags and details mean
// what envoyproxy/envoy says in docs/root/configuration/observability/access_log/usage.rst and
// source/common/router/router.cc; names of clusters and routes come from projectcontour/contour
// (internal/envoy/cluster.go), envoyproxy/gateway (internal/gatewayapi/helpers.go) and istio/istio
// (pilot/pkg/model).
package envoy
