// Package haproxy knows HAProxy as a gateway: HAProxy Technologies' kubernetes-ingress and
// jcmoraisjr/haproxy-ingress.
//
// It reads the HTTP log format, raw on stdout or behind a syslog header, and tells the events in the
// same stream apart. The format and the termination states are those of haproxy/haproxy,
// doc/configuration.txt, sections 8.2.3 and 8.5; backend names those of haproxytech/kubernetes-ingress
// and jcmoraisjr/haproxy-ingress.
package haproxy
