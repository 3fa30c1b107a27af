package diagnose

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// listenDirective matches how files tell a server where to listen: nginx's listen and Apache's Listen directive, and Spring
// Boot's server.port.
var listenDirective = regexp.MustCompile(`(?im)^\s*(?:listen\s+(?:[\w.*\[\]:]+:)?(\d{2,5})\b|server\.port\s*[=:]\s*(\d{2,5})\b)`)

// toldByFiles is the port on which files of mounted ConfigMaps tell a pod's only container to listen, if it is not the
// given one and they name no other; else 0.
func (v *view) toldByFiles(p *corev1.Pod, port int32) (int32, model.Evidence) {
	if len(p.Spec.Containers) != 1 {
		return 0, model.Evidence{}
	}
	var told int32
	var says model.Evidence
	for _, vol := range p.Spec.Volumes {
		if vol.ConfigMap == nil {
			continue
		}
		cm, ok := v.s.ConfigMaps().Get(p.Namespace, vol.ConfigMap.Name)
		if ok != snapshot.Present {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(cm.Data)) {
			for _, m := range listenDirective.FindAllStringSubmatch(cm.Data[key], -1) {
				n, err := strconv.ParseInt(m[1]+m[2], 10, 32)
				if err != nil || int32(n) == port || told != 0 && told != int32(n) {
					return 0, model.Evidence{}
				}
				ref := snapshot.RefOf(cm)
				told, says = int32(n), model.Evidence{Kind: "object", Text: fmt.Sprintf("%s in %s tells it to listen on port %d", key, ref, n), Object: &ref}
			}
		}
	}
	return told, says
}
