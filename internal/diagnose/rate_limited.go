package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func rateLimited() Analyzer {
	return Analyzer{
		Cause:  "rate-limited",
		Doc:    "Finds routes whose requests the proxy turns away because a rate limit is reached.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.ConfigMaps, snapshot.Other},
		stage:  byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.open() {
				if f, ok := v.limitedBy(r); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// limitedBy finds the object that sets the limit of which the proxy speaks.
func (v *view) limitedBy(r *route) (finding, bool) {
	f, ok := v.told(limitWords(), r)
	if !ok {
		return f, false
	}
	connections := strings.Contains(v.heard(r)["rate-limited"].first.Reason, "limiting connections")
	for _, s := range r.Settings.All(proxy.RateLimit) {
		if s.Wrong == "" && s.Yes && connections == strings.Contains(s.At.Field, "connections") {
			f.Object = s.At
			f = f.because("object", fmt.Sprintf("%s is %s", s.At.Field, s.Value), s.At.Ref, time.Time{})
			f.Summary += fmt.Sprintf(": %s sets %s", s.At.Ref, s.Value)
			return f, true
		}
	}
	for o := range v.s.Others().All() {
		if field := limits(o); field != "" && (slices.Contains(v.under(o), r) || v.through(r, o) || o.GetKind() == r.Object.Kind && o.GetName() == r.Object.Name && o.GetNamespace() == r.Object.Namespace) {
			f.Object = at(snapshot.RefOf(o), field)
			return f.because("object", fmt.Sprintf("%s limits requests (%s)", f.Object.Ref, field), f.Object.Ref, time.Time{}), true
		}
	}
	return f, true
}

// limitWords is what is said of a rate limit of which no object is seen.
func limitWords() spoken {
	return spoken{
		cause: "rate-limited",
		says:  "a rate limit answers requests for %s", where: atRoute,
		fields: []string{
			"nginx.ingress.kubernetes.io/limit-rps", "nginx.ingress.kubernetes.io/limit-rpm", "nginx.ingress.kubernetes.io/limit-connections",
			"nginx.org/limit-req-rate", "haproxy.org/rate-limit-requests", "traefik.ingress.kubernetes.io/router.middlewares",
		},
	}
}

// limits is the field of a custom object that limits requests, empty if it does not.
func limits(o *unstructured.Unstructured) string {
	fields := map[string][]string{
		"BackendTrafficPolicy": {"spec.rateLimit.local", "spec.rateLimit.global", "spec.rateLimit"},
		"Middleware":           {"spec.rateLimit", "spec.inFlightReq"},
		"HTTPProxy":            {"spec.virtualhost.rateLimitPolicy", "spec.routes[0].rateLimitPolicy"},
		"Policy":               {"spec.rateLimit"},
	}[o.GetKind()]
	for _, f := range fields {
		if dig(o.Object, f) != nil {
			return f
		}
	}
	return ""
}
