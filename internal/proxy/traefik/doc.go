// Package traefik knows Traefik as a gateway.
//
// It reads the access log in the common, generic and JSON formats and the process log in which Traefik
// says why a request failed. Formats and statuses are those of traefik/traefik,
// pkg/middlewares/accesslog and pkg/proxy/httputil/proxy.go.
package traefik
