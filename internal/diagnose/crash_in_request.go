package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// ownFault matches the last words of programs that end by a fault in their own code: Go's runtime, the JVM's, Node's,
// .NET's, Rust's, and what the C library, a shell or Python say.
var ownFault = regexp.MustCompile(`^(panic: |fatal error: )|SIGSEGV|SIGABRT|[Ss]egmentation fault|core dumped|thread '.*' panicked at|Unhandled exception|Uncaught |uncaughtException|Traceback \(most recent call last\)`)

// crashInRequest finds workloads that run well between requests that end their process: it starts, serves for longer than a start
// takes, and ends by a fault of its own at the very moment at which requests break off. The kubelet starts it at once anew, so
// that nearly all other requests succeed.
func (v *view) crashInRequest(r *route) (finding, bool) {
	for _, w := range v.workloads {
		if i := slices.IndexFunc(w.routes, (*route).failing); i < 0 || w.routes[i] != r {
			continue // once for each workload
		}
		pods := v.affected(w, "container-crashloop")
		if !v.endedByRequests(w, pods) {
			continue
		}
		t := v.trouble(pods[0])
		field, _, _ := containerField(w, t.container, false)
		f := v.onWorkload(w, "app-crash-mid-request", proven, field+".image",
			fmt.Sprintf("%s ends while it serves requests, and serves again when it is restarted: %s", w.ref, t.why), pods).
			as(cutByEnd()...).not("container-crashloop", "it starts and serves; requests end it")
		if line, source := v.lastWords(pods, t.container); line != "" {
			f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
			f.Summary += "; its last words: " + line
		}
		return f, true
	}
	return finding{}, false
}

// cutByEnd lists how requests fail whose server ends: those that it had, and those that come before it listens again.
func cutByEnd() []model.FailureKind {
	return []model.FailureKind{model.ClosedEarly, model.Reset, model.Refused}
}

// endedByRequests reports whether all of some pods that died serve again, died by a fault of their own, and requests broke off
// just then, while most others were answered.
func (v *view) endedByRequests(w *workload, pods []*corev1.Pod) bool {
	if len(pods) == 0 || slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return !v.livesBetween(p) }) {
		return false
	}
	var cut []model.Signal
	for _, r := range w.routes {
		if r.failures > 0 && (len(r.succeeded) <= r.failures || len(r.hits(cutByEnd()...)) < r.failures) {
			return false
		}
		cut = append(cut, r.hits(model.ClosedEarly, model.Reset)...)
	}
	return slices.ContainsFunc(pods, func(p *corev1.Pod) bool {
		ended := v.trouble(p).at
		return slices.ContainsFunc(cut, func(s model.Signal) bool { return s.At.Sub(ended).Abs() <= sameMoment })
	})
}

// sameMoment is how far the end of a process and the lines about what it cut may be apart: their times are cut to seconds.
const sameMoment = 2 * time.Second

// livesBetween reports whether a pod whose container died runs again and is ready, had served for longer than a start takes, and
// ended by a fault of its own: by a signal that only such a fault raises, or with words about one. Exit codes 137 and 143 are
// SIGKILL and SIGTERM, which come from outside.
func (v *view) livesBetween(p *corev1.Pod) bool {
	t := v.trouble(p)
	i := slices.IndexFunc(p.Status.ContainerStatuses, func(st corev1.ContainerStatus) bool { return st.Name == t.container })
	if i < 0 {
		return false
	}
	st := p.Status.ContainerStatuses[i]
	last := st.LastTerminationState.Terminated
	if !st.Ready || st.State.Running == nil || last == nil || last.FinishedAt.Sub(last.StartedAt.Time) < starting {
		return false
	}
	switch last.ExitCode {
	case 0, 137, 143:
		return false
	case 132, 134, 135, 136, 139: // SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV
		return true
	}
	line, _ := v.lastWords([]*corev1.Pod{p}, t.container)
	return ownFault.MatchString(line)
}
