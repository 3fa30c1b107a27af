package model

// Verdict is what is known of one hop.
type Verdict string

// The verdicts. Unknown means that we could not look; it is never shown as OK.
const (
	OK      Verdict = "ok"
	Broken  Verdict = "broken"
	Suspect Verdict = "suspect"
	Unknown Verdict = "unknown"
)

// HopKind says which part of a request's path a hop is.
type HopKind string

// The hops of a request, in the order in which it meets them.
const (
	HopLoadBalancer  HopKind = "LoadBalancer"
	HopGateway       HopKind = "Gateway" // a Gateway's listener, or the gateway's own pods
	HopRule          HopKind = "Rule"    // the rule of an Ingress or HTTPRoute
	HopService       HopKind = "Service"
	HopEndpointSlice HopKind = "EndpointSlice"
	HopPod           HopKind = "Pod"
	HopContainer     HopKind = "Container"
	HopNetworkPolicy HopKind = "NetworkPolicy"
	HopNode          HopKind = "Node"
)

// Hop is one step of a request's path. Hop.Kind is the part of the path; Object is what stands
// there, and differs in kind where a route can be one of several kinds.
type Hop struct {
	Kind      HopKind `json:"kind"`
	Namespace string  `json:"namespace,omitempty"`
	Name      string  `json:"name"`
	Object    Ref     `json:"object"`
	Verdict   Verdict `json:"verdict"`
	Why       string  `json:"why,omitempty"`
}

// Outcome is how a request ends at the proxy that answers it.
type Outcome struct {
	Status  int         `json:"status"`            // what the client gets; 0 if it gets no HTTP answer
	Failure FailureKind `json:"failure,omitempty"` // empty when nothing failed
	Reason  string      `json:"reason,omitempty"`  // in the proxy's own words: "UF", "SC--", "connect() failed (111: Connection refused)"
}

// Endpoint is one address that the proxy may choose, with the outcome of choosing it.
type Endpoint struct {
	Address string  `json:"address"` // ip:port as the proxy dials it
	Pod     Ref     `json:"pod"`
	Ready   bool    `json:"ready"`
	Outcome Outcome `json:"outcome"`
}

// Trace is a request walked through a snapshot.
type Trace struct {
	Request   Request    `json:"request"`
	Proxy     string     `json:"proxy,omitempty"` // the proxy that would answer: nginx, envoy, haproxy, ...
	Route     Ref        `json:"route"`           // the Ingress or HTTPRoute that matched; zero if none
	Rule      string     `json:"rule,omitempty"`  // field path of the matching rule in Route
	Backend   Ref        `json:"backend"`         // the Service; zero if none
	Predicts  string     `json:"predicts"`        // "200", "503"; "200|503" if endpoints differ; "unknown"
	Hops      []Hop      `json:"hops"`
	Endpoints []Endpoint `json:"endpoints,omitempty"`
}

// Healthy reports whether every hop is OK, so that the request is expected to succeed.
func (t Trace) Healthy() bool {
	for _, h := range t.Hops {
		if h.Verdict != OK {
			return false
		}
	}
	return len(t.Hops) > 0
}
