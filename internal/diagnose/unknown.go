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
	for _, u := range v.m.Custom().Unread {
		add(u)
	}
	if o := v.in.Target.Object; o != nil && len(v.routes) == 0 {
		add(model.Unseen{What: o.String(), Why: "no Ingress or HTTPRoute that could be read leads to it, so there is no request to walk"})
	}
	for _, u := range v.hidden() {
		add(u)
	}
	for _, u := range v.unseenSecrets() {
		add(u)
	}
	for _, n := range needed() {
		if c, why := v.s.Coverage(n.kind); !c.Whole() && v.bears(n.kind, c) {
			add(model.Unseen{What: n.what, Why: cmp.Or(why, c.String()) + "; " + n.hides})
		}
	}
	return out
}

// need is a kind without which no path can be walked, and what stays hidden without it.
type need struct {
	kind        snapshot.Kind
	what, hides string
}

func needed() []need {
	return []need{
		{snapshot.Ingresses, "Ingresses", "routes of this kind would not be seen"},
		{snapshot.HTTPRoutes, "HTTPRoutes", "routes of this kind would not be seen"},
		{snapshot.Services, "Services", "whether the backends of routes exist is not known"},
		{snapshot.EndpointSlices, "EndpointSlices", "to which addresses gateways send is not known"},
		{snapshot.Pods, "Pods", "what keeps pods from serving would not be seen"},
	}
}

// bears reports whether what is not known of a kind could change the answer. A dump that simply holds
// none of one kind of route, while it holds routes of another, is taken to be of a cluster that
// uses the other, unless it holds what such routes belong to; one that lacks a kind because it was
// refused is not.
func (v *view) bears(k snapshot.Kind, c snapshot.Coverage) bool {
	if len(v.routes) == 0 {
		return true
	}
	if k != snapshot.Ingresses && k != snapshot.HTTPRoutes {
		return true // there are routes, and what they lead over was not looked at
	}
	if v.in.Target.Object != nil && v.in.Target.Object.Kind == string(k) || c == snapshot.Partial && !v.in.Target.IsZero() {
		return false
	}
	return c != snapshot.NotRead || v.in.Target.IsZero() && v.uses(k)
}

// uses reports whether there are classes of Ingresses, or Gateways for HTTPRoutes.
func (v *view) uses(k snapshot.Kind) bool {
	of := map[snapshot.Kind]snapshot.Kind{snapshot.Ingresses: snapshot.IngressClasses, snapshot.HTTPRoutes: snapshot.Gateways}[k]
	for range v.s.AllOf(of) {
		return true
	}
	return false
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
