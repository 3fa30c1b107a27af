package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func authSecretMissing() Analyzer {
	return Analyzer{
		Cause:  "auth-secret-missing",
		Doc:    "Finds routes whose authentication names a Secret that does not exist or lacks its key.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Secrets},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
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

func (v *view) authSecret(r *route, a authSetting) (finding, bool) {
	ing := v.ingress(r.Route)
	value := ing.Annotations[a.annotation]
	if value == "" || r.Proxy != "" && r.Proxy != a.proxy {
		return finding{}, false
	}
	namespace, name, ok := strings.Cut(value, "/")
	if !ok {
		namespace, name = ing.Namespace, value
	}
	ref := model.Ref{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: name}
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
