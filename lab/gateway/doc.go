// Package gateway is what the lab's two hand-made ingress controllers have in common: reading a
// cluster and turning its Ingresses into one table of routes.
//
// [Read] is pure: objects in, [Table] out, in a fixed order. [Watch] calls back with fresh objects
// after changes have settled. What a table means to a proxy is said in the packages nginx and haproxy;
// Contour brings a controller of its own, see package contour.
package gateway
