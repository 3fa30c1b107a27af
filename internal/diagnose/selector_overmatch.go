package diagnose

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func selectorOvermatch() Analyzer {
	return Analyzer{
		Cause:  "selector-overmatch",
		Doc:    "Finds Services that also select pods of another workload, which do not serve their port, or their routes.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Deployments, snapshot.StatefulSets, snapshot.DaemonSets},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.hops() {
				if f, ok := v.overmatch(r, l); ok {
					out = append(out, f)
				}
			}
			return append(out, v.mixedEntries()...)
		},
	}
}

// overmatch looks for a share of foreign pods: they belong to another workload than the one that the
// Service is named for, and nothing speaks for the Service's port on them.
func (v *view) overmatch(r *route, l path.Leg) (finding, bool) {
	if v.oneOwner(l) {
		return finding{}, false
	}
	owners := v.owners(l)
	var own, foreign, mute []model.Ref
	for _, w := range slices.SortedFunc(maps.Keys(owners), model.Ref.Compare) {
		switch l := path.Listens(owners[w][0].Pod, owners[w][0].Port); {
		case l.Verdict != model.OK:
			foreign = append(foreign, w)
		case len(l.Proven)+len(l.Declared) == 0:
			mute = append(mute, w)
		default:
			own = append(own, w)
		}
	}
	sure := proven
	if len(foreign) == 0 && len(own) == 1 && len(mute) > 0 {
		var silent []path.End
		for _, w := range mute {
			silent = append(silent, owners[w]...)
		}
		if sure = v.refusedOnlyBy(r, silent, owners[own[0]]); sure > 0 {
			foreign = mute
		}
	}
	if len(own) > 1 && len(foreign) == 0 {
		return v.otherTongue(r, l) // else several workloads that all serve the port are a canary, or meant so
	}
	if len(own) != 1 || len(foreign) == 0 {
		return finding{}, false
	}
	if v.workload(own[0]) == nil {
		return finding{}, false
	}
	bad := owners[foreign[0]][0]
	f := v.tooWide(l, sure, own[0], foreign[0], fmt.Sprintf("they do not serve port %d", bad.Port)).
		on(r).as(model.Refused, model.UpstreamStatus, model.ConnectTimeout, model.Reset, model.ClosedEarly).
		because("model", fmt.Sprintf("pod %s: %s", bad.Pod.Name, path.Listens(bad.Pod, bad.Port).Why), snapshot.RefOf(bad.Pod), time.Time{})
	return f, true
}

// tooWide says of a Service that it selects the pods of a workload that is not its own, and what keeps these from
// answering.
func (v *view) tooWide(l path.Leg, sure float64, own, foreign model.Ref, why string) finding {
	ref := serviceRef(l)
	f := find("selector-overmatch", sure, at(ref, "spec.selector"),
		fmt.Sprintf("%s selects %s, which besides the pods of %s also matches those of %s; %s", ref, pairs(l.Service.Spec.Selector), own, foreign, why)).
		relates("workload", own).relates("service", ref)
	if sel := narrow(l.Service, v.workload(own), v.workload(foreign)); sel != nil {
		if data, err := json.Marshal(sel); err == nil {
			f = f.wants(string(data))
		}
	}
	return f
}

// otherTongue looks for a workload among those behind a Service whose pods speak the other version of HTTP than the
// proxy, while those of the rest speak that one. Requests that failed elsewhere are not explained by it.
func (v *view) otherTongue(r *route, l path.Leg) (finding, bool) {
	own, foreign, ok := v.tongues(r, l)
	if !ok {
		return finding{}, false
	}
	ends := v.owners(l)[foreign]
	for _, s := range r.signals {
		if slices.ContainsFunc(s.Tries, func(t model.Try) bool {
			return !slices.ContainsFunc(ends, func(e path.End) bool { return e.Address() == t.Address })
		}) {
			return finding{}, false
		}
	}
	speaks := map[bool]string{true: "gRPC", false: "HTTP/1.1"}
	theirs := probedGRPC(ends)
	f := v.tooWide(l, proven, own, foreign, fmt.Sprintf("they speak %s, and the proxy speaks %s to the backend", speaks[theirs], speaks[!theirs])).
		on(r).as(model.Protocol, model.Reset, model.ClosedEarly, model.UpstreamStatus).
		because("object", fmt.Sprintf("a probe of pod %s passes that speaks %s", ends[0].Pod.Name, speaks[theirs]), snapshot.RefOf(ends[0].Pod), time.Time{})
	return f, true
}

// tongues tells the workload behind a backend that speaks what the proxy speaks from the one that does not, as their
// readiness probes show; false unless there are just these two.
func (v *view) tongues(r *route, l path.Leg) (own, foreign model.Ref, ok bool) {
	if l.Port == nil || v.oneOwner(l) {
		return own, foreign, false
	}
	told := v.spoken(r, l)
	owners := v.owners(l)
	if told.tls() || len(owners) != 2 {
		return own, foreign, false
	}
	for w, ends := range owners {
		grpc := probedGRPC(ends)
		if !grpc && probedScheme(ends) != "HTTP" {
			return own, foreign, false
		}
		if grpc == (told.http2() || r.Object.Kind == "GRPCRoute") {
			own = w
		} else {
			foreign = w
		}
	}
	return own, foreign, !own.IsZero() && !foreign.IsZero()
}

// owners are the ready endpoints of a backend by the workloads of their pods.
func (v *view) owners(l path.Leg) map[model.Ref][]path.End {
	out := map[model.Ref][]path.End{}
	for _, e := range l.ReadyEnds() {
		if e.Pod != nil {
			w := v.s.WorkloadOf(e.Pod)
			out[w] = append(out[w], e)
		}
	}
	return out
}

// oneOwner reports whether the pods behind a backend are all of one workload, as most are.
func (v *view) oneOwner(l path.Leg) bool {
	var first model.Ref
	for _, e := range l.ReadyEnds() {
		if e.Pod == nil {
			continue
		}
		switch w := v.s.WorkloadOf(e.Pod); {
		case first.IsZero():
			first = w
		case first != w:
			return false
		}
	}
	return true
}

// refusedOnlyBy is how sure it is that refused connections are those to pods of which nothing says where they
// listen: they alone were seen to refuse, or (0.7) something refuses, and the gateway does not say who.
func (v *view) refusedOnlyBy(r *route, mute, own []path.End) float64 {
	sure := 0.0
	for _, s := range r.hits(model.Refused, model.OtherFailure) {
		if len(s.Tries) == 0 || net.ParseIP(hostOf(s.Tries[0].Address)) == nil {
			if s.Failure == model.Refused {
				sure = max(sure, likely)
			}
			continue
		}
		for _, t := range s.Tries {
			is := func(e path.End) bool { return t.Address == e.Address() }
			if slices.ContainsFunc(own, is) {
				return 0
			}
			if slices.ContainsFunc(mute, is) {
				sure = proven
			}
		}
	}
	return sure
}

// narrow adds to a selector the labels of a workload's own selector that keep the other out; nil if
// there are none.
func narrow(svc *corev1.Service, own, other *workload) map[string]string {
	if own == nil || other == nil || own.selector == nil {
		return nil
	}
	out := maps.Clone(svc.Spec.Selector)
	maps.Copy(out, own.selector.MatchLabels)
	if matches(out, other.template.template.Labels) || !matches(out, own.template.template.Labels) {
		return nil
	}
	return out
}

// workload finds a workload of the view, nil if it has none of that name.
func (v *view) workload(ref model.Ref) *workload {
	i := slices.IndexFunc(v.workloads, func(w *workload) bool {
		return w.ref.Kind == ref.Kind && w.ref.Namespace == ref.Namespace && w.ref.Name == ref.Name
	})
	if i < 0 {
		return nil
	}
	return v.workloads[i]
}
