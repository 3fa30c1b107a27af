package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// policySecret finds a Policy of F5's controller whose Secret does not exist, or is of a type that the controller does not
// take for that: it answers 500 then to all requests under the policy (nginx/kubernetes-ingress,
// internal/configs/virtualserver.go: addBasicAuthConfig and its neighbours).
func (v *view) policySecret(r *route) (finding, bool) {
	if !virtualServer(r.Route) || r.works() || !r.answered(500) {
		return finding{}, false
	}
	own, ok := v.serverObject(r.Object)
	if !ok {
		return finding{}, false
	}
	for _, p := range v.serverPolicies(r, own) {
		object, secret, why := v.badSecret(p)
		if why == "" {
			object, secret, why = refusedSecret(p, own.text("status", "message"))
		}
		if why == "" {
			continue
		}
		f := find("auth-secret-missing", proven, object, fmt.Sprintf("%s protects %s with %s, which %s, so nginx answers 500", p, r, secret, why)).
			on(r).as(model.UpstreamStatus, model.OtherFailure).relates("secret", secret).
			because("object", fmt.Sprintf("%s names %s, which %s", p, secret, why), p, time.Time{}).
			not("app-error", "the proxy denies the requests before it asks the application")
		f.covers = true
		return f, true
	}
	return finding{}, false
}

// badSecret judges the Secrets that a policy names, as far as both can be looked at.
func (v *view) badSecret(policy model.Ref) (object model.FieldRef, secret model.Ref, why string) {
	p, ok := v.serverObject(policy)
	if !ok {
		return object, secret, ""
	}
	for _, s := range policySecrets() {
		name, ok := dig(p.object.Object, s.field).(string)
		if !ok || name == "" {
			continue
		}
		secret = model.Ref{APIVersion: "v1", Kind: "Secret", Namespace: policy.Namespace, Name: name}
		switch got, presence := v.s.Secrets().Get(secret.Namespace, secret.Name); {
		case presence == snapshot.Absent:
			return at(policy, s.field), secret, "does not exist"
		case presence == snapshot.Present && got.Type != "" && got.Type != s.kind:
			return at(secret, "type"), secret, fmt.Sprintf("is of type %s and not %s", got.Type, s.kind)
		}
	}
	return object, secret, ""
}

// refusedSecret reads in the status of a VirtualServer or VirtualServerRoute that the controller does not take the Secret
// of a policy: that is all that is seen where Secrets are not read.
func refusedSecret(policy model.Ref, says string) (object model.FieldRef, secret model.Ref, why string) {
	m := regexp.MustCompile(` ` + regexp.QuoteMeta(policy.Namespace+"/"+policy.Name) + ` references an? (?:invalid )?secret ([^\s:/]+)/([^\s:/]+)`).FindStringSubmatch(says)
	if m == nil {
		return object, secret, ""
	}
	return at(policy, ""), model.Ref{APIVersion: "v1", Kind: "Secret", Namespace: m[1], Name: m[2]}, "the controller does not take"
}

// policyField is a field of a Policy that names a Secret, and the type that this must be of.
type policyField struct {
	field string
	kind  corev1.SecretType
}

// policySecrets lists what policies name (nginx/kubernetes-ingress, internal/k8s/secrets/validation.go).
func policySecrets() []policyField {
	return []policyField{
		{"spec.basicAuth.secret", "nginx.org/htpasswd"},
		{"spec.jwt.secret", "nginx.org/jwk"},
		{"spec.oidc.clientSecret", "nginx.org/oidc"},
		{"spec.apiKey.clientSecret", "nginx.org/apikey"},
		{"spec.ingressMTLS.clientCertSecret", "nginx.org/ca"},
		{"spec.egressMTLS.tlsSecret", corev1.SecretTypeTLS},
		{"spec.egressMTLS.trustedCertSecret", "nginx.org/ca"},
	}
}

// serverObject finds an object of F5's controller.
func (v *view) serverObject(ref model.Ref) (piece, bool) {
	for _, o := range v.all("k8s.nginx.org", ref.Kind) {
		if o.ref.Name == ref.Name && o.ref.Namespace == ref.Namespace {
			return o, true
		}
	}
	return piece{}, false
}

// serverPolicies are the policies under which a route's requests are: those of its rule, and those of the whole server. A
// subroute without any has those of the route that leaves the path to it.
func (v *view) serverPolicies(r *route, own piece) []model.Ref {
	var out []model.Ref
	add := func(owner piece, named []piece) {
		for _, n := range named {
			out = append(out, model.Ref{APIVersion: owner.ref.APIVersion, Kind: "Policy", Namespace: cmp.Or(n.text("namespace"), owner.ref.Namespace), Name: n.text("name")})
		}
	}
	rule, _, _ := strings.Cut(r.Rule, ".matches[")
	if fields, ok := dig(own.object.Object, rule).(map[string]any); ok {
		add(own, piece{ref: own.ref, fields: fields}.list("policies"))
	}
	bare := len(out) == 0 && own.ref.Kind == "VirtualServerRoute"
	for _, server := range v.all("k8s.nginx.org", "VirtualServer") {
		if !strings.EqualFold(server.text("spec", "host"), r.Host) {
			continue
		}
		add(server, server.list("spec", "policies"))
		for _, route := range server.list("spec", "routes") {
			to := route.text("route")
			if bare && (to == own.ref.Namespace+"/"+own.ref.Name || to == own.ref.Name && server.ref.Namespace == own.ref.Namespace) {
				add(server, route.list("policies"))
			}
		}
	}
	return out
}
