//go:build tools

// Package caddy pins the Caddy release that the lab builds. It holds no
// code: the blank import keeps the main package in this module's go.sum.
package caddy

import _ "github.com/caddyserver/caddy/v2/cmd/caddy"
