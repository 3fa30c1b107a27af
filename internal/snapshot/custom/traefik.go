package custom

import "k8s.io/apimachinery/pkg/util/intstr"

// IngressRoute is Traefik's (traefik/traefik, pkg/provider/kubernetes/crd/traefikio/v1alpha1).
type IngressRoute struct {
	Meta `json:",inline"`
	Spec struct {
		EntryPoints []string            `json:"entryPoints"`
		Routes      []IngressRouteRoute `json:"routes"`
		TLS         *struct {
			SecretName string `json:"secretName"`
		} `json:"tls"`
	} `json:"spec"`
}

// IngressRouteRoute is one rule.
type IngressRouteRoute struct {
	Match       string              `json:"match"`
	Priority    int                 `json:"priority"`
	Syntax      string              `json:"syntax"`
	Services    []TraefikBackend    `json:"services"`
	Middlewares []NamespacedElement `json:"middlewares"`
}

// NamespacedElement names an object, in the namespace of the one that names it if it says none.
type NamespacedElement struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// TraefikBackend names a Service, or a TraefikService.
type TraefikBackend struct {
	Kind      string             `json:"kind"`
	Name      string             `json:"name"`
	Namespace string             `json:"namespace"`
	Port      intstr.IntOrString `json:"port"`
	Scheme    string             `json:"scheme"`
	Weight    *int32             `json:"weight"`
	NativeLB  *bool              `json:"nativeLB"`
	Sticky    *struct {
		Cookie *struct {
			Name string `json:"name"`
		} `json:"cookie"`
	} `json:"sticky"`
	PassHostHeader   *bool  `json:"passHostHeader"`
	ServersTransport string `json:"serversTransport"`
}

// TraefikService shares requests among backends, or copies them.
type TraefikService struct {
	Meta `json:",inline"`
	Spec struct {
		Weighted *struct {
			Services []TraefikBackend `json:"services"`
		} `json:"weighted"`
		Mirroring *struct {
			TraefikBackend `json:",inline"`
			Mirrors        []TraefikBackend `json:"mirrors"`
		} `json:"mirroring"`
	} `json:"spec"`
}
