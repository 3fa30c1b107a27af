package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Traefik makes no router for what it was not started to allow, and answers 404 then: Services and Middlewares of other
// namespaces in an IngressRoute (allowCrossNamespace), and Services of type ExternalName (allowExternalNameServices). Both
// are off where nobody says otherwise (traefik/traefik, pkg/provider/kubernetes/crd, pkg/provider/kubernetes/ingress).

// acrossNamespaces finds IngressRoutes that name what is in another namespace, before a Traefik that does not follow them.
func (v *view) acrossNamespaces() []finding {
	var out []finding
	for _, r := range v.routes {
		if r.Object.Kind != "IngressRoute" || len(r.succeeded) > 0 || !v.traefikForbids(r, "kubernetescrd", "allowcrossnamespace") {
			continue
		}
		foreign, field := model.Ref{}, ""
		for _, b := range r.Backends {
			if b.Service.Namespace != r.Object.Namespace {
				foreign, field = b.Service, b.Field
			}
		}
		for _, s := range r.Settings.All(proxy.Middleware) {
			for _, m := range v.middlewaresOf(s) {
				if m.GetNamespace() != r.Object.Namespace {
					foreign, field = snapshot.RefOf(m), s.At.Field
				}
			}
		}
		if field != "" {
			out = append(out, v.unrouted404(r, find("refgrant-missing", proven, at(r.Object, field),
				fmt.Sprintf("%s names %s of another namespace, which Traefik was not started to allow (providers.kubernetescrd.allowCrossNamespace), so that it drops the route", r.Object, foreign))))
		}
	}
	return out
}

// forbiddenNames finds routes to Services of type ExternalName before a Traefik that does not follow them.
func (v *view) forbiddenNames() []finding {
	var out []finding
	for r, l := range v.legsWith() {
		provider := map[string]string{"IngressRoute": "kubernetescrd", "Ingress": "kubernetesingress"}[r.Object.Kind]
		if provider == "" || len(r.succeeded) > 0 || l.Service == nil || l.Service.Spec.Type != corev1.ServiceTypeExternalName || !v.traefikForbids(r, provider, "allowexternalnameservices") {
			continue
		}
		out = append(out, v.unrouted404(r, find("backendref-invalid", proven, at(r.Object, l.Backend.Field),
			fmt.Sprintf("%s leads to %s, which is an ExternalName; Traefik was not started to allow those (providers.%s.allowExternalNameServices), so that it drops the route", r.Object, serviceRef(l), provider))).
			relates("service", serviceRef(l)))
	}
	return out
}

// unrouted404 completes a finding of a route that Traefik drops: requests for it are answered as those for which there is no
// route, and do not count as the route's.
func (v *view) unrouted404(r *route, f finding) finding {
	f = f.on(r).as(model.NoRoute, model.NoEndpoints, model.OtherFailure).not("ingress-path-mismatch", "the rule would take the request")
	f.covers, f.unlogged = true, true
	for _, s := range v.sayings() {
		if strings.Contains(s.text, r.Object.Name) && strings.Contains(s.text, r.Object.Namespace) && (strings.Contains(s.text, "not allowed") || strings.Contains(s.text, "is not in the ")) {
			f.Evidence = append(f.Evidence, s.evidence())
			return f
		}
	}
	return f.because("object", "the gateway's arguments do not allow it", v.fleetRef(r), time.Time{})
}

// fleetRef is the workload of a route's first gateway, the route itself where none is known.
func (v *view) fleetRef(r *route) model.Ref {
	for _, f := range v.m.Fleets(r.Route) {
		return f.Object
	}
	return r.Object
}

// traefikForbids reports whether all gateways of a route are Traefiks that are set up by their arguments, which do not
// switch an option of a provider on. One that is set up by arguments reads no file and no environment besides.
func (v *view) traefikForbids(r *route, provider, option string) bool {
	fleets := v.m.Fleets(r.Route)
	return r.Proxy == "traefik" && len(fleets) > 0 && !slices.ContainsFunc(fleets, func(f path.Fleet) bool { return !forbids(f.Pod, provider, option) })
}

func forbids(p *corev1.Pod, provider, option string) bool {
	set := false
	for i := range p.Spec.Containers {
		for _, arg := range slices.Concat(p.Spec.Containers[i].Command, p.Spec.Containers[i].Args) {
			name, value, given := strings.Cut(strings.ToLower(strings.TrimLeft(arg, "-")), "=")
			switch {
			case name == "providers."+provider+"."+option:
				return given && value == "false"
			case name == "configfile":
				return false
			case name == "providers."+provider || strings.HasPrefix(name, "providers."+provider+"."):
				set = true
			}
		}
	}
	return set
}
