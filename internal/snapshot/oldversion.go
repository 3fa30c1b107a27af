package snapshot

import (
	"encoding/json"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	networkingv1beta1 "k8s.io/api/networking/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// homeOf is the group in which a kind lives today: what was in extensions moved, with the same fields
// (Ingress aside).
func homeOf(group, kind string) string {
	if group != "extensions" {
		return group
	}
	switch Kind(kind) {
	case Deployments, ReplicaSets, DaemonSets:
		return "apps"
	case NetworkPolicies:
		return "networking.k8s.io"
	default:
		return group
	}
}

// isOldIngress reports whether it is an Ingress as Kubernetes served it until 1.21.
func isOldIngress(apiVersion, kind string) bool {
	return kind == string(Ingresses) && (apiVersion == "extensions/v1beta1" || apiVersion == "networking.k8s.io/v1beta1")
}

// decodeOldIngress reads such an Ingress into the form of today, as the API server converts it
// (kubernetes/kubernetes 1.21, pkg/apis/networking/v1beta1/conversion.go).
func decodeOldIngress(data []byte) (metav1.Object, error) {
	var old networkingv1beta1.Ingress
	if err := json.Unmarshal(data, &old); err != nil {
		return nil, fmt.Errorf("decode Ingress: %w", err)
	}
	ing := &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: string(Ingresses)},
		ObjectMeta: old.ObjectMeta,
		Spec:       networkingv1.IngressSpec{IngressClassName: old.Spec.IngressClassName},
	}
	if old.Spec.Backend != nil {
		b := backendOf(*old.Spec.Backend)
		ing.Spec.DefaultBackend = &b
	}
	for _, t := range old.Spec.TLS {
		ing.Spec.TLS = append(ing.Spec.TLS, networkingv1.IngressTLS(t))
	}
	for _, r := range old.Spec.Rules {
		rule := networkingv1.IngressRule{Host: r.Host}
		if r.HTTP != nil {
			rule.HTTP = &networkingv1.HTTPIngressRuleValue{}
			for _, p := range r.HTTP.Paths {
				kind := networkingv1.PathTypeImplementationSpecific // the default until v1, which has none
				if p.PathType != nil {
					kind = networkingv1.PathType(*p.PathType)
				}
				rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{Path: p.Path, PathType: &kind, Backend: backendOf(p.Backend)})
			}
		}
		ing.Spec.Rules = append(ing.Spec.Rules, rule)
	}
	for _, i := range old.Status.LoadBalancer.Ingress {
		ing.Status.LoadBalancer.Ingress = append(ing.Status.LoadBalancer.Ingress, networkingv1.IngressLoadBalancerIngress{IP: i.IP, Hostname: i.Hostname})
	}
	return ing, nil
}

func backendOf(old networkingv1beta1.IngressBackend) networkingv1.IngressBackend {
	if old.ServiceName == "" {
		return networkingv1.IngressBackend{Resource: old.Resource}
	}
	port := networkingv1.ServiceBackendPort{Number: old.ServicePort.IntVal}
	if old.ServicePort.Type == intstr.String {
		port = networkingv1.ServiceBackendPort{Name: old.ServicePort.StrVal}
	}
	return networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: old.ServiceName, Port: port}}
}
