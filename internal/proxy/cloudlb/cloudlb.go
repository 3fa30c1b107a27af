package cloudlb

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/proxy"
)

// Proxies returns what gatemend knows of the clouds' load balancers.
func Proxies() []proxy.Proxy {
	return []proxy.Proxy{alb(), gcp(), azure()}
}

// outside fills in what all of them have in common.
func outside(p proxy.Proxy) proxy.Proxy {
	p.Outside = true
	p.GatewayContainer = func(*corev1.Pod) (string, bool) { return "", false }
	return p
}

// one reports whether a controller's name has one of some words in it.
func one(controller string, words ...string) bool {
	c := strings.ToLower(controller)
	for _, w := range words {
		if strings.Contains(c, w) {
			return true
		}
	}
	return false
}

// globs: * and ? where the path has them, else the whole path.
func glob(r proxy.PathRule, rank int) proxy.Pattern {
	return proxy.Pattern{How: proxy.Glob, Text: r.Path, Rank: rank}
}
