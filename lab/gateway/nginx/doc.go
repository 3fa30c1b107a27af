// Package nginx is a minimal ingress controller around a real nginx, for the lab alone.
//
// It answers, names and logs as ingress-nginx does, so that what is learned from it holds for the
// original: upstreams named NAMESPACE-SERVICE-PORT, its default access-log format and timeouts, 503 for
// a backend without endpoints, missing port or missing Service. It differs where Lua would be needed:
// endpoints are written into the configuration, so a change of endpoints is a reload, and one request
// tries each endpoint at most once.
//
// [Render] is pure. [Process] runs nginx. Facts are those of kubernetes/ingress-nginx:
// rootfs/etc/nginx/template/nginx.tmpl and internal/ingress/controller/config/config.go.
package nginx
