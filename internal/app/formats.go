package app

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// formatsIn adds to what people told of gateways' logs what the controllers' own ConfigMaps say of them.
func formatsIn(s *snapshot.Snapshot, told all.Formats) all.Formats {
	for p := range s.Pods().All() {
		told = formatsOf(s, p, told)
	}
	return told
}

// formatsOf is formatsIn for one pod.
func formatsOf(s *snapshot.Snapshot, pod *corev1.Pod, told all.Formats) all.Formats {
	p, _, ok := all.ForPod(pod)
	if !ok || p.LogFormat == nil {
		return told
	}
	for _, name := range proxy.ConfigMaps(pod) {
		cm, ok := s.ConfigMaps().Get(pod.Namespace, name)
		if ok != snapshot.Present {
			continue
		}
		if format := p.LogFormat(cm.Data); format != "" {
			told = told.With(p, pod.Namespace, s.WorkloadOf(pod).Name, format)
		}
	}
	return told
}
