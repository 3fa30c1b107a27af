// Package caddy knows Caddy as an ingress controller runs it: JSON logs, answers of its reverse proxy.
package caddy
