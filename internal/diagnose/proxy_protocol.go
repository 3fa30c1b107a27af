package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// proxyProtocolApart finds the PROXY protocol on one side only where no gateway's words tell it.
func (v *view) proxyProtocolApart(r *route) (finding, bool) {
	if f, ok := v.unsentProxyProtocol(r); ok {
		return f, true
	}
	return v.expectsProxyProtocol(r)
}

// plainRequest matches what servers say that expect the PROXY protocol and were sent a request without its header: nginx (of
// which the words about connections without a request, as health checks of load balancers make them, are left out), HAProxy, Go's
// pires/go-proxyproto. Then they close the connection.
var plainRequest = regexp.MustCompile(`broken header: "[A-Z]+ [^"]*" while reading PROXY protocol|does not look like a PROXY protocol header|proxyproto: proxy protocol signature not present`)

// expectsProxyProtocol finds an application that expects the PROXY protocol of whoever connects, as the load balancer sends it
// that also leads to it, behind a gateway that sends requests alone: it closes each connection, and says why.
func (v *view) expectsProxyProtocol(r *route) (finding, bool) {
	hits := r.hits(model.ClosedEarly, model.Reset, model.Protocol)
	if len(hits) < few || len(r.succeeded) > 0 {
		return finding{}, false
	}
	for _, w := range v.workloads {
		if !slices.Contains(w.routes, r) {
			continue
		}
		says := v.wordsOf(w, plainRequest)
		if len(says) == 0 {
			continue
		}
		f := find("proxy-protocol-mismatch", proven, cmp.Or(v.listensWithProxyProtocol(w), at(w.ref, "")),
			fmt.Sprintf("%s expects the PROXY protocol, and the gateway of %s sends it requests without", w.ref, r)).
			on(r).as(model.ClosedEarly, model.Reset, model.Protocol).since(hits[0].At).relates("workload", w.ref).
			not("app-crash-mid-request", "the application closes the connection on purpose")
		f.Evidence = append(f.Evidence, says[0])
		return v.relateBackend(f, r), true
	}
	return finding{}, false
}

// listenProxyProtocol matches nginx's listen directive and HAProxy's bind line that expect the PROXY protocol.
var listenProxyProtocol = regexp.MustCompile(`(?m)^\s*(?:listen\s[^;#\n]*\bproxy_protocol\b|bind\s[^#\n]*\baccept-proxy\b)`)

// listensWithProxyProtocol is the file of a ConfigMap that a workload mounts by which it expects the PROXY protocol.
func (v *view) listensWithProxyProtocol(w *workload) model.FieldRef {
	for _, vol := range w.template.template.Spec.Volumes {
		if vol.ConfigMap == nil {
			continue
		}
		cm, ok := v.s.ConfigMaps().Get(w.ref.Namespace, vol.ConfigMap.Name)
		if ok != snapshot.Present {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(cm.Data)) {
			if listenProxyProtocol.MatchString(cm.Data[key]) {
				return at(snapshot.RefOf(cm), dataField(key))
			}
		}
	}
	return model.FieldRef{}
}

// unsentProxyProtocol finds an Envoy that was told to expect the PROXY protocol of every connection, behind a load balancer
// of AWS that is not told to send it: each connection is closed before a request is read, so that no line tells of one
// (gateway.envoyproxy.io, ClientTrafficPolicy: enableProxyProtocol; aws-load-balancer-controller, annotations of Services). Of
// load balancers that are set up elsewhere the objects do not tell.
func (v *view) unsentProxyProtocol(r *route) (finding, bool) {
	if r.requests > 0 || r.Gateway.IsZero() {
		return finding{}, false
	}
	for _, p := range v.all("gateway.envoyproxy.io", "ClientTrafficPolicy") {
		if on, _ := dig(p.fields, "spec.enableProxyProtocol").(bool); !on || !slices.Contains(v.under(p.object), r) {
			continue
		}
		for _, e := range v.entries(r) {
			if e.Service.Spec.Type != corev1.ServiceTypeLoadBalancer || !silentBalancer(e.Service.Annotations) || v.boundByHand(e.Service) {
				continue
			}
			ref := snapshot.RefOf(e.Service)
			f := find("proxy-protocol-mismatch", likely, at(p.ref, "spec.enableProxyProtocol"),
				fmt.Sprintf("%s lets %s expect the PROXY protocol, and the load balancer of %s is not told to send it", p.ref, r.Gateway, ref)).
				on(r).as(model.NoRoute, model.Reset, model.Protocol).relates("service", ref).
				because("object", ref.String()+" has annotations of AWS's load balancers, and none for the PROXY protocol", ref, time.Time{})
			f.atRest, f.unlogged = true, true
			return f, true
		}
	}
	return finding{}, false
}

// boundByHand reports whether a Service's pods are targets of a load balancer that somebody else than the controller set up, as
// with Terraform: what that sends, its target group says, which is no object here (kubernetes-sigs/aws-load-balancer-controller,
// TargetGroupBinding; those that the controller makes have the label).
func (v *view) boundByHand(svc *corev1.Service) bool {
	return slices.ContainsFunc(v.all("elbv2.k8s.aws", "TargetGroupBinding"), func(b piece) bool {
		return b.ref.Namespace == svc.Namespace && b.text("spec", "serviceRef", "name") == svc.Name && b.object.GetLabels()["service.k8s.aws/stack-name"] == ""
	})
}

// silentBalancer reports whether annotations set up a network load balancer of AWS that does not send the PROXY protocol.
func silentBalancer(annotations map[string]string) bool {
	const aws = "service.beta.kubernetes.io/aws-load-balancer-"
	ours := false
	for k, value := range annotations {
		switch name, is := strings.CutPrefix(k, aws); {
		case !is:
		case name == "proxy-protocol", strings.Contains(value, "proxy_protocol_v2.enabled=true"):
			return false
		default:
			ours = true
		}
	}
	return ours
}
