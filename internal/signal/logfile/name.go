package logfile

import (
	"path"
	"strings"
)

// logName splits "POD_CONTAINER.previous.log.gz". Names of pods and containers have no underscore (RFC 1123
// subdomain and label), so the first one parts them.
func logName(name string) (pod, container string, previous bool) {
	base := uncompressed(path.Base(name))
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".log"), ".txt")
	base, previous = strings.CutSuffix(base, ".previous")
	pod, container, ok := strings.Cut(base, "_")
	if !ok || strings.Contains(container, "_") {
		return "", "", previous
	}
	return pod, container, previous
}
