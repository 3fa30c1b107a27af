package main

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// size is how large the cluster is.
type size struct{ nodes, namespaces, services, podsOfEach int }

func full() size { return size{nodes: 5000, namespaces: 500, services: 10_000, podsOfEach: 10} }

// by is a fraction of the size.
func (s size) by(n int) size {
	n = max(n, 1)
	return size{max(s.nodes/n, 1), max(s.namespaces/n, 2), max(s.services/n, 4), s.podsOfEach}
}

func (s size) pods() int { return s.services * s.podsOfEach }

// app is one Service with its pods, and its route: an Ingress of even apps, an HTTPRoute of odd ones.
type app struct {
	number          int
	namespace, name string
	host            string
}

func (s size) app(i int) app {
	name := fmt.Sprintf("app-%05d", i)
	return app{i, namespace(i % s.namespaces), name, name + ".example"}
}

func namespace(i int) string { return fmt.Sprintf("team-%03d", i) }

func nodeName(i int) string { return fmt.Sprintf("node-%04d", i) }

// selector selects the pods of an app.
func (a app) selector() string { return "app.kubernetes.io/name=" + a.name }

func (a app) meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: a.namespace, Name: a.name, Labels: map[string]string{
		"app.kubernetes.io/name": a.name, "app.kubernetes.io/part-of": "shop", "app.kubernetes.io/managed-by": "Helm",
	}}
}

func (a app) service() *corev1.Service {
	return &corev1.Service{ObjectMeta: a.meta(), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, ClusterIP: corev1.ClusterIPNone, ClusterIPs: []string{corev1.ClusterIPNone}, // addresses would have to be given out one by one
		SessionAffinity: corev1.ServiceAffinityNone, IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}, IPFamilyPolicy: new(corev1.IPFamilyPolicySingleStack), InternalTrafficPolicy: new(corev1.ServiceInternalTrafficPolicyCluster),
		Selector: map[string]string{"app.kubernetes.io/name": a.name},
		Ports:    []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromInt32(8080)}},
	}}
}

func (a app) ingress() *networkingv1.Ingress {
	class, prefix := "nginx", networkingv1.PathTypePrefix
	return &networkingv1.Ingress{ObjectMeta: a.meta(), Spec: networkingv1.IngressSpec{IngressClassName: &class, Rules: []networkingv1.IngressRule{{
		Host: a.host,
		IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
			Path: "/", PathType: &prefix,
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: a.name, Port: networkingv1.ServiceBackendPort{Number: 80}}},
		}}}},
	}}}}
}

func (a app) httpRoute() *gatewayv1.HTTPRoute {
	port, ns := gatewayv1.PortNumber(80), gatewayv1.Namespace(gatewaySpace)
	route := &gatewayv1.HTTPRoute{ObjectMeta: a.meta()}
	route.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "public", Namespace: &ns}}
	route.Spec.Hostnames = []gatewayv1.Hostname{gatewayv1.Hostname(a.host)}
	rule := gatewayv1.HTTPRouteRule{}
	ref := gatewayv1.HTTPBackendRef{}
	ref.Name, ref.Port = gatewayv1.ObjectName(a.name), &port
	rule.BackendRefs = []gatewayv1.HTTPBackendRef{ref}
	route.Spec.Rules = []gatewayv1.HTTPRouteRule{rule}
	return route
}

// replicaSet is of no Deployment: the controllers that would act on either do not run.
func (a app) replicaSet(pods int) *appsv1.ReplicaSet {
	n := int32(pods)
	meta := a.meta()
	meta.Name += "-6d4cf56db6"
	meta.Labels["pod-template-hash"] = "6d4cf56db6"
	pod := a.pod("", "", "")
	return &appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{
		Replicas: &n, Selector: &metav1.LabelSelector{MatchLabels: meta.Labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels}, Spec: pod.Spec},
	}}
}

// pod is as the API server would store one that a ReplicaSet made: with the volume of the service account's token and the
// tolerations of every pod.
func (a app) pod(name, node string, owner types.UID) *corev1.Pod {
	meta := a.meta()
	meta.Labels["pod-template-hash"] = "6d4cf56db6"
	meta.Name = name
	if owner != "" {
		yes := true
		meta.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: a.name + "-6d4cf56db6", UID: owner, Controller: &yes, BlockOwnerDeletion: &yes}}
	}
	meta.Annotations = map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
	seconds := int64(300)
	probe := func(path string) *corev1.Probe {
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("http"), Scheme: corev1.URISchemeHTTP}}, PeriodSeconds: 10, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3}
	}
	volume := "kube-api-access"
	if name != "" {
		volume += "-" + name[len(name)-5:]
	}
	expiry := int64(3607)
	p := &corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{
		NodeName: node, ServiceAccountName: "default", RestartPolicy: corev1.RestartPolicyAlways, DNSPolicy: corev1.DNSClusterFirst,
		SchedulerName: corev1.DefaultSchedulerName, SecurityContext: &corev1.PodSecurityContext{}, TerminationGracePeriodSeconds: new(int64(30)),
		EnableServiceLinks: new(true), Priority: new(int32), PreemptionPolicy: new(corev1.PreemptLowerPriority),
		Containers: []corev1.Container{{
			Name: "app", Image: "registry.example.com/shop/" + a.name + ":1.27.3",
			Args:  []string{"serve", "--listen=:8080", "--config=/etc/app/config.yaml"},
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}, {Name: "metrics", ContainerPort: 9090, Protocol: corev1.ProtocolTCP}},
			Env: []corev1.EnvVar{
				{Name: "DATABASE_HOST", Value: "postgres." + a.namespace}, {Name: "CART_URL", Value: "http://cart." + a.namespace + ".svc:80"},
				{Name: "LOG_LEVEL", Value: "info"}, {Name: "GOMAXPROCS", Value: "2"},
				{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"}}},
			},
			ImagePullPolicy: corev1.PullIfNotPresent, TerminationMessagePath: corev1.TerminationMessagePathDefault, TerminationMessagePolicy: corev1.TerminationMessageReadFile,
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
			},
			ReadinessProbe: probe("/readyz"), LivenessProbe: probe("/healthz"),
			VolumeMounts: []corev1.VolumeMount{{Name: volume, ReadOnly: true, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}},
		}},
		Volumes: []corev1.Volume{{Name: volume, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{DefaultMode: new(int32(420)), Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{ExpirationSeconds: &expiry, Path: "token"}},
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}, Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}}},
		}}}}},
		Tolerations: []corev1.Toleration{
			{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds},
			{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds},
		},
	}}
	return p
}

// nodeOf is the node of a pod.
func (s size) nodeOf(pod string) string {
	at := 0
	for _, c := range pod {
		at = (at*31 + int(c)) % s.nodes
	}
	return nodeName(at)
}

// node is one of three zones.
func (s size) node(i int) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName(i), Labels: map[string]string{
		corev1.LabelHostname: nodeName(i), corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
		corev1.LabelTopologyZone: fmt.Sprintf("zone-%d", i%3), corev1.LabelTopologyRegion: "region", corev1.LabelInstanceTypeStable: "large",
	}}}
	stamp(n, "Node")
	n.Spec.PodCIDR = fmt.Sprintf("10.%d.%d.0/24", 16+i/250, i%250)
	n.Spec.PodCIDRs = []string{n.Spec.PodCIDR}
	// Nobody is a kubelet here: who asks one through the API server is refused at once, and does not wait as for a dead node.
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("127.16.%d.%d", i/250, i%250+1)}, {Type: corev1.NodeHostName, Address: n.Name}}
	n.Status.Capacity = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("32"), corev1.ResourceMemory: resource.MustParse("256Gi"), corev1.ResourcePods: resource.MustParse("110")}
	n.Status.Allocatable = n.Status.Capacity
	for _, c := range []struct {
		of     corev1.NodeConditionType
		status corev1.ConditionStatus
		reason string
	}{
		{corev1.NodeReady, corev1.ConditionTrue, "KubeletReady"}, {corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory"},
		{corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure"}, {corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID"},
	} {
		n.Status.Conditions = append(n.Status.Conditions, corev1.NodeCondition{Type: c.of, Status: c.status, Reason: c.reason, LastHeartbeatTime: n.CreationTimestamp, LastTransitionTime: n.CreationTimestamp})
	}
	for j := range 20 {
		n.Status.Images = append(n.Status.Images, corev1.ContainerImage{SizeBytes: 50_000_000, Names: []string{
			fmt.Sprintf("registry.example.com/shop/app-%05d@%s", i+j, digest), fmt.Sprintf("registry.example.com/shop/app-%05d:1.27.3", i+j),
		}})
	}
	return n
}
