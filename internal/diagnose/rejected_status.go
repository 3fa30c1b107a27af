package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func configMapData(o metav1.Object) (map[string]string, bool) {
	if cm, ok := o.(*corev1.ConfigMap); ok {
		return cm.Data, true
	}
	return nil, false
}

// refusedByStatus reads what controllers write into the status of custom objects: Contour's HTTPProxy
// (currentStatus invalid), NGINX's VirtualServer (state Invalid), and policies attached to Gateways and routes
// (Accepted or Programmed False).
func (v *view) refusedByStatus() []finding {
	var out []finding
	for o := range v.s.Others().All() {
		why, ok := invalid(o)
		if !ok {
			continue
		}
		ref := snapshot.RefOf(o)
		if slices.ContainsFunc(v.found, func(f finding) bool { return f.Object.Ref == ref && f.Confidence >= proven }) {
			continue // what is invalid about it has a name of its own
		}
		routes := v.routesOf(ref)
		if len(routes) == 0 {
			routes = v.under(o)
		}
		if len(routes) == 0 {
			continue
		}
		f := find(rejectedAs(why), proven, at(ref, cmp.Or(field(why), "status")), fmt.Sprintf("%s is not valid, says its controller: %s", ref, brief(why))).
			as(byStuckProxy()...).because("status", brief(why), ref, time.Time{})
		for _, r := range routes {
			if v.explains(r, model.NoRoute) && v.explains(r, model.NoEndpoints) {
				continue // what is invalid about it has a name of its own
			}
			f = f.on(r)
		}
		if len(f.routes) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// rejectedAs is the cause of which a controller's message speaks, where it has a name of its own: Contour's on a
// certificate of another namespace whose TLSCertificateDelegation does not name the route's.
func rejectedAs(why string) model.CauseID {
	if strings.Contains(why, "delegation not permitted") {
		return "refgrant-missing"
	}
	return "config-rejected"
}

// field is the field that a controller's message names, as kubectl explain writes it: Contour writes Spec.Routes, and
// Spec.VirtualHost.TLS Secret.
func field(message string) string {
	if f := fieldIn(message); f != "" {
		return f
	}
	if i := strings.Index(message, "Spec."); i >= 0 {
		var parts []string
		f, rest, _ := strings.Cut(message[i:], " ")
		for _, p := range strings.Split(strings.TrimRight(f, ":,."), ".") {
			switch {
			case p == "VirtualHost" || p == strings.ToUpper(p):
				parts = append(parts, strings.ToLower(p))
			case p != "":
				parts = append(parts, strings.ToLower(p[:1])+p[1:])
			}
		}
		if strings.HasSuffix(f, ".TLS") && strings.HasPrefix(rest, "Secret ") {
			parts = append(parts, "secretName")
		}
		return strings.Join(parts, ".")
	}
	return ""
}

// invalid reads from an object's status that its controller does not accept it, and why.
func invalid(o *unstructured.Unstructured) (string, bool) {
	text := func(fields ...string) string { s, _, _ := unstructured.NestedString(o.Object, fields...); return s }
	switch o.GetKind() {
	case "HTTPProxy":
		if text("status", "currentStatus") != "invalid" {
			return "", false
		}
		return cmp.Or(firstError(o), text("status", "description")), true
	case "VirtualServer", "VirtualServerRoute", "TransportServer":
		if strings.EqualFold(text("status", "state"), "Invalid") {
			return cmp.Or(text("status", "message"), text("status", "reason")), true
		}
	case "EnvoyPatchPolicy", "BackendTrafficPolicy", "ClientTrafficPolicy", "SecurityPolicy", "EnvoyExtensionPolicy", "BackendTLSPolicy", "SnippetsFilter", "NginxProxy", "EnvoyProxy":
		for _, c := range policyConditions(o) {
			if kind := fmt.Sprint(c["type"]); (kind == "Accepted" || kind == "Programmed") && c["status"] == "False" && c["reason"] != "Overridden" && c["reason"] != "TargetNotFound" && c["reason"] != "Conflicted" {
				return fmt.Sprintf("%v: %v", c["reason"], c["message"]), true
			}
		}
	}
	return "", false
}

// firstError is the first error in the last condition of an HTTPProxy that has some.
func firstError(o *unstructured.Unstructured) string {
	why := ""
	for _, c := range conditionsOf(o.Object, "status", "conditions") {
		if errs, _, _ := unstructured.NestedSlice(c, "errors"); len(errs) > 0 {
			if e, ok := errs[0].(map[string]any); ok {
				why = fmt.Sprint(e["message"])
			}
		}
	}
	return why
}

// policyConditions lists the conditions of a policy: its own, and those of each ancestor and controller.
func policyConditions(o *unstructured.Unstructured) []map[string]any {
	all := conditionsOf(o.Object, "status", "conditions")
	for _, list := range []string{"ancestors", "controllers"} {
		ancestors, _, _ := unstructured.NestedSlice(o.Object, "status", list)
		for _, a := range ancestors {
			if m, ok := a.(map[string]any); ok {
				all = append(all, conditionsOf(m, "conditions")...)
			}
		}
	}
	return all
}

// conditionsOf lists the conditions at a place of an untyped object.
func conditionsOf(o map[string]any, fields ...string) []map[string]any {
	list, _, _ := unstructured.NestedSlice(o, fields...)
	var out []map[string]any
	for _, c := range list {
		if m, ok := c.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// under lists the routes in question to which a policy is attached, by its targetRef or targetRefs: to the
// route itself, its Gateway, or a backend Service.
func (v *view) under(policy *unstructured.Unstructured) []*route {
	targets, _, _ := unstructured.NestedSlice(policy.Object, "spec", "targetRefs")
	if one, ok, _ := unstructured.NestedMap(policy.Object, "spec", "targetRef"); ok {
		targets = append(targets, one)
	}
	var out []*route
	for _, r := range v.routes {
		for _, t := range targets {
			if m, ok := t.(map[string]any); ok && targeted(r, policy.GetNamespace(), fmt.Sprint(m["kind"]), fmt.Sprint(m["name"])) {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

// targeted reports whether a policy's target lies on a route.
func targeted(r *route, namespace, kind, name string) bool {
	is := func(ref model.Ref) bool { return ref.Kind == kind && ref.Namespace == namespace && ref.Name == name }
	if is(r.Object) || is(r.Gateway) {
		return true
	}
	for _, b := range r.Backends {
		if is(b.Service) {
			return true
		}
	}
	return false
}
