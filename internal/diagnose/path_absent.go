package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// absentRules finds requests that a wide rule's application does not know, and that name a Service which serves
// while no route leads to it: the rule for them is missing.
func (v *view) absentRules() []finding {
	var out []finding
	for _, r := range v.routes {
		if r.lost || len(r.legs) == 0 || len(r.Path) > 1 {
			continue
		}
		var order []*corev1.Service
		by := map[*corev1.Service][]model.Signal{}
		for _, s := range r.astray {
			if _, near := v.closest(r, s.Request); near {
				continue
			}
			svc := v.forgotten(r, s.Request)
			if svc == nil {
				continue
			}
			if by[svc] == nil {
				order = append(order, svc)
			}
			by[svc] = append(by[svc], s)
		}
		for _, svc := range order {
			if len(by[svc]) < few {
				continue
			}
			ref := snapshot.RefOf(svc)
			out = append(out, find("ingress-path-mismatch", likely, at(r.Object, listOf(r.Route)),
				fmt.Sprintf("%s has no rule for %s: the requests fall to %s, and no route leads to %s", r.Object, by[svc][0].Request.Path, r.Backends[0].Service, ref)).
				on(r).as(model.NoRoute).showing(r, by[svc]).relates("service", ref).
				because("object", ref.String()+" serves, and no route leads to it", ref, time.Time{}))
		}
	}
	return out
}

// forgotten is the only Service with the name that a request's path has, which serves and to which no route leads.
func (v *view) forgotten(r *route, req model.Request) *corev1.Service {
	about := wordsOf(path.Route{Path: req.Path})
	if len(about) == 0 {
		return nil
	}
	return v.forgottenService(r.Backends[0].Service.Namespace, about)
}

// listOf is the list of rules in which one is missing.
func listOf(r path.Route) string {
	if r.Object.Kind == "Ingress" {
		return "spec.rules[0].http.paths"
	}
	return "spec.rules"
}

// certificateHosts finds rules whose host is nearly one that the Ingress has a certificate for, and no rule: the two
// were meant to be the same.
func (v *view) certificateHosts() []finding {
	var out []finding
	for _, r := range v.routes {
		ing := v.ingress(r.Route)
		if ing == nil || r.requests > 0 || r.Host == "" {
			continue
		}
		for _, host := range intended(ing.Spec.TLS, r.Host) {
			m, ok := v.missesHost(r.Route, host)
			if !ok || v.hasHost(host) {
				continue
			}
			f := v.missFinding(r, m, fmt.Sprintf("%s has a certificate for %s and no rule for that host; its rule is for %s", r.Object, host, r.Host))
			if tooDeep(r.Host, host) { // it may be meant for another rule, later
				f.Confidence, f.atRest = likely, true
			}
			out = append(out, f)
		}
	}
	return out
}

// intended are the hosts of certificates that a rule for a host may have been meant for: it is nearly the same.
func intended(certificates []networkingv1.IngressTLS, ruled string) []string {
	var out []string
	for _, tls := range certificates {
		for _, host := range tls.Hosts {
			switch {
			case host == ruled:
			case tooDeep(ruled, host), misspelt(host, ruled) && !slices.Contains(tls.Hosts, ruled):
				out = append(out, host)
			}
		}
	}
	return out
}

// tooDeep reports whether a host has more labels in front of a wildcard's than the one for which an Ingress's stands.
func tooDeep(wildcard, host string) bool {
	suffix, wild := strings.CutPrefix(wildcard, "*")
	return wild && strings.HasSuffix(host, suffix) && !strings.HasPrefix(host, "*")
}

// misspelt reports whether two hosts differ by a slip of the pen in one longer label: api and app are two words.
func misspelt(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	if len(x) != len(y) || !typo(x, y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] && min(len(x[i]), len(y[i])) < 4 {
			return false
		}
	}
	return true
}

func (v *view) hasHost(host string) bool {
	return slices.ContainsFunc(v.m.Routes(), func(o path.Route) bool { return hostFits(o, host) && o.Host != "" })
}

// unservedFor reports whether a rule takes a request as it is, more closely than the rule that took it, and nothing serves it.
func unservedFor(r path.Route, taken *route, req model.Request) bool {
	switch {
	case r.Served() || r.Path == "/" || !r.Takes(req.Path):
		return false
	case taken != nil:
		return r.Host == taken.Host && len(r.Path) > len(taken.Path)
	default:
		return req.Host != "" && hostFits(r, strings.ToLower(req.Host))
	}
}
