package diagnose

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func authSecretMissing() Analyzer {
	return Analyzer{
		Cause:  "auth-secret-missing",
		Doc:    "Finds routes whose authentication names a Secret that does not exist or lacks its key.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Secrets, snapshot.Other},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				if f, ok := v.middlewareSecret(r); ok {
					out = append(out, f)
				}
				if f, ok := v.policySecret(r); ok {
					out = append(out, f)
				}
				if ing := v.ingress(r.Route); ing == nil || r.Rule == "spec.defaultBackend" {
					continue
				}
				for _, a := range authSecrets() {
					if f, ok := v.authSecret(r, a); ok {
						out = append(out, f)
					}
				}
			}
			return out
		},
	}
}

// authSetting is an annotation that names a Secret, and the key that a proxy reads there.
type authSetting struct {
	proxy, annotation, key string
	unless                 string // the value of auth-secret-type with which each user is a key
	predicts               model.FailureKind
}

// authSecrets lists what proxies read. ingress-nginx answers 503 on a location whose authentication it cannot
// set up (internal/ingress/annotations/auth: LocationDenied; rootfs/etc/nginx/template/nginx.tmpl: $location.Denied).
func authSecrets() []authSetting {
	return []authSetting{
		{"nginx", ingressNginx + "auth-secret", "auth", "auth-map", model.OtherFailure},
		{"nginx", ingressNginx + "auth-tls-secret", "ca.crt", "", model.OtherFailure},
		{"nginx", ingressNginx + "proxy-ssl-secret", "", "", model.OtherFailure},
		{"nginx", "nginx.org/basic-auth-secret", "htpasswd", "", model.OtherFailure},
		{"haproxy", "haproxy.org/auth-secret", "", "", model.OtherFailure},
		{"haproxy", "haproxy-ingress.github.io/auth-secret", "auth", "", model.OtherFailure},
		{"haproxy", "haproxy-ingress.github.io/auth-tls-secret", "ca.crt", "", model.OtherFailure},
	}
}

// guardian is the Secret that a setting of a route's Ingress names, if it does.
func (v *view) guardian(r *route, a authSetting) (secret model.Ref, ok bool) {
	ing := v.ingress(r.Route)
	if ing == nil || ing.Annotations[a.annotation] == "" || r.Proxy != "" && r.Proxy != a.proxy {
		return model.Ref{}, false
	}
	namespace, name, ok := strings.Cut(ing.Annotations[a.annotation], "/")
	if !ok {
		namespace, name = ing.Namespace, ing.Annotations[a.annotation]
	}
	return model.Ref{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: name}, true
}

// unseenSecrets lists the Secrets of routes' authentication that could not be looked at, as on every live cluster, unless
// requests were seen to succeed: without its Secret a proxy denies them all.
func (v *view) unseenSecrets() []model.Unseen {
	var out []model.Unseen
	for _, r := range v.routes {
		if len(r.succeeded) > 0 || r.Rule == "spec.defaultBackend" {
			continue
		}
		for _, a := range authSecrets() {
			ref, ok := v.guardian(r, a)
			if !ok {
				continue
			}
			if _, presence := v.s.Secrets().Get(ref.Namespace, ref.Name); presence == snapshot.Unknown {
				out = append(out, model.Unseen{What: ref.String(), Why: fmt.Sprintf("%s of %s names it; without it the proxy denies every request: look with 'kubectl get secret %s -n %s'", a.annotation, r.Object, model.ShellWord(ref.Name), model.ShellWord(ref.Namespace))})
			}
		}
	}
	return out
}

func (v *view) authSecret(r *route, a authSetting) (finding, bool) {
	ing := v.ingress(r.Route)
	ref, ok := v.guardian(r, a)
	if !ok {
		return finding{}, false
	}
	namespace, name := ref.Namespace, ref.Name
	secret, presence := v.s.Secrets().Get(namespace, name)
	field := annotated(r.Object, a.annotation)
	f := find("auth-secret-missing", proven, field, "").on(r).as(model.NoEndpoints, model.NoRoute, model.UpstreamStatus).relates("secret", ref).
		not("no-endpoints", "the proxy denies the requests before it looks for a backend")
	f.covers = true
	switch {
	case presence == snapshot.Absent:
		f.Summary = fmt.Sprintf("%s protects %s with %s, which does not exist", r.Object, r, ref)
		return f.because("object", fmt.Sprintf("namespace %s has no Secret %s", namespace, name), ref, time.Time{}), true
	case presence == snapshot.Present && a.key != "" && ing.Annotations[ingressNginx+"auth-secret-type"] != a.unless || presence == snapshot.Present && a.key != "" && a.unless == "":
		if _, ok := secret.Data[a.key]; ok || len(secret.Data) == 0 {
			return finding{}, false
		}
		f.Object = at(ref, "data."+a.key+" (missing)")
		f.Summary = fmt.Sprintf("%s protects %s with %s, which has no key %s", r.Object, r, ref, a.key)
		return f.because("object", fmt.Sprintf("%s has no key %s", ref, a.key), ref, time.Time{}), true
	default:
		return finding{}, false
	}
}

// middlewareSecret finds a Middleware of Traefik whose users are in a Secret that does not exist: Traefik does not make
// the middleware then, and drops every router that names it, so that requests meet 404 (traefik/traefik,
// pkg/provider/kubernetes/crd: "Error while reading basic auth middleware").
func (v *view) middlewareSecret(r *route) (finding, bool) {
	if r.Proxy != "traefik" {
		return finding{}, false
	}
	for _, m := range v.middlewares(r) {
		for _, kind := range []string{"basicAuth", "digestAuth"} {
			field := "spec." + kind + ".secret"
			name, ok := dig(m.Object, field).(string)
			if !ok || name == "" {
				continue
			}
			secret := model.Ref{APIVersion: "v1", Kind: "Secret", Namespace: m.GetNamespace(), Name: name}
			if _, presence := v.s.Secrets().Get(secret.Namespace, secret.Name); presence != snapshot.Absent {
				continue
			}
			ref := snapshot.RefOf(m)
			f := find("auth-secret-missing", proven, at(ref, field), fmt.Sprintf("%s, through which requests for %s go, keeps its users in %s, which does not exist, so Traefik drops the route", ref, r, secret)).
				on(r).as(model.NoRoute, model.NoEndpoints, model.OtherFailure).relates("secret", secret).
				because("object", fmt.Sprintf("namespace %s has no Secret %s", secret.Namespace, secret.Name), secret, time.Time{}).
				not("ingress-path-mismatch", "the rule would take the request")
			f.covers = true
			return f, true
		}
	}
	return finding{}, false
}

// middlewares lists the Middlewares of Traefik that a route names: an Ingress by namespace-name@kubernetescrd, an
// IngressRoute by namespace and name.
func (v *view) middlewares(r *route) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, s := range r.Settings.All(proxy.Middleware) {
		out = append(out, v.middlewaresOf(s)...)
	}
	return out
}

// middlewaresOf lists the Middlewares that one setting names.
func (v *view) middlewaresOf(s proxy.Setting) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, name := range strings.Split(s.Value, ",") {
		name = strings.TrimSuffix(strings.TrimSpace(name), "@kubernetescrd")
		for o := range v.s.Others().All() {
			if o.GetKind() == "Middleware" && (name == o.GetNamespace()+"-"+o.GetName() || name == o.GetNamespace()+"/"+o.GetName()) {
				out = append(out, o)
			}
		}
	}
	return out
}
