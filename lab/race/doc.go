// Package race lets the lab's races happen again and again, and asks gatemend each time what it was: whether
// it tells them apart is measured here, with real proxies. It has only tests; see [fault.Races].
package race
