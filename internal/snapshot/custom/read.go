package custom

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Set holds the custom resources of a snapshot, each list by namespace and name.
type Set struct {
	HTTPProxies           []*HTTPProxy
	IngressRoutes         []*IngressRoute
	TraefikServices       []*TraefikService
	VirtualServers        []*VirtualServer
	VirtualServerRoutes   []*VirtualServerRoute
	VirtualServices       []*VirtualService
	DestinationRules      []*DestinationRule
	Gateways              []*IstioGateway
	ServiceEntries        []*ServiceEntry
	PeerAuthentications   []*PeerAuthentication
	AuthorizationPolicies []*AuthorizationPolicy
	Rollouts              []*Rollout
	StreamRoutes          []*StreamRoute
	AnswerFilters         []*AnswerFilter
	ListenerSets          []*ListenerSet
	// Unread are objects whose fields are not of the form that is known.
	Unread []model.Unseen
}

// Meta is what all custom resources have.
type Meta struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
}

// Ref names the object.
func (m *Meta) Ref() model.Ref {
	return model.Ref{APIVersion: m.APIVersion, Kind: m.Kind, Namespace: m.Namespace, Name: m.Name}
}

// Read makes typed objects of a snapshot's custom resources.
func Read(s *snapshot.Snapshot) *Set {
	out := &Set{}
	for u := range s.Others().All() {
		gvk := u.GroupVersionKind()
		switch gvk.Group + "/" + gvk.Kind {
		case "projectcontour.io/HTTPProxy":
			put(out, u, &out.HTTPProxies)
		case "traefik.io/IngressRoute", "traefik.containo.us/IngressRoute":
			put(out, u, &out.IngressRoutes)
		case "traefik.io/TraefikService", "traefik.containo.us/TraefikService":
			put(out, u, &out.TraefikServices)
		case "k8s.nginx.org/VirtualServer":
			put(out, u, &out.VirtualServers)
		case "k8s.nginx.org/VirtualServerRoute":
			put(out, u, &out.VirtualServerRoutes)
		case "networking.istio.io/VirtualService":
			put(out, u, &out.VirtualServices)
		case "networking.istio.io/DestinationRule":
			put(out, u, &out.DestinationRules)
		case "networking.istio.io/Gateway":
			put(out, u, &out.Gateways)
		case "networking.istio.io/ServiceEntry":
			put(out, u, &out.ServiceEntries)
		case "security.istio.io/PeerAuthentication":
			put(out, u, &out.PeerAuthentications)
		case "security.istio.io/AuthorizationPolicy":
			put(out, u, &out.AuthorizationPolicies)
		case "argoproj.io/Rollout":
			put(out, u, &out.Rollouts)
		case "gateway.networking.k8s.io/TLSRoute", "gateway.networking.k8s.io/TCPRoute":
			put(out, u, &out.StreamRoutes)
		case "gateway.networking.k8s.io/ListenerSet", "gateway.networking.x-k8s.io/XListenerSet":
			put(out, u, &out.ListenerSets)
		case "gateway.envoyproxy.io/HTTPRouteFilter", "gateway.kgateway.dev/DirectResponse":
			put(out, u, &out.AnswerFilters)
		}
	}
	return out
}

// put adds an object to its list.
func put[T any](s *Set, u *unstructured.Unstructured, list *[]*T) {
	o := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, o); err != nil {
		s.Unread = append(s.Unread, model.Unseen{What: snapshot.RefOf(u).String(), Why: fmt.Sprintf("it is not of the form that is known: %v", err)})
		return
	}
	*list = append(*list, o)
}
