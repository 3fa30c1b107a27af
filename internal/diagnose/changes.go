package diagnose

import (
	"cmp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/timeline"
)

// Changes are looked for so long before errors began, and a moment after: clocks differ.
const (
	changedBefore = time.Hour
	changedAfter  = 5 * time.Second
	mostChanges   = 40 // of the newest
)

// changes lists what changed around the onset on the routes that fail, and names the change that made
// each cause.
func (v *view) changes(causes []model.Finding) []model.Changed {
	out := []model.Changed{}
	if len(causes) == 0 {
		return out
	}
	onset := v.onset(causes)
	var all []model.Changed
	for _, ref := range v.concerned(causes) {
		all = append(all, v.changesOf(ref)...)
	}
	for i := range causes {
		blame(&causes[i], all, onset)
	}
	for _, c := range all {
		if c.At.After(onset.Add(-changedBefore)) && !c.At.After(onset.Add(changedAfter)) && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b model.Changed) int {
		return cmp.Or(b.At.Compare(a.At), a.Object.Compare(b.Object), cmp.Compare(a.Field, b.Field), cmp.Compare(a.What, b.What))
	})
	return out[:min(len(out), mostChanges)]
}

// onset is when the failing began, as far as anything tells; else the time of the snapshot.
func (v *view) onset(causes []model.Finding) time.Time {
	first := time.Time{}
	see := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, r := range v.routes {
		if len(r.signals) > 0 {
			see(r.signals[0].At)
		}
	}
	if first.IsZero() {
		for i := range causes {
			see(causes[i].Since)
		}
	}
	if first.IsZero() {
		return v.s.At()
	}
	return first
}

// concerned lists the objects whose changes may matter: those that the causes are about or name, and those
// on the way of the routes that fail by them.
func (v *view) concerned(causes []model.Finding) []model.Ref {
	var out []model.Ref
	add := func(ref model.Ref) {
		if !ref.IsZero() && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	for i := range causes {
		f := &causes[i]
		add(f.Object.Ref)
		for _, role := range []string{"workload", "service", "route", "node"} {
			add(f.Related[role])
		}
		if w := f.Related["workload"]; !w.IsZero() {
			for h := range v.s.HorizontalAutoscalers().In(w.Namespace) {
				if h.Spec.ScaleTargetRef.Kind == w.Kind && h.Spec.ScaleTargetRef.Name == w.Name {
					add(snapshot.RefOf(h))
				}
			}
		}
	}
	return out
}

// changesOf lists what is known of an object's changes.
func (v *view) changesOf(ref model.Ref) []model.Changed {
	out := timeline.Happened(v.s, ref)
	o, presence := v.s.Lookup(ref)
	if presence != snapshot.Present {
		return out
	}
	d, is := o.(*appsv1.Deployment)
	if !is {
		return append(out, timeline.Writes(o)...)
	}
	revisions := timeline.Revisions(v.s, d)
	for _, c := range timeline.Writes(o) {
		// What was written into the template came as a revision, which tells more.
		if !strings.HasPrefix(c.Field, "spec.template") || !slices.ContainsFunc(revisions, func(r model.Changed) bool { return r.At.Sub(c.At).Abs() <= 2*time.Second }) {
			out = append(out, c)
		}
	}
	return append(out, revisions...)
}

// blame gives a cause the last change of what it is about before requests failed, as evidence.
func blame(f *model.Finding, all []model.Changed, onset time.Time) {
	var best *model.Changed
	for i := range all {
		c := &all[i]
		if c.Object != f.Object.Ref || !touches(c.Field, f.Object.Field) || c.At.After(onset.Add(changedAfter)) {
			continue
		}
		if best == nil || closer(c, best, f.Object.Field) {
			best = c
		}
	}
	if best == nil || best.What == "created it" && onset.Sub(best.At) > changedBefore {
		return
	}
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "change", Text: best.String(), Object: &best.Object, At: best.At})
	if f.Since.IsZero() {
		f.Since = best.At
	}
}

// closer reports whether a change tells more of a field than another: it is about that very field, else
// it came later.
func closer(a, b *model.Changed, field string) bool {
	near := func(c *model.Changed) bool {
		return c.Field != "" && touches(c.Field, field) && len(c.Field) >= len(field)/2
	}
	if near(a) != near(b) {
		return near(a)
	}
	return a.At.After(b.At)
}

// touches reports whether two fields are the same or one is above the other; an empty field is the object.
func touches(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	rest, ok := strings.CutPrefix(b, a)
	return ok && (a == "" || rest == "" || strings.ContainsRune(".[", rune(rest[0])))
}
