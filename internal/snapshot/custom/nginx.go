package custom

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VirtualServer is that of F5's NGINX Ingress Controller (nginx/kubernetes-ingress, pkg/apis/configuration/v1/types.go).
type VirtualServer struct {
	Meta `json:",inline"`
	Spec struct {
		IngressClassName string `json:"ingressClassName"`
		Host             string `json:"host"`
		TLS              *struct {
			Secret   string `json:"secret"`
			Redirect *struct {
				Enable bool `json:"enable"`
			} `json:"redirect"`
		} `json:"tls"`
		Upstreams []NginxUpstream `json:"upstreams"`
		Routes    []NginxRoute    `json:"routes"`
	} `json:"spec"`
	Status NginxStatus `json:"status"`
}

// VirtualServerRoute has the rules below a path of a VirtualServer, which leaves them to it.
type VirtualServerRoute struct {
	Meta `json:",inline"`
	Spec struct {
		IngressClassName string          `json:"ingressClassName"`
		Host             string          `json:"host"`
		Upstreams        []NginxUpstream `json:"upstreams"`
		Subroutes        []NginxRoute    `json:"subroutes"`
	} `json:"spec"`
	Status NginxStatus `json:"status"`
}

// NginxUpstream is a Service and how it is asked. A value that is not written is the ConfigMap's or nginx's own.
type NginxUpstream struct {
	Name           string            `json:"name"`
	Service        string            `json:"service"` // or NAMESPACE/NAME
	Subselector    map[string]string `json:"subselector"`
	Port           int32             `json:"port"`
	ConnectTimeout string            `json:"connect-timeout"`
	ReadTimeout    string            `json:"read-timeout"`
	SendTimeout    string            `json:"send-timeout"`
	NextUpstream   string            `json:"next-upstream"`
	Buffering      *bool             `json:"buffering"`
	BufferSize     string            `json:"buffer-size"`
	MaxBodySize    string            `json:"client-max-body-size"`
	TLS            struct {
		Enable bool `json:"enable"`
	} `json:"tls"`
	Type          string `json:"type"` // http (also if empty), grpc
	UseClusterIP  bool   `json:"use-cluster-ip"`
	SessionCookie *struct {
		Enable bool `json:"enable"`
	} `json:"sessionCookie"`
}

// NginxRoute is one route or subroute: the requests of a path. It has an action or splits of its own, matches that come
// before these, or leaves its requests to a VirtualServerRoute.
type NginxRoute struct {
	Path          string                `json:"path"`  // /prefix, =exact, ~expression, ~*expression in any case, ^~prefix
	Route         string                `json:"route"` // or NAMESPACE/NAME
	RouteSelector *metav1.LabelSelector `json:"routeSelector"`
	NginxTarget   `json:",inline"`
	Matches       []struct {
		Conditions  []NginxCondition `json:"conditions"`
		NginxTarget `json:",inline"`
	} `json:"matches"`
}

// NginxTarget is what becomes of requests: an action, or splits among several.
type NginxTarget struct {
	Action *NginxAction `json:"action"`
	Splits []struct {
		Weight int32        `json:"weight"`
		Action *NginxAction `json:"action"`
	} `json:"splits"`
}

// NginxAction has one of four.
type NginxAction struct {
	Pass     string `json:"pass"` // to an upstream, by its name
	Redirect *struct {
		URL  string `json:"url"`
		Code int    `json:"code"`
	} `json:"redirect"`
	Return *struct {
		Code int `json:"code"`
	} `json:"return"`
	Proxy *struct {
		Upstream    string `json:"upstream"`
		RewritePath string `json:"rewritePath"`
	} `json:"proxy"`
}

// NginxCondition compares one of four with a value; an exclamation mark before the value turns it round.
type NginxCondition struct {
	Header   string `json:"header"`
	Cookie   string `json:"cookie"`
	Argument string `json:"argument"`
	Variable string `json:"variable"` // of nginx, with its dollar sign
	Value    string `json:"value"`
}

// NginxStatus is what the controller says of either.
type NginxStatus struct {
	State   string `json:"state"` // Valid, Warning, Invalid
	Reason  string `json:"reason"`
	Message string `json:"message"`
}
