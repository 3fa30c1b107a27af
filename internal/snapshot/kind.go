package snapshot

// Kind names a table of a snapshot.
type Kind string

// The kinds that a snapshot holds. Everything else is kept as Other.
const (
	Namespaces             Kind = "Namespace"
	Nodes                  Kind = "Node"
	Pods                   Kind = "Pod"
	Services               Kind = "Service"
	EndpointSlices         Kind = "EndpointSlice"
	Deployments            Kind = "Deployment"
	ReplicaSets            Kind = "ReplicaSet"
	StatefulSets           Kind = "StatefulSet"
	DaemonSets             Kind = "DaemonSet"
	Jobs                   Kind = "Job"
	Ingresses              Kind = "Ingress"
	IngressClasses         Kind = "IngressClass"
	GatewayClasses         Kind = "GatewayClass"
	Gateways               Kind = "Gateway"
	HTTPRoutes             Kind = "HTTPRoute"
	GRPCRoutes             Kind = "GRPCRoute"
	ReferenceGrants        Kind = "ReferenceGrant"
	NetworkPolicies        Kind = "NetworkPolicy"
	ConfigMaps             Kind = "ConfigMap"
	Secrets                Kind = "Secret" // names and keys only, never values
	PersistentVolumeClaims Kind = "PersistentVolumeClaim"
	PodDisruptionBudgets   Kind = "PodDisruptionBudget"
	HorizontalAutoscalers  Kind = "HorizontalPodAutoscaler"
	ResourceQuotas         Kind = "ResourceQuota"
	LimitRanges            Kind = "LimitRange"
	Events                 Kind = "Event"
	Other                  Kind = "Other" // any other object, unstructured
)

// Kinds lists every kind, in the order in which a request meets them.
func Kinds() []Kind {
	return []Kind{
		IngressClasses, Ingresses, GatewayClasses, Gateways, HTTPRoutes, GRPCRoutes, ReferenceGrants,
		Services, EndpointSlices, Pods, Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs,
		Nodes, Namespaces, NetworkPolicies, ConfigMaps, Secrets, PersistentVolumeClaims,
		PodDisruptionBudgets, HorizontalAutoscalers, ResourceQuotas, LimitRanges, Events, Other,
	}
}

// Coverage says how much of a kind a snapshot holds.
type Coverage uint8

// The coverages. NotRead is the zero value: nobody looked.
const (
	NotRead   Coverage = iota // nobody looked: a dump without this kind, or a kind that we never read
	Complete                  // listed without error
	Partial                   // one namespace only, a truncated list, or a dump that may lack some
	Denied                    // RBAC said no
	NotServed                 // the API group is not installed, so there are none
	Failed                    // the API server did not answer, or not in a form that we know
)

// String is the word used in output.
func (c Coverage) String() string {
	switch c {
	case Complete:
		return "complete"
	case Partial:
		return "partial"
	case Denied:
		return "forbidden"
	case NotServed:
		return "not installed"
	case Failed:
		return "failed"
	default:
		return "not read"
	}
}

// Whole reports whether an object that is not in the snapshot does not exist.
func (c Coverage) Whole() bool { return c == Complete || c == NotServed }

// Presence is the result of looking an object up.
type Presence uint8

// The presences.
const (
	Unknown Presence = iota // it is not there, but we could not look everywhere
	Absent                  // it does not exist
	Present                 // here it is
)
