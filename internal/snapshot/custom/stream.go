package custom

import gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

// StreamRoute is a TLSRoute or a TCPRoute of the Gateway API (kubernetes-sigs/gateway-api, apis/v1 and apis/v1alpha2), which
// forwards connections as they are. Only a TLSRoute has hostnames: it chooses by the name in the TLS handshake.
type StreamRoute struct {
	Meta `json:",inline"`
	Spec struct {
		ParentRefs []gatewayv1.ParentReference `json:"parentRefs"`
		Hostnames  []gatewayv1.Hostname        `json:"hostnames"`
		Rules      []struct {
			BackendRefs []gatewayv1.BackendRef `json:"backendRefs"`
		} `json:"rules"`
	} `json:"spec"`
	Status gatewayv1.RouteStatus `json:"status"`
}
