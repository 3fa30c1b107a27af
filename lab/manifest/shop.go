package manifest

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/lab/gateway/contour"
	"github.com/gatemend/gatemend/lab/gateway/haproxy"
	"github.com/gatemend/gatemend/lab/gateway/nginx"
	"github.com/gatemend/gatemend/lab/image"
)

// containerPort is where the shop listens.
const containerPort = 8080

// Names of the shop's parts.
const (
	Namespace = "shop"
	Web       = "web"
	Cart      = "cart"
	API       = "api"
)

// Shop returns all objects of the shop: the namespace first, routes last.
func Shop() []runtime.Object {
	out := []runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}}
	for _, role := range []string{Web, Cart, API} {
		out = append(out, Deployment(role), Service(role))
	}
	return append(out, Ingress(Web, nginx.Class), Ingress(Cart, contour.Class), Ingress(API, haproxy.Class), CartRoute())
}

// Labels that pods of a role carry and its Service selects.
func Labels(role string) map[string]string { return map[string]string{"app": role} }

// Deployment is two replicas of a role that behave well: they say when they are ready, and when they are
// told to end they go on serving until the gateways have noticed.
func Deployment(role string) *appsv1.Deployment {
	replicas, history, grace := int32(2), int32(10), int64(30)
	none, one := intstr.FromInt32(0), intstr.FromInt32(1)
	return &appsv1.Deployment{
		ObjectMeta: named(role),
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, RevisionHistoryLimit: &history,
			Selector: &metav1.LabelSelector{MatchLabels: Labels(role)},
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &none, MaxSurge: &one},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: Labels(role)},
				Spec:       corev1.PodSpec{TerminationGracePeriodSeconds: &grace, Containers: []corev1.Container{container(role)}},
			},
		},
	}
}

func container(role string) corev1.Container {
	memory := resource.MustParse("128Mi")
	return corev1.Container{
		Name: role, Image: image.Ref("shop"), ImagePullPolicy: corev1.PullNever,
		Env: []corev1.EnvVar{
			{Name: "SHOP_ROLE", Value: role},
			{Name: "SHOP_VERSION", Value: "v1"},
			{Name: "SHOP_MEMORY", Value: "48Mi"},
			{Name: "SHOP_DRAIN", Value: "1s"},
			{Name: "SHOP_POD", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
		},
		Ports:          []corev1.ContainerPort{{Name: "http", ContainerPort: containerPort, Protocol: corev1.ProtocolTCP}},
		ReadinessProbe: probe("/readyz", 1, 2),
		LivenessProbe:  probe("/healthz", 5, 3),
		// Endpoints are withdrawn when the pod is told to end, and every gateway learns of it a little later.
		Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 3}}},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("20m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: memory},
		},
	}
}

func probe(path string, period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("http")}},
		PeriodSeconds: period, FailureThreshold: failures, TimeoutSeconds: 1,
	}
}

// Service leads port 80, named http, to the pods' port of the same name.
func Service(role string) *corev1.Service {
	return &corev1.Service{ObjectMeta: named(role), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, Selector: Labels(role),
		Ports: []corev1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("http")}},
	}}
}

// Ingress sends a role's host to its Service through the gateway of a class.
func Ingress(role, class string) *networkingv1.Ingress {
	prefix := networkingv1.PathTypePrefix
	return &networkingv1.Ingress{ObjectMeta: named(role), Spec: networkingv1.IngressSpec{
		IngressClassName: &class,
		Rules: []networkingv1.IngressRule{{
			Host: Host(role),
			IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
				Paths: []networkingv1.HTTPIngressPath{{Path: "/", PathType: &prefix, Backend: networkingv1.IngressBackend{
					Service: &networkingv1.IngressServiceBackend{Name: role, Port: networkingv1.ServiceBackendPort{Number: 80}},
				}}},
			}},
		}},
	}}
}

// CartRoute sends a second host to cart, through the Gateway API.
func CartRoute() *gatewayv1.HTTPRoute {
	namespace, section, port := gatewayv1.Namespace(contour.Namespace), gatewayv1.SectionName("http"), gatewayv1.PortNumber(80)
	prefix, root := gatewayv1.PathMatchPathPrefix, "/"
	return &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "cart-gw", Labels: Labels(Cart)}, Spec: gatewayv1.HTTPRouteSpec{
		CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{{
			Namespace: &namespace, Name: contour.GatewayName, SectionName: &section,
		}}},
		Hostnames: []gatewayv1.Hostname{gatewayv1.Hostname(Host("cart-gw"))},
		Rules: []gatewayv1.HTTPRouteRule{{
			Matches: []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Type: &prefix, Value: &root}}},
			BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{
				BackendObjectReference: gatewayv1.BackendObjectReference{Name: Cart, Port: &port},
			}}},
		}},
	}}
}

// Host is the host name of a route.
func Host(route string) string { return route + ".shop.test" }

func named(role string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: Namespace, Name: role, Labels: Labels(role)}
}
