package diagnose

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func backendrefInvalid() Analyzer {
	return Analyzer{
		Cause:  "backendref-invalid",
		Doc:    "Finds routes whose backend reference no gateway can follow: of another kind, without a port, or with a filter that does not exist.",
		Inputs: []snapshot.Kind{snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.Services},
		run: func(v *view) []finding {
			out := faults(v, "backendref-invalid", path.BackendInvalid, path.RouteMissing)
			for i := range out {
				out[i] = out[i].as(model.NoEndpoints, model.NoRoute, model.UpstreamStatus)
			}
			for _, r := range v.routes {
				if f, ok := noBackend(r); ok {
					out = append(out, f)
				}
				if r.Fixed == 0 {
					out = append(out, v.badFilters(r)...)
				}
			}
			return append(out, v.forbiddenNames()...)
		},
	}
}

// noBackend finds a rule that forwards nowhere and has no filter that would answer: the Gateway API lets the gateway
// answer an error then (HTTPRouteRule, backendRefs).
func noBackend(r *route) (finding, bool) {
	_, extended := r.Settings.Get(proxy.Extension)
	if r.Object.Kind != "HTTPRoute" && r.Object.Kind != "GRPCRoute" || len(r.Backends) > 0 || r.Fixed != 0 || extended || r.lost {
		return finding{}, false
	}
	return find("backendref-invalid", proven, at(r.Object, r.Rule+".backendRefs"), fmt.Sprintf("%s takes %s and forwards it nowhere: it has no backend, and no filter that answers", r.Object, r)).
		on(r).as(model.NoEndpoints, model.NoRoute, model.UpstreamStatus).
		because("object", r.Rule+" has no backendRefs", r.Object, time.Time{}), true
}

// refused is what the controller says of a route's references, if it gives one of the reasons.
func (v *view) refused(r *route, reasons ...string) string {
	hr, presence := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name)
	if presence != snapshot.Present || r.Object.Kind != "HTTPRoute" {
		return ""
	}
	for _, p := range hr.Status.Parents {
		if path.ParentOf(r.Object, p.ParentRef) != r.Gateway {
			continue
		}
		for _, c := range p.Conditions {
			if c.Type != string(gatewayv1.RouteConditionResolvedRefs) && c.Type != string(gatewayv1.RouteConditionAccepted) || c.Status != metav1.ConditionFalse {
				continue
			}
			for _, reason := range reasons {
				if c.Reason == reason {
					return fmt.Sprintf("%s: %s", c.Reason, c.Message)
				}
			}
		}
	}
	return ""
}

// badFilters finds the filters of a rule whose extension does not exist.
func (v *view) badFilters(r *route) []finding {
	hr, presence := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name)
	if presence != snapshot.Present || r.Object.Kind != "HTTPRoute" {
		return nil
	}
	var out []finding
	for i, rule := range hr.Spec.Rules {
		if r.Rule != fmt.Sprintf("spec.rules[%d]", i) {
			continue
		}
		for j, filter := range rule.Filters {
			e := filter.ExtensionRef
			if e == nil || v.other(string(e.Kind), hr.Namespace, string(e.Name)) {
				continue
			}
			said := v.refused(r, "InvalidKind", "UnsupportedValue", "BackendNotFound", "IncompatibleFilters", "InvalidFilter", "UnsupportedFilter")
			if said == "" && !v.hasKind(string(e.Kind)) && r.failures == 0 {
				continue // nothing of that kind was read: it may be there
			}
			out = append(out, find("backendref-invalid", proven, at(r.Object, fmt.Sprintf("%s.filters[%d].extensionRef", r.Rule, j)),
				fmt.Sprintf("%s uses filter %s %s, which does not exist", r.Object, e.Kind, e.Name)).
				on(r).as(model.NoEndpoints, model.NoRoute, model.UpstreamStatus).
				because("object", fmt.Sprintf("namespace %s has no %s %s", hr.Namespace, e.Kind, e.Name), r.Object, time.Time{}))
		}
	}
	return out
}

// other reports whether an object of a kind without a table of its own is there.
func (v *view) other(kind, namespace, name string) bool {
	for u := range v.s.Others().All() {
		if u.GetKind() == kind && u.GetNamespace() == namespace && u.GetName() == name {
			return true
		}
	}
	return false
}

// hasKind reports whether any object of a kind without a table of its own was read.
func (v *view) hasKind(kind string) bool {
	for u := range v.s.Others().All() {
		if u.GetKind() == kind {
			return true
		}
	}
	return false
}
