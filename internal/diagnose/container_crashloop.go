package diagnose

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func containerCrashloop() Analyzer {
	return Analyzer{
		Cause: "container-crashloop", Doc: "Finds workloads whose container exits again and again.", Inputs: podKinds(),
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if pods := v.affected(w, "container-crashloop"); len(pods) > 0 && !v.endedByRequests(w, pods) {
					out = append(out, v.crashloop(w, pods))
				}
			}
			return out
		},
	}
}

func (v *view) crashloop(w *workload, pods []*corev1.Pod) finding {
	t := v.trouble(pods[0])
	field, c, ok := containerField(w, t.container, false)
	f := v.onWorkload(w, "container-crashloop", seen, field, fmt.Sprintf("%s of %s %s failing: %s", share(len(pods), w.size()), w.ref, form(len(pods), "keeps", "keep"), t.why), pods)
	if b := beforeContainer(w, t.container); ok && b != nil && !f.Related["goodRevision"].IsZero() {
		if sub, was, one := changed(b, c); one {
			f.Object.Field = field + sub
			f = f.wants(was).because("object", fmt.Sprintf("only %s%s changed since the revision that worked; it was %s", field, sub, was), w.ref, w.rolledAt())
		}
	}
	line, source := v.lastWords(pods, t.container)
	if sub := cmp.Or(v.crashField(w, c, t), writesTo(c, line)); sub != "" && f.Object.Field == field {
		f.Object.Field += sub
	}
	if b := beforeContainer(w, t.container); ok && b != nil && f.Object.Field == field && w.came.Sub(w.before.CreationTimestamp.Time) > settled {
		if sub, _, one := changed(b, c); one {
			f.Object.Field += sub
			f = f.because("object", fmt.Sprintf("only %s%s changed with the newest revision", field, sub), w.ref, w.rolledAt())
		}
	}
	switch _, awaited := v.sidecarAwaited(w); {
	case t.killed:
		// The kubelet does not always learn why the kernel killed a process. Where it says so of
		// one pod, the others with the same template died of the same.
		f.symptomOf = "oom-killed"
	case awaited:
		f.symptomOf = "sidecar-not-ready"
	default:
		f.symptomOf = "image-pull" // which the log of one pod may tell of all
	}
	if line != "" {
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
		f.Summary += fmt.Sprintf("; its last words: %s", line)
	}
	return f
}

// crashField is the part of a container that its end points at: what the runtime could not run, or the
// variable that the program says that it lacks; empty where nothing does.
func (v *view) crashField(w *workload, c *corev1.Container, t trouble) string {
	if c == nil {
		return ""
	}
	switch name, _, _ := v.missedVariable(w); {
	case t.notRun() && len(c.Command) > 0:
		return ".command"
	case t.notRun() && len(c.Args) > 0:
		return ".args"
	case name != "":
		return ".env[" + name + "]"
	case c.Lifecycle != nil && c.Lifecycle.PostStart != nil && t.signalled() && v.hookFails(w, c):
		return ".lifecycle.postStart"
	}
	return ""
}

// signalled reports whether a container was ended from outside (exit codes 137 and 143: SIGKILL, SIGTERM), not by itself.
func (t trouble) signalled() bool { return t.killed || strings.Contains(t.why, "exit code 143") }

// hookFails reports whether the kubelet kills a container of a workload because what it runs after its start fails. It says
// the same of a hook that fails because its container ended by itself: the hook runs beside the program.
func (v *view) hookFails(w *workload, c *corev1.Container) bool {
	field := "spec.containers{" + c.Name + "}"
	return slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool {
		return w.current(p) && slices.ContainsFunc(v.s.EventsOf(snapshot.RefOf(p)), func(e *corev1.Event) bool {
			return e.Reason == "FailedPostStartHook" && (e.InvolvedObject.FieldPath == "" || e.InvolvedObject.FieldPath == field)
		})
	})
}

// notRun reports whether a container's program, or one that it calls, could not be run at all, so that nothing it depends
// on is the reason. (Exit codes of shells: 126 is not executable, 127 not found.)
func (t trouble) notRun() bool {
	return slices.ContainsFunc([]string{"executable file not found", "no such file or directory", "StartError", "permission denied", "exit code 126", "exit code 127"}, func(says string) bool {
		return strings.Contains(t.why, says)
	})
}

// writesTo is the setting that keeps a container from writing where its last words say that it wants to (EROFS: "Read-only
// file system"): of the mount that holds the path, else of its root.
func writesTo(c *corev1.Container, line string) string {
	if c == nil || !strings.Contains(strings.ToLower(line), "read-only file system") {
		return ""
	}
	for i, m := range c.VolumeMounts {
		if m.ReadOnly && strings.Contains(line, strings.TrimSuffix(m.MountPath, "/")+"/") {
			return fmt.Sprintf(".volumeMounts[%d].readOnly", i)
		}
	}
	if s := c.SecurityContext; s != nil && s.ReadOnlyRootFilesystem != nil && *s.ReadOnlyRootFilesystem {
		return ".securityContext.readOnlyRootFilesystem"
	}
	return ""
}

// changed finds the one field in which two containers differ, with its former value as JSON. one is
// false if they differ in several, or only in what does not matter to the process.
func changed(before, now *corev1.Container) (field, was string, one bool) {
	type part struct {
		field     string
		old, next any
	}
	parts := []part{
		{".image", before.Image, now.Image},
		{".command", before.Command, now.Command},
		{".args", before.Args, now.Args},
		{".resources", before.Resources, now.Resources},
		{".envFrom", before.EnvFrom, now.EnvFrom},
		{".volumeMounts", before.VolumeMounts, now.VolumeMounts},
		{".workingDir", before.WorkingDir, now.WorkingDir},
	}
	values := func(c *corev1.Container) map[string]corev1.EnvVar {
		m := map[string]corev1.EnvVar{}
		for _, e := range c.Env {
			m[e.Name] = e
		}
		return m
	}
	was0, is := values(before), values(now)
	for _, e := range append(append([]corev1.EnvVar{}, before.Env...), now.Env...) {
		field := ".env[" + e.Name + "].value"
		if _, still := is[e.Name]; !still {
			field = ".env[" + e.Name + "]"
		}
		parts = append(parts, part{field, was0[e.Name], is[e.Name]})
	}
	found := map[string]any{}
	for _, p := range parts {
		if !reflect.DeepEqual(p.old, p.next) {
			field, found[p.field] = p.field, p.old
		}
	}
	if len(found) != 1 {
		return "", "", false
	}
	old := found[field]
	if e, ok := old.(corev1.EnvVar); ok {
		old = e.Value
	}
	data, err := json.Marshal(old)
	if err != nil {
		return "", "", false
	}
	return field, string(data), true
}

// lastWords is the last line that says what went wrong in the log of a container that died, of the
// run before if that is there.
func (v *view) lastWords(pods []*corev1.Pod, container string) (line, source string) {
	for _, previous := range []bool{true, false} {
		for _, p := range pods {
			ref := snapshot.RefOf(p)
			for _, log := range v.in.Logs {
				if log.Pod.Name != ref.Name || log.Previous != previous || log.Container != "" && log.Container != container {
					continue
				}
				if l := fatal(log.Lines); l != "" {
					return l, ref.Namespace + "/" + ref.Name + "/" + container
				}
			}
		}
	}
	return "", ""
}

// fatal is the last line with a word of trouble, else the last line at all.
func fatal(lines []string) string {
	last := ""
	for i := len(lines) - 1; i >= 0; i-- {
		l := strings.TrimSpace(lines[i])
		if l == "" {
			continue
		}
		if last == "" {
			last = l
		}
		low := strings.ToLower(l)
		for _, word := range []string{"panic", "fatal", "error", "exception", "cannot", "failed", "refused", "denied", "not found"} {
			if strings.Contains(low, word) {
				return l
			}
		}
	}
	return last
}
