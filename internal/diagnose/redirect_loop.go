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
// HTTP to HTTPS, attached to the HTTPS listener too. Browsers give up after a score of redirects.
func (v *view) badRedirect(r *route) (finding, bool) {
	hr, presence := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name)
	if presence != snapshot.Present || r.Object.Kind != "HTTPRoute" || r.Fixed == 0 || strings.HasPrefix(r.Host, "*") || r.Host == "" {
		return finding{}, false
	}
	for i, rule := range hr.Spec.Rules {
		if r.Rule != fmt.Sprintf("spec.rules[%d]", i) {
			continue
		}
		for j, filter := range rule.Filters {
			if l, ok := leadsBack(r, filter.RequestRedirect); ok && !v.taken(r, l) {
				f := find("route-annotation-wrong", proven, at(r.Object, fmt.Sprintf("%s.filters[%d].requestRedirect", r.Rule, j)),
					fmt.Sprintf("%s redirects %s to itself: it is attached to listener %s (%s) too, to which the redirect leads back", r.Object, r, l.Name, l.Protocol)).
					on(r).as(model.UpstreamStatus, model.NoRoute).
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

// taken reports whether another rule that forwards takes the same requests at a listener.
func (v *view) taken(r *route, l path.Listener) bool {
	return slices.ContainsFunc(v.m.Routes(), func(o path.Route) bool {
		return o.Host == r.Host && o.Path == r.Path && o.Fixed == 0 && o.Gateway == r.Gateway &&
			slices.ContainsFunc(o.Listeners, func(m path.Listener) bool { return m.Name == l.Name })
	})
}
