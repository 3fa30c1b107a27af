package proxy

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// ConfigMaps names the ConfigMaps that the arguments of a controller's pod name, in its own namespace:
// --configmap=NAMESPACE/NAME, --nginx-configmaps, --configmap-name.
func ConfigMaps(p *corev1.Pod) []string {
	var out []string
	for i := range p.Spec.Containers {
		for _, arg := range p.Spec.Containers[i].Args {
			name, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			if ok && (name == "configmap" || name == "nginx-configmaps" || name == "configmap-name") {
				out = append(out, value[strings.LastIndexByte(value, '/')+1:])
			}
		}
	}
	return out
}
