package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/timeline"
)

func readinessProbeMissing() Analyzer {
	return Analyzer{
		Cause:  "readiness-probe-missing",
		Doc:    "Finds workloads without a readiness probe whose new pods get requests before they listen.",
		Inputs: podKinds(), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if f, ok := v.startGap(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// startGap lines refused requests up with the starts of the pods to which they went.
func (v *view) startGap(w *workload) (finding, bool) {
	hook, c := v.stopHook(w)
	if c == nil || c.ReadinessProbe != nil || v.explainedWorkload(w) {
		return finding{}, false
	}
	t := v.fatesOf(w)
	early, confidence := v.thatServe(t, t.by[atStart]), proven
	if len(early) == 0 && c.Lifecycle != nil && c.Lifecycle.PreStop != nil {
		early, confidence = v.atStarts(w, t.by[untold]), likely // pods wait before they stop: it is the new ones
	}
	if len(early) == 0 || len(early)*2 < len(t.all)-t.count(atStop, departed, lost) {
		return finding{}, false
	}
	first, _ := span(early)
	field := strings.TrimSuffix(hook, "lifecycle.preStop") + "readinessProbe"
	f := find("readiness-probe-missing", confidence, at(w.ref, field),
		fmt.Sprintf("container %s of %s has no readiness probe, so its pods get requests as soon as it is started: %d of %d failed requests went to pods that did not listen yet", c.Name, w.ref, len(early), len(t.all))).
		on(t.routes...).as(model.Refused, model.Reset, model.ClosedEarly, model.ConnectTimeout, model.OtherFailure).covering(early).since(first).
		relates("workload", w.ref).relates("service", w.service())
	l, ok := t.lives[early[0]]
	if !ok {
		return f.because("proxy-log", fmt.Sprintf("%d of %d failed requests were refused within %s after a pod was started", len(early), len(t.all), firstSteps), model.Ref{}, first), true
	}
	text := fmt.Sprintf("pod %s was started at %s and got a request at %s", l.Pod.Name, clock(l.Started), clock(early[0].At))
	if answered := v.firstAnswer(lastHost(early[0])); !answered.IsZero() {
		text += fmt.Sprintf("; the first that it answered came at %s", clock(answered))
	}
	return f.because("status", text, l.Pod, l.Started).
		because("proxy-log", fmt.Sprintf("%d of %d failed requests went to pods before their first answer", len(early), len(t.all)), model.Ref{}, first), true
}

// thatServe leaves out the requests to pods that have been up for longer than any start takes and never answered: they do not listen
// late, but not at all, or not where the requests go, and a probe would only say so.
func (v *view) thatServe(t *fates, ss []*model.Signal) []*model.Signal {
	return slices.DeleteFunc(slices.Clone(ss), func(s *model.Signal) bool {
		l := t.lives[s]
		up := !l.Gone && l.Told.IsZero() && v.s.At().Sub(newestOf(l.Created, l.Started)) > firstSteps
		return up && v.firstAnswer(lastHost(s)).IsZero() && !v.isStarting(l)
	})
}

// atStarts lists the refused requests soon after a pod of the workload was started.
func (v *view) atStarts(w *workload, ss []*model.Signal) []*model.Signal {
	lives := v.podsIn(w.ref.Namespace).Of(w.ref)
	var out []*model.Signal
	for _, s := range ss {
		if s.Failure == model.Refused && slices.ContainsFunc(lives, func(l timeline.Life) bool {
			return !l.Started.IsZero() && s.At.After(l.Started.Add(-beforeStop)) && s.At.Before(l.Started.Add(firstSteps))
		}) {
			out = append(out, s)
		}
	}
	return out
}
