package annotation

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// AppProtocol reads what a Service's port says it speaks: the names of KEP-3726 and the plain ones.
func AppProtocol(svc *corev1.Service, port *corev1.ServicePort) proxy.Settings {
	if port.AppProtocol == nil {
		return nil
	}
	s := proxy.Setting{Knob: proxy.Protocol, Yes: true}
	switch v := strings.ToLower(*port.AppProtocol); v {
	case "kubernetes.io/h2c", "h2c", "http2":
		s.Value = "H2C"
	case "kubernetes.io/ws", "http", "ws":
		s.Value = "HTTP"
	case "kubernetes.io/wss", "https", "wss", "tls":
		s.Value = "HTTPS"
	case "grpc":
		s.Value = "GRPC"
	case "grpcs":
		s.Value = "GRPCS"
	case "tcp":
		s.Value = "TCP"
	default:
		return nil
	}
	for i := range svc.Spec.Ports {
		if svc.Spec.Ports[i].Name == port.Name && svc.Spec.Ports[i].Port == port.Port {
			s.At = model.FieldRef{Ref: ServiceRef(svc), Field: fmt.Sprintf("spec.ports[%d].appProtocol", i)}
		}
	}
	return proxy.Settings{s}
}

// ServiceRef names a Service.
func ServiceRef(svc *corev1.Service) model.Ref {
	return model.Ref{APIVersion: "v1", Kind: "Service", Namespace: svc.Namespace, Name: svc.Name}
}

// IngressRef names an Ingress.
func IngressRef(ing *networkingv1.Ingress) model.Ref {
	return model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: ing.Namespace, Name: ing.Name}
}
