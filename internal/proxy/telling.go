package proxy

import "bytes"

// Telling reports whether a line that is about no request may say why requests fail: a configuration
// that was refused, a reload, a lost control plane, a right that is missing. It errs on the side of
// keeping a line, and costs nothing for requests, which are never asked about.
func Telling(line []byte) bool {
	low := bytes.ToLower(line[:min(len(line), 2048)])
	for _, word := range [...]string{
		"err", "fail", "reject", "invalid", "forbidden", "denied", "emerg", "alert", "crit", "warn", "fatal", "panic",
		"reload", "lost", "closed", "unavailable", "unreachable", "expired", "refused", "timed out", "timeout",
		"lead", "lease", "limit", "exceed", "overload", "exhaust", "not enough", "too many", "full",
		"filter_chain",                            // Envoy, of a connection that no server of its is for
		"reconfiguring", "start worker processes", // nginx, before and after it has read its configuration anew
	} {
		if bytes.Contains(low, []byte(word)) {
			return true
		}
	}
	return false
}
