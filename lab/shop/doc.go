// Package shop is the lab's application: one small HTTP server that plays web, cart and api.
//
// It is well behaved unless told otherwise. Every way to misbehave that a gateway answers with 502,
// 503 or 504 is an option, because a lab is only worth its faults: listen where nobody can reach it,
// start late, answer late or not at all, send headers that no proxy wants, die, or be killed.
//
// [Options] says what to do, [New] makes the server, [Server.Run] lives as long as the process would
// and returns the exit code. Shares are counted, not drawn: a share of 0.25 hits exactly every fourth
// request, so that a test can say how many errors there must be.
package shop
