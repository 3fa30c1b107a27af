package plantest

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// Container is the field of the cart's container.
const Container = "spec.template.spec.containers[0]"

// Fault is a way to break the shop, and what a diagnosis says of it.
type Fault struct {
	Name    string
	Break   func(*Cluster)
	Finding model.Finding
	Deleted []metav1.Object
	// Observed is what gateways reported while it lasted.
	Observed []model.Observation
}

// Finding is a finding of high confidence about an object of the shop, on the cart's Ingress. related
// are triples of role, kind and name.
func Finding(id model.CauseID, kind, name, field, wanted string, related ...string) model.Finding {
	f := model.Finding{
		ID: id, Confidence: 0.97, Wanted: wanted,
		Object:  model.FieldRef{Ref: Ref(kind, name), Field: field},
		Routes:  []model.Ref{Ref("Ingress", "cart")},
		Related: map[string]model.Ref{},
	}
	for i := 0; i+2 < len(related); i += 3 {
		f.Related[related[i]] = Ref(related[i+1], related[i+2])
	}
	return f
}

// Unready takes the cart's pods out of service.
func Unready(c *Cluster) {
	for n := range 2 {
		c.Edit(fmt.Sprintf("Pod/cart-2-%d", n), "False", "status", "conditions", 0, "status")
		c.Edit(fmt.Sprintf("Pod/cart-2-%d", n), false, "status", "containerStatuses", 0, "ready")
		c.Edit("EndpointSlice/cart-x", false, "endpoints", n, "conditions", "ready")
	}
}

// Revision gives the present revision of the cart a field of its container.
func Revision(c *Cluster, value any, path ...any) {
	for _, o := range []string{"Deployment/cart", "ReplicaSet/cart-2"} {
		c.Edit(o, value, append([]any{"spec", "template", "spec", "containers", 0}, path...)...)
	}
}

// liveness is a probe with all that the API server adds to one.
func liveness(period int, and map[string]any) map[string]any {
	probe := map[string]any{
		"httpGet":       map[string]any{"path": "/livez", "port": 8080, "scheme": "HTTP"},
		"periodSeconds": period, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 2,
	}
	maps.Copy(probe, and)
	return probe
}

// Faults lists the ways to break the cart.
func Faults() []Fault {
	former := Shop("cart", "web")
	good := []string{"goodRevision", "ReplicaSet", "cart-1"}
	return slices.Concat([]Fault{
		{"target-port", func(c *Cluster) {
			c.Edit("Service/cart", 9999, "spec", "ports", 0, "targetPort")
			c.Edit("EndpointSlice/cart-x", 9999, "ports", 0, "port")
		}, Finding("target-port-mismatch", "Service", "cart", "spec.ports[0].targetPort", "8080", "workload", "Deployment", "cart"), nil, nil},
		{"named-port", func(c *Cluster) {
			c.Edit("Service/cart", "web", "spec", "ports", 0, "targetPort")
			c.Edit("EndpointSlice/cart-x", []any{}, "ports")
		}, Finding("named-port-missing", "Service", "cart", "spec.ports[0].targetPort", `"http"`, "workload", "Deployment", "cart"), nil, nil},
		{"selector-key", func(c *Cluster) {
			c.Edit("Service/cart", map[string]any{"app": "cart", "app.kubernetes.io/part-of": "shop"}, "spec", "selector")
			c.Edit("EndpointSlice/cart-x", []any{}, "endpoints")
		}, Finding("selector-mismatch", "Service", "cart", "spec.selector.app.kubernetes.io/part-of", `{"app":"cart"}`, "workload", "Deployment", "cart"), nil, nil},
		{"route-port", func(c *Cluster) {
			c.Edit("Ingress/cart", 8081, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number")
		}, Finding("service-port-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.port.number", "80", "service", "Service", "cart"), nil, nil},
		{"route-port-by-name", func(c *Cluster) {
			c.Edit("Ingress/cart", 8081, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number")
		}, Finding("service-port-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.port.number", `"http"`, "service", "Service", "cart"), nil, nil},
		{"service-nearly-named", func(c *Cluster) {
			c.Edit("Ingress/cart", "carts", "spec", "rules", 0, "http", "paths", 0, "backend", "service", "name")
		}, Finding("service-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.name", `"cart"`), nil, nil},
		{"service-deleted-remembered", func(c *Cluster) {
			c.Delete("Service/cart")
			c.Delete("EndpointSlice/cart-x")
		}, Finding("service-missing", "Service", "cart", "metadata.name (object missing)", "", "route", "Ingress", "cart"), []metav1.Object{former.Delete("Service/cart")}, nil},
		{"service-deleted-derived", func(c *Cluster) {
			c.Delete("Service/cart")
			c.Delete("EndpointSlice/cart-x")
		}, Finding("service-missing", "Service", "cart", "metadata.name (object missing)", "", "route", "Ingress", "cart"), nil, nil},
		{"scaled-to-zero", func(c *Cluster) {
			c.Edit("Deployment/cart", 0, "spec", "replicas")
			c.Delete("Pod/cart-2-0")
			c.Delete("Pod/cart-2-1")
			c.Edit("EndpointSlice/cart-x", []any{}, "endpoints")
		}, Finding("no-replicas", "Deployment", "cart", "spec.replicas", "2"), nil, nil},
		{"crash-loop", func(c *Cluster) {
			Unready(c)
			Revision(c, []any{map[string]any{"name": "MODE", "value": "x"}}, "env")
		}, Finding("container-crashloop", "Deployment", "cart", Container, "", good...), nil, nil},
		{"image-pull", func(c *Cluster) {
			Unready(c)
			Revision(c, "shop:v2-typo", "image")
		}, Finding("image-pull", "Deployment", "cart", Container+".image", `"shop:v1"`, good...), nil, nil},
		{"probe-path", func(c *Cluster) {
			Unready(c)
			Revision(c, "/ready", "readinessProbe", "httpGet", "path")
			Revision(c, "shop:v1", "image")
		}, Finding("readiness-probe-misconfigured", "Deployment", "cart", Container+".readinessProbe.httpGet.path", `"/readyz"`, good...), nil, nil},
		{"probe-port-declared", func(c *Cluster) {
			Unready(c)
			Revision(c, 9090, "readinessProbe", "httpGet", "port")
		}, Finding("readiness-probe-misconfigured", "Deployment", "cart", Container+".readinessProbe.httpGet.port", ""), nil, nil},
		{"startup-slow", func(c *Cluster) {
			Unready(c)
			Revision(c, liveness(7, map[string]any{"initialDelaySeconds": 5}), "livenessProbe")
		}, Finding("startup-too-slow", "Deployment", "cart", Container+".livenessProbe", ""), nil, nil},
		{"startup-slow-still", func(c *Cluster) {
			Unready(c)
			Revision(c, liveness(10, map[string]any{"failureThreshold": 40}), "startupProbe")
		}, Finding("startup-too-slow", "Deployment", "cart", Container+".startupProbe", ""), nil, nil},
		{"startup-slow-revision", func(c *Cluster) {
			Unready(c)
			Revision(c, "shop:v3", "image")
			Revision(c, liveness(5, nil), "livenessProbe")
		}, Finding("startup-too-slow", "Deployment", "cart", Container+".livenessProbe", "", good...), nil, nil},
		{"oom-doubled", func(c *Cluster) {
			Unready(c)
			Revision(c, "96Mi", "resources", "limits", "memory")
		}, Finding("oom-killed", "Deployment", "cart", Container+".resources.limits.memory", ""), nil, nil},
		{"oom-former", func(c *Cluster) {
			Unready(c)
			Revision(c, "32Mi", "resources", "limits", "memory")
			Revision(c, "shop:v1", "image")
		}, Finding("oom-killed", "Deployment", "cart", Container+".resources.limits.memory", `"128Mi"`, good...), nil, nil},
		{"termination-race", func(c *Cluster) {
			c.Edit("Deployment/cart", 10, "spec", "template", "spec", "terminationGracePeriodSeconds")
		}, Finding("termination-race", "Deployment", "cart", Container+".lifecycle.preStop", `{"sleep":{"seconds":5}}`), nil, nil},
		{"header-too-big", func(*Cluster) {},
			Finding("upstream-header-too-big", "Ingress", "cart", "metadata.annotations['nginx.ingress.kubernetes.io/proxy-buffer-size']", `"16k"`), nil, nil},
		{"service-speaks-tls", func(*Cluster) {},
			Finding("tls-backend-mismatch", "Service", "cart", "metadata.annotations['projectcontour.io/upstream-protocol.tls']", `"80"`), nil, nil},
	}, others(), rollouts())
}
