// Package dataplane asks proxies which endpoints they have really loaded, read-only.
//
// Envoy is asked at its admin port and ingress-nginx at its status port, both of which listen inside the
// pod only, through port-forward; HAProxy at its runtime socket and any other nginx by its configuration,
// through exec. Where RBAC does not allow that, or the program is not in the image, the answer is that it
// is not known. What they answer is taken apart by pure functions, [EnvoyClusters], [IngressNginx],
// [NginxConfig] and [HAProxyServers], which take any text.
package dataplane
