package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// shown is a certificate that a gateway shows to the clients of a route.
type shown struct {
	secret model.Ref
	at     model.FieldRef // where the Secret is named
	// opaque is set where a Secret of any type will do, with keys of other names, too.
	opaque bool
}

// certificates lists what a route's gateway shows to clients that ask for the route's host.
func (v *view) certificates(r *route) []shown {
	switch {
	case r.Object.Kind == "Ingress":
		return v.ingressCertificates(r)
	case r.Object.Kind == "HTTPProxy":
		return v.namedIn(r, v.all("projectcontour.io", "HTTPProxy"), "spec", "virtualhost", "tls", "secretName")
	case r.Object.Kind == "VirtualServer":
		return v.namedIn(r, v.all("k8s.nginx.org", "VirtualServer"), "spec", "tls", "secret")
	case r.Object.Kind == "IngressRoute":
		return v.namedIn(r, append(v.all("traefik.io", "IngressRoute"), v.all("traefik.containo.us", "IngressRoute")...), "spec", "tls", "secretName")
	case r.Gateway.Kind == "Gateway" && strings.HasPrefix(r.Gateway.APIVersion, "networking.istio.io/"):
		return v.serverCertificates(r)
	case r.Gateway.Kind == "Gateway" && !r.Gateway.IsZero():
		return v.listenerCertificates(r)
	default:
		return nil
	}
}

func (v *view) ingressCertificates(r *route) []shown {
	ing, ok := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name)
	if ok != snapshot.Present {
		return nil
	}
	var out []shown
	for i, t := range ing.Spec.TLS {
		if t.SecretName == "" || len(t.Hosts) > 0 && !slices.ContainsFunc(t.Hosts, func(h string) bool { return coversHost(h, r.Host) }) {
			continue
		}
		out = append(out, shown{secret: secretRef(ing.Namespace, t.SecretName), at: at(r.Object, fmt.Sprintf("spec.tls[%d].secretName", i))})
	}
	return out
}

// namedIn reads the one Secret that an object names for its host.
func (v *view) namedIn(r *route, objects []piece, field ...string) []shown {
	for _, c := range objects {
		if c.ref.Namespace != r.Object.Namespace || c.ref.Name != r.Object.Name {
			continue
		}
		name := c.text(field...)
		namespace, rest, ok := strings.Cut(name, "/") // Contour takes NAMESPACE/NAME with a TLSCertificateDelegation
		if !ok {
			namespace, rest = c.ref.Namespace, name
		}
		if name != "" {
			return []shown{{secret: secretRef(namespace, rest), at: at(r.Object, strings.Join(field, "."))}}
		}
	}
	return nil
}

func (v *view) listenerCertificates(r *route) []shown {
	gw, ok := v.s.Gateways().Get(r.Gateway.Namespace, r.Gateway.Name)
	if ok != snapshot.Present {
		return nil
	}
	var out []shown
	for i, l := range gw.Spec.Listeners {
		if l.TLS == nil || l.TLS.Mode != nil && *l.TLS.Mode != gatewayv1.TLSModeTerminate || l.Hostname != nil && !listensFor(string(*l.Hostname), r.Host) {
			continue
		}
		if !slices.ContainsFunc(r.Listeners, func(x path.Listener) bool { return x.Name == string(l.Name) }) {
			continue
		}
		out = append(out, listenerSecrets(r.Gateway, gw, i)...)
	}
	return out
}

// listenerSecrets are the Secrets with certificates that a listener of a Gateway names.
func listenerSecrets(ref model.Ref, gw *gatewayv1.Gateway, i int) []shown {
	l := &gw.Spec.Listeners[i]
	if l.TLS == nil {
		return nil
	}
	var out []shown
	for j, c := range l.TLS.CertificateRefs {
		if c.Kind != nil && *c.Kind != "Secret" {
			continue
		}
		secret := secretRef(gw.Namespace, string(c.Name))
		if c.Namespace != nil {
			secret.Namespace = string(*c.Namespace)
		}
		out = append(out, shown{secret: secret, at: at(ref, fmt.Sprintf("spec.listeners[%d].tls.certificateRefs[%d].name", i, j))})
	}
	return out
}

// serverCertificates are those of Istio's Gateway. Its credentialName is the name of a Secret in the namespace of the pods that serve
// the Gateway, wherever that itself is (istio.io, Gateway, ServerTLSSettings: credentialName). Names with a scheme or a namespace
// are of other things.
func (v *view) serverCertificates(r *route) []shown {
	var out []shown
	for _, gw := range v.all("networking.istio.io", "Gateway") {
		if gw.ref.Namespace != r.Gateway.Namespace || gw.ref.Name != r.Gateway.Name {
			continue
		}
		for i, server := range gw.list("spec", "servers") {
			name, field := server.text("tls", "credentialName"), fmt.Sprintf("spec.servers[%d]", i)
			if name == "" || strings.ContainsAny(name, "/:") || !slices.ContainsFunc(r.Listeners, func(l path.Listener) bool { return l.At == field }) {
				continue
			}
			for _, namespace := range v.servedFrom(gw) {
				out = append(out, shown{secret: secretRef(namespace, name), at: at(gw.ref, field+".tls.credentialName"), opaque: true})
			}
		}
	}
	return out
}

// servedFrom lists the namespaces of the pods that serve a Gateway of Istio; none where it does not say which those are.
func (v *view) servedFrom(gw piece) []string {
	if out, ok := v.homes[gw.ref]; ok {
		return out
	}
	var out []string
	selector := gw.labels("spec", "selector")
	for p := range v.s.Pods().All() {
		if len(selector) > 0 && matches(selector, p.Labels) && !slices.Contains(out, p.Namespace) {
			out = append(out, p.Namespace)
		}
	}
	slices.Sort(out)
	v.homes[gw.ref] = out
	return out
}

func secretRef(namespace, name string) model.Ref {
	return model.Ref{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: name}
}

// coversHost reports whether a name of a certificate or listener, maybe with a star for one label, is
// that of a host. A host with a star is compared as it is.
func coversHost(name, host string) bool {
	if name == "" || strings.EqualFold(name, host) {
		return true
	}
	rest, wild := strings.CutPrefix(strings.ToLower(name), "*")
	_, domain, ok := strings.Cut(strings.ToLower(host), ".")
	return wild && ok && rest == "."+domain
}

// listensFor reports whether a listener's hostname takes a host. Its star stands for any number of labels, unlike that of
// a certificate (Gateway API, Listener.hostname), so that a host may reach a listener whose certificate is not for it.
func listensFor(hostname, host string) bool {
	rest, wild := strings.CutPrefix(strings.ToLower(hostname), "*")
	return coversHost(hostname, host) || wild && len(host) > len(rest) && strings.HasSuffix(strings.ToLower(host), rest)
}

// substitute says which certificate of its own a gateway shows in the place of one that is not there, if
// somebody gave it one: then that may be meant.
func (v *view) substitute(r *route) string {
	for _, p := range v.m.Gateways(r.Route) {
		for _, c := range p.Spec.Containers {
			for _, a := range slices.Concat(c.Command, c.Args) {
				if _, name, ok := strings.Cut(a, "default-ssl-certificate="); ok && name != "" {
					return name
				}
			}
		}
	}
	for _, s := range v.all("traefik.io", "TLSStore") {
		if name := s.text("spec", "defaultCertificate", "secretName"); name != "" && r.Proxy == "traefik" {
			return s.ref.Namespace + "/" + name
		}
	}
	return ""
}

// keysMissing lists the keys of a TLS Secret that it does not have. One without any data was read without them, as many collectors leave
// them out: the API server takes none of type kubernetes.io/tls without both keys (ValidateSecret in pkg/apis/core/validation).
func keysMissing(s *corev1.Secret) []string {
	if len(s.Data) == 0 {
		return nil
	}
	return slices.DeleteFunc([]string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}, func(k string) bool { _, ok := s.Data[k]; return ok })
}
