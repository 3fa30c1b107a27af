package remedy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// CreateService restores a Service that a route needs and that is gone.
func CreateService() Action {
	return Action{
		Name:       "create-service",
		Doc:        "Restores a deleted Service as it was, or makes one from the route's port and the workload of its name.",
		When:       "a route names a Service that does not exist, and it is remembered, or exactly one workload fits",
		Reach:      "routes that name the Service, all of which fail now",
		Back:       "the Service that was created, and no other, is deleted",
		Risk:       model.RiskMedium,
		Candidates: createService,
	}
}

func createService(c Case) []model.Remedy {
	ref := c.Finding.Object.Ref
	if s, ok := c.Finding.Related["service"]; ok && ref.Kind != string(snapshot.Services) {
		ref = s
	}
	if c.Finding.ID != "service-missing" || ref.Kind != string(snapshot.Services) || ref.Name == "" {
		return nil
	}
	if _, presence := c.Snapshot.Services().Get(ref.Namespace, ref.Name); presence == snapshot.Present {
		return nil
	}
	if former := formerService(c.Deleted, ref); former != nil {
		return creation(c, former, fmt.Sprintf("create %s as it was before it was deleted", ref),
			"it is remembered from before its deletion")
	}
	svc, from := derivedService(c, ref)
	if svc == nil {
		return nil
	}
	return creation(c, svc, fmt.Sprintf("create %s: port %d to %s of %s",
		ref, svc.Spec.Ports[0].Port, svc.Spec.Ports[0].TargetPort.String(), from),
		fmt.Sprintf("%s is the only workload of that name", from))
}

func creation(c Case, svc *corev1.Service, summary, why string) []model.Remedy {
	data, err := snapshot.JSONOf(svc)
	if err != nil {
		return nil
	}
	t, err := decode(data)
	if err != nil {
		return nil
	}
	if fields, ok := t.(map[string]any); ok {
		delete(fields, "status")
	}
	change := model.Change{Op: model.OpCreate, Target: snapshot.RefOf(svc), Object: encode(t)}
	return []model.Remedy{finish(c, model.Remedy{
		Action: "create-service", Risk: model.RiskMedium, Summary: summary, Why: why,
		Changes: []model.Change{change},
	})}
}

// formerService is a deleted Service without what the API server gave it: identity, addresses and
// node ports, which may belong to somebody else by now.
func formerService(deleted []metav1.Object, ref model.Ref) *corev1.Service {
	for _, o := range slices.Backward(deleted) {
		old, ok := o.(*corev1.Service)
		if !ok || old.Namespace != ref.Namespace || old.Name != ref.Name {
			continue
		}
		svc := &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, Spec: *old.Spec.DeepCopy()}
		svc.Name, svc.Namespace = old.Name, old.Namespace
		svc.Labels, svc.Annotations = maps.Clone(old.Labels), maps.Clone(old.Annotations)
		delete(svc.Annotations, corev1.LastAppliedConfigAnnotation)
		if svc.Spec.ClusterIP != corev1.ClusterIPNone {
			svc.Spec.ClusterIP = ""
		}
		svc.Spec.ClusterIPs = nil
		svc.Spec.HealthCheckNodePort = 0
		for i := range svc.Spec.Ports {
			svc.Spec.Ports[i].NodePort = 0
		}
		return svc
	}
	return nil
}

// derivedService makes a Service from what the route asks for and the one Deployment that fits.
func derivedService(c Case, ref model.Ref) (*corev1.Service, model.Ref) {
	port, name := wantedPort(c, ref)
	d := deploymentFor(c.Snapshot, ref)
	if d == nil || (port == 0 && name == "") || d.Spec.Selector == nil || len(d.Spec.Selector.MatchLabels) == 0 {
		return nil, model.Ref{}
	}
	target, ok := targetFor(d, port, name)
	if !ok {
		return nil, model.Ref{}
	}
	p := corev1.ServicePort{Name: name, Protocol: corev1.ProtocolTCP, Port: port, TargetPort: target}
	if p.Port == 0 {
		p.Port = target.IntVal
	}
	if onlyGRPC(c, ref) {
		p.AppProtocol = new(h2c)
	}
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name},
		Spec:       corev1.ServiceSpec{Selector: maps.Clone(d.Spec.Selector.MatchLabels), Ports: []corev1.ServicePort{p}},
	}, snapshot.RefOf(d)
}

// h2c is HTTP/2 without TLS, as the port of a Service says that it speaks it (Kubernetes, KEP-3726).
const h2c = "kubernetes.io/h2c"

// onlyGRPC reports whether all that asks for a Service is known to speak gRPC to it, without TLS. Most gateways speak HTTP/2 to the backends
// of a GRPCRoute whatever their port says; some do only where it says so (Gateway API, GEP-1911). To a port that says so, others
// would not send the requests of an HTTPRoute (NGINX Gateway Fabric, validateRouteBackendRefAppProtocol).
func onlyGRPC(c Case, ref model.Ref) bool {
	routes := routesOf(c.Finding)
	for u := range c.Snapshot.Others().All() {
		if u.GetKind() != "BackendTLSPolicy" || u.GetNamespace() != ref.Namespace {
			continue
		}
		secured := false
		walk(u.Object, func(m map[string]any) {
			secured = secured || m["kind"] == string(snapshot.Services) && m["name"] == ref.Name
		})
		if secured {
			return false
		}
	}
	for _, r := range c.paths().Routes() {
		if r.Object.Kind != string(snapshot.GRPCRoutes) && slices.ContainsFunc(r.Backends, func(b path.Backend) bool { return b.Service.Same(ref) }) {
			return false
		}
	}
	return len(routes) > 0 && !slices.ContainsFunc(routes, func(r model.Ref) bool { return r.Kind != string(snapshot.GRPCRoutes) })
}

// deploymentFor is the Deployment of the Service's name, or the only one that carries the name as
// its app label.
func deploymentFor(s *snapshot.Snapshot, ref model.Ref) *appsv1.Deployment {
	if d, p := s.Deployments().Get(ref.Namespace, ref.Name); p == snapshot.Present {
		return d
	}
	var fits []*appsv1.Deployment
	for d := range s.Deployments().In(ref.Namespace) {
		l := d.Spec.Template.Labels
		if cmp.Or(l["app.kubernetes.io/name"], l["app"], l["k8s-app"]) == ref.Name {
			fits = append(fits, d)
		}
	}
	if len(fits) != 1 {
		return nil
	}
	return fits[0]
}

// targetFor chooses the container port: of the route's name, of its number, the only one, else none. Requests come over TCP.
func targetFor(d *appsv1.Deployment, port int32, name string) (intstr.IntOrString, bool) {
	var ports []corev1.ContainerPort
	for _, c := range d.Spec.Template.Spec.Containers {
		ports = append(ports, c.Ports...)
	}
	ports = slices.DeleteFunc(ports, func(p corev1.ContainerPort) bool { return p.Protocol != "" && p.Protocol != corev1.ProtocolTCP })
	for _, p := range ports {
		if (name != "" && p.Name == name) || p.ContainerPort == port {
			return intstr.FromInt32(p.ContainerPort), true
		}
	}
	if len(ports) == 1 {
		return intstr.FromInt32(ports[0].ContainerPort), true
	}
	return intstr.IntOrString{}, false
}

// wantedPort is the port by which a failing route asks for the Service: an Ingress in its service, others beside the name.
func wantedPort(c Case, ref model.Ref) (number int32, name string) {
	for _, r := range routesOf(c.Finding) {
		_, t, ok := object(c.Snapshot, r)
		if !ok {
			continue
		}
		walk(t, func(m map[string]any) {
			if m["name"] == ref.Name && m["port"] != nil && textOr(m["kind"], string(snapshot.Services)) == string(snapshot.Services) &&
				textOr(m["namespace"], r.Namespace) == ref.Namespace {
				number, name = portOf(m["port"])
			}
		})
		if number != 0 || name != "" {
			return number, name
		}
	}
	return 0, ""
}

// textOr is a text, or what holds where there is none.
func textOr(v any, otherwise string) string {
	if text, ok := v.(string); ok {
		return text
	}
	return otherwise
}

// routesOf lists the routes of a finding, its related one included.
func routesOf(f model.Finding) []model.Ref {
	routes := slices.Clone(f.Routes)
	if r, ok := f.Related["route"]; ok && !slices.Contains(routes, r) {
		routes = append(routes, r)
	}
	return routes
}

// portOf reads a number, a name, or an object of one of them.
func portOf(v any) (number int32, name string) {
	switch port := v.(type) {
	case map[string]any:
		if number, _ = portOf(port["number"]); number == 0 {
			name, _ = port["name"].(string)
		}
	case string:
		name = port
	default:
		if n, err := strconv.ParseInt(string(encode(port)), 10, 32); err == nil {
			number = int32(n)
		}
	}
	return number, name
}

// walk visits every map in a JSON value, in a fixed order.
func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			walk(v[k], visit)
		}
	case []any:
		for _, child := range v {
			walk(child, visit)
		}
	}
}
