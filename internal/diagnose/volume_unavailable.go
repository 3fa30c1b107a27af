package diagnose

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func volumeUnavailable() Analyzer {
	return Analyzer{
		Cause: "volume-unavailable", Doc: "Finds pods that wait for a volume that is not bound, attached or mounted.",
		Inputs: append(podKinds(), snapshot.PersistentVolumeClaims),
		run: perWorkload("volume-unavailable", func(v *view, w *workload, pods []*corev1.Pod) finding {
			t := v.trouble(pods[0])
			f := v.onWorkload(w, "volume-unavailable", seen, volumeField(w, t.why), fmt.Sprintf("pod %s of %s %s", pods[0].Name, w.ref, t.why), pods)
			if object, ok := v.claimAtFault(w, pods[0], t.why); ok {
				f.Object = object
			}
			return f
		}),
	}
}

// volumeField is the volume of which the kubelet speaks, as in: MountVolume.SetUp failed for volume "keys".
func volumeField(w *workload, why string) string {
	for i, vol := range w.template.template.Spec.Volumes {
		if strings.Contains(why, fmt.Sprintf("volume %q", vol.Name)) {
			return fmt.Sprintf("spec.template.spec.volumes[%d]", i)
		}
	}
	return "spec.template.spec.volumes"
}

// claimAtFault finds which claim keeps a pod waiting, and what of it: it is not there, its class is not,
// it is not bound, or its volume is bound to one pod.
func (v *view) claimAtFault(w *workload, p *corev1.Pod, why string) (model.FieldRef, bool) {
	for _, vol := range p.Spec.Volumes {
		if vol.PersistentVolumeClaim == nil {
			continue
		}
		name := vol.PersistentVolumeClaim.ClaimName
		ref := model.Ref{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: w.ref.Namespace, Name: name}
		pvc, presence := v.s.PersistentVolumeClaims().Get(w.ref.Namespace, name)
		switch {
		case presence == snapshot.Absent || strings.Contains(why, fmt.Sprintf("persistentvolumeclaim %q not found", name)):
			return at(ref, objectMissing), true
		case presence != snapshot.Present:
			continue
		case pvc.Status.Phase != corev1.ClaimBound:
			for _, e := range v.s.EventsOf(ref) {
				if strings.Contains(e.Message, "storageclass") && strings.Contains(e.Message, "not found") {
					return at(ref, "spec.storageClassName"), true
				}
			}
			return at(ref, "status.phase"), true
		case strings.Contains(why, "Multi-Attach"), strings.Contains(why, "ReadWriteOncePod"):
			return at(ref, "spec.accessModes"), true
		}
	}
	return model.FieldRef{}, false
}
