package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Input is what a diagnosis is made of.
type Input struct {
	Snapshot *snapshot.Snapshot
	Map      *path.Map          // of the snapshot; nil: it is made
	Target   model.Target       // zero: every route
	Signals  []model.Signal     // what gateways logged, in any order
	Logs     []model.LogExcerpt // the ends of applications' logs
	Loaded   []model.Loaded     // what proxies said that they have loaded
	Unseen   []model.Unseen     // what the caller could not read, besides the snapshot's own notes
	Probes   []model.Probe      // active checks, where somebody asked for them
	// Mended gives the cluster as it would be with a cause mended, where some change mends it. Without it no
	// look is taken at what lies behind the first fault on a path.
	Mended func(model.Finding, *path.Map) (*snapshot.Snapshot, bool)
}

// Diagnose says what is wrong with the target. Remedies are left to package plan.
func Diagnose(in Input) model.Diagnosis {
	v := newView(in)
	for _, st := range []stage{byState, byWords} {
		v.found = append(v.found, lift(merge(v.findings(st)))...)
	}
	for _, a := range Analyzers() {
		if a.stage == byRest {
			v.found = append(v.found, lift(merge(a.run(v)))...) // each takes what those before it left
		}
	}
	d := model.Diagnosis{
		APIVersion: model.APIVersion, Kind: model.KindDiagnosis, Target: in.Target, At: in.Snapshot.At(),
		Traces: []model.Trace{}, Observed: []model.Observation{}, Causes: []model.Finding{}, AlsoWrong: []model.Finding{},
		RuledOut: []model.RuledOut{}, Unknown: v.unknown(), Remedies: []model.Remedy{},
	}
	for _, r := range v.routes {
		d.Traces = append(d.Traces, r.trace)
		d.Observed = append(d.Observed, r.observed...)
	}
	if req := in.Target.Request; req != nil && len(v.routes) == 0 {
		d.Traces = append(d.Traces, v.m.Walk(*req))
	}
	d.Observed, d.Probes = append(d.Observed, v.strays...), in.Probes
	d.Causes, d.AlsoWrong, d.RuledOut = v.judge()
	d.Causes = append(d.Causes, v.nextFaults(d.Causes)...)
	d.Changes = v.changes(d.Causes)
	d.Healthy = v.healthy(d)
	return d
}

// findings are those of all analyzers of a stage, none of which sees what the others found.
func (v *view) findings(st stage) []finding {
	var out []finding
	for _, a := range Analyzers() {
		if a.stage == st {
			out = append(out, a.run(v)...)
		}
	}
	return out
}

// merge makes one finding of those about the same cause at the same field.
func merge(fs []finding) []finding {
	type place struct {
		id     model.CauseID
		object model.FieldRef
	}
	var out []finding
	seen := map[place]int{}
	for _, f := range fs {
		i, again := seen[place{f.ID, f.Object}]
		if !again {
			seen[place{f.ID, f.Object}] = len(out)
			out = append(out, f)
			continue
		}
		o := &out[i]
		*o = o.on(f.routes...)
		for r, signals := range f.shown {
			*o = o.showing(r, signals)
		}
		o.dormant = o.dormant && f.dormant
		o.only = both(o.only, f.only)
		o.Confidence = max(o.Confidence, f.Confidence)
		for _, e := range f.Evidence {
			if !slices.ContainsFunc(o.Evidence, func(x model.Evidence) bool { return x.Text == e.Text }) {
				o.Evidence = append(o.Evidence, e)
			}
		}
		for _, e := range f.Explains {
			if !slices.Contains(o.Explains, e) {
				o.Explains = append(o.Explains, e)
			}
		}
	}
	return out
}

// both are the failures that either of two findings explains; nil stands for all of their kinds.
func both(a, b map[*model.Signal]bool) map[*model.Signal]bool {
	if a == nil || b == nil {
		return nil
	}
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// judge splits what was found into causes of what fails, and what is wrong besides.
func (v *view) judge() (causes, also []model.Finding, out []model.RuledOut) {
	causes, also, out = []model.Finding{}, []model.Finding{}, []model.RuledOut{}
	var roots []root
	for _, f := range v.found {
		if deeper := v.root(f); deeper != "" {
			out = append(out, model.RuledOut{ID: f.ID, Because: "it follows from " + string(deeper) + ": " + f.Summary})
			continue
		}
		fails, hits := f.accountsFor()
		switch {
		case len(fails) > 0 && !f.dormant:
			f.routes = fails
			if hits > 0 && f.Confidence >= proven {
				f.Confidence = seen // the model predicts it and gateways saw it
			}
			roots = append(roots, root{f, hits})
		case len(f.routes) > 0 && works(f.routes) && !f.dormant:
			out = append(out, model.RuledOut{ID: f.ID, Because: fmt.Sprintf("%s, but all of %d requests seen on %s succeeded", f.Summary, f.routes[0].requests, f.routes[0])})
		default:
			also = append(also, v.finish(f))
		}
	}
	roots, aside := yield(roots)
	for _, f := range aside {
		also = append(also, v.finish(f.finding))
	}
	demote(roots)
	slices.SortStableFunc(roots, func(a, b root) int {
		return cmp.Or(
			cmp.Compare(order(a.stopped), order(b.stopped)),
			-cmp.Compare(order(a.Confidence >= proven), order(b.Confidence >= proven)),
			-cmp.Compare(a.explains, b.explains),
			-cmp.Compare(len(a.routes), len(b.routes)),
			-cmp.Compare(a.Confidence, b.Confidence),
			cmp.Compare(a.ID, b.ID),
			a.Object.Compare(b.Object.Ref),
		)
	})
	temper(roots)
	for _, w := range roots {
		causes = append(causes, v.finish(w.finding))
		for _, n := range w.against {
			if !slices.ContainsFunc(roots, func(o root) bool { return o.ID == n.ID }) {
				out = append(out, n)
			}
		}
	}
	// What is wrong at the very place of a cause is that cause by another name.
	also = slices.DeleteFunc(also, func(a model.Finding) bool {
		return slices.ContainsFunc(causes, func(c model.Finding) bool { return c.Object == a.Object })
	})
	slices.SortStableFunc(also, func(a, b model.Finding) int { return cmp.Or(cmp.Compare(a.ID, b.ID), a.Object.Compare(b.Object.Ref)) })
	return causes, also, out
}

// accountsFor is the routes whose failures the finding predicts, and how many failed requests of
// theirs were seen.
func (f finding) accountsFor() (fails []*route, hits int) {
	for _, r := range f.routes {
		if r.edge != nil {
			continue // its roots count
		}
		if n := len(f.shown[r]); n > 0 || f.unlogged {
			hits += n
			fails = append(fails, r)
			continue
		}
		if !r.failing() && (r.requests > 0 || f.Confidence < proven && !f.supposed(r)) {
			continue // no walk shows it; but what objects prove counts until traffic says otherwise
		}
		n := len(r.hitsOf(f))
		if n > 0 || len(r.observed) == 0 || r.failsNow(f) {
			hits += n
			fails = append(fails, r)
		}
	}
	return fails, hits
}

// works reports whether requests were seen on all routes and none failed.
func works(rs []*route) bool {
	return !slices.ContainsFunc(rs, func(r *route) bool { return !r.works() })
}

// root names the deeper finding of which f is a symptom, empty if there is none.
func (v *view) root(f finding) model.CauseID {
	if deeper := cmp.Or(v.follows(f), v.struck(f)); deeper != "" {
		return deeper
	}
	for _, o := range v.found {
		if o.covers && !f.covers && o.hides(f) && !f.outspoken(o) || o.beneath(f) || f.covers && o.outspoken(f) && o.spans(f) {
			return o.ID
		}
	}
	if f.symptomOf == "" {
		return ""
	}
	for _, o := range v.found {
		if o.ID == f.symptomOf && o.Related["workload"] == f.Related["workload"] {
			return o.ID
		}
	}
	return ""
}

// hides reports whether what another finding says of the way past a rule follows from this one.
func (f finding) hides(o finding) bool {
	if o.Family == "route-config" || len(o.routes) == 0 || o.dormant {
		return false
	}
	return f.spans(o)
}

// outspoken reports whether a finding is what a control plane says itself, and the other one only a supposition, which
// cannot stand above it.
func (f finding) outspoken(other finding) bool {
	return other.Confidence < proven && f.Confidence >= proven && f.Family == "proxy-control-plane" && !f.dormant
}

// spans reports whether a finding is about all routes of another one.
func (f finding) spans(other finding) bool {
	return !slices.ContainsFunc(other.routes, func(r *route) bool { return !slices.Contains(f.routes, r) })
}

// finish writes the routes that fail into the finding.
func (v *view) finish(f finding) model.Finding {
	out := f.Finding
	for _, r := range f.routes {
		if r.edge != nil {
			continue // what hangs on it is said by the routes of gateways
		}
		if !slices.Contains(out.Routes, r.Object) {
			out.Routes = append(out.Routes, r.Object)
		}
		if f.dormant {
			continue
		}
		hits := r.hitsOf(f)
		text := f.onRoute(r, hits)
		if !slices.Contains(out.Explains, text) {
			out.Explains = append(out.Explains, text)
		}
		if out.Since.IsZero() && len(hits) > 0 {
			out.Since = hits[0].At
		}
	}
	if len(out.Routes) > 0 {
		out.Related = f.relates("route", out.Routes[0]).Related
	}
	if len(f.routes) > 0 && !f.dormant {
		if e, ok := logEvidence(f); ok {
			out.Evidence = append(out.Evidence, e)
		}
	}
	out.Summary = strings.ReplaceAll(out.Summary, "\n", " ")
	return v.lent(out)
}

// onRoute says what a finding does to a route: how many of its requests were seen to fail by it, else what
// the walk predicts, as what was seen is the stronger word.
func (f finding) onRoute(r *route, hits []model.Signal) string {
	switch n := len(hits); {
	case n > 0 && hits[0].Proxy == "":
		return fmt.Sprintf("%s: %d requests failed", r, n) // as an application's log says; of how many, no gateway does
	case n > 0:
		text := fmt.Sprintf("%s: %d of %d requests failed", r, n, max(n, r.requests))
		if f.only != nil && n < r.failures {
			text += fmt.Sprintf(" by it, of %d that failed", r.failures)
		}
		if f.stopped {
			text += ", the last at " + clock(hits[n-1].At)
		}
		return text
	case !r.broken() || f.unlogged && r.trace.Predicts == "200":
		return fmt.Sprintf("requests for %s", r) // what breaks them is no hop of the walk, or one that only some take
	case r.trace.Predicts == path.NoAnswer:
		return fmt.Sprintf("%s would not be answered", r)
	default:
		return fmt.Sprintf("%s would answer %s", r, r.trace.Predicts)
	}
}

// hitsOf lists the failed requests of a route that a finding predicts, or those that show it.
func (r *route) hitsOf(f finding) []model.Signal {
	if shown := f.shown[r]; len(shown) > 0 {
		return shown
	}
	var out []model.Signal
	for i := range r.signals {
		s := &r.signals[i]
		if r.meets(f, cmp.Or(s.Failure, model.OtherFailure)) && (f.only == nil || f.only[s]) {
			out = append(out, *s)
		}
	}
	return out
}

// logEvidence quotes one log line of a failure that the finding predicts, unless it has one.
func logEvidence(f finding) (model.Evidence, bool) {
	if slices.ContainsFunc(f.Evidence, func(e model.Evidence) bool { return e.Kind == "proxy-log" }) {
		return model.Evidence{}, false
	}
	for _, r := range f.routes {
		if r.edge != nil {
			continue
		}
		if hits := r.hitsOf(f); len(hits) > 0 {
			s := r.toQuote(hits)
			text := cmp.Or(s.Raw, s.Reason, fmt.Sprintf("%s answered %d", s.Request, s.Status))
			return model.Evidence{Kind: "proxy-log", Text: text, At: s.At, Source: s.Source}, true
		}
	}
	return model.Evidence{}, false
}

// healthy: every walk succeeds, nothing was seen to fail, and nothing was left unseen.
func (v *view) healthy(d model.Diagnosis) bool {
	if len(d.Causes) > 0 || len(d.Unknown) > 0 || len(v.routes) == 0 && !v.in.Target.IsZero() {
		return false
	}
	for _, r := range v.routes {
		if !r.works() && slices.ContainsFunc(r.trace.Hops, func(h model.Hop) bool { return h.Verdict == model.Unknown }) {
			return false
		}
		if r.failing() && v.serious(r) {
			return false
		}
	}
	// What nobody has a rule for, and no rule was nearly made for, is the noise of the internet.
	return !slices.ContainsFunc(v.strays, func(o model.Observation) bool { return o.Failure != model.NoRoute })
}

// serious reports whether a route's failures are more than a stray error of the application itself.
func (v *view) serious(r *route) bool {
	return r.broken() || slices.ContainsFunc(r.observed, func(o model.Observation) bool {
		return o.Failure != model.UpstreamStatus || !stray(o)
	})
}

// stray reports whether so few requests failed that it is no more than an application's usual noise, or the application said of
// some that it does not do what they ask for, and serves others: 501 is no failure of the way to it (RFC 9110, 15.6.2).
func stray(o model.Observation) bool {
	notDone := o.Status == 501 && o.Failure == model.UpstreamStatus && o.Count*2 < o.Requests
	return notDone || o.Count < 2 || o.Requests > 0 && o.Count*20 < o.Requests
}
