package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func appWorkersExhausted() Analyzer {
	return Analyzer{
		Cause:  "app-workers-exhausted",
		Doc:    "Finds applications that say that all their workers, threads or pooled connections are busy.",
		Inputs: append(podKinds(), snapshot.Ingresses),
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if f, ok := v.exhausted(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// busyWorkers are the words with which application servers say that no worker is free: gunicorn, PHP-FPM and nginx in front of it, Apache,
// uWSGI, waitress, Tomcat, Jetty, Java executors, HikariCP, SQLAlchemy, Go's and Node's pools, Puma, Dubbo.
var busyWorkers = regexp.MustCompile(`WORKER TIMEOUT|reached pm\.max_children|reached MaxRequestWorkers|listen queue of socket .* full|Task queue depth is|` +
	`Maximum number of threads .* created|All threads \(\d+\) are currently busy|RejectedExecutionException|Connection is not available, request timed out after|` +
	`QueuePool limit of size|(?i:thread ?pool (?:is )?(?:exhausted|full)|pool (?:is )?exhausted|exhausted (?:its )?(?:connection )?pool|all workers (?:are )?busy|no (?:free|idle|available) workers?|` +
	`connect\(\) to unix:\S+ failed \(11: |timeout (?:waiting for|acquiring) (?:a )?connection|timed out (?:waiting for|fetching) a (?:new )?connection from|worker_connections are not enough|threads? (?:are )?all busy|no more threads|worker pool .*(?:full|saturated))`)

// exhausted joins those words with failures of requests that wait: for an answer, or to be accepted.
func (v *view) exhausted(w *workload) (finding, bool) {
	said := slices.DeleteFunc(v.wordsOf(w, busyWorkers), func(e model.Evidence) bool { return noneMade.MatchString(e.Text) })
	if len(said) == 0 {
		return finding{}, false
	}
	kinds := []model.FailureKind{model.ResponseTimeout, model.ConnectTimeout, model.Overload, model.UpstreamStatus, model.ClosedEarly, model.Reset, model.Refused}
	socket := slices.ContainsFunc(said, fullSocket)
	var routes []*route
	var hits []model.Signal
	for _, r := range w.routes {
		h := r.hits(kinds...)
		for _, s := range r.hits(model.OtherFailure) {
			if socket || givenUp(s) {
				h = append(h, s)
			}
		}
		if len(h) > 0 && !slices.Contains(routes, r) {
			routes, hits = append(routes, r), append(hits, h...)
		}
	}
	if len(routes) == 0 {
		return finding{}, false
	}
	f := find("app-workers-exhausted", proven, at(w.ref, cmp.Or(concurrency(w), saidIn(w, said[0]))), fmt.Sprintf("all workers, threads or pooled connections of %s are busy, so requests wait: %s", w.ref, brief(said[0].Text))).
		on(routes...).as(append(kinds, model.OtherFailure)...).since(hits[0].At).relates("workload", w.ref).relates("service", w.service())
	f.Evidence = append(f.Evidence, said...)
	return f, true
}

// noneMade matches HikariCP's words where its pool holds no connection at all: none is busy, none could be made (HikariPool.java,
// logPoolState and createTimeoutException).
var noneMade = regexp.MustCompile(`\(total=0, active=0,`)

// givenUp reports whether a failure of which the gateway's log does not say who answered may be the answer of an application that
// gave up waiting: a 502 no application makes of that.
func givenUp(s model.Signal) bool {
	return s.Reason == "" && (s.Status == 500 || s.Status == 503 || s.Status == 504)
}

// fullSocket reports whether the web server in the pod says that it answered 502 itself: the backlog of the socket before the
// workers was full. A gateway whose log does not say who answered passes that on without a reason.
func fullSocket(said model.Evidence) bool { return strings.Contains(said.Text, "connect() to unix:") }

// concurrency is the field that sets how many workers there are, as far as arguments and environment tell.
func concurrency(w *workload) string {
	sets := regexp.MustCompile(`(?i)worker|thread|concurrency|max_?children|pool_?size|max_?conn`)
	for i, c := range w.template.template.Spec.Containers {
		field := fmt.Sprintf("spec.template.spec.containers[%d]", i)
		if j := slices.IndexFunc(c.Env, func(e corev1.EnvVar) bool { return sets.MatchString(e.Name) }); j >= 0 {
			return fmt.Sprintf("%s.env[%s].value", field, c.Env[j].Name)
		}
		if sets.MatchString(strings.Join(c.Args, " ")) {
			return field + ".args"
		}
		if sets.MatchString(strings.Join(c.Command, " ")) {
			return field + ".command"
		}
	}
	return ""
}

// saidIn is the container that wrote a line, empty where that is not known.
func saidIn(w *workload, line model.Evidence) string {
	field, _, ok := containerField(w, line.Source[strings.LastIndex(line.Source, "/")+1:], false)
	if !ok {
		return ""
	}
	return field
}
