// Package nginx knows nginx as a gateway: ingress-nginx, F5's NGINX Ingress Controller and NGINX
// Gateway Fabric.
//
// It reads their access lines (the ingress-nginx default format and NGINX's "combined" with anything
// after it), nginx's error log and the controllers' own klog lines, all mixed on one stream as a pod
// prints them. What a format means was taken from nginx/nginx (src/http/ngx_http_upstream.c,
// src/core/ngx_log.c) and kubernetes/ingress-nginx (docs/user-guide/nginx-configuration/log-format.md,
// internal/ingress/controller/controller.go).
package nginx
