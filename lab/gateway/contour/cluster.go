package contour

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Names in the Gateway API.
const (
	GatewayName      = "shop"
	GatewayClassName = "contour"
	ControllerName   = "projectcontour.io/gateway-controller"
)

// Shared are the objects that both pairs need: namespace, rights, Ingress class.
func Shared() []runtime.Object {
	read := []string{"get", "list", "watch"}
	write := []string{"create", "get", "update"}
	meta := metav1.ObjectMeta{Namespace: Namespace, Name: "contour"}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: Namespace, Name: "contour"}}
	kinds := []string{"gatewayclasses", "gateways", "httproutes", "grpcroutes", "tcproutes", "tlsroutes", "referencegrants", "backendtlspolicies"}
	var statuses []string
	for _, k := range kinds {
		statuses = append(statuses, k+"/status")
	}
	return []runtime.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}},
		&corev1.ServiceAccount{ObjectMeta: meta},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "contour"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"configmaps", "namespaces", "secrets", "services"}, Verbs: read},
			{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: read},
			{APIGroups: []string{gatewayv1.GroupName}, Resources: kinds, Verbs: read},
			{APIGroups: []string{gatewayv1.GroupName}, Resources: statuses, Verbs: []string{"update"}},
			{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses"}, Verbs: read},
			{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses/status"}, Verbs: write},
			{APIGroups: []string{"projectcontour.io"}, Resources: []string{
				"contourconfigurations", "extensionservices", "httpproxies", "tlscertificatedelegations",
			}, Verbs: read},
			{APIGroups: []string{"projectcontour.io"}, Resources: []string{
				"contourconfigurations/status", "extensionservices/status", "httpproxies/status",
			}, Verbs: write},
		}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "contour"}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "contour"},
		},
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: write},
			{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: write},
		}},
		&rbacv1.RoleBinding{ObjectMeta: meta, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "contour"}},
		&networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: Class}, Spec: networkingv1.IngressClassSpec{Controller: "projectcontour.io/ingress-controller"}},
	}
}

// GatewayObjects are the Gateway that [Gateway] serves, and its class. The Gateway takes routes of every namespace.
func GatewayObjects() []runtime.Object {
	all := gatewayv1.NamespacesFromAll
	return []runtime.Object{
		&gatewayv1.GatewayClass{
			ObjectMeta: metav1.ObjectMeta{Name: GatewayClassName},
			Spec:       gatewayv1.GatewayClassSpec{ControllerName: ControllerName},
		},
		&gatewayv1.Gateway{
			ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: GatewayName},
			Spec: gatewayv1.GatewaySpec{
				GatewayClassName: GatewayClassName,
				Listeners: []gatewayv1.Listener{{
					Name: "http", Protocol: gatewayv1.HTTPProtocolType, Port: 80,
					AllowedRoutes: &gatewayv1.AllowedRoutes{Namespaces: &gatewayv1.RouteNamespaces{From: &all}},
				}},
			},
		},
	}
}
