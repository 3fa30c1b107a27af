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
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func lbNotProvisioned() Analyzer {
	return Analyzer{
		Cause:  "lb-not-provisioned",
		Doc:    "Finds gateways whose load balancer, or its address, was never made.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.Gateways, snapshot.Ingresses, snapshot.Events, snapshot.Pods, snapshot.Deployments, snapshot.DaemonSets},
		run: func(v *view) []finding {
			pending := v.pendingServices()
			return slices.Concat(pending, v.unaddressedGateways(pending), v.failedIngresses())
		},
	}
}

// pendingServices finds the Services of type LoadBalancer in front of gateways that have no address. That
// somebody says why proves it; that it only takes long may be meant so.
func (v *view) pendingServices() []finding {
	var out []finding
	for _, svc := range v.m.Outer() {
		if !path.Pending(v.s, svc) {
			continue
		}
		routes := slices.DeleteFunc(v.behindService(svc), func(r *route) bool { return r.requests > 0 }) // they come by another way
		if len(routes) == 0 {
			continue
		}
		ref := snapshot.RefOf(svc)
		why, e := path.BalancerWarning(v.s, ref)
		gw := v.unaddressed(routes)
		confidence := likely
		if why != "" || gw != "" {
			confidence = proven
		}
		f := find("lb-not-provisioned", confidence, at(ref, "status.loadBalancer"), fmt.Sprintf("%s, through which requests for %s come, has no address: its load balancer was not created", ref, routesText(routes))).
			on(routes...).as(model.NoRoute, model.ConnectTimeout, model.Refused)
		if why != "" {
			f.Object.Field = cmp.Or(faultyField(svc, why), f.Object.Field)
			f.Summary = fmt.Sprintf("the load balancer of %s was not created: %s", ref, brief(why))
			f = f.because("event", e.Reason+": "+brief(why), ref, snapshot.EventTime(e)).since(e.FirstTimestamp.Time)
		}
		if gw != "" {
			f = f.because("status", gw, routes[0].Gateway, time.Time{})
		}
		f.dormant = f.Confidence < proven // clients may come by node ports, as in clusters without a cloud
		out = append(out, f.relates("service", ref))
	}
	return out
}

// unaddressedGateways finds the Gateways of which their controller says that no address was assigned, where nothing else leads to
// them from outside and no request was seen: with a node's network or ports there need be none. Of found the cause is known.
func (v *view) unaddressedGateways(found []finding) []finding {
	if !v.s.Pods().Covers("") || !v.s.Services().Covers("") {
		return nil
	}
	by := map[model.Ref][]*route{}
	for _, r := range v.routes {
		if r.Gateway.Kind == string(snapshot.Gateways) {
			by[r.Gateway] = append(by[r.Gateway], r)
		}
	}
	var out []finding
	for _, ref := range slices.SortedFunc(maps.Keys(by), model.Ref.Compare) {
		routes := by[ref]
		gw, _ := v.s.Gateways().Get(ref.Namespace, ref.Name)
		why := v.unaddressed(routes)
		if why == "" || len(gw.Status.Addresses) > 0 || slices.ContainsFunc(routes, func(r *route) bool {
			return r.requests > 0 || v.wayIn(r) || slices.ContainsFunc(found, func(f finding) bool { return slices.Contains(f.routes, r) })
		}) {
			continue
		}
		object := at(ref, "status.addresses")
		if len(gw.Spec.Addresses) > 0 {
			object.Field = "spec.addresses"
		}
		out = append(out, find("lb-not-provisioned", proven, object, fmt.Sprintf("%s, through which requests for %s come, has no address, and nothing else leads to it from outside", ref, routesText(routes))).
			on(routes...).as(model.NoRoute, model.ConnectTimeout, model.Refused).because("status", why, ref, time.Time{}))
	}
	return out
}

// wayIn reports whether something leads from outside to a route's gateway, whatever address it has: its node's network or ports,
// or a Service that has ports on nodes or addresses.
func (v *view) wayIn(r *route) bool {
	for _, f := range v.m.Fleets(r.Route) {
		if onNode(f.Pod) || slices.ContainsFunc(f.Entries, func(e path.Entry) bool { return path.Outside(e.Service) || len(e.Service.Spec.ExternalIPs) > 0 }) {
			return true
		}
	}
	return false
}

// behindService lists the routes in question whose gateway's pods a Service selects.
func (v *view) behindService(svc *corev1.Service) []*route {
	var out []*route
	for _, r := range v.routes {
		if r.Direct() && r.Object == snapshot.RefOf(svc) {
			out = append(out, r)
			continue
		}
		for _, f := range v.m.Fleets(r.Route) {
			if f.Object.Namespace == svc.Namespace && matches(svc.Spec.Selector, f.Pod.Labels) {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

// faultyField is the part of a Service of which a cloud's message speaks: a subnet, an address, a class.
func faultyField(svc *corev1.Service, why string) string {
	for _, of := range [][2]string{{"subnet", "subnet"}, {"security group", "security-group"}, {"address pool", "address-pool"}, {"eip", "eip"}} {
		if !strings.Contains(strings.ToLower(why), of[0]) {
			continue
		}
		for k := range svc.Annotations {
			if strings.Contains(k, of[1]) {
				return annotation(k)
			}
		}
	}
	if svc.Spec.LoadBalancerIP != "" && strings.Contains(why, svc.Spec.LoadBalancerIP) {
		return "spec.loadBalancerIP"
	}
	if c := svc.Spec.LoadBalancerClass; c != nil && strings.Contains(why, "class") {
		return "spec.loadBalancerClass"
	}
	return ""
}

// unaddressed is what a Gateway of some routes says of its missing address.
func (v *view) unaddressed(routes []*route) string {
	for _, r := range routes {
		gw, ok := v.s.Gateways().Get(r.Gateway.Namespace, r.Gateway.Name)
		if ok != snapshot.Present {
			continue
		}
		for _, c := range gw.Status.Conditions {
			if c.Type == string(gatewayv1.GatewayConditionProgrammed) && c.Status == "False" && c.Reason == string(gatewayv1.GatewayReasonAddressNotAssigned) {
				return fmt.Sprintf("%s is not programmed (%s): %s", r.Gateway, c.Reason, c.Message)
			}
		}
	}
	return ""
}

// balancerAnnotation finds an annotation of a cloud in the words of its controller.
var balancerAnnotation = regexp.MustCompile(`(?:alb\.ingress\.kubernetes\.io|networking\.gke\.io|kubernetes\.io|ingress\.gcp\.kubernetes\.io)/[a-z0-9.-]+`)

// failedIngresses finds Ingresses of a cloud's controller whose load balancer could not be made: they have no
// address, and an event says why.
func (v *view) failedIngresses() []finding {
	var out []finding
	for _, ref := range v.ingresses() {
		ing, is := v.s.Ingresses().Get(ref.Namespace, ref.Name)
		if is != snapshot.Present || len(ing.Status.LoadBalancer.Ingress) > 0 {
			continue
		}
		routes := v.routesOf(ref)
		why, e := path.BalancerWarning(v.s, ref)
		if why == "" {
			continue
		}
		if odd, _ := v.atOdds(ing, why); !odd.IsZero() {
			continue // the load balancer was made, for others of its group
		}
		f := find("lb-not-provisioned", proven, at(ref, "status.loadBalancer"), fmt.Sprintf("the load balancer of %s was not created: %s", ref, brief(why))).
			on(routes...).as(model.NoRoute, model.ConnectTimeout, model.Refused).since(e.FirstTimestamp.Time).
			because("event", e.Reason+": "+brief(why), ref, snapshot.EventTime(e))
		if key := balancerAnnotation.FindString(why); key != "" && ing.Annotations[key] != "" {
			f.Object.Field = annotation(key)
		}
		out = append(out, f)
	}
	return out
}

// leftBehind finds Ingresses whose load balancer is there and is not kept up to date any more: their controller fails on them
// since before their pods, or the Ingress itself, came. It serves what it was told last, to addresses that are gone.
func (v *view) leftBehind() []finding {
	var out []finding
	for _, ref := range v.ingresses() {
		ing, is := v.s.Ingresses().Get(ref.Namespace, ref.Name)
		if is != snapshot.Present || len(ing.Status.LoadBalancer.Ingress) == 0 {
			continue
		}
		why, e := path.BalancerWarning(v.s, ref)
		if why == "" || !strings.HasPrefix(e.Reason, "Failed") {
			continue
		}
		var behind []*route
		for _, r := range v.stuck(v.routesOf(ref)) {
			if ends := r.readyPods(); len(ends) > 0 && !slices.ContainsFunc(ends, func(p *corev1.Pod) bool { return p.CreationTimestamp.Time.Before(e.FirstTimestamp.Time) }) {
				behind = append(behind, r)
			}
		}
		if len(behind) == 0 {
			continue
		}
		f := find("config-rejected", proven, at(ref, ""), fmt.Sprintf("the controller of %s fails on it since %s, so that its load balancer knows none of the pods that came later: %s", ref, e.FirstTimestamp.UTC().Format(time.RFC3339), brief(why))).
			on(behind...).as(byStuckProxy()...).since(e.FirstTimestamp.Time).because("event", e.Reason+": "+brief(why), ref, snapshot.EventTime(e))
		f.Object.Field = blamed(ing.Annotations, why)
		if odd, says := v.atOdds(ing, why); !odd.IsZero() {
			f.Object = odd
			f = f.because("object", says, odd.Ref, time.Time{})
		}
		f.unlogged = true // the load balancer's log is not in the cluster
		out = append(out, f)
	}
	return out
}

// readyPods are the pods to which a route leads.
func (r *route) readyPods() []*corev1.Pod {
	var out []*corev1.Pod
	for _, l := range r.legs {
		for _, e := range l.ReadyEnds() {
			if e.Pod != nil {
				out = append(out, e.Pod)
			}
		}
	}
	return out
}

// blamed is the annotation of which a cloud's message speaks, by its name or by a word of it: WAF, certificate.
func blamed(annotations map[string]string, why string) string {
	if key := balancerAnnotation.FindString(why); key != "" && annotations[key] != "" {
		return annotation(key)
	}
	for _, word := range []string{"waf", "certificate", "subnet", "security-group", "shield"} {
		if !strings.Contains(strings.ToLower(strings.ReplaceAll(why, " ", "-")), word) {
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(annotations)) {
			if strings.Contains(k, word) {
				return annotation(k)
			}
		}
	}
	return ""
}

// ingresses are those of the routes in question.
func (v *view) ingresses() []model.Ref {
	seen := map[model.Ref]bool{}
	for _, r := range v.routes {
		if snapshot.Kind(r.Object.Kind) == snapshot.Ingresses {
			seen[r.Object] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), model.Ref.Compare)
}
