// Package linkerd knows the proxy of the Linkerd service mesh, which stands beside an application and before it: it is
// no gateway, but what it logs says what became of a gateway's request.
//
// Its access log is off unless the annotation config.linkerd.io/access-log asks for "apache" or "json"
// (https://linkerd.io/2/features/access-logging/; fields: linkerd/linkerd2-proxy, linkerd/http/access-log/src/lib.rs).
package linkerd
