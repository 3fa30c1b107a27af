package diagnose

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func lbHealthCheck() Analyzer {
	return Analyzer{
		Cause:  "lb-health-check",
		Doc:    "Finds routes whose load balancer, or proxy, takes pods for dead that are ready.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Other},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				for _, l := range r.legs {
					if f, ok := v.takenForDead(r, l); ok {
						out = append(out, f)
						break
					}
				}
			}
			return out
		},
	}
}

func cloudFirewallBlocksLB() Analyzer {
	return Analyzer{
		Cause:  "cloud-firewall-blocks-lb",
		Doc:    "Finds routes whose load balancer cannot reach the pods or nodes behind it.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Services, snapshot.Pods, snapshot.Events, snapshot.EndpointSlices},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				if f, ok := v.firewalled(r); ok {
					out = append(out, f)
				}
			}
			return append(out, v.shutOut()...)
		},
	}
}

// healthCheck is a health check that somebody else than the kubelet makes, and where it is set.
type healthCheck struct {
	at         model.FieldRef
	path, port string
}

// takenForDead explains a backend whose pods are ready and which a health check finds dead: the load balancer
// says so, or the pods' logs what they answer to it, the proxy put all endpoints aside, or the check asks a port on which no pod
// listens.
func (v *view) takenForDead(r *route, l path.Leg) (finding, bool) {
	if l.Service == nil || r.works() || !slices.ContainsFunc(l.Selected, running) {
		return finding{}, false
	}
	c, set := v.checkOf(r, l)
	why, said := v.unhealthyTargets(r, l)
	answers, line, refused := v.refusedChecks(r, l)
	aside := setAside(r)
	kinds := []model.FailureKind{model.NoEndpoints, model.ConnectTimeout, model.Overload}
	confidence := proven
	switch {
	case said:
		if refused {
			why += "; " + answers
		}
	case refused:
		why = answers
	case set && len(aside) > 0:
		why = fmt.Sprintf("the proxy sees no healthy endpoint for %d requests, though %s has %d that are ready", len(aside), serviceRef(l), len(l.ReadyEnds()))
	case set && c.port != "" && deaf(l, c.port):
		why = fmt.Sprintf("it asks port %s, which no pod of %s declares", c.port, serviceRef(l))
		confidence = likely // declaring ports is optional
		if c.path != "" && c.at.Field != "" {
			c.at.Field = strings.Replace(c.at.Field, "requestPath", "port", 1)
		}
	default:
		return finding{}, false
	}
	if !set {
		c.at = r.whereChecked(l)
	}
	f := find("lb-health-check", confidence, c.at, fmt.Sprintf("the health check in front of %s fails while its pods run: %s", serviceRef(l), why)).
		on(r).as(kinds...).relates("service", serviceRef(l)).because("status", why, serviceRef(l), time.Time{})
	if refused {
		f.Evidence = append(f.Evidence, line)
	}
	if p := probedPath(l); set && p != "" && c.path != p {
		f = f.because("object", fmt.Sprintf("it asks %q, and the readiness probe passes at %q", c.path, p), c.at.Ref, time.Time{})
		if strings.HasSuffix(strings.ToLower(strings.TrimSuffix(c.at.Field, "']")), "path") {
			f = f.wants(text(p))
		}
	}
	return f, true
}

func running(p *corev1.Pod) bool {
	c := path.PodCondition(p, corev1.ContainersReady)
	return path.Ready(p) || c != nil && c.Status == corev1.ConditionTrue
}

// deaf reports whether a port is none that a pod of a backend declares or passes a probe on, nor one that
// nodes forward to it.
func deaf(l path.Leg, port string) bool {
	n, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return false
	}
	for _, p := range l.Service.Spec.Ports {
		if p.NodePort == int32(n) || l.Service.Spec.HealthCheckNodePort == int32(n) {
			return false
		}
	}
	known := false
	for _, p := range l.Selected {
		have := slices.Concat(path.Declared(p), path.Proven(p))
		known = known || len(have) > 0
		if slices.Contains(have, int32(n)) {
			return false
		}
	}
	return known
}

// probedPath is where the readiness probe of a ready pod asks.
func probedPath(l path.Leg) string {
	for _, p := range l.Selected {
		for _, c := range p.Spec.Containers {
			if c.ReadinessProbe != nil && c.ReadinessProbe.HTTPGet != nil && running(p) {
				return c.ReadinessProbe.HTTPGet.Path
			}
		}
	}
	return ""
}

// unhealthyTargets is what a load balancer says of a backend: GKE in an annotation of the Ingress, AWS in a
// condition of pods with its readiness gate.
func (v *view) unhealthyTargets(r *route, l path.Leg) (string, bool) {
	if ing, ok := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name); ok == snapshot.Present && r.Object.Kind == "Ingress" {
		var states map[string]string
		if err := json.Unmarshal([]byte(ing.Annotations["ingress.kubernetes.io/backends"]), &states); err == nil {
			for _, name := range slices.Sorted(maps.Keys(states)) {
				if states[name] == "UNHEALTHY" && (isGoogleBackend(name, l) || len(states) == 1) {
					return fmt.Sprintf("backend %s is UNHEALTHY, says the load balancer", name), true
				}
			}
		}
	}
	if c := gateOf(l); c != nil && !strings.Contains(strings.ToLower(c.Message+c.Reason), "timed out") && !strings.Contains(c.Reason, "Timeout") &&
		(strings.Contains(c.Reason, "FailedHealthChecks") || strings.Contains(c.Reason, "ResponseCodeMismatch") || strings.Contains(c.Message, "Health checks failed")) {
		return c.Message, true
	}
	return "", false
}

// gateOf is the condition of AWS's controller on a pod that no target group takes for healthy (kubernetes-sigs/
// aws-load-balancer-controller, pkg/targetgroupbinding).
func gateOf(l path.Leg) *corev1.PodCondition {
	for _, p := range l.Selected {
		for i := range p.Status.Conditions {
			c := &p.Status.Conditions[i]
			if (strings.HasPrefix(string(c.Type), "target-health.elbv2.k8s.aws/") || strings.HasPrefix(string(c.Type), "target-health.alb.ingress.k8s.aws/")) && c.Status == corev1.ConditionFalse {
				return c
			}
		}
	}
	return nil
}

// checkOf is where the health check of a backend is set: annotations of AWS's and HAProxy's controllers,
// objects of GKE, and the active checks of Envoy Gateway, Contour and Traefik.
func (v *view) checkOf(r *route, l path.Leg) (healthCheck, bool) {
	if c, ok := v.annotatedCheck(r, l); ok {
		return c, true
	}
	for o := range v.s.Others().All() {
		if c, ok := v.checkIn(o, r, l); ok {
			return c, true
		}
	}
	return healthCheck{}, false
}

// annotatedCheck reads the annotations; whichever is there shows where the check is set, even if it is neither
// path nor port.
func (v *view) annotatedCheck(r *route, l path.Leg) (healthCheck, bool) {
	for _, o := range v.annotatedObjects(r, l) {
		for _, prefix := range []string{"alb.ingress.kubernetes.io/healthcheck-", "service.beta.kubernetes.io/aws-load-balancer-healthcheck-", "haproxy.org/check-", "haproxy-ingress.github.io/health-check-"} {
			for _, name := range []string{"path", "http", "uri", "port"} {
				if _, ok := o.annotations[prefix+name]; ok {
					return healthCheck{at(o.ref, annotation(prefix+name)), o.annotations[prefix+"path"], o.annotations[prefix+"port"]}, true
				}
			}
		}
	}
	return healthCheck{}, false
}

// checkIn reads the check that a custom object sets for a backend. A BackendConfig is named by the Service's
// annotation; the others are policies, which name what they hold for themselves.
func (v *view) checkIn(o *unstructured.Unstructured, r *route, l path.Leg) (healthCheck, bool) {
	field, base := "", ""
	switch o.GetKind() {
	case "BackendConfig":
		field, base = "requestPath", "spec.healthCheck"
		names := l.Service.Annotations["cloud.google.com/backend-config"] + l.Service.Annotations["beta.cloud.google.com/backend-config"]
		if o.GetNamespace() != l.Service.Namespace || !holdsWord(names, o.GetName()) {
			return healthCheck{}, false
		}
	case "HealthCheckPolicy":
		field, base = "requestPath", "spec.default.config.httpHealthCheck"
	case "BackendTrafficPolicy":
		field, base = "path", "spec.healthCheck.active.http"
	case "HTTPProxy":
		field, base = "path", r.Rule+".healthCheckPolicy"
		if snapshot.RefOf(o) != r.Object {
			return healthCheck{}, false
		}
	default:
		return healthCheck{}, false
	}
	named := o.GetKind() == "BackendConfig" || o.GetKind() == "HTTPProxy"
	if !named && !slices.Contains(v.under(o), r) || dig(o.Object, base) == nil {
		return healthCheck{}, false
	}
	asked, _ := dig(o.Object, base+"."+field).(string)
	port := ""
	if n, ok := dig(o.Object, base+".port").(int64); ok {
		port = strconv.FormatInt(n, 10)
	}
	return healthCheck{at(snapshot.RefOf(o), base+"."+field), asked, port}, true
}

// bearer is an object whose annotations speak of a backend.
type bearer struct {
	ref         model.Ref
	annotations map[string]string
}

func (v *view) annotatedObjects(r *route, l path.Leg) []bearer {
	var out []bearer
	if ing, ok := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name); ok == snapshot.Present && r.Object.Kind == "Ingress" {
		out = append(out, bearer{r.Object, ing.Annotations})
	}
	if l.Service != nil {
		out = append([]bearer{{serviceRef(l), l.Service.Annotations}}, out...)
	}
	return out
}

// firewalled explains a load balancer that cannot reach its targets: Google's controller says which rule it
// may not make, AWS's says that its checks time out.
func (v *view) firewalled(r *route) (finding, bool) {
	if r.works() {
		return finding{}, false
	}
	for _, e := range slices.Backward(v.s.EventsOf(r.Object)) {
		if strings.Contains(e.Message, "Firewall change required") {
			return v.walled(r, at(r.Object, ""), "the cloud's controller may not open the firewall: "+brief(e.Message)).
				because("event", e.Reason+": "+brief(e.Message), r.Object, snapshot.EventTime(e)), true
		}
	}
	const groups, manage = "alb.ingress.kubernetes.io/security-groups", "alb.ingress.kubernetes.io/manage-backend-security-group-rules"
	for _, l := range r.legs {
		c := gateOf(l)
		ing, ok := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name)
		own := ok == snapshot.Present && r.Object.Kind == "Ingress" && ing.Annotations[groups] != "" && ing.Annotations[manage] != "true"
		object := at(r.Object, "")
		if own {
			object.Field = annotation(groups)
		}
		switch {
		case c != nil && (strings.Contains(c.Reason, "Timeout") || strings.Contains(strings.ToLower(c.Message), "timed out")):
			return v.walled(r, object, "the load balancer's health checks time out: "+c.Message).
				because("status", c.Message, serviceRef(l), c.LastTransitionTime.Time), true
		case own && len(r.hits(model.ConnectTimeout)) > 0 && slices.ContainsFunc(l.ReadyEnds(), func(e path.End) bool { return e.Pod != nil }):
			return v.walled(r, object, "connections to ready pods time out, and the load balancer has security groups of its own that nobody lets through to the nodes").
				because("object", fmt.Sprintf("%s is %s, and %s is not true", groups, ing.Annotations[groups], manage), r.Object, time.Time{}), true
		}
	}
	return finding{}, false
}

func (v *view) walled(r *route, object model.FieldRef, why string) finding {
	f := find("cloud-firewall-blocks-lb", proven, object, fmt.Sprintf("the load balancer of %s does not reach what is behind it: %s", r, why)).
		on(r).as(model.ConnectTimeout, model.NoEndpoints, model.NoRoute)
	return v.relateBackend(f, r)
}
