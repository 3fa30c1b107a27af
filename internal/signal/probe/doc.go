// Package probe asks, actively and only when told to, how far a request comes: through the gateway, to the
// Service, to each pod, and inside the pod.
//
// Each check has a vantage, because from where one looks decides what it proves. The gateway is asked through a
// port-forward to one of its own pods, with the route's Host and server name. Services and pods are asked by the
// API server's proxy, which connects to their addresses as another pod would, though no NetworkPolicy for pods
// applies to it. Inside the pod a port-forward connects to loopback. The sockets on which a pod listens are read
// from /proc/net/tcp by a command in its container, or, only where somebody asks for it, in one that joins the pod.
// Requests are GET, at most a few a route, each bounded in time; nothing else is written.
package probe
