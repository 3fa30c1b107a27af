package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy/signature"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// spoken is a cause that only words tell: no object shows it. It is a row of data (see words_rows.go), and one
// function makes analyzers of all rows.
//
// What the words are is not said here: a signature of package signature counts for the cause that it lists
// first. If it lists no other, the gateway's words prove the cause; if it lists one other, they make it likely;
// what fits more causes is no ground to name one of them. An application's words make likely what a gateway's
// words only allow.
type spoken struct {
	cause model.CauseID
	doc   string
	// says is the sentence about it, with %s for the route.
	says string
	// where is the object to point at.
	where place
	// fields are the annotations that may have to do with it; the first that the route's object has is
	// named.
	fields []string
	// entries are annotations of the Services before a gateway that may have to do with it, where no key is set.
	entries []string
	// variables matches the names of the application's own variables that may have to do with it.
	variables *regexp.Regexp
	// keys are those of a gateway's own ConfigMap that may have to do with it.
	keys []string
	// proofs are signatures that prove the cause although they list others, which only lie deeper.
	proofs []string
	// kinds are the failures with which an application's words are believed; none: words of gateways only.
	kinds []model.FailureKind
	// look finds the cause where no words tell it.
	look func(v *view, r *route) (finding, bool)
	// beside finds the cause in what gateways say of themselves, where the cause is at one.
	beside func(v *view) []finding
	// seen finds it by what objects and words tell together, which is more than words tell alone.
	seen func(v *view, r *route) (finding, bool)
}

// place is a kind of object to point at.
type place uint8

const (
	atRoute place = iota
	atWorkload
	atGateway
	atNode // on which the gateway runs
)

// wordAnalyzers makes an analyzer of each row.
func wordAnalyzers() []Analyzer {
	var out []Analyzer
	for _, row := range spokenCauses() {
		out = append(out, Analyzer{
			Cause: row.cause, Doc: row.doc, Inputs: append(podKinds(), snapshot.Ingresses, snapshot.ConfigMaps), stage: byWords,
			run: func(v *view) []finding {
				var found []finding
				for _, r := range v.routes {
					f, ok := row.told(v, r)
					if !ok && row.look != nil {
						f, ok = row.look(v, r)
					}
					if ok {
						found = append(found, f)
					}
				}
				if len(found) == 0 {
					return v.toldBeside(row)
				}
				return found
			},
		})
	}
	return out
}

// toldBeside finds a row's cause where the gateways say it in lines that are about no route.
func (v *view) toldBeside(row spoken) []finding {
	if row.where != atGateway {
		return nil
	}
	if found := v.toldBefore(row); len(found) > 0 || row.beside == nil {
		return found
	}
	return row.beside(v)
}

// told finds the cause by what is seen and said together, else by what is said.
func (row spoken) told(v *view, r *route) (finding, bool) {
	if row.seen != nil {
		if f, ok := row.seen(v, r); ok {
			return f, true
		}
	}
	return v.told(row, r)
}

// words is what was said, read when it is first asked for.
type words struct {
	known    *signature.Set
	matchers map[string]*signature.Matcher
	said     map[*route]map[model.CauseID]hearing
	missed   map[string]model.Evidence // see missedSecret
}

func newWords() words {
	return words{matchers: map[string]*signature.Matcher{}, said: map[*route]map[model.CauseID]hearing{}}
}

// hearing is what the words about a route say of one cause.
type hearing struct {
	confidence float64
	kinds      []model.FailureKind // of the failures that are accounted for
	first      model.Signal
	quoted     model.Signal   // the first of those that were seen last, see lastBegan
	app        model.Evidence // an application's line, where one says it
}

// told finds a row's cause on a route. What objects show comes first: likely words speak only of failures that
// nothing found so far explains.
func (v *view) told(row spoken, r *route) (finding, bool) {
	if r.failures == 0 {
		return finding{}, false
	}
	h, ok := v.heard(r)[row.cause]
	if !ok {
		h, ok = v.overheard(row, r)
	}
	if !ok || h.confidence < proven && !slices.ContainsFunc(h.kinds, func(k model.FailureKind) bool { return !v.explains(r, k) }) {
		return finding{}, false
	}
	f := find(row.cause, h.confidence, v.pointed(row, r, h), fmt.Sprintf(row.says, r)).on(r).as(h.kinds...).since(h.first.At)
	if line := cmp.Or(h.quoted.Raw, h.quoted.Reason); line != "" {
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "proxy-log", Text: line, At: h.quoted.At, Source: h.quoted.Source})
	}
	if h.app.Text != "" {
		f.Evidence = append(f.Evidence, h.app)
	}
	return v.relateBackend(f, r), true
}

// toldBefore finds a row's cause where the gateway gave requests up before it had read what they ask for: it says so
// in lines without a path, and no route that it serves has had a request that succeeded since.
func (v *view) toldBefore(row spoken) []finding {
	by := map[model.Ref][]model.Signal{}
	for _, s := range v.unread {
		for _, m := range signature.Weigh(v.matcher(s.Proxy).Signal(s)).Matches {
			if m.Signature.Causes[0] == row.cause && surely(m.Signature) == proven {
				by[s.Gateway] = append(by[s.Gateway], s)
				break
			}
		}
	}
	var found []finding
	for _, gateway := range slices.SortedFunc(maps.Keys(by), model.Ref.Compare) {
		lines := by[gateway]
		cut := func(r *route) bool {
			return r.edge == nil && v.servedBy(r, gateway) && !slices.ContainsFunc(r.succeeded, lines[0].At.Before)
		}
		i := slices.IndexFunc(v.routes, cut)
		if len(lines) < few || i < 0 {
			continue
		}
		h := hearing{first: lines[0]}
		f := find(row.cause, proven, v.pointed(row, v.routes[i], h), fmt.Sprintf(row.says, "all routes")).as(model.OtherFailure, model.Protocol).since(lines[0].At)
		for _, r := range v.routes {
			if cut(r) {
				f = f.on(r).showing(r, lines)
			}
		}
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "proxy-log", Text: cmp.Or(lines[0].Raw, lines[0].Reason), At: lines[0].At, Source: lines[0].Source})
		found = append(found, f)
	}
	return found
}

// servedBy reports whether a gateway's pod is one of those by which requests come to a route.
func (v *view) servedBy(r *route, gateway model.Ref) bool {
	return slices.ContainsFunc(v.m.Fleets(r.Route), func(f path.Fleet) bool {
		return slices.ContainsFunc(f.Pods, func(p *corev1.Pod) bool { return p.Namespace == gateway.Namespace && p.Name == gateway.Name })
	})
}

// heard reads what the gateways logged of a route's failures: for each cause that some words tell, how surely.
func (v *view) heard(r *route) map[model.CauseID]hearing {
	if h, ok := v.said[r]; ok {
		return h
	}
	out, read := map[model.CauseID]hearing{}, map[string]signature.Verdict{}
	not := v.contradicted(r)
	for _, s := range r.signals {
		verdict, known := read[s.Reason]
		if !known {
			verdict = signature.Weigh(v.matcher(s.Proxy).Signal(s))
			read[s.Reason] = verdict
		}
		cause := first(verdict.Causes, not)
		for _, m := range verdict.Matches {
			g := leaving(m.Signature, not)
			if sure := surely(g); sure > 0 && g.Causes[0] == cause {
				out[cause] = out[cause].with(s, sure, r.resumed)
				break
			}
		}
	}
	v.said[r] = out
	return out
}

// contradicted are the causes that objects speak against, whatever words allow: where the probe of every pod asks the very
// port in plain HTTP/1.1 and passes, nothing but that is spoken there.
func (v *view) contradicted(r *route) []model.CauseID {
	if len(r.signals) == 0 || !v.plainly(r) {
		return nil
	}
	return []model.CauseID{"grpc-h2c-mismatch", "tls-backend-mismatch"}
}

// first is the first of some causes that is none of others; empty if there is none.
func first(causes, not []model.CauseID) model.CauseID {
	for _, c := range causes {
		if !slices.Contains(not, c) {
			return c
		}
	}
	return ""
}

// leaving gives a signature as if it did not list some causes; one that lists no other stays as it is.
func leaving(g *signature.Signature, not []model.CauseID) *signature.Signature {
	if first(g.Causes, not) == "" {
		return g
	}
	out := *g
	out.Causes = slices.DeleteFunc(slices.Clone(g.Causes), func(c model.CauseID) bool { return slices.Contains(not, c) })
	return &out
}

// plainly reports whether a route's gateway speaks plain HTTP and so do the probes that pass on its endpoints.
func (v *view) plainly(r *route) bool {
	for _, l := range r.legs {
		if v.spoken(r, l).protocol != "HTTP" {
			return false
		}
		for _, e := range l.ReadyEnds() {
			if e.Pod == nil || !slices.ContainsFunc(e.Pod.Spec.Containers, func(c corev1.Container) bool {
				p := c.ReadinessProbe
				if p == nil || p.HTTPGet == nil || p.HTTPGet.Scheme == corev1.URISchemeHTTPS {
					return false
				}
				n, _, ok := path.ProbePort(&c, p)
				return ok && n == e.Port
			}) {
				return false
			}
		}
	}
	return len(r.legs) > 0
}

// with adds a failure of which the words tell the cause, on a route whose failures began again at some time.
func (h hearing) with(s model.Signal, sure float64, resumed time.Time) hearing {
	if len(h.kinds) == 0 {
		h.first, h.quoted = s, s
	}
	if h.quoted.At.Before(resumed) && !s.At.Before(resumed) {
		h.quoted = s
	}
	h.confidence = max(h.confidence, sure)
	if kind := cmp.Or(s.Failure, model.OtherFailure); !slices.Contains(h.kinds, kind) {
		h.kinds = append(h.kinds, kind)
	}
	return h
}

// surely is how sure a signature's words are of the first of its causes.
func surely(g *signature.Signature) float64 {
	proofs := func(row spoken) bool { return row.cause == g.Causes[0] && slices.Contains(row.proofs, g.ID) }
	switch {
	case len(g.Causes) == 1, slices.ContainsFunc(append(spokenCauses(), circuitWords(), limitWords(), sourcePortWords()), proofs):
		return proven
	case len(g.Causes) == 2:
		return likely
	default:
		return 0
	}
}

// overheard looks for a row's cause in the logs of the applications behind a route, where the failures are of
// a kind that it can make.
func (v *view) overheard(row spoken, r *route) (hearing, bool) {
	hits := r.hits(row.kinds...)
	if len(hits) == 0 {
		return hearing{}, false
	}
	line, source := v.heardInApp(row.cause, r)
	if line == "" {
		return hearing{}, false
	}
	return hearing{confidence: likely, kinds: row.kinds, first: hits[0], app: model.Evidence{Kind: "app-log", Text: line, Source: source}}, true
}

// heardInApp is a line of the applications behind a route that tells a cause before all others.
func (v *view) heardInApp(cause model.CauseID, r *route) (line, source string) {
	for _, log := range v.in.Logs {
		if !v.behindRoute(r, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			for _, h := range v.matcher("application").Match(l) {
				if h.Signature.Causes[0] == cause {
					return l, sourceOf(log)
				}
			}
		}
	}
	return "", ""
}

// gatewaySetting is the key of a ConfigMap beside a gateway that has to do with a row's cause. (ingress-nginx and the
// HAProxy controllers read theirs in their own namespace.)
func (v *view) gatewaySetting(row spoken, gateway model.Ref) (model.FieldRef, bool) {
	for cm := range v.s.ConfigMaps().In(gateway.Namespace) {
		for _, key := range row.keys {
			if value, set := cm.Data[key]; set && value != "false" {
				return at(snapshot.RefOf(cm), dataField(key)), true
			}
		}
	}
	return model.FieldRef{}, false
}

// behindRoute reports whether a pod is one of those to which a route leads.
func (v *view) behindRoute(r *route, pod model.Ref) bool {
	return slices.ContainsFunc(v.workloads, func(w *workload) bool {
		return slices.Contains(w.routes, r) && v.ofWorkload(w, pod)
	})
}

// matcher finds the signatures of a proxy and its products, or those of applications. It is made when words are
// first read.
func (v *view) matcher(whose string) *signature.Matcher {
	if m, ok := v.matchers[whose]; ok {
		return m
	}
	if v.known == nil {
		v.known = signature.Load()
	}
	m := v.known.Matcher(whose)
	v.matchers[whose] = m
	return m
}

// pointed is the object, and the field where one can be named, that a row points at.
func (v *view) pointed(row spoken, r *route, h hearing) model.FieldRef {
	if object := v.annotatedBy(row, r); object.Field != "" {
		return object
	}
	switch row.where {
	case atWorkload:
		if variable, ok := v.variableOf(row, r); ok {
			return variable
		}
		for _, l := range r.legs {
			for _, ref := range v.behind(l) {
				return at(ref, "")
			}
		}
	case atGateway:
		if cm, ok := v.gatewaySetting(row, h.first.Gateway); ok {
			return cm
		}
		if entry, ok := v.entrySetting(row, r); ok {
			return entry
		}
		if p, ok := v.s.Pods().Get(h.first.Gateway.Namespace, h.first.Gateway.Name); ok == snapshot.Present {
			return at(v.s.WorkloadOf(p), "")
		}
	case atNode:
		if p, ok := v.s.Pods().Get(h.first.Gateway.Namespace, h.first.Gateway.Name); ok == snapshot.Present && p.Spec.NodeName != "" {
			return at(model.Ref{APIVersion: "v1", Kind: "Node", Name: p.Spec.NodeName}, "")
		}
	case atRoute: // below, as where the others are not seen
	}
	return at(r.Object, "")
}

// variableOf is the only variable of the workloads behind a route that has to do with a row's cause.
func (v *view) variableOf(row spoken, r *route) (model.FieldRef, bool) {
	var found []model.FieldRef
	for _, w := range v.workloads {
		if row.variables == nil || w.template.template == nil || !slices.Contains(w.routes, r) {
			continue
		}
		for i := range w.template.template.Spec.Containers {
			for _, e := range v.environment(w, &w.template.template.Spec.Containers[i], fmt.Sprintf("spec.template.spec.containers[%d]", i)) {
				if row.variables.MatchString(e.name) {
					found = append(found, e.at)
				}
			}
		}
	}
	if len(found) != 1 {
		return model.FieldRef{}, false
	}
	return found[0], true
}

// entrySetting is the annotation of a Service before the gateway that has to do with a row's cause: it tells a load
// balancer what to send.
func (v *view) entrySetting(row spoken, r *route) (model.FieldRef, bool) {
	for _, f := range v.m.Fleets(r.Route) {
		for _, e := range f.Entries {
			for _, name := range row.entries {
				if value := e.Service.Annotations[name]; value != "" && value != "false" {
					return at(snapshot.RefOf(e.Service), annotation(name)), true
				}
			}
		}
	}
	return model.FieldRef{}, false
}

// annotatedBy is the first of a row's annotations that a route's Ingress has.
func (v *view) annotatedBy(row spoken, r *route) model.FieldRef {
	object := at(r.Object, "")
	ing, ok := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name)
	if r.Object.Kind != "Ingress" || ok != snapshot.Present {
		return object
	}
	for _, name := range row.fields {
		if _, set := ing.Annotations[name]; set {
			object.Field = annotation(name)
			return object
		}
	}
	return object
}
