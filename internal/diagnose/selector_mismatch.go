package diagnose

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func selectorMismatch() Analyzer {
	return Analyzer{
		Cause:  "selector-mismatch",
		Doc:    "Finds Services whose selector matches no pod while the intended pods carry slightly other labels.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Deployments, snapshot.StatefulSets, snapshot.DaemonSets},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.hops() {
				if f, ok := v.swapped(r, l); ok {
					out = append(out, f)
					continue
				}
				if l.Service != nil && dead(l) {
					if f, ok := v.staleHash(r, l); ok {
						out = append(out, f)
						continue
					}
				}
				if !dead(l) || len(l.Service.Spec.Selector) == 0 || len(v.behind(l)) > 0 || !v.s.Pods().Covers(l.Service.Namespace) {
					continue
				}
				if w, sure := v.meant(l); w != nil {
					out = append(out, v.mismatch(r, l, w, sure))
				}
			}
			return append(out, v.strayEntries()...)
		},
	}
}

// swapped looks for a Service that selects the pods of another application only, while those of the
// workload that has its name are selected by none.
func (v *view) swapped(r *route, l path.Leg) (finding, bool) {
	if l.Port == nil || len(l.Selected) == 0 || r.works() && len(r.astray) == 0 {
		return finding{}, false
	}
	own := v.namesake(l.Service)
	if own == nil || v.claimed(own) || matches(l.Service.Spec.Selector, own.template.template.Labels) || own.serving == 0 {
		return finding{}, false
	}
	other := v.behind(l)
	if len(other) != 1 || contains(other[0].Name, own.ref.Name) {
		return finding{}, false // a release or canary of its own
	}
	proof := len(r.astray) > 0 || r.failing()
	if !proof && (declares(own, l) == v.declaredBy(other[0], l) || r.requests > 0) {
		return finding{}, false
	}
	f := v.mismatch(r, l, own, true)
	f.Summary = fmt.Sprintf("%s selects %s, which matches the pods of %s only; those of %s carry %s and no Service selects them",
		serviceRef(l), pairs(l.Service.Spec.Selector), other[0], own.ref, pairs(own.template.template.Labels))
	f = f.as(wrongPlace()...).showing(r, r.astray).not("target-port-mismatch", "the port is right for the pods of "+own.ref.String())
	f.covers = true
	return f, true
}

// namesake is the workload that has a Service's name, nil if there is none.
func (v *view) namesake(svc *corev1.Service) *workload {
	if v.namesakes == nil {
		v.namesakes = map[[2]string]*workload{}
		for _, w := range v.workloads {
			if w.ref.Kind != "ReplicaSet" {
				v.namesakes[[2]string{w.ref.Namespace, trim(w.ref.Name)}] = w
			}
		}
	}
	return v.namesakes[[2]string{svc.Namespace, trim(svc.Name)}]
}

// declaredBy reports whether a workload declares the port to which a backend's Service leads.
func (v *view) declaredBy(ref model.Ref, l path.Leg) bool {
	w := v.workload(ref)
	return w != nil && declares(w, l)
}

// near scores how nearly labels satisfy a selector: 0 is not at all.
func near(selector, have map[string]string) int {
	score := 0
	for k, want := range selector {
		switch got, ok := have[k]; {
		case ok && got == want:
			score += 4
		case ok && alike(got, want):
			score += 3
		case ok && contains(got, want):
			score += 2
		case !ok && slices.ContainsFunc(slices.Collect(maps.Values(have)), func(x string) bool { return x == want }):
			score += 3 // the right value under another key
		}
	}
	return score
}

// meant finds the workload that a Service without pods was made for: by its labels, its name, and
// the port that it has. sure is false if another is nearly as likely, or may be: where only a part of a name speaks for it,
// one that was not read, and has no pods, may have the whole name.
func (v *view) meant(l path.Leg) (w *workload, sure bool) {
	best, second := 0, 0
	partly := false
	for _, c := range v.workloads {
		if c.ref.Namespace != l.Service.Namespace {
			continue
		}
		score := near(l.Service.Spec.Selector, v.ownLabels(c))
		name := l.Service.Name
		switch {
		case c.ref.Name == name:
			score += 4
		case alike(c.ref.Name, name):
			score += 3
		case contains(c.ref.Name, name):
			score++
		}
		if score == 0 {
			continue
		}
		part := score <= 3 || !alike(c.ref.Name, name) && partial(l.Service.Spec.Selector, c.template.template.Labels)
		if _, ok := path.TargetPort(*l.Port, &c.template.template.Spec); ok && declares(c, l) {
			score++
		}
		if v.claimed(c) {
			score -= 2
		}
		switch {
		case score > best:
			w, best, second, partly = c, score, best, part
		case score > second:
			second = score
		}
	}
	if best < 3 {
		return nil, false
	}
	return w, best > second+1 && (!partly || v.readWorkloads(l.Service.Namespace))
}

// ownLabels are the labels of a workload's pods that no other application of the namespace carries: what many do, as the name of a
// team, does not tell for which of them a Service was made. Another release of the same one, by its name, is no other.
func (v *view) ownLabels(w *workload) map[string]string {
	own := maps.Clone(w.template.template.Labels)
	for _, o := range v.workloads {
		if o.ref.Namespace == w.ref.Namespace && !alike(o.ref.Name, w.ref.Name) && !contains(o.ref.Name, w.ref.Name) {
			maps.DeleteFunc(own, func(k, value string) bool { return o.template.template.Labels[k] == value })
		}
	}
	return own
}

// partial reports whether a label has no more than a part of what a selector wants of it.
func partial(selector, have map[string]string) bool {
	for k, want := range selector {
		if got, ok := have[k]; ok && !alike(got, want) && contains(got, want) {
			return true
		}
	}
	return false
}

func declares(w *workload, l path.Leg) bool {
	n, ok := path.TargetPort(*l.Port, &w.template.template.Spec)
	if !ok {
		return false
	}
	for _, c := range w.template.template.Spec.Containers {
		for _, p := range c.Ports {
			if p.ContainerPort == n {
				return true
			}
		}
	}
	return false
}

// claimed reports whether another Service already selects a workload's pods.
func (v *view) claimed(w *workload) bool {
	for svc := range v.s.Services().In(w.ref.Namespace) {
		if matches(svc.Spec.Selector, w.template.template.Labels) {
			return true
		}
	}
	return false
}

func (v *view) mismatch(r *route, l path.Leg, w *workload, sure bool) finding {
	ref := serviceRef(l)
	have := w.template.template.Labels
	var wrong []string
	right := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(l.Service.Spec.Selector)) {
		got, ok := have[k]
		if ok {
			right[k] = got
		}
		if !ok || got != l.Service.Spec.Selector[k] {
			wrong = append(wrong, k)
		}
	}
	if len(right) == 0 && w.selector != nil {
		right = maps.Clone(w.selector.MatchLabels)
	}
	field := "spec.selector"
	if len(wrong) == 1 {
		field = selectorField(wrong[0])
	}
	confidence := proven
	if !sure || v.unknownWorkload(w.ref) { // what it makes is known by its pods alone
		confidence = likely
	}
	selector := pairs(l.Service.Spec.Selector)
	carry := pairs(right)
	if len(wrong) == 1 && have[wrong[0]] == "" {
		carry = fmt.Sprintf("%s and no label %s", pairs(right), wrong[0])
	}
	f := find("selector-mismatch", confidence, at(ref, field),
		fmt.Sprintf("%s selects %s, which matches nothing; %s of %s carry %s", ref, selector, countPods(len(w.pods)), w.ref, carry)).
		on(r).as(model.NoEndpoints, model.NoRoute).
		because("object", fmt.Sprintf("%s has selector %s", ref, selector), ref, time.Time{}).
		because("object", fmt.Sprintf("%s makes pods with %s; %d of %d are ready", w.ref, pairs(have), w.serving, len(w.pods)), w.ref, time.Time{}).
		relates("workload", w.ref).relates("service", ref)
	if !sure && !v.readWorkloads(ref.Namespace) {
		f = f.because("object", fmt.Sprintf("the Deployments, StatefulSets and DaemonSets of namespace %s were not all read, and another of them may be the one that %s is for", ref.Namespace, ref), ref, time.Time{})
	}
	if label, ok := relabelled(l, w, wrong); ok {
		return withGood(relabel(f, l, w, label), w)
	}
	if data, err := json.Marshal(right); err == nil && len(right) > 0 {
		f = f.wants(string(data))
	}
	return f
}

// relabelled tells which side changed last: if the pods of the revision before carried what the Service selects,
// the newest revision took the label away.
func relabelled(l path.Leg, w *workload, wrong []string) (label string, ok bool) {
	if len(wrong) == 0 || w.before == nil || !matches(l.Service.Spec.Selector, w.before.Spec.Template.Labels) {
		return "", false
	}
	if at := selectorSet(l.Service); !w.came.IsZero() && at.After(w.came) {
		return "", false
	}
	return wrong[0], true
}

// selectorSet is when a Service's selector was last written; zero if that is not known.
func selectorSet(svc *corev1.Service) time.Time {
	var last time.Time
	for _, m := range svc.ManagedFields {
		if m.Time != nil && m.FieldsV1 != nil && strings.Contains(m.FieldsV1.GetRawString(), `"f:selector"`) && m.Time.After(last) {
			last = m.Time.Time
		}
	}
	return last
}

// relabel points a finding at the label that a workload's newest revision changed.
func relabel(f finding, l path.Leg, w *workload, label string) finding {
	field := "spec.template.metadata.labels." + label
	if strings.ContainsAny(label, "./") {
		field = "spec.template.metadata.labels['" + label + "']"
	}
	want := l.Service.Spec.Selector[label]
	has := "without label " + label
	if v := w.template.template.Labels[label]; v != "" {
		has = fmt.Sprintf("with %s=%s", label, v)
	}
	f.Object = at(w.ref, field)
	f.Summary = fmt.Sprintf("the newest revision of %s makes pods %s; the one before had %s=%s, which %s selects", w.ref, has, label, want, serviceRef(l))
	return f.wants(text(want)).since(w.came).not("no-replicas", "the pods run; no Service selects them any more")
}

// selectorField writes a key of a selector as a field; keys with dots or slashes in brackets.
func selectorField(key string) string {
	if strings.ContainsAny(key, "./") {
		return "spec.selector['" + key + "']"
	}
	return "spec.selector." + key
}

func pairs(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, ",")
}

func countPods(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}
