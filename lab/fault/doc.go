// Package fault breaks the lab's shop, one well-known way at a time, and mends it again.
//
// A [Fault] is a value: what to break, on which route it shows, what clients get and which causes a
// diagnosis may name first. [All] lists them; each stands in a file of its own. Inject and Restore
// write to the cluster as whoever deploys the shop would; nothing is faked in between, so what gateways
// answer and log is their own.
package fault
