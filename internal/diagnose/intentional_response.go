package diagnose

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func intentionalResponse() Analyzer {
	return Analyzer{
		Cause:  "intentional-response",
		Doc:    "Finds routes that are told to answer an error: a maintenance switch, a fixed response.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services, snapshot.EndpointSlices, snapshot.Other},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				if r.works() {
					continue
				}
				if f, ok := v.onPurpose(r); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// onPurpose finds the setting with which a route answers an error itself.
func (v *view) onPurpose(r *route) (finding, bool) {
	object, status, said := v.snippetAnswer(r)
	if said == "" {
		object, status, said = v.albAnswer(r)
	}
	if said == "" {
		object, status, said = v.filterAnswer(r)
	}
	if said == "" {
		object, status, said = v.pluginAnswer(r)
	}
	if said == "" {
		object, status, said = v.ruleAnswer(r)
	}
	if said == "" && !v.retired(r) {
		object, status, said = v.pageAnswer(r)
	}
	if said == "" {
		return finding{}, false
	}
	f := find("intentional-response", proven, object,
		fmt.Sprintf("%s is told to answer %d to %s itself: %s", object.Ref, status, r, said)).
		on(r).as(model.UpstreamStatus, model.NoEndpoints, model.Overload, model.NoRoute, model.Denied).
		because("object", said, object.Ref, time.Time{}).
		not("app-error", "the request does not reach the application")
	f.covers = true
	return f, true
}

// returns matches nginx's "return 503", denies HAProxy's "http-request deny deny_status 503".
var (
	returns = regexp.MustCompile(`(?m)^\s*return\s+(5\d\d|4\d\d)\b[^;]*;?`)
	denies  = regexp.MustCompile(`(?m)^\s*http-request\s+(?:deny|return)\b.*?\b(?:deny_status|status)\s+(\d{3})[^\n]*`)
)

// snippetAnswer reads nginx's snippets. A return inside an "if" answers some requests only, and is not told here
// unless requests were seen to fail.
func (v *view) snippetAnswer(r *route) (object model.FieldRef, status int, said string) {
	ing := v.ingress(r.Route)
	if ing == nil {
		return object, 0, ""
	}
	for _, name := range []string{
		ingressNginx + "configuration-snippet", ingressNginx + "server-snippet", "nginx.org/location-snippets", "nginx.org/server-snippets",
		"haproxy.org/backend-config-snippet", "haproxy.org/frontend-config-snippet", "haproxy-ingress.github.io/config-backend",
	} {
		value := ing.Annotations[name]
		m := returns.FindStringSubmatch(value)
		if m == nil {
			m = denies.FindStringSubmatch(value)
		}
		if m == nil || conditional(value, m[0]) && r.failures == 0 {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err == nil && (n >= 500 || r.failures == 0) && r.answered(n) {
			return annotated(r.Object, name), n, strings.TrimSpace(m[0])
		}
	}
	return object, 0, ""
}

// conditional reports whether the words stand in a block or have a condition of their own.
func conditional(value, words string) bool {
	before, _, _ := strings.Cut(value, words)
	return strings.Count(before, "{") > strings.Count(before, "}") || strings.Contains(words, " if ") || strings.Contains(words, " unless ")
}

// answered reports whether a status is among those that were seen, where any failed.
func (r *route) answered(status int) bool {
	if r.failures == 0 {
		return true
	}
	for _, o := range r.observed {
		if o.Status == status {
			return true
		}
	}
	return false
}

// albAnswer reads the fixed responses of the AWS Load Balancer Controller: an annotation that a rule names as its
// backend's Service, with port name use-annotation.
func (v *view) albAnswer(r *route) (object model.FieldRef, status int, said string) {
	ing := v.ingress(r.Route)
	if ing == nil || len(r.Backends) == 0 || r.Backends[0].PortName != "use-annotation" {
		return object, 0, ""
	}
	name := "alb.ingress.kubernetes.io/actions." + r.Backends[0].Service.Name
	var action struct {
		Type  string
		Fixed struct{ StatusCode string } `json:"fixedResponseConfig"`
	}
	if json.Unmarshal([]byte(ing.Annotations[name]), &action) != nil || action.Type != "fixed-response" {
		return object, 0, ""
	}
	n, err := strconv.Atoi(action.Fixed.StatusCode)
	if err != nil || n < 500 {
		return object, 0, ""
	}
	return annotated(r.Object, name), n, "fixed-response " + action.Fixed.StatusCode
}

// filterAnswer reads the direct response of an HTTPRouteFilter of Envoy Gateway.
func (v *view) filterAnswer(r *route) (object model.FieldRef, status int, said string) {
	hr, presence := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name)
	if presence != snapshot.Present || r.Object.Kind != "HTTPRoute" {
		return object, 0, ""
	}
	for i, rule := range hr.Spec.Rules {
		for j, f := range rule.Filters {
			if r.Rule != fmt.Sprintf("spec.rules[%d]", i) || f.ExtensionRef == nil {
				continue
			}
			if n, ok := v.directResponse(hr.Namespace, f.ExtensionRef); ok {
				return at(r.Object, fmt.Sprintf("%s.filters[%d].extensionRef", r.Rule, j)), n, fmt.Sprintf("%s %s has directResponse %d", f.ExtensionRef.Kind, f.ExtensionRef.Name, n)
			}
		}
	}
	return object, 0, ""
}

// directResponse is the error that the object of an extensionRef answers with. The object is found by kind and
// name, and in the route's own namespace: the reference can name no other.
func (v *view) directResponse(namespace string, ref *gatewayv1.LocalObjectReference) (int, bool) {
	for u := range v.s.Others().All() {
		if u.GetKind() != string(ref.Kind) || u.GetName() != string(ref.Name) || u.GetNamespace() != namespace {
			continue
		}
		spec, _ := u.Object["spec"].(map[string]any)
		direct, _ := spec["directResponse"].(map[string]any)
		if n, ok := number(direct["statusCode"]); ok && n >= 500 {
			return n, true
		}
	}
	return 0, false
}

// pluginAnswer reads Kong's plugin request-termination, where the route's object or a Service behind it names it, or it
// stands for all routes. One that has been there for long was not forgotten, but retires what it answers for: it is told of
// to those alone who ask about the very route.
func (v *view) pluginAnswer(r *route) (object model.FieldRef, status int, said string) {
	if r.Proxy != "kong" {
		return object, 0, ""
	}
	for o := range v.s.Others().All() {
		if v.in.Target.IsZero() && v.oldHere(o.GetCreationTimestamp().Time) {
			continue
		}
		if n, ok := terminates(o); ok && r.answered(n) && v.plugged(r, o) {
			return at(snapshot.RefOf(o), "config.status_code"), n, fmt.Sprintf("its plugin request-termination answers %d", n)
		}
	}
	return object, 0, ""
}

// oldHere reports whether what was made then has been there for long.
func (v *view) oldHere(made time.Time) bool {
	return !made.IsZero() && v.s.At().Sub(made) > 7*24*time.Hour
}

// ruleAnswer reads what a rule of Contour, Istio or NGINX Ingress Controller says that the gateway answers itself. Where nobody
// asks for it, nobody misses what it stands for.
func (v *view) ruleAnswer(r *route) (object model.FieldRef, status int, said string) {
	if v.in.Target.IsZero() && r.failures == 0 {
		return object, 0, ""
	}
	for _, s := range r.Settings.All(proxy.DirectAnswer) {
		if n := int(s.Size); n >= 500 && r.answered(n) {
			return s.At, n, fmt.Sprintf("%s is %d", s.At.Field, n)
		}
	}
	return object, 0, ""
}

// terminates is the error with which a plugin of Kong ends all requests: 503 unless another status is set. With a trigger it
// ends only those that have a header or an argument of that name (Kong/kong, kong/plugins/request-termination).
func terminates(o *unstructured.Unstructured) (int, bool) {
	if dig(o.Object, "plugin") != "request-termination" || dig(o.Object, "disabled") == true || dig(o.Object, "config.trigger") != nil {
		return 0, false
	}
	n, set := number(dig(o.Object, "config.status_code"))
	if !set {
		n = 503
	}
	return n, n >= 500
}

// number reads a number of an object without a type.
func number(x any) (int, bool) {
	switch n := x.(type) {
	case int64:
		return int(n), true
	case float64:
		return int(n), true
	default:
		return 0, false
	}
}
