package diagnose

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// authority is a service that a gateway asks whether a request may pass, and the field that names it.
type authority struct {
	service model.Ref
	port    int32
	at      model.FieldRef
}

func authBackendFailing() Analyzer {
	return Analyzer{
		Cause:  "auth-backend-failing",
		Doc:    "Finds routes whose external authorisation service fails.",
		Inputs: append(podKinds(), snapshot.Ingresses, snapshot.ConfigMaps, snapshot.Services, snapshot.EndpointSlices, snapshot.Other), stage: byWords,
		run: func(v *view) []finding {
			out, deaf := v.deadAuthorities(), v.gatewayUnresolved()
			for _, r := range v.routes {
				if slices.ContainsFunc(deaf, func(f finding) bool { return slices.Contains(f.routes, r) }) {
					continue // it is never asked
				}
				if slices.ContainsFunc(out, func(f finding) bool { return slices.Contains(f.routes, r) }) {
					continue
				}
				if f, ok := v.told(authWords(), r); ok {
					if object, why, beside := v.besideNoAuthorizer(r); beside {
						f.Object, f.Summary = object, fmt.Sprintf("requests for %s are to be authorised in their pods: %s", r, why)
						f = f.because("object", why, object.Ref, time.Time{})
					} else {
						f = v.askedByMesh(f, r)
					}
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// authWords is the cause as gateways tell it.
func authWords() spoken {
	return spoken{
		cause: "auth-backend-failing", says: "the authorisation service that %s asks first fails or does not answer", where: atRoute,
		fields: []string{"nginx.ingress.kubernetes.io/auth-url", "nginx.ingress.kubernetes.io/auth-signin", "haproxy.org/auth-url", "ingress.kubernetes.io/auth-url", "traefik.ingress.kubernetes.io/router.middlewares"},
	}
}

// deadAuthorities finds services for authorisation that a route depends on and that do not exist or have no endpoint: the
// gateway lets nothing pass then (nginx ngx_http_auth_request_module and Traefik's ForwardAuth answer 500, Envoy's ext_authz
// 403 unless failure_mode_allow).
func (v *view) deadAuthorities() []finding {
	var out []finding
	for _, r := range v.routes {
		if r.lost || !r.Served() || r.works() && len(r.refused(403)) == 0 {
			continue
		}
		for _, a := range v.authorities(r) {
			if f, ok := v.deadAuthority(r, a); ok {
				out = append(out, f)
			}
		}
	}
	return out
}

func (v *view) deadAuthority(r *route, a authority) (finding, bool) {
	for _, l := range v.m.Legs(v.askedFor(r, a)) {
		why := fmt.Sprintf("%s, which does not exist", a.service)
		switch {
		case l.Presence == snapshot.Absent:
		case l.Presence == snapshot.Present && !l.External() && l.Port == nil:
			why = fmt.Sprintf("port %d of %s, which has %s", a.port, a.service, portsOf(l.Service))
		case dead(l):
			why = fmt.Sprintf("%s, which has no endpoint", a.service)
		default:
			continue
		}
		f := find("auth-backend-failing", proven, a.at, fmt.Sprintf("requests for %s are to be authorised by %s", r, why)).
			on(r).showing(r, r.refused(403)).relates("service", a.service).
			as(model.OtherFailure, model.UpstreamStatus, model.Denied, model.NoEndpoints, model.NoRoute).
			because("object", fmt.Sprintf("%s of %s names %s", a.at.Field, a.at.Ref, a.service), a.at.Ref, time.Time{}).
			not("app-error", "the gateway asks for authorisation before it asks the application")
		f.covers = true
		return f, true
	}
	return finding{}, false
}

// askedFor is the call of a route's gateways to an authority, as a route of its own.
func (v *view) askedFor(r *route, a authority) path.Route {
	return path.Route{Object: r.Object, Rule: a.at.Field, Host: a.service.Name, From: v.m.Gateways(r.Route), Backends: []path.Backend{{Service: a.service, Field: a.at.Field, PortField: a.at.Field, PortNumber: a.port, Weight: 1}}}
}

// authorities are the services inside the cluster that a route's gateway asks whether a request may pass.
func (v *view) authorities(r *route) []authority {
	var out []authority
	add := func(namespace, address string, field model.FieldRef) {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" || strings.Contains(address, "$") {
			return
		}
		service, inside := v.home(namespace, u.Hostname())
		if !inside {
			return
		}
		port := portNumber(u.Port())
		if port == 0 {
			port = usualPort(u.Scheme)
		}
		out = append(out, authority{service, port, field})
	}
	for _, s := range r.Settings.All(proxy.AuthURL) {
		add(r.Object.Namespace, s.Value, s.At)
	}
	for _, m := range v.middlewares(r) {
		if address, ok := dig(m.Object, "spec.forwardAuth.address").(string); ok {
			add(m.GetNamespace(), address, at(snapshot.RefOf(m), "spec.forwardAuth.address"))
		}
	}
	for _, p := range v.all("gateway.envoyproxy.io", "SecurityPolicy") {
		if targets(p, r) {
			out = append(out, extAuth(p)...)
		}
	}
	return out
}

// targets reports whether a policy of Envoy Gateway names a route or its Gateway; labels are not looked at.
func targets(p piece, r *route) bool {
	refs := p.list("spec", "targetRefs")
	if one := p.at("spec", "targetRef"); len(one.fields) > 0 {
		refs = append(refs, one)
	}
	return slices.ContainsFunc(refs, func(t piece) bool {
		for _, o := range []model.Ref{r.Object, r.Gateway} {
			if o.Kind == t.text("kind") && o.Name == t.text("name") && o.Namespace == p.ref.Namespace {
				return true
			}
		}
		return false
	})
}

// extAuth are the services of a policy's external authorisation; none where requests pass although it does not answer.
func extAuth(p piece) []authority {
	if open, _ := p.at("spec", "extAuth").fields["failOpen"].(bool); open {
		return nil
	}
	var out []authority
	for _, protocol := range []string{"http", "grpc"} {
		for i, b := range p.list("spec", "extAuth", protocol, "backendRefs") {
			if kind := b.text("kind"); kind != "" && kind != "Service" {
				continue
			}
			out = append(out, authority{
				service: model.Ref{APIVersion: "v1", Kind: "Service", Namespace: cmp.Or(b.text("namespace"), p.ref.Namespace), Name: b.text("name")},
				port:    int32(b.number("port")), at: at(p.ref, fmt.Sprintf("spec.extAuth.%s.backendRefs[%d]", protocol, i)),
			})
		}
	}
	return out
}
