package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func controllerPermissionDenied() Analyzer {
	return Analyzer{
		Cause:  "controller-permission-denied",
		Doc:    "Finds controllers of gateways that may not read what they make the proxy's configuration of.",
		Inputs: []snapshot.Kind{snapshot.Pods, snapshot.Deployments, snapshot.DaemonSets, snapshot.Events, snapshot.Other},
		stage:  byWords,
		run: func(v *view) []finding {
			out := v.deniedByWords()
			if len(out) == 0 {
				out = v.deniedByRules()
			}
			return out
		},
	}
}

// denial is the API server's answer to a request that RBAC does not allow, as client-go logs it
// (k8s.io/apiserver, pkg/endpoints/handlers/responsewriters/errors.go).
func denial() *regexp.Regexp {
	return regexp.MustCompile(`[Uu]ser \\?"system:serviceaccount:([^:"]+):([^"\\]+)\\?" cannot (\w+) resource \\?"([^"\\/]+)[^"\\]*\\?" in API group \\?"([^"\\]*)\\?"`)
}

// deniedByWords finds the right that a controller says it lacks.
func (v *view) deniedByWords() []finding {
	form, rights := denial(), v.rbac()
	type lack struct {
		namespace, account string
		right              right
	}
	told := map[lack]bool{} // a reflector tries again and again, and says so each time
	var out []finding
	for _, s := range v.sayings() {
		m := form.FindStringSubmatch(s.text)
		if m == nil || m[4] == "leases" && m[3] != "get" || m[4] == "events" {
			continue // without these it works, if alone
		}
		want := right{m[3], m[5], m[4]}
		if told[lack{m[1], m[2], want}] {
			continue
		}
		told[lack{m[1], m[2], want}] = true
		at, why, _, had := rights.lack(m[1], m[2], want)
		if had {
			continue // it has the right meanwhile
		}
		if at.IsZero() {
			at = model.FieldRef{Ref: model.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: m[1], Name: m[2]}}
			why = fmt.Sprintf("no role that is bound to ServiceAccount %s/%s lets it %s", m[1], m[2], want)
		}
		f := v.denied(s.fleet, v.governs(s), at, fmt.Sprintf("the controller %s/%s may not %s: %s", m[1], m[2], want, why))
		f.Evidence = append(f.Evidence, s.evidence())
		out = append(out, f.since(s.at))
	}
	return out
}

func (v *view) denied(fleet path.Fleet, routes []*route, at model.FieldRef, why string) finding {
	f := find("controller-permission-denied", proven, at, why+", so what it configures is out of date or empty").
		as(byStuckProxy()...).relates("workload", fleet.Object)
	if at.Kind != "ServiceAccount" {
		f = f.because("object", why, at.Ref, time.Time{})
	}
	stuck := v.stuckOrDown(routes)
	f.dormant = len(stuck) == 0
	if f.dormant {
		stuck = routes
	}
	return f.on(stuck...)
}

// stuckOrDown also lists the routes whose gateway does not run, since it may not for the same reason.
func (v *view) stuckOrDown(rs []*route) []*route {
	out := v.stuck(rs)
	for _, r := range rs {
		if _, _, down := v.m.Down(r.Route); down && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// deniedByRules compares the rights that a controller needs with those that its ServiceAccount has. It only
// speaks where a role or binding is nearly right: dumps often lack some.
func (v *view) deniedByRules() []finding {
	rights := v.rbac()
	if len(rights.bindings) == 0 || len(rights.roles) == 0 {
		return nil
	}
	var out []finding
	asked := map[model.Ref]bool{}
	for _, r := range v.routes {
		fleets := v.m.ControlPlanes(r.Route)
		if len(fleets) == 0 {
			fleets = v.m.Fleets(r.Route)
		}
		for _, fleet := range fleets {
			if asked[fleet.Object] || fleet.Pod.Spec.ServiceAccountName == "" {
				continue
			}
			asked[fleet.Object] = true
			for _, want := range needs(r.Route) {
				at, why, near, had := rights.lack(fleet.Object.Namespace, fleet.Pod.Spec.ServiceAccountName, want)
				if had || !near {
					continue
				}
				out = append(out, v.denied(fleet, v.governs(ownWords{fleet: fleet, known: true}), at, why))
				break
			}
		}
	}
	return out
}

// needs lists the rights without which no controller can make a configuration.
func needs(r path.Route) []right {
	out := []right{{"list", "", "services"}, {"watch", "", "services"}}
	switch r.Object.Kind {
	case "Ingress":
		out = append(out, right{"list", "networking.k8s.io", "ingresses"}, right{"watch", "networking.k8s.io", "ingresses"})
	case "HTTPRoute":
		out = append(out, right{"list", "gateway.networking.k8s.io", "httproutes"}, right{"list", "gateway.networking.k8s.io", "gateways"})
	}
	if r.Proxy == "nginx" && r.Object.Kind == "Ingress" || r.Proxy == "envoy" {
		out = append(out, right{"list", "discovery.k8s.io", "endpointslices"}, right{"watch", "discovery.k8s.io", "endpointslices"})
	}
	return out
}
