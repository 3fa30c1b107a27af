package custom

// VirtualService is Istio's (istio/api, networking/v1alpha3/virtual_service.proto).
type VirtualService struct {
	Meta `json:",inline"`
	Spec struct {
		Hosts    []string      `json:"hosts"`
		Gateways []string      `json:"gateways"` // none: the mesh's sidecars only
		HTTP     []VirtualHTTP `json:"http"`
	} `json:"spec"`
}

// VirtualHTTP is one rule; the first that matches is taken.
type VirtualHTTP struct {
	Name           string              `json:"name"`
	Match          []VirtualMatch      `json:"match"`
	Route          []RouteDestination  `json:"route"`
	Redirect       *Redirect           `json:"redirect"`
	DirectResponse *DirectResponse     `json:"directResponse"`
	Delegate       *NamespacedElement  `json:"delegate"`
	Rewrite        *Rewrite            `json:"rewrite"`
	Timeout        string              `json:"timeout"`
	Retries        *Retries            `json:"retries"`
	Fault          *Fault              `json:"fault"`
	Mirror         *Destination        `json:"mirror"`
	Mirrors        []MirrorDestination `json:"mirrors"`
}

// VirtualMatch is one match of a rule; all its parts must hold.
type VirtualMatch struct {
	URI            *StringMatch           `json:"uri"`
	Scheme         *StringMatch           `json:"scheme"`
	Method         *StringMatch           `json:"method"`
	Authority      *StringMatch           `json:"authority"`
	Headers        map[string]StringMatch `json:"headers"`
	WithoutHeaders map[string]StringMatch `json:"withoutHeaders"`
	QueryParams    map[string]StringMatch `json:"queryParams"`
	IgnoreURICase  bool                   `json:"ignoreUriCase"`
	Port           int32                  `json:"port"`
	Gateways       []string               `json:"gateways"`
	SourceLabels   map[string]string      `json:"sourceLabels"`
}

// StringMatch compares a string; all empty means that it is there.
type StringMatch struct {
	Exact  string `json:"exact"`
	Prefix string `json:"prefix"`
	Regex  string `json:"regex"`
}

// RouteDestination is one backend of a rule and its share.
type RouteDestination struct {
	Destination Destination `json:"destination"`
	Weight      int32       `json:"weight"`
}

// MirrorDestination is where a copy of each request goes.
type MirrorDestination struct {
	Destination Destination `json:"destination"`
}

// Destination names a host of the mesh and a subset of it.
type Destination struct {
	Host   string `json:"host"`
	Subset string `json:"subset"`
	Port   *struct {
		Number int32 `json:"number"`
	} `json:"port"`
}

// Redirect answers that the request should go elsewhere.
type Redirect struct {
	URI          string `json:"uri"`
	Authority    string `json:"authority"`
	RedirectCode int64  `json:"redirectCode"`
}

// DirectResponse answers at once.
type DirectResponse struct {
	Status int64 `json:"status"`
}

// Rewrite changes what is sent on.
type Rewrite struct {
	URI       string `json:"uri"`
	Authority string `json:"authority"`
}

// Retries says how often a request is tried.
type Retries struct {
	Attempts      int64  `json:"attempts"`
	PerTryTimeout string `json:"perTryTimeout"`
	RetryOn       string `json:"retryOn"`
}

// Fault is put into requests on purpose.
type Fault struct {
	Abort *struct {
		HTTPStatus int64       `json:"httpStatus"`
		GRPCStatus string      `json:"grpcStatus"`
		Percentage *Percentage `json:"percentage"`
	} `json:"abort"`
	Delay *struct {
		FixedDelay string      `json:"fixedDelay"`
		Percentage *Percentage `json:"percentage"`
	} `json:"delay"`
}

// Percentage is a share of requests.
type Percentage struct {
	Value float64 `json:"value"`
}

// DestinationRule is what applies to requests for a host once it is chosen.
type DestinationRule struct {
	Meta `json:",inline"`
	Spec struct {
		Host          string         `json:"host"`
		Subsets       []Subset       `json:"subsets"`
		TrafficPolicy *TrafficPolicy `json:"trafficPolicy"`
	} `json:"spec"`
}

// Subset is a part of a host's pods.
type Subset struct {
	Name          string            `json:"name"`
	Labels        map[string]string `json:"labels"`
	TrafficPolicy *TrafficPolicy    `json:"trafficPolicy"`
}

// TrafficPolicy is how connections are made.
type TrafficPolicy struct {
	TLS          *ClientTLS `json:"tls"`
	LoadBalancer *struct {
		ConsistentHash *struct {
			HTTPHeaderName         string    `json:"httpHeaderName"`
			HTTPCookie             *struct{} `json:"httpCookie"`
			UseSourceIP            bool      `json:"useSourceIp"`
			HTTPQueryParameterName string    `json:"httpQueryParameterName"`
		} `json:"consistentHash"`
	} `json:"loadBalancer"`
	ConnectionPool    *ConnectionPool   `json:"connectionPool"`
	OutlierDetection  *OutlierDetection `json:"outlierDetection"`
	PortLevelSettings []PortPolicy      `json:"portLevelSettings"`
}

// PortPolicy is a policy for one port.
type PortPolicy struct {
	Port struct {
		Number int32 `json:"number"`
	} `json:"port"`
	TLS              *ClientTLS        `json:"tls"`
	ConnectionPool   *ConnectionPool   `json:"connectionPool"`
	OutlierDetection *OutlierDetection `json:"outlierDetection"`
}

// ClientTLS says how TLS is spoken to a backend.
type ClientTLS struct {
	Mode           string `json:"mode"` // DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL
	SNI            string `json:"sni"`
	CredentialName string `json:"credentialName"`
}

// ConnectionPool limits what goes to a host.
type ConnectionPool struct {
	TCP *struct {
		MaxConnections int64  `json:"maxConnections"`
		ConnectTimeout string `json:"connectTimeout"`
	} `json:"tcp"`
	HTTP *struct {
		HTTP1MaxPendingRequests int64  `json:"http1MaxPendingRequests"`
		HTTP2MaxRequests        int64  `json:"http2MaxRequests"`
		IdleTimeout             string `json:"idleTimeout"`
		H2UpgradePolicy         string `json:"h2UpgradePolicy"`
	} `json:"http"`
}

// OutlierDetection takes endpoints out that fail.
type OutlierDetection struct {
	Consecutive5xxErrors     *int64 `json:"consecutive5xxErrors"`
	ConsecutiveGatewayErrors *int64 `json:"consecutiveGatewayErrors"`
	Interval                 string `json:"interval"`
	BaseEjectionTime         string `json:"baseEjectionTime"`
	MaxEjectionPercent       int64  `json:"maxEjectionPercent"`
}

// IstioGateway is the Gateway of networking.istio.io.
type IstioGateway struct {
	Meta `json:",inline"`
	Spec struct {
		Selector map[string]string `json:"selector"`
		Servers  []struct {
			Port struct {
				Number   int32  `json:"number"`
				Name     string `json:"name"`
				Protocol string `json:"protocol"`
			} `json:"port"`
			Hosts []string `json:"hosts"`
			TLS   *struct {
				Mode           string `json:"mode"`
				CredentialName string `json:"credentialName"`
				HTTPSRedirect  bool   `json:"httpsRedirect"`
			} `json:"tls"`
		} `json:"servers"`
	} `json:"spec"`
}

// ServiceEntry makes a host known to the mesh that no Service stands for.
type ServiceEntry struct {
	Meta `json:",inline"`
	Spec struct {
		Hosts      []string           `json:"hosts"`
		ExportTo   []string           `json:"exportTo"`   // namespaces, "." for its own, "*" for all; none: all
		Location   string             `json:"location"`   // MESH_EXTERNAL (also if empty), MESH_INTERNAL
		Resolution string             `json:"resolution"` // NONE (also if empty), STATIC, DNS, DNS_ROUND_ROBIN
		Ports      []ServiceEntryPort `json:"ports"`
		Endpoints  []struct {
			Address string `json:"address"`
		} `json:"endpoints"`
		WorkloadSelector *struct {
			Labels map[string]string `json:"labels"`
		} `json:"workloadSelector"`
	} `json:"spec"`
}

// ServiceEntryPort is a port of a ServiceEntry's hosts.
type ServiceEntryPort struct {
	Number   int32  `json:"number"`
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
}

// Selector picks pods by labels.
type Selector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

// PeerAuthentication says whether pods take plain connections.
type PeerAuthentication struct {
	Meta `json:",inline"`
	Spec struct {
		Selector      *Selector       `json:"selector"`
		MTLS          *MTLS           `json:"mtls"`
		PortLevelMTLS map[string]MTLS `json:"portLevelMtls"`
	} `json:"spec"`
}

// MTLS is a mode: UNSET, DISABLE, PERMISSIVE, STRICT.
type MTLS struct {
	Mode string `json:"mode"`
}

// AuthorizationPolicy says which requests pods take.
type AuthorizationPolicy struct {
	Meta `json:",inline"`
	Spec struct {
		Selector *Selector `json:"selector"`
		Action   string    `json:"action"` // ALLOW (also if empty), DENY, AUDIT, CUSTOM
		Rules    []struct {
			From []struct {
				Source Source `json:"source"`
			} `json:"from"`
			To []struct {
				Operation Operation `json:"operation"`
			} `json:"to"`
			When []struct {
				Key       string   `json:"key"`
				Values    []string `json:"values"`
				NotValues []string `json:"notValues"`
			} `json:"when"`
		} `json:"rules"`
	} `json:"spec"`
}

// Source is where a request comes from.
type Source struct {
	Principals        []string `json:"principals"`
	NotPrincipals     []string `json:"notPrincipals"`
	RequestPrincipals []string `json:"requestPrincipals"`
	Namespaces        []string `json:"namespaces"`
	NotNamespaces     []string `json:"notNamespaces"`
	ServiceAccounts   []string `json:"serviceAccounts"`
	IPBlocks          []string `json:"ipBlocks"`
	NotIPBlocks       []string `json:"notIpBlocks"`
	RemoteIPBlocks    []string `json:"remoteIpBlocks"`
}

// Operation is what a request asks for.
type Operation struct {
	Hosts      []string `json:"hosts"`
	NotHosts   []string `json:"notHosts"`
	Ports      []string `json:"ports"`
	NotPorts   []string `json:"notPorts"`
	Methods    []string `json:"methods"`
	NotMethods []string `json:"notMethods"`
	Paths      []string `json:"paths"`
	NotPaths   []string `json:"notPaths"`
}
