package diagnose

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// unknown lists what could not be looked at and bears on the target.
func (v *view) unknown() []model.Unseen {
	out := []model.Unseen{}
	add := func(u model.Unseen) {
		if !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	for _, u := range v.in.Unseen {
		add(u)
	}
	for _, u := range v.s.Notes() {
		add(u)
	}
	if o := v.in.Target.Object; o != nil && len(v.routes) == 0 {
		add(model.Unseen{What: o.String(), Why: "no Ingress or HTTPRoute that could be read leads to it, so there is no request to walk"})
	}
	for _, u := range v.hidden() {
		add(u)
	}
	for _, k := range []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services, snapshot.EndpointSlices, snapshot.Pods} {
		if c, why := v.s.Coverage(k); !c.Whole() && v.bears(k, c) {
			add(unread(k, cmp.Or(why, c.String())))
		}
	}
	return out
}

// unread says what stays hidden while a kind cannot be looked at.
func unread(k snapshot.Kind, why string) model.Unseen {
	what, hides := string(k)+"s", ""
	switch k {
	case snapshot.Ingresses:
		what, hides = "Ingresses", "; routes of this kind would not be seen"
	case snapshot.HTTPRoutes:
		hides = "; routes of this kind would not be seen"
	case snapshot.Services:
		hides = "; whether the backends of routes exist is not known"
	case snapshot.EndpointSlices:
		hides = "; to which addresses gateways send is not known"
	case snapshot.Pods:
		hides = "; what keeps pods from serving would not be seen"
	}
	return model.Unseen{What: what, Why: why + hides}
}

// bears reports whether what is not known of a kind could change the answer. A dump that simply holds
// none of one kind of route, while it holds routes of another, is taken to be of a cluster that
// uses the other; one that lacks a kind because it was refused is not.
func (v *view) bears(k snapshot.Kind, c snapshot.Coverage) bool {
	if k != snapshot.Ingresses && k != snapshot.HTTPRoutes {
		return len(v.routes) == 0 || c != snapshot.NotRead
	}
	if v.in.Target.Object != nil && v.in.Target.Object.Kind == string(k) || c == snapshot.Partial && !v.in.Target.IsZero() {
		return len(v.routes) == 0
	}
	return len(v.routes) == 0 || c != snapshot.NotRead
}

// hidden lists the hops that could not be judged, each once with the routes that lead over it. What
// is seen to work needs no look.
func (v *view) hidden() []model.Unseen {
	type blind struct {
		what, why string
	}
	var order []blind
	over := map[blind][]*route{}
	for _, r := range v.routes {
		if r.works() {
			continue
		}
		for _, h := range r.trace.Hops {
			if h.Verdict != model.Unknown {
				continue
			}
			b := blind{h.Object.String(), h.Why}
			if h.Object.IsZero() { // of policies nobody knows which there are
				b.what = "NetworkPolicies"
			}
			if over[b] == nil {
				order = append(order, b)
			}
			if !slices.Contains(over[b], r) {
				over[b] = append(over[b], r)
			}
		}
	}
	var out []model.Unseen
	for _, b := range order {
		on := over[b][0].String()
		if n := len(over[b]); n > 1 {
			on = fmt.Sprintf("%s and %d more", on, n-1)
		}
		out = append(out, model.Unseen{What: b.what, Why: b.why + " (on the way of " + on + ")"})
	}
	return out
}
