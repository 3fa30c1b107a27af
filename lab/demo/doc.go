// Package demo shows gatemend at work on a real cluster: it brings the lab up with the shop behind
// three proxies, sends steady traffic, breaks the shop in one way after another, and lets `gatemend
// watch --fix` find and mend each.
//
// What gatemend says is never taken on trust: the first and the last error of each fault are those
// that real clients got, and a fault counts as mended only when they get none any more.
package demo
