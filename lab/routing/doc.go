// Package routing checks gatemend's model of routing against real proxies.
//
// [Generate] makes random sets of Ingresses and HTTPRoutes and requests for them, the same for the same
// seed. The test with the build tag lab applies a set, asks the real proxies, and wants each request to end
// at the Service that internal/path says. Backends are Services of the lab's shop, which tells whose it
// is in every answer.
package routing
