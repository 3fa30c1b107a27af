// Package logformat takes lines apart that were written by a format of variables and fixed text, such as nginx's
// log_format, HAProxy's log-format or Envoy's format strings. What the variables mean is the business of each proxy's
// package.
//
// Much of a line comes from clients, and not all formats escape it: a user agent may hold what looks like the end of
// its field and the rest of a line. A [Template] therefore checks the shape of every field whose text the proxy
// makes, reads a line from its left end and from its right, and takes it only if both readings agree on all those
// fields: a client can make its own line unreadable, but not forge a status.
package logformat
