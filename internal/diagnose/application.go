package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// ofWorkload reports whether a pod is one of a workload's.
func (v *view) ofWorkload(w *workload, pod model.Ref) bool {
	for _, p := range w.pods {
		if p.Name == pod.Name && (pod.Namespace == "" || pod.Namespace == p.Namespace) {
			return true
		}
	}
	return false
}

func appError() Analyzer {
	return Analyzer{
		Cause: "app-error", Doc: "Finds applications that answer 5xx themselves.", Inputs: podKinds(), stage: byRest,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.open() {
				for _, o := range v.unexplained(r) {
					if o.Failure != model.UpstreamStatus && !unsaid(o) || stray(o) || len(r.legs) == 0 || v.retired(r) {
						continue
					}
					if f, ok := v.ownError(r, o); ok {
						out = append(out, f)
						break
					}
				}
			}
			return append(out, v.byOwnLog()...)
		},
	}
}

// unsaid reports whether nothing in a line tells who answered 500. A proxy that makes a 500 of its own, which is rare,
// says why in its error log; where the application tells of an error, it was the application.
func unsaid(o model.Observation) bool {
	return o.Failure == model.OtherFailure && o.Status == 500 && o.Reason == ""
}

func (v *view) ownError(r *route, o model.Observation) (finding, bool) {
	l := r.legs[0]
	object := at(serviceRef(l), "")
	refs := v.behind(l)
	if len(refs) > 0 {
		object = at(refs[0], "")
	}
	f := find("app-error", proven, object,
		fmt.Sprintf("the application behind %s itself answers %d to %d of %d requests for %s; the way to it is fine", object.Ref, o.Status, o.Count, o.Requests, r)).
		on(r).as(o.Failure).since(o.First)
	f = v.relateBackend(f, r)
	f.symptomOf = "bad-rollout"
	line, source := "", ""
	if w := v.workload(object.Ref); w != nil {
		line, source = v.lastError(w)
	}
	if line != "" {
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	}
	return f, line != "" || !unsaid(o)
}

// lastError is the last line of trouble in the logs of a workload's pods.
func (v *view) lastError(w *workload) (line, source string) {
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		if s, from := lastTrouble(log); s != "" {
			line, source = s, from
		}
	}
	return line, source
}

// lastTrouble is the last line of trouble in a log.
func lastTrouble(log model.LogExcerpt) (line, source string) {
	for _, l := range slices.Backward(log.Lines) {
		low := strings.ToLower(l)
		if strings.Contains(low, "error") || strings.Contains(low, "exception") || strings.Contains(low, "panic") || strings.Contains(low, "fatal") {
			return strings.TrimSpace(l), log.Pod.Namespace + "/" + log.Pod.Name + "/" + log.Container
		}
	}
	return "", ""
}
