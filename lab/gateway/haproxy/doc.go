// Package haproxy is a minimal ingress controller around a real HAProxy, for the lab alone.
//
// It answers, names and logs as HAProxy Technologies' controller does once its log goes to stdout:
// backends NAMESPACE_svc_SERVICE_PORT, servers SRV_1 and up, that controller's log format, three
// retries on the same server. A missing Service or port takes the route away (404); a backend
// without ready endpoint is empty (503, SC--, <NOSRV>). It differs in that every change is a
// reload, where the original keeps spare slots and changes them through the runtime API.
//
// [Render] is pure. Facts are those of haproxytech/kubernetes-ingress: pkg/handler,
// fs/usr/local/etc/haproxy/haproxy.cfg, documentation.
package haproxy
