package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// badRedirect finds a filter of the Gateway API that redirects requests to where they came from: the rule that sends plain
// HTTP to HTTPS, attached to the HTTPS listener too. Browsers give up after a score of redirects. Where requests that
// are the rule's were served, another one takes them.
func (v *view) badRedirect(r *route) (finding, bool) {
	hr, presence := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name)
	if presence != snapshot.Present || r.Object.Kind != "HTTPRoute" || r.Fixed == 0 || strings.HasPrefix(r.Host, "*") || r.Host == "" || r.fulfilled > 0 {
		return finding{}, false
	}
	for i, rule := range hr.Spec.Rules {
		if r.Rule != fmt.Sprintf("spec.rules[%d]", i) {
			continue
		}
		for j, filter := range rule.Filters {
			if l, ok := leadsBack(r, filter.RequestRedirect); ok && !v.taken(r, l) {
				field := fmt.Sprintf("%s.filters[%d].requestRedirect", r.Rule, j)
				if i := wholeGateway(hr, r.Gateway); i >= 0 && v.shadows(r, l) {
					field = fmt.Sprintf("spec.parentRefs[%d].sectionName", i) // the redirect is right, and stands in another one's way
				}
				f := find("route-annotation-wrong", proven, at(r.Object, field),
					fmt.Sprintf("%s redirects %s to itself: it is attached to listener %s (%s) too, to which the redirect leads back", r.Object, r, l.Name, l.Protocol)).
					on(r).as(model.UpstreamStatus, model.NoRoute).showing(r, r.redirected).
					because("object", fmt.Sprintf("listener %s of %s takes %s", l.Name, r.Gateway, r), r.Gateway, time.Time{})
				f.covers = true
				return f, true
			}
		}
	}
	return finding{}, false
}

// leadsBack finds the listener at which a redirect's target comes to the rule that redirects.
func leadsBack(r *route, redirect *gatewayv1.HTTPRequestRedirectFilter) (path.Listener, bool) {
	if redirect == nil || redirect.Path != nil || redirect.Hostname != nil && string(*redirect.Hostname) != r.Host {
		return path.Listener{}, false
	}
	i := slices.IndexFunc(r.Listeners, func(l path.Listener) bool {
		return (redirect.Scheme == nil || strings.EqualFold(*redirect.Scheme, l.Protocol)) && (redirect.Port == nil || *redirect.Port == l.Port)
	})
	if i < 0 {
		return path.Listener{}, false
	}
	return r.Listeners[i], true
}

// taken reports whether another rule that forwards takes the same requests at a listener, and is asked first: of two that
// are alike the older one is (Gateway API, HTTPRouteRule).
func (v *view) taken(r *route, l path.Listener) bool {
	return slices.ContainsFunc(v.m.Routes(), func(o path.Route) bool { return forwards(o, r, l) && o.Precedes(r.Route) })
}

// shadows reports whether another rule would forward the same requests at a listener, if it were asked.
func (v *view) shadows(r *route, l path.Listener) bool {
	return slices.ContainsFunc(v.m.Routes(), func(o path.Route) bool { return forwards(o, r, l) })
}

// forwards reports whether a rule forwards the requests of another one's host and path at a listener.
func forwards(o path.Route, r *route, l path.Listener) bool {
	return o.Host == r.Host && o.Path == r.Path && o.Fixed == 0 && o.Gateway == r.Gateway &&
		slices.ContainsFunc(o.Listeners, func(m path.Listener) bool { return m.Name == l.Name })
}

// wholeGateway is the place of the reference by which a route is attached to all listeners of a Gateway; -1 if there is none.
func wholeGateway(hr *gatewayv1.HTTPRoute, gateway model.Ref) int {
	return slices.IndexFunc(hr.Spec.ParentRefs, func(p gatewayv1.ParentReference) bool {
		return string(p.Name) == gateway.Name && (p.Namespace == nil || string(*p.Namespace) == gateway.Namespace) && p.SectionName == nil && p.Port == nil
	})
}
