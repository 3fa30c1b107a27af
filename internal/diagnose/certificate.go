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

// certificateInvalid finds certificates without reading any: what cert-manager says of those that it
// made, and what proxies say of those that backends show.
func certificateInvalid() Analyzer {
	return Analyzer{
		Cause: "certificate-invalid", Doc: "Finds certificates that are expired, for other names, or not trusted.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Gateways, snapshot.Secrets, snapshot.Services, snapshot.Other},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				for _, c := range v.certificates(r) {
					if f, ok := v.badCertificate(r, c); ok {
						out = append(out, f.on(r))
					}
				}
				if f, ok := v.refusedBackend(r); ok && f.ID == "certificate-invalid" {
					out = append(out, f.on(r))
				}
			}
			return out
		},
	}
}

// badCertificate judges a certificate that clients are shown by the cert-manager Certificate behind it.
func (v *view) badCertificate(r *route, c shown) (finding, bool) {
	cert, ok := v.certificateOf(c.secret)
	if !ok {
		return finding{}, false
	}
	f := find("certificate-invalid", proven, at(cert.ref, ""), "").as(model.TLS).relates("secret", c.secret)
	f.unlogged = true
	names := append(cert.texts("spec", "dnsNames"), cert.text("spec", "commonName"))
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
	switch until, expired := v.expired(cert); {
	case expired:
		f = v.whyNotRenewed(f, cert).since(until)
		f.Summary = fmt.Sprintf("the certificate that %s shows for %s expired at %s%s", c.at.Ref, hostText(r), until.UTC().Format(time.RFC3339), f.Summary)
	case r.Host != "" && len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return coversHost(n, r.Host) }):
		f.Object = at(cert.ref, "spec.dnsNames")
		f.Summary = fmt.Sprintf("the certificate that %s shows for %s is for %s", c.at.Ref, r.Host, strings.Join(names, ", "))
	default:
		return finding{}, false
	}
	return f.because("object", f.Summary, cert.ref, time.Time{}), true
}

// certificateOf finds the cert-manager Certificate that keeps a Secret.
func (v *view) certificateOf(secret model.Ref) (piece, bool) {
	for _, c := range v.all("cert-manager.io", "Certificate") {
		if c.ref.Namespace == secret.Namespace && c.text("spec", "secretName") == secret.Name {
			return c, true
		}
	}
	return piece{}, false
}

// expired says until when a Certificate is valid, and whether that is over.
func (v *view) expired(c piece) (until time.Time, over bool) {
	until, err := time.Parse(time.RFC3339, c.text("status", "notAfter"))
	return until, err == nil && !until.After(v.s.At())
}

// whyNotRenewed points to what keeps cert-manager from renewing.
func (v *view) whyNotRenewed(f finding, c piece) finding {
	f.Object.Field = "status.notAfter"
	issuer := c.at("spec", "issuerRef")
	if v.issuerMissing(issuer.text("kind"), issuer.text("group"), issuer.text("name"), c.ref.Namespace) {
		f.Object.Field = "spec.issuerRef.name"
		f.Summary = fmt.Sprintf(" and is not renewed: issuer %s does not exist", issuer.text("name"))
		return f
	}
	for _, kind := range []string{"Issuing", "Ready"} {
		if x, ok := c.condition(kind); ok && x.text("status") == "False" && x.text("message") != "" {
			f.Summary = fmt.Sprintf(" and is not renewed (%s: %s)", x.text("reason"), strings.TrimRight(x.text("message"), "."))
			return f
		}
	}
	return f
}

// The reasons for which a certificate is refused that point to different fields.
const (
	expiredNow = "is expired"
	otherName  = "is for another name"
	untrusted  = "is not signed by an authority that the proxy trusts"
)

// objection is what a proxy says of a certificate that a backend shows it.
type objection struct{ part, why string }

// objections are the words of OpenSSL (nginx, HAProxy), BoringSSL (Envoy) and Go (Traefik, Caddy).
func objections() []objection {
	return []objection{
		{"certificate has expired", expiredNow}, {"CERTIFICATE_EXPIRED", expiredNow}, {"certificate is not yet valid", "is not valid yet"},
		{"certificate does not match", otherName}, {"x509: certificate is valid for", otherName}, {"Hostname mismatch", otherName}, {"verify SAN list", otherName}, {"SAN matcher", otherName},
		{"cannot validate certificate for", otherName}, {"x509: certificate is not valid for any names", otherName},
		{"certificate signed by unknown authority", untrusted}, {"self signed certificate", untrusted}, {"self-signed certificate", untrusted},
		{"unable to get local issuer certificate", untrusted}, {"unable to get issuer certificate", untrusted}, {"unable to verify the first certificate", untrusted},
		{"CERTIFICATE_VERIFY_FAILED", untrusted}, {"certificate verify failed", untrusted}, {"certificate verify error", untrusted}, {"unknown ca", untrusted},
	}
}

// refusedBackend finds that the proxy does not take a backend's certificate, and what to mend: the name
// or authority against which it is checked, where an object sets them, else the certificate. Where the
// name is set and it is the name that does not fit, that is tls-sni-mismatch.
func (v *view) refusedBackend(r *route) (finding, bool) {
	for _, s := range r.hits(model.TLS, model.OtherFailure, model.UpstreamStatus, model.Refused, model.Reset) {
		words := s.Reason + " " + s.Raw
		plain := strings.ReplaceAll(words, "_", " ")
		i := slices.IndexFunc(objections(), func(x objection) bool { return strings.Contains(plain, x.part) || strings.Contains(words, x.part) })
		if i < 0 || len(r.legs) == 0 {
			continue
		}
		l, why := r.legs[0], objections()[i].why
		cause, object := model.CauseID("certificate-invalid"), v.ownCertificate(l, why)
		if set, ok := v.checkedBy(r, l, why); ok {
			object = set
			if why == otherName {
				cause = "tls-sni-mismatch"
			}
		} else if object == at(serviceRef(l), "") && why == otherName && r.Object.Kind == "Ingress" && r.Proxy == "traefik" {
			object.Field = annotation("traefik.ingress.kubernetes.io/service.serverstransport") // where a name to expect would be set
		}
		f := find(cause, proven, object, fmt.Sprintf("the certificate that the backend of %s shows the proxy %s", r, why)).
			as(model.TLS, s.Failure).relates("service", serviceRef(l))
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "proxy-log", Text: strings.TrimSpace(s.Raw), At: s.At, Source: s.Source})
		return f, true
	}
	return finding{}, false
}

// ownCertificate is the cert-manager Certificate whose Secret a backend's pods mount, or the Secret itself,
// else the Service.
func (v *view) ownCertificate(l path.Leg, why string) model.FieldRef {
	for _, p := range l.Selected {
		for _, vol := range p.Spec.Volumes {
			if vol.Secret == nil {
				continue
			}
			ref := secretRef(p.Namespace, vol.Secret.SecretName)
			cert, ok := v.certificateOf(ref)
			secret, presence := v.s.Secrets().Get(ref.Namespace, ref.Name)
			switch {
			case ok && why == expiredNow:
				return at(cert.ref, "status.notAfter")
			case ok:
				return at(cert.ref, "spec.dnsNames")
			case presence == snapshot.Present && secret.Type == corev1.SecretTypeTLS:
				return at(ref, "data['tls.crt']")
			}
		}
	}
	return at(serviceRef(l), "")
}

// checkedBy says where the name or authority is set against which a backend's certificate is checked.
func (v *view) checkedBy(r *route, l path.Leg, why string) (model.FieldRef, bool) {
	settings := v.m.Settings(r.Route, l)
	knobs := map[string][]proxy.Knob{otherName: {proxy.ServerName}, untrusted: {proxy.BackendCA, proxy.VerifyBackend}}[why]
	for _, k := range knobs {
		if s, ok := settings.Written(k); ok {
			return s.At, true
		}
	}
	if p, ok := v.backendTLS(l); ok {
		switch {
		case why == otherName:
			return at(p.ref, "spec.validation.hostname"), true
		case why == untrusted && len(p.list("spec", "validation", "caCertificateRefs")) > 0:
			return at(p.ref, "spec.validation.caCertificateRefs"), true
		case why == untrusted:
			return at(p.ref, "spec.validation.wellKnownCACertificates"), true
		}
	}
	if d, ok := v.destinationRule(serviceRef(l)); ok {
		t := d.at("spec", "trafficPolicy", "tls")
		for _, field := range map[string][]string{otherName: {"sni", "subjectAltNames"}, untrusted: {"caCertificates", "credentialName"}}[why] {
			if t.has(field) {
				return at(d.ref, "spec.trafficPolicy.tls."+field), true
			}
		}
	}
	return model.FieldRef{}, false
}
