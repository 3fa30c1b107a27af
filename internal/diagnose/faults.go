package diagnose

import (
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// faults makes findings of one kind of the faults that the model sees in rules themselves.
func faults(v *view, cause model.CauseID, kinds ...path.FaultKind) []finding {
	var out []finding
	for _, r := range v.routes {
		for i, f := range slices.Concat(r.Faults, r.outdone) {
			for _, k := range kinds {
				if f.Kind == k {
					found := find(cause, proven, f.Object, f.Why).on(r).
						as(model.NoRoute, model.NoEndpoints).
						because("object", f.Why, f.Object.Ref, time.Time{}).wants(f.Wanted)
					found.dormant = r.replaced || k == path.ClassMissing && r.works() || i >= len(r.Faults) // a controller that is not known may serve it
					out = append(out, found)
				}
			}
		}
	}
	return out
}

// outdo sets aside that a Gateway is said not to be programmed where requests for the route have met its proxy since: it had
// the rule, and what they met there is another matter. It reports whether there was any such word.
func (r *route) outdo() bool {
	last := r.metSince()
	old := func(f path.Fault) bool {
		return f.Kind == path.NotProgrammed && !f.Since.IsZero() && last.After(f.Since)
	}
	if !slices.ContainsFunc(r.Faults, old) {
		return false
	}
	for _, f := range r.Faults {
		if old(f) {
			r.outdone = append(r.outdone, f)
		}
	}
	r.Faults = slices.DeleteFunc(slices.Clone(r.Faults), old)
	return true
}

// metSince is when the last request was that the gateway had the rule for, whatever came of it.
func (r *route) metSince() time.Time {
	var last time.Time
	if n := len(r.succeeded); n > 0 {
		last = r.succeeded[n-1]
	}
	for _, s := range r.signals {
		if s.Failure != model.NoRoute && s.Failure != model.OtherFailure && s.At.After(last) {
			last = s.At
		}
	}
	return last
}

func ingressClassMissing() Analyzer {
	return Analyzer{
		Cause:  "ingress-class-missing",
		Doc:    "Finds Ingresses whose class does not exist, or that have none while no class is the default.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.IngressClasses, snapshot.Pods, snapshot.Deployments, snapshot.DaemonSets, snapshot.ConfigMaps},
		run: func(v *view) []finding {
			return append(faults(v, "ingress-class-missing", path.ClassMissing), v.classesWithoutController()...)
		},
	}
}

func gatewayNotProgrammed() Analyzer {
	return Analyzer{
		Cause:  "gateway-not-programmed",
		Doc:    "Finds Gateways that are not accepted or not programmed, or whose class does not exist.",
		Inputs: []snapshot.Kind{snapshot.Gateways, snapshot.GatewayClasses, snapshot.HTTPRoutes, snapshot.Secrets},
		run: func(v *view) []finding {
			return v.unprogrammed()
		},
	}
}

func gatewayListenerUnattached() Analyzer {
	return Analyzer{
		Cause:  "gateway-listener-unattached",
		Doc:    "Finds HTTPRoutes that no listener of their Gateway takes, or whose Gateway does not exist.",
		Inputs: []snapshot.Kind{snapshot.Gateways, snapshot.HTTPRoutes, snapshot.Namespaces},
		run: func(v *view) []finding {
			found := v.otherHosts(faults(v, "gateway-listener-unattached", path.ListenerUnattached))
			for _, f := range faults(v, "gateway-listener-unattached", path.GatewayMissing) {
				f.dormant = f.dormant || !slices.ContainsFunc(f.routes, func(r *route) bool { return !v.servedElsewhere(r) })
				found = append(found, f)
			}
			return found
		},
	}
}

func refgrantMissing() Analyzer {
	return Analyzer{
		Cause:  "refgrant-missing",
		Doc:    "Finds backends and certificates in other namespaces, and what policies refer to there, that no ReferenceGrant admits.",
		Inputs: []snapshot.Kind{snapshot.HTTPRoutes, snapshot.ReferenceGrants, snapshot.Gateways, snapshot.Other},
		run: func(v *view) []finding {
			return slices.Concat(faults(v, "refgrant-missing", path.GrantMissing), v.byListeners("refgrant-missing"), v.acrossNamespaces(), v.ungrantedPolicies())
		},
	}
}

// servedElsewhere reports whether the same rule serves the same host at another Gateway: a parentRef that is left of former times
// keeps no request from there.
func (v *view) servedElsewhere(r *route) bool {
	return slices.ContainsFunc(v.m.Routes(), func(o path.Route) bool {
		return o.Served() && o.Object == r.Object && o.Rule == r.Rule && o.Host == r.Host && o.Gateway != r.Gateway
	})
}
