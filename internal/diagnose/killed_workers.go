package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// workerKilled matches the words of servers that start a worker anew which somebody else killed by SIGKILL: gunicorn
// (gunicorn/arbiter.py), uWSGI (core/uwsgi.c), PHP-FPM (sapi/fpm/fpm/fpm_children.c), Celery and billiard.
var workerKilled = regexp.MustCompile(`was sent SIGKILL! Perhaps out of memory|DAMN ! worker \d+ \(pid: \d+\) died, killed by signal 9|exited on signal 9 \(SIGKILL\)|exited prematurely: signal 9`)

// workerStuck matches their words before they kill a worker themselves, which then looks the same.
var workerStuck = regexp.MustCompile(`WORKER TIMEOUT|HARAKIRI|execution timed out|request_terminate_timeout|TimeLimitExceeded|Hard time limit`)

// killedWorkers finds applications whose server starts workers anew that the kernel kills at the container's memory limit, while
// requests are cut off. The container itself goes on where the kernel takes single processes, and nothing in a pod's status says
// so (the kubelet's singleProcessOOMKill; cgroup v1).
func (v *view) killedWorkers() []finding {
	var out []finding
	for _, w := range v.workloads {
		kinds := []model.FailureKind{model.ClosedEarly, model.Reset, model.Refused}
		var hurt []*route
		for _, r := range w.routes {
			if len(r.hits(kinds...)) > 0 {
				hurt = append(hurt, r)
			}
		}
		if f, ok := v.killedWorker(w); ok && len(hurt) > 0 {
			out = append(out, f.on(hurt...).as(kinds...))
		}
	}
	return out
}

// killedWorker finds a log of a workload that tells of a worker that was killed, in a container with a limit.
func (v *view) killedWorker(w *workload) (finding, bool) {
	for _, log := range v.in.Logs {
		line, killed := killedIn(log)
		if !killed || !v.ofWorkload(w, log.Pod) {
			continue
		}
		field, c, known := containerField(w, log.Container, false)
		if all := w.template.template.Spec.Containers; !known && len(all) == 1 {
			field, c, known = "spec.template.spec.containers[0]", &all[0], true
		}
		if !known {
			continue
		}
		limit, has := c.Resources.Limits[corev1.ResourceMemory]
		if !has {
			continue
		}
		f := find("oom-killed", likely, at(w.ref, field+".resources.limits.memory"),
			fmt.Sprintf("workers of container %s of %s are killed, most likely at its memory limit of %s, and take the requests that they serve with them", c.Name, w.ref, limit.String())).
			relates("workload", w.ref).relates("service", w.service()).not("app-crash-mid-request", "the workers do not die by themselves, they are killed")
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: sourceOf(log)})
		return f, true
	}
	return finding{}, false
}

// killedIn is the last line of a log about a worker that was killed, if its server did not do so.
func killedIn(log model.LogExcerpt) (line string, ok bool) {
	for _, l := range log.Lines {
		if workerStuck.MatchString(l) {
			return "", false
		}
		if workerKilled.MatchString(l) {
			line, ok = strings.TrimSpace(l), true
		}
	}
	return line, ok
}
