package contour

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Namespace of both pairs; Container of Envoy in its pods; Class of the Ingresses that [Ingress] serves.
const (
	Namespace = "projectcontour"
	Container = "envoy"
	Class     = "contour"
)

// Pair is one Contour with its Envoy.
type Pair struct {
	Control string            // name of contour's Deployment, Service and ConfigMap
	Proxy   string            // name of Envoy's Deployment and Service
	Class   string            // Ingress class; one that nobody uses where the pair serves a Gateway
	Config  string            // contour.yaml
	Labels  map[string]string // further labels of Envoy's pods
}

// Ingress is the pair for Ingresses; Envoy's access log is its default text.
func Ingress() Pair {
	return Pair{
		Control: "contour", Proxy: "envoy", Class: Class,
		Config: "disablePermitInsecure: false\naccesslog-format: envoy\n",
	}
}

// Gateway is the pair for the Gateway [GatewayName]; Envoy's access log is JSON.
func Gateway() Pair {
	return Pair{
		Control: "contour-" + GatewayName, Proxy: "envoy-" + GatewayName, Class: "none",
		Config: "gateway:\n  gatewayRef:\n    namespace: " + Namespace + "\n    name: " + GatewayName + "\naccesslog-format: json\n",
		Labels: map[string]string{"gateway.networking.k8s.io/gateway-name": GatewayName},
	}
}

// ControlPlane are the objects that must be there, and ready, before [Pair.DataPlane].
func (p Pair) ControlPlane(image string) []runtime.Object {
	meta := metav1.ObjectMeta{Namespace: Namespace, Name: p.Control, Labels: map[string]string{"app": p.Control}}
	return []runtime.Object{
		&corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"contour.yaml": p.Config}},
		service(meta, "xds", 8001),
		service(metav1.ObjectMeta{Namespace: Namespace, Name: p.Proxy, Labels: p.proxyLabels()}, "http", 80),
		deployment(meta, corev1.PodSpec{
			ServiceAccountName: "contour",
			Containers: []corev1.Container{{
				Name: "contour", Image: image, ImagePullPolicy: corev1.PullNever,
				Args: []string{
					"serve", "--incluster", "--insecure", "--xds-address=0.0.0.0", "--xds-port=8001", "--config-path=/config/contour.yaml",
					// Kinds that the lab has no use for, some of which exist in the experimental Gateway API alone.
					"--disable-feature=tlsroutes", "--disable-feature=tcproutes", "--disable-feature=grpcroutes", "--disable-feature=backendtlspolicies",
					"--ingress-class-name=" + p.Class, "--leader-election-resource-name=" + p.Control, "--ingress-status-address=$(" + hostVariable(p.Proxy) + ")",
				},
				Env:          []corev1.EnvVar{namespaceVariable(), field("POD_NAME", "metadata.name")},
				Ports:        []corev1.ContainerPort{{Name: "xds", ContainerPort: 8001, Protocol: corev1.ProtocolTCP}, {Name: "metrics", ContainerPort: 8000, Protocol: corev1.ProtocolTCP}},
				VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/config", ReadOnly: true}},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("xds")}},
					PeriodSeconds: 1, FailureThreshold: 3, TimeoutSeconds: 1,
				},
				Resources: resources("256Mi"),
			}},
			Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: p.Control},
			}}}},
		}),
	}
}

// DataPlane is Envoy. It needs the control plane's Service to exist when its pod is made.
func (p Pair) DataPlane(contourImage, envoyImage string) []runtime.Object {
	meta := metav1.ObjectMeta{Namespace: Namespace, Name: p.Proxy, Labels: p.proxyLabels()}
	mounts := []corev1.VolumeMount{{Name: "config", MountPath: "/config"}, {Name: "admin", MountPath: "/admin"}}
	return []runtime.Object{deployment(meta, corev1.PodSpec{
		InitContainers: []corev1.Container{{
			Name: "envoy-initconfig", Image: contourImage, ImagePullPolicy: corev1.PullNever,
			Args: []string{
				"bootstrap", "/config/envoy.json", "--xds-address=$(" + hostVariable(p.Control) + ")", "--xds-port=8001",
				"--xds-resource-version=v3", "--dns-lookup-family=v4",
			},
			Env: []corev1.EnvVar{namespaceVariable()}, VolumeMounts: mounts, Resources: resources("256Mi"),
		}},
		Containers: []corev1.Container{{
			Name: Container, Image: envoyImage, ImagePullPolicy: corev1.PullNever,
			Args: []string{
				"-c", "/config/envoy.json", "--service-cluster", "$(CONTOUR_NAMESPACE)", "--service-node", "$(ENVOY_POD_NAME)",
				"--log-level", "info", "--concurrency", "1",
				// Envoy writes its access log every 10 s unless told otherwise; that would be the lab's slowest part.
				"--file-flush-interval-msec", "200",
			},
			Env:          []corev1.EnvVar{namespaceVariable(), field("ENVOY_POD_NAME", "metadata.name")},
			Ports:        []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}, {Name: "metrics", ContainerPort: 8002, Protocol: corev1.ProtocolTCP}},
			VolumeMounts: mounts,
			ReadinessProbe: &corev1.Probe{
				ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromString("metrics")}},
				PeriodSeconds: 1, FailureThreshold: 3, TimeoutSeconds: 1,
			},
			Resources: resources("512Mi"),
		}},
		Volumes: []corev1.Volume{
			{Name: "config", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			{Name: "admin", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		},
	})}
}

func (p Pair) proxyLabels() map[string]string {
	labels := map[string]string{"app": p.Proxy}
	for k, v := range p.Labels {
		labels[k] = v
	}
	return labels
}

func deployment(meta metav1.ObjectMeta, pod corev1.PodSpec) *appsv1.Deployment {
	one, grace := int32(1), int64(5)
	pod.TerminationGracePeriodSeconds = &grace
	return &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
		Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: meta.Labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels}, Spec: pod},
	}}
}

func service(meta metav1.ObjectMeta, port string, number int32) *corev1.Service {
	return &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, Selector: meta.Labels,
		Ports: []corev1.ServicePort{{Name: port, Port: number, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString(port)}},
	}}
}

func resources(memory string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)},
	}
}

// hostVariable is the variable that holds a Service's address in the pods of its namespace.
func hostVariable(service string) string {
	return strings.ToUpper(strings.ReplaceAll(service, "-", "_")) + "_SERVICE_HOST"
}

func namespaceVariable() corev1.EnvVar { return field("CONTOUR_NAMESPACE", "metadata.namespace") }

func field(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}
