package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func controlPlaneUnreachable() Analyzer {
	return Analyzer{
		Cause:  "control-plane-unreachable",
		Doc:    "Finds proxies that cannot reach what sends them their configuration.",
		Inputs: append(podKinds(), snapshot.NetworkPolicies, snapshot.Namespaces, snapshot.HTTPRoutes, snapshot.Gateways, snapshot.GatewayClasses),
		stage:  byWords,
		run:    func(v *view) []finding { return v.cutOff(false) },
	}
}

func controlPlaneCertExpired() Analyzer {
	return Analyzer{
		Cause:  "control-plane-cert-expired",
		Doc:    "Finds proxies that do not trust, or are not trusted by, what sends them their configuration.",
		Inputs: append(podKinds(), snapshot.Secrets, snapshot.Other),
		stage:  byWords,
		run:    func(v *view) []finding { return v.cutOff(true) },
	}
}

// loss is what a proxy said of the loss of its control plane.
type loss struct {
	ownWords
	untrusted bool
	times     int
}

// planeLost matches a proxy's words on a control plane that it lost.
var planeLost = regexp.MustCompile(`gRPC config stream.*closed.*: 14,|config not received from XDS server|failed to connect to upstream|[Ff]ailed to (?:connect|create connection).*(?:code = Unavailable|command)|error.*(?:xds|XDS).*(?:refused|timeout|x509|certificate)`)

// planeFound matches a proxy's words on a control plane that it has again.
var planeFound = regexp.MustCompile(`connected to upstream XDS|add/update listener|added/updated, |all dependencies initialized|Envoy proxy is ready`)

// planeUntrusted matches words on certificates that are not trusted.
var planeUntrusted = regexp.MustCompile(`(?i)certificate has expired|certificate_verify_failed|certificate verify failed|x509: certificate|not yet valid|tls: (?:bad|expired|unknown) certificate|SSLV3_ALERT_CERTIFICATE_EXPIRED`)

// losses finds the fleets whose last word is that their control plane is lost:
//
//	Envoy        DeltaAggregatedResources gRPC config stream to xds_cluster closed since 40s ago: 14, ...
//	Istio agent  config not received from XDS server (was Istiod started?); failed to connect to upstream
//	NGINX agent  rpc error: code = Unavailable, on its command connection
//
// Code 14 is gRPC's "unavailable"; streams that end with another code are opened again at once
// (envoyproxy/envoy, source/extensions/config_subscription/grpc/grpc_stream.h).
func (v *view) losses() []loss {
	var out []loss
	for _, s := range v.sayings() {
		i := slices.IndexFunc(out, func(l loss) bool { return l.pod == s.pod })
		switch {
		case planeLost.MatchString(s.text):
			if i < 0 {
				out, i = append(out, loss{}), len(out)
			}
			out[i] = loss{s, out[i].untrusted || planeUntrusted.MatchString(s.text), out[i].times + 1}
		case i >= 0 && planeFound.MatchString(s.text):
			out = slices.Delete(out, i, i+1)
		}
	}
	return out
}

// cutOff makes findings of the fleets that lost their control plane, for the sake of trust or of all else.
func (v *view) cutOff(untrusted bool) []finding {
	var out []finding
	for _, l := range v.losses() {
		routes := v.stuckOrDown(v.governs(l.ownWords))
		if l.untrusted != untrusted || len(routes) == 0 {
			continue
		}
		var f finding
		if untrusted {
			f = v.untrusted(l, routes)
		} else {
			f = v.unreached(l, routes)
		}
		f.Evidence = append(f.Evidence, l.evidence())
		out = append(out, f.relates("workload", l.fleet.Object))
	}
	if !untrusted && len(out) == 0 {
		out = v.controlDown("control-plane-unreachable", isIstiod)
	}
	return out
}

// unknownName matches what a Go program says of a Service whose name the cluster's DNS does not know, as Istio's agent and NGINX's do
// beside their proxies.
var unknownName = regexp.MustCompile(`lookup ([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b.*: no such host`)

// goneControl is the Service that a proxy asks for its configuration and that does not exist, as after the removal of the revision
// that set the proxy up; zero if that is not said.
func (v *view) goneControl(words string) model.Ref {
	m := unknownName.FindStringSubmatch(words)
	if m == nil {
		return model.Ref{}
	}
	if _, ok := v.s.Services().Get(m[2], m[1]); ok != snapshot.Absent {
		return model.Ref{}
	}
	return model.Ref{APIVersion: "v1", Kind: "Service", Namespace: m[2], Name: m[1]}
}

// unreached looks for what keeps a proxy from its control plane: it does not run, a policy is between
// them, its Service leads elsewhere or is gone.
func (v *view) unreached(l loss, routes []*route) finding {
	if gone := v.goneControl(l.text); !gone.IsZero() {
		return find("control-plane-unreachable", proven, at(gone, objectMissing), fmt.Sprintf("%s asks %s for its configuration, which does not exist, and keeps the old one", l.fleet.Object, gone)).
			on(routes...).as(byStuckProxy()...)
	}
	control, ok := v.controlOf(routes)
	if !ok {
		object := at(l.fleet.Object, "")
		return find("control-plane-unreachable", likely, object, fmt.Sprintf("%s cannot reach what sends it its configuration, and keeps the old one", object.Ref)).
			on(routes...).as(byStuckProxy()...)
	}
	if ready, known := v.m.FleetReady(control); !ready && known {
		d := downFleet{control, v.fleetWorkload(control), routes}
		return v.whyDown(d, "control-plane-unreachable", fmt.Sprintf("%s cannot reach its control plane", l.fleet.Object))
	}
	f := find("control-plane-unreachable", proven, at(control.Object, ""), fmt.Sprintf("%s cannot reach its control plane %s, and keeps an old configuration", l.fleet.Object, control.Object)).
		on(routes...).as(byStuckProxy()...)
	if b := v.between(routes[0], control); b != nil {
		f.Object = at(b.Object, b.Field)
		f.Summary += ": " + b.Why
		return f.because("model", b.Why, f.Object.Ref, time.Time{})
	}
	for svc := range v.s.Services().In(control.Object.Namespace) {
		if svc.Name == control.Object.Name && len(svc.Spec.Selector) > 0 && !matches(svc.Spec.Selector, control.Pod.Labels) {
			f.Object = at(snapshot.RefOf(svc), "spec.selector")
			f.Summary += fmt.Sprintf(": %s selects none of its pods", f.Object.Ref)
			return f.because("object", fmt.Sprintf("%s selects %s", f.Object.Ref, pairs(svc.Spec.Selector)), f.Object.Ref, time.Time{})
		}
	}
	f.Confidence = likely
	return f
}

// controlOf is the control plane of some routes.
func (v *view) controlOf(routes []*route) (path.Fleet, bool) {
	for _, r := range routes {
		if c := v.m.ControlPlanes(r.Route); len(c) > 0 {
			return c[0], true
		}
	}
	return path.Fleet{}, false
}

// between finds a NetworkPolicy between a route's gateway and its control plane, on the ports on which these
// serve configurations: Istio 15010 and 15012, Envoy Gateway 18000, Contour 8001, NGINX Gateway Fabric 8443.
func (v *view) between(r *route, control path.Fleet) *path.Block {
	for _, p := range control.Pods {
		for _, port := range path.Declared(p) {
			switch port {
			case 15010, 15012, 18000, 8001, 8443:
				if verdict, b := v.m.Reach(r.Route, path.End{Pod: p, IP: p.Status.PodIP, Port: port, PodRef: snapshot.RefOf(p)}); verdict == model.Broken {
					return b
				}
			}
		}
	}
	return nil
}

// untrusted names the certificate between proxy and control plane, as far as objects tell: a Certificate
// of cert-manager that is past its end, else a Secret of the names that the products use.
func (v *view) untrusted(l loss, routes []*route) finding {
	namespaces := []string{l.fleet.Object.Namespace}
	object := at(l.fleet.Object, "")
	if control, ok := v.controlOf(routes); ok {
		object = at(control.Object, "")
		namespaces = append(namespaces, control.Object.Namespace)
	}
	confidence, why := likely, ""
	for o := range v.s.Others().All() {
		if o.GetKind() == "Certificate" && slices.Contains(namespaces, o.GetNamespace()) {
			if end, ok := expiry(o.Object); ok && end.Before(v.s.At()) {
				object, confidence = at(snapshot.RefOf(o), "status.notAfter"), proven
				why = fmt.Sprintf("%s ended at %s", object.Ref, end.UTC().Format(time.RFC3339))
			}
		}
	}
	if secret, ok := v.controlSecret(namespaces); ok && why == "" {
		object, confidence = at(secret, "data[tls.crt]"), proven
		why = fmt.Sprintf("%s holds the certificates of this connection", secret)
	}
	f := find("control-plane-cert-expired", confidence, object, fmt.Sprintf("%s and its control plane do not trust each other's certificate any more, so it keeps an old configuration", l.fleet.Object)).
		on(routes...).as(byStuckProxy()...)
	if why != "" {
		f = f.because("object", why, object.Ref, time.Time{})
	}
	return f
}

// controlSecret finds the Secret of the connection between proxy and control plane, by the products' names.
func (v *view) controlSecret(namespaces []string) (model.Ref, bool) {
	for _, name := range []string{"envoycert", "contourcert", "envoy-gateway", "envoy", "cacerts", "istio-ca-secret", "server-tls", "agent-tls"} {
		for _, ns := range namespaces {
			if _, ok := v.s.Secrets().Get(ns, name); ok == snapshot.Present {
				return model.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns, Name: name}, true
			}
		}
	}
	return model.Ref{}, false
}

// expiry is the end of a cert-manager Certificate.
func expiry(o map[string]any) (time.Time, bool) {
	status, _ := o["status"].(map[string]any)
	text, _ := status["notAfter"].(string)
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}

func controllerStale() Analyzer {
	return Analyzer{
		Cause:  "controller-stale",
		Doc:    "Finds controllers that do not apply changes any more, so that their proxies are out of date.",
		Inputs: append(podKinds(), snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Gateways, snapshot.GatewayClasses),
		stage:  byWords,
		run: func(v *view) []finding {
			losses := v.losses()
			out := v.controlDown("controller-stale", func(c path.Fleet) bool {
				return !isIstiod(c) && !slices.ContainsFunc(losses, func(l loss) bool {
					own, ok := v.controlOf(v.governs(l.ownWords))
					return ok && own.Object == c.Object
				})
			})
			if len(out) == 0 {
				out = v.blind()
			}
			if len(out) == 0 {
				out = v.behindGeneration()
			}
			return out
		},
	}
}

// controlDown finds control planes of which no pod is ready. It is a cause where their routes fail for no
// other reason, or were not taken up; else what is configured goes on.
func (v *view) controlDown(id model.CauseID, which func(path.Fleet) bool) []finding {
	by := map[model.Ref][]*route{}
	var order []path.Fleet
	for _, r := range v.routes {
		for _, c := range v.m.ControlPlanes(r.Route) {
			if ready, known := v.m.FleetReady(c); ready || !known || !which(c) {
				continue
			}
			if by[c.Object] == nil {
				order = append(order, c)
			}
			by[c.Object] = append(by[c.Object], r)
		}
	}
	var out []finding
	for _, c := range order {
		open := v.open()
		hurt := slices.DeleteFunc(slices.Clone(by[c.Object]), func(r *route) bool { return !slices.Contains(open, r) && v.untaken(r) == "" })
		d := downFleet{c, v.fleetWorkload(c), hurt}
		if len(hurt) == 0 {
			d.routes = by[c.Object]
		}
		f := v.whyDown(d, id, fmt.Sprintf("%s, which configures the gateway of %s, is down, so no change is applied", c.Object, routesText(d.routes)))
		f.dormant = len(hurt) == 0
		if i := slices.IndexFunc(hurt, func(r *route) bool { return v.untaken(r) != "" }); i >= 0 {
			f = f.because("status", v.untaken(hurt[i]), hurt[i].Object, time.Time{})
		}
		out = append(out, f)
	}
	return out
}

// isIstiod recognises Istio's control plane, without which a proxy gets neither configuration nor
// certificates: its proxies are cut off, even if they do not say so.
func isIstiod(f path.Fleet) bool { return strings.HasPrefix(f.Object.Name, "istiod") }

// untaken says that a route's own status, or its Gateway's, shows that no controller has looked at it;
// empty if it does not. The API server's defaults are "Unknown" and "Waiting for controller".
func (v *view) untaken(r *route) string {
	if hr, ok := v.s.HTTPRoutes().Get(r.Object.Namespace, r.Object.Name); ok == snapshot.Present && r.Object.Kind == "HTTPRoute" {
		if why := untakenRoute(r.Object, hr); why != "" {
			return why
		}
	}
	if gw, ok := v.s.Gateways().Get(r.Gateway.Namespace, r.Gateway.Name); ok == snapshot.Present && !r.Gateway.IsZero() {
		for _, c := range gw.Status.Conditions {
			if c.Type == "Programmed" && c.Status == "Unknown" {
				return fmt.Sprintf("%s is not programmed: %s", r.Gateway, cmp.Or(c.Message, c.Reason))
			}
			if path.Outdated(c.ObservedGeneration, gw.Generation) {
				return fmt.Sprintf("%s is at generation %d, and its controller has seen %d", r.Gateway, gw.Generation, c.ObservedGeneration)
			}
		}
	}
	return ""
}

func untakenRoute(ref model.Ref, hr *gatewayv1.HTTPRoute) string {
	if len(hr.Status.Parents) == 0 {
		return fmt.Sprintf("%s has no status: no controller has taken it", ref)
	}
	for _, p := range hr.Status.Parents {
		for _, c := range p.Conditions {
			if path.Outdated(c.ObservedGeneration, hr.Generation) {
				return fmt.Sprintf("%s is at generation %d, and its controller has seen %d", ref, hr.Generation, c.ObservedGeneration)
			}
		}
	}
	return ""
}

// watchLost matches what controllers say that do not see changes any more.
var watchLost = regexp.MustCompile(`[Ff]ailed to (?:watch|list) \*|[Tt]imed out waiting for .*caches? to sync|leader election lost|leaderelection lost|failed to renew lease|error retrieving resource lock|[Ff]ailed to wait for .*caches? to sync`)

// blind finds controllers that say that they do not see changes any more: watches that fail, caches that
// do not fill, leadership that is lost (client-go, tools/cache/reflector.go and tools/leaderelection).
func (v *view) blind() []finding {
	var out []finding
	for _, s := range v.sayings() {
		if !s.known || !watchLost.MatchString(s.text) || strings.Contains(s.text, "forbidden") || strings.Contains(s.text, "could not find the requested resource") {
			continue
		}
		var hurt []*route
		for _, r := range v.open() {
			if slices.Contains(v.governs(s), r) && r.failures > 0 && len(r.hits(byStuckProxy()...)) > 0 {
				hurt = append(hurt, r)
			}
		}
		if len(hurt) == 0 {
			continue
		}
		f := find("controller-stale", likely, at(s.fleet.Object, ""), fmt.Sprintf("the controller %s does not see changes any more, so the proxy is out of date", s.fleet.Object)).
			on(hurt...).as(byStuckProxy()...).relates("workload", s.fleet.Object)
		f.Evidence = append(f.Evidence, s.evidence())
		out = append(out, f)
	}
	return out
}

// behindGeneration finds routes that fail for no other reason, and whose change no controller has seen.
func (v *view) behindGeneration() []finding {
	var out []finding
	for _, r := range v.open() {
		why := v.untaken(r)
		control := slices.Concat(v.m.ControlPlanes(r.Route), v.m.Fleets(r.Route))
		if why == "" || len(control) == 0 || !slices.ContainsFunc(control[0].Pods, func(p *corev1.Pod) bool { return path.Ready(p) }) {
			continue
		}
		out = append(out, find("controller-stale", likely, at(control[0].Object, ""), fmt.Sprintf("%s runs and does not apply changes: %s", control[0].Object, why)).
			on(r).as(byStuckProxy()...).relates("workload", control[0].Object).because("status", why, r.Object, time.Time{}))
	}
	return out
}
