package custom

import gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

// AnswerFilter is a filter with which a gateway answers by itself: Envoy Gateway's HTTPRouteFilter, which may do other things
// instead (envoyproxy/gateway, api/v1alpha1/httproutefilter_types.go), or kgateway's DirectResponse (kgateway-dev/kgateway,
// api/v1alpha1/direct_response_types.go).
type AnswerFilter struct {
	Meta `json:",inline"`
	Spec struct {
		Status         int `json:"status"` // kgateway
		DirectResponse *struct {
			StatusCode *int `json:"statusCode"` // 200 if it is not set
		} `json:"directResponse"`
	} `json:"spec"`
}

// Answers is the status with which the filter answers; 0 if it does not.
func (f *AnswerFilter) Answers() int {
	switch r := f.Spec.DirectResponse; {
	case r == nil:
		return f.Spec.Status
	case r.StatusCode == nil:
		return 200
	default:
		return *r.StatusCode
	}
}

// ListenerSet adds listeners to a Gateway: the Gateway API's (kubernetes-sigs/gateway-api, apis/v1/listenerset_types.go) and,
// as XListenerSet, what it was before (apisx/v1alpha1).
type ListenerSet struct {
	Meta   `json:",inline"`
	Spec   gatewayv1.ListenerSetSpec   `json:"spec"`
	Status gatewayv1.ListenerSetStatus `json:"status"`
}
