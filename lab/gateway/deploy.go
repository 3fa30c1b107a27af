package gateway

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Spec says how a controller of the lab is deployed. Names and labels are those of the original's
// manifests, because that is how tools recognise a gateway.
type Spec struct {
	Namespace  string
	Name       string // of Deployment, Service, ServiceAccount and roles
	Container  string
	Labels     map[string]string
	Image      string
	Class      string // of the IngressClass
	Controller string // of the IngressClass
	HealthPort int32  // where /healthz answers
}

// Manifest is everything that the controller needs, in the order in which they can be created.
func Manifest(s Spec) []runtime.Object {
	meta := metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, Labels: s.Labels}
	cluster := metav1.ObjectMeta{Name: s.Name, Labels: s.Labels}
	return []runtime.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}},
		&corev1.ServiceAccount{ObjectMeta: meta},
		&rbacv1.ClusterRole{ObjectMeta: cluster, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses/status"}, Verbs: []string{"update"}},
		}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: cluster,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: s.Name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: s.Namespace, Name: s.Name}},
		},
		&networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: s.Class, Labels: s.Labels}, Spec: networkingv1.IngressClassSpec{Controller: s.Controller}},
		&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, Selector: s.Labels,
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("http")}},
		}},
		deployment(s, meta),
	}
}

func deployment(s Spec, meta metav1.ObjectMeta) *appsv1.Deployment {
	one := int32(1)
	grace := int64(10)
	return &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
		Replicas: &one,
		Selector: &metav1.LabelSelector{MatchLabels: s.Labels},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: s.Labels},
			Spec: corev1.PodSpec{
				ServiceAccountName: s.Name, TerminationGracePeriodSeconds: &grace,
				Containers: []corev1.Container{{
					Name: s.Container, Image: s.Image, ImagePullPolicy: corev1.PullNever,
					Env: []corev1.EnvVar{{Name: "PUBLISH_SERVICE", Value: s.Namespace + "/" + s.Name}},
					Ports: []corev1.ContainerPort{
						{Name: "http", ContainerPort: 80, Protocol: corev1.ProtocolTCP},
					},
					ReadinessProbe: &corev1.Probe{
						ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(s.HealthPort)}},
						PeriodSeconds: 1, FailureThreshold: 3, TimeoutSeconds: 1,
					},
					Resources: corev1.ResourceRequirements{
						Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
						Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
					},
				}},
			},
		},
	}}
}
