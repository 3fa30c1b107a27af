package diagnose

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

func oomKilled() Analyzer {
	return Analyzer{
		Cause: "oom-killed", Doc: "Finds containers, and processes in them, that are killed at their memory limit.", Inputs: podKinds(),
		run: func(v *view) []finding { return append(oomKilledContainers()(v), v.killedWorkers()...) },
	}
}

func oomKilledContainers() func(*view) []finding {
	return perWorkload("oom-killed", func(v *view, w *workload, pods []*corev1.Pod) finding {
		t := v.trouble(pods[0])
		field, c, ok := containerField(w, t.container, t.init)
		limit := "its node's memory"
		if ok {
			if q, has := c.Resources.Limits[corev1.ResourceMemory]; has {
				limit = "its limit of " + q.String()
			}
		}
		f := v.onWorkload(w, "oom-killed", seen, field+".resources.limits.memory", fmt.Sprintf("container %s of %s is killed for using more memory than %s", t.container, w.ref, limit), pods)
		if b := beforeContainer(w, t.container); ok && b != nil && !f.Related["goodRevision"].IsZero() {
			was, had := b.Resources.Limits[corev1.ResourceMemory]
			if now := c.Resources.Limits[corev1.ResourceMemory]; had && was.Cmp(now) > 0 {
				f = f.wants(text(was.String()))
			}
		}
		if ok {
			f = filledByFiles(f, w, c)
		}
		return f
	})
}

// filledByFiles adds to a finding about a container's memory that it writes to a directory that is in memory, and may get as
// large as its limit: its files count against that. Where the newest revision moved it there, that is what is wrong.
func filledByFiles(f finding, w *workload, c *corev1.Container) finding {
	limit, limited := c.Resources.Limits[corev1.ResourceMemory]
	for i, vol := range w.template.template.Spec.Volumes {
		d := vol.EmptyDir
		if d == nil || d.Medium != corev1.StorageMediumMemory || !limited || d.SizeLimit != nil && d.SizeLimit.Cmp(limit) < 0 ||
			!slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == vol.Name && !m.ReadOnly }) {
			continue
		}
		field := fmt.Sprintf("spec.template.spec.volumes[%d].emptyDir", i)
		f = f.because("object", fmt.Sprintf("volume %s is in memory, and what is written to it counts against that limit", vol.Name), w.ref, time.Time{})
		if w.before != nil && !slices.ContainsFunc(w.before.Spec.Template.Spec.Volumes, func(b corev1.Volume) bool {
			return b.Name == vol.Name && b.EmptyDir != nil && b.EmptyDir.Medium == corev1.StorageMediumMemory
		}) {
			f.Object.Field, f.Wanted = field+".medium", ""
			f.Summary += fmt.Sprintf("; since revision %d its directory %s is in memory", snapshot.Revision(w.newest), vol.Name)
		}
	}
	return f
}
