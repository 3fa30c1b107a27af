package nginx

import (
	"regexp"
	"strconv"
	"strings"
)

// prefix of the annotations that ingress-nginx reads.
const prefix = "nginx.ingress.kubernetes.io/"

// settings of one location; the defaults are those of ingress-nginx's ConfigMap.
type settings struct {
	bufferSize  string // an nginx size
	readTimeout string // an nginx time
	scheme      string // of proxy_pass or grpc_pass
	grpc        bool
}

// read takes what it understands and leaves the default for the rest, as ingress-nginx does: a bad
// annotation must not take the other routes down.
func read(annotations map[string]string) settings {
	s := settings{bufferSize: "4k", readTimeout: "60s", scheme: "http"}
	if v := annotations[prefix+"proxy-buffer-size"]; regexp.MustCompile(`^[0-9]+[kKmM]?$`).MatchString(v) {
		s.bufferSize = v
	}
	if n, err := strconv.Atoi(annotations[prefix+"proxy-read-timeout"]); err == nil && n > 0 {
		s.readTimeout = strconv.Itoa(n) + "s"
	}
	switch strings.ToUpper(annotations[prefix+"backend-protocol"]) {
	case "HTTPS":
		s.scheme = "https"
	case "GRPC":
		s.scheme, s.grpc = "grpc", true
	case "GRPCS":
		s.scheme, s.grpc = "grpcs", true
	}
	return s
}
