package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func tlsSecretMissing() Analyzer {
	return Analyzer{
		Cause: "tls-secret-missing", Doc: "Finds keys, certificates and authorities that a gateway is told to use and that are not there, or not in the form that it needs.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Gateways, snapshot.Secrets, snapshot.ConfigMaps, snapshot.Other},
		run: func(v *view) []finding {
			out := v.byListeners("tls-secret-missing")
			for _, r := range v.routes {
				if hasFault(r, path.NotProgrammed, path.ClassMissing, path.GatewayMissing) {
					continue // nothing serves it, with or without a certificate
				}
				for _, c := range v.certificates(r) {
					if f, ok := v.noSecret(r, c); ok {
						out = append(out, f.on(r))
					}
				}
				for _, l := range r.legs {
					out = append(out, v.noClientSecret(r, l)...)
					out = append(out, v.noAuthority(r, l)...)
				}
			}
			return out
		},
	}
}

func hasFault(r *route, kinds ...path.FaultKind) bool {
	for _, f := range r.Faults {
		for _, k := range kinds {
			if f.Kind == k {
				return true
			}
		}
	}
	return false
}

// noSecret looks for the Secret with the certificate that clients are shown. Without it ingress-nginx,
// HAProxy and Traefik show one that they made themselves, which clients refuse; a Gateway's listener is
// not programmed.
func (v *view) noSecret(r *route, c shown) (finding, bool) {
	secret, presence := v.s.Secrets().Get(c.secret.Namespace, c.secret.Name)
	f := find("tls-secret-missing", proven, c.at, "").as(model.TLS)
	f.unlogged = true
	if line, told := v.missedSecret(c.secret); presence == snapshot.Unknown && told {
		presence, f.Confidence = snapshot.Absent, likely
		f.Evidence = append(f.Evidence, line)
	}
	if presence == snapshot.Unknown || c.opaque && r.works() {
		return finding{}, false
	}
	if c.at.Kind == "Gateway" {
		f.symptomOf = "gateway-not-programmed" // the listener's controller says so, where it does
	}
	switch {
	case presence == snapshot.Absent:
		f.Summary = fmt.Sprintf("%s names %s for %s, which does not exist", c.at.Ref, c.secret, hostText(r))
		if _, beside := v.s.Secrets().Get(c.at.Namespace, c.secret.Name); beside == snapshot.Present && c.at.Namespace != c.secret.Namespace {
			f.Summary += fmt.Sprintf("; the one in namespace %s is not read, as the gateway's pods run in %s", c.at.Namespace, c.secret.Namespace)
		}
		f = v.issuing(f, r, c.secret)
	case c.opaque:
		return finding{}, false
	case presence == snapshot.Present && len(keysMissing(secret)) > 0:
		keys := keysMissing(secret)
		f.Object = at(c.secret, fmt.Sprintf("data['%s']", keys[0]))
		f.Summary = fmt.Sprintf("%s, which %s shows for %s, has no %s", c.secret, c.at.Ref, hostText(r), strings.Join(keys, " and "))
	case presence == snapshot.Present && c.at.Kind == "Gateway" && secret.Type != "" && secret.Type != corev1.SecretTypeTLS:
		f.Object = at(c.secret, "type")
		f.Summary = fmt.Sprintf("%s, which %s shows for %s, is of type %s and not %s", c.secret, c.at.Ref, hostText(r), secret.Type, corev1.SecretTypeTLS)
	default:
		return finding{}, false
	}
	if own := v.substitute(r); own != "" {
		f.dormant = true
		f.Summary += "; the gateway shows " + own + " instead"
	}
	return f.because("object", f.Summary, c.at.Ref, time.Time{}), true
}

// missedSecret is a line in which a gateway or its controller says that it finds no such Secret.
func (v *view) missedSecret(secret model.Ref) (model.Evidence, bool) {
	if v.missed == nil {
		v.missed = map[string]model.Evidence{}
		for _, s := range v.sayings() {
			for _, m := range notFound.FindAllStringSubmatch(s.text, -1) {
				v.missed[m[1]] = s.evidence()
			}
		}
	}
	line, ok := v.missed[secret.Namespace+"/"+secret.Name]
	return line, ok
}

// notFound finds NAMESPACE/NAME of a Secret in the words of istiod ("secret NAMESPACE/NAME not found") and ingress-nginx ("local SSL
// certificate NAMESPACE/NAME was not found").
var notFound = regexp.MustCompile(`(?:secret|SSL certificate) "?([a-z0-9.-]+/[a-z0-9.-]+)"?,? (?:was )?not found`)

// certificateFor is the Certificate of which cert-manager is to make a Secret.
func (v *view) certificateFor(secret model.Ref) (piece, bool) {
	for _, c := range v.all("cert-manager.io", "Certificate") {
		if c.ref.Namespace == secret.Namespace && c.text("spec", "secretName") == secret.Name {
			return c, true
		}
	}
	return piece{}, false
}

// pending says what keeps cert-manager from making the Secret of a Certificate, behind a sentence on that Secret.
func (v *view) pending(c piece) (model.FieldRef, string) {
	object, why := at(c.ref, "status.conditions[type=Ready]"), ""
	if ready, ok := c.condition("Ready"); ok {
		why = fmt.Sprintf(": %s is not ready (%s: %s)", c.ref, ready.text("reason"), ready.text("message"))
	}
	if issuer := c.at("spec", "issuerRef"); v.issuerMissing(issuer.text("kind"), issuer.text("group"), issuer.text("name"), c.ref.Namespace) {
		object = at(c.ref, "spec.issuerRef.name")
		why += fmt.Sprintf("; its issuer %s does not exist", issuer.text("name"))
	}
	return object, why
}

// issuing points to what keeps cert-manager from making a Secret, where it is to make it.
func (v *view) issuing(f finding, r *route, secret model.Ref) finding {
	if c, ok := v.certificateFor(secret); ok {
		object, why := v.pending(c)
		f.Object, f.Summary = object, f.Summary+why
		return f
	}
	ing, ok := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name)
	if ok != snapshot.Present || r.Object.Kind != "Ingress" {
		return f
	}
	for _, k := range []string{"ClusterIssuer", "Issuer"} {
		name := map[string]string{"ClusterIssuer": "cert-manager.io/cluster-issuer", "Issuer": "cert-manager.io/issuer"}[k]
		if issuer := ing.Annotations[name]; issuer != "" && v.issuerMissing(k, "", issuer, ing.Namespace) {
			f.Object = at(r.Object, annotation(name))
			f.Summary += fmt.Sprintf(": its %s %s does not exist", k, issuer)
		}
	}
	return f
}

// issuerMissing reports whether an issuer does not exist. Where others of its kind and namespace were read, it would have been too.
func (v *view) issuerMissing(kind, group, name, namespace string) bool {
	if name == "" || group != "" && group != "cert-manager.io" {
		return false
	}
	kind = cmp.Or(kind, "Issuer")
	if kind == "ClusterIssuer" {
		namespace = ""
	}
	read := v.s.Others().Covers("") && len(v.all("cert-manager.io", "Issuer"))+len(v.all("cert-manager.io", "ClusterIssuer")) > 0
	for _, i := range v.all("cert-manager.io", kind) {
		if i.ref.Namespace != namespace {
			continue
		}
		if i.ref.Name == name {
			return false
		}
		read = true
	}
	return read
}

// noClientSecret looks for the Secret with the certificate that the proxy is to show a backend.
func (v *view) noClientSecret(r *route, l path.Leg) []finding {
	s, ok := v.m.Written(r.Route, l, proxy.ClientSecret)
	if !ok {
		return nil
	}
	namespace, name, qualified := strings.Cut(s.Value, "/")
	if !qualified {
		namespace, name = r.Object.Namespace, s.Value
	}
	if _, presence := v.s.Secrets().Get(namespace, name); presence != snapshot.Absent {
		return nil
	}
	ref := secretRef(namespace, name)
	why := fmt.Sprintf("%s is to show the backend the certificate of %s, which does not exist", s.At.Ref, ref)
	return []finding{find("tls-secret-missing", likely, s.At, why).on(r).as(model.TLS, model.UpstreamStatus, model.NoEndpoints).because("object", why, s.At.Ref, time.Time{})}
}

// noAuthority looks for the authorities against which a BackendTLSPolicy has a backend's certificate
// checked.
func (v *view) noAuthority(r *route, l path.Leg) []finding {
	p, ok := v.backendTLS(l)
	if !ok {
		return nil
	}
	for i, ref := range p.list("spec", "validation", "caCertificateRefs") {
		kind, name := ref.text("kind"), ref.text("name")
		key := snapshot.ConfigMaps
		if kind == "Secret" {
			key = snapshot.Secrets
		}
		target := model.Ref{APIVersion: "v1", Kind: string(key), Namespace: p.ref.Namespace, Name: name}
		o, presence := v.s.Lookup(target)
		field := fmt.Sprintf("spec.validation.caCertificateRefs[%d].name", i)
		why := fmt.Sprintf("%s checks the backend's certificate against %s, which does not exist", p.ref, target)
		object := at(p.ref, field)
		if cm, is := o.(*corev1.ConfigMap); presence == snapshot.Present && is {
			if _, has := cm.Data["ca.crt"]; !has {
				presence = snapshot.Absent
				object, why = at(target, "data['ca.crt']"), fmt.Sprintf("%s checks the backend's certificate against %s, which has no ca.crt", p.ref, target)
			}
		}
		if presence == snapshot.Absent {
			return []finding{find("tls-secret-missing", proven, object, why).on(r).
				as(model.TLS, model.NoEndpoints, model.Protocol, model.UpstreamStatus, model.ConnectTimeout, model.Refused, model.OtherFailure).because("object", why, p.ref, time.Time{})}
		}
	}
	return nil
}

// backendTLS finds the BackendTLSPolicy for a leg's Service port. One for a section is stronger.
func (v *view) backendTLS(l path.Leg) (piece, bool) {
	var found piece
	ok := false
	for _, p := range v.all("gateway.networking.k8s.io", "BackendTLSPolicy") {
		targets := p.list("spec", "targetRefs")
		if t := p.at("spec", "targetRef"); t.fields != nil && p.at("spec").has("targetRef") {
			targets = append(targets, t)
		}
		for _, t := range targets {
			if p.ref.Namespace != l.Backend.Service.Namespace || t.text("kind") != "Service" || t.text("name") != l.Backend.Service.Name {
				continue
			}
			section := t.text("sectionName")
			if section == "" && !ok || section != "" && l.Port != nil && section == l.Port.Name {
				found, ok = p, true
			}
		}
	}
	return found, ok
}

func hostText(r *route) string {
	if r.Host == "" {
		return "any host"
	}
	return r.Host
}
