package custom

// HTTPProxy is Contour's (projectcontour/contour, apis/projectcontour/v1/httpproxy.go).
type HTTPProxy struct {
	Meta   `json:",inline"`
	Spec   HTTPProxySpec   `json:"spec"`
	Status HTTPProxyStatus `json:"status"`
}

// HTTPProxySpec is what an HTTPProxy asks for. One with a virtual host is a root; others are included.
type HTTPProxySpec struct {
	VirtualHost      *VirtualHost     `json:"virtualhost"`
	IngressClassName string           `json:"ingressClassName"`
	Includes         []Include        `json:"includes"`
	Routes           []HTTPProxyRoute `json:"routes"`
	TCPProxy         *TCPProxy        `json:"tcpproxy"`
}

// VirtualHost is the host of a root.
type VirtualHost struct {
	FQDN string `json:"fqdn"`
	TLS  *struct {
		SecretName  string `json:"secretName"`
		Passthrough bool   `json:"passthrough"`
	} `json:"tls"`
	Authorization *struct {
		ExtensionRef struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"extensionRef"`
	} `json:"authorization"`
}

// TCPProxy forwards connections as they are.
type TCPProxy struct {
	Services []HTTPProxyService `json:"services"`
}

// Include is another HTTPProxy below some conditions.
type Include struct {
	Name       string           `json:"name"`
	Namespace  string           `json:"namespace"`
	Conditions []MatchCondition `json:"conditions"`
}

// MatchCondition is one condition of a route or include.
type MatchCondition struct {
	Prefix         string          `json:"prefix"`
	Exact          string          `json:"exact"`
	Regex          string          `json:"regex"`
	Header         *ValueCondition `json:"header"`
	QueryParameter *ValueCondition `json:"queryParameter"`
}

// ValueCondition compares a header or a query parameter.
type ValueCondition struct {
	Name                string `json:"name"`
	Present             bool   `json:"present"`
	NotPresent          bool   `json:"notpresent"`
	Contains            string `json:"contains"`
	NotContains         string `json:"notcontains"`
	Exact               string `json:"exact"`
	NotExact            string `json:"notexact"`
	Prefix              string `json:"prefix"`
	Suffix              string `json:"suffix"`
	Regex               string `json:"regex"`
	IgnoreCase          bool   `json:"ignoreCase"`
	TreatMissingAsEmpty bool   `json:"treatMissingAsEmpty"`
}

// HTTPProxyRoute is one route.
type HTTPProxyRoute struct {
	Conditions    []MatchCondition   `json:"conditions"`
	Services      []HTTPProxyService `json:"services"`
	TimeoutPolicy *struct {
		Response       string `json:"response"`
		Idle           string `json:"idle"`
		IdleConnection string `json:"idleConnection"`
	} `json:"timeoutPolicy"`
	RetryPolicy *struct {
		Count         int64    `json:"count"`
		PerTryTimeout string   `json:"perTryTimeout"`
		RetryOn       []string `json:"retryOn"`
	} `json:"retryPolicy"`
	LoadBalancerPolicy *struct {
		Strategy string `json:"strategy"` // Cookie and RequestHash keep clients at one endpoint
	} `json:"loadBalancerPolicy"`
	HealthCheckPolicy *struct {
		Path            string `json:"path"`
		IntervalSeconds int64  `json:"intervalSeconds"`
		TimeoutSeconds  int64  `json:"timeoutSeconds"`
	} `json:"healthCheckPolicy"`
	PathRewritePolicy *struct {
		ReplacePrefix []struct {
			Prefix      string `json:"prefix"`
			Replacement string `json:"replacement"`
		} `json:"replacePrefix"`
	} `json:"pathRewritePolicy"`
	RequestRedirectPolicy *struct {
		StatusCode int    `json:"statusCode"`
		Hostname   string `json:"hostname"`
		Path       string `json:"path"`
	} `json:"requestRedirectPolicy"`
	DirectResponsePolicy *struct {
		StatusCode int `json:"statusCode"`
	} `json:"directResponsePolicy"`
	PermitInsecure bool `json:"permitInsecure"`
}

// HTTPProxyService is one backend of a route.
type HTTPProxyService struct {
	Name       string `json:"name"`
	Port       int32  `json:"port"`
	Protocol   string `json:"protocol"`
	Weight     int64  `json:"weight"`
	Mirror     bool   `json:"mirror"`
	Validation *struct {
		CACertificate string `json:"caSecret"`
		SubjectName   string `json:"subjectName"`
	} `json:"validation"`
}

// HTTPProxyStatus is what Contour says of it.
type HTTPProxyStatus struct {
	CurrentStatus string `json:"currentStatus"` // valid, invalid, orphaned
	Description   string `json:"description"`
	Conditions    []struct {
		Type               string `json:"type"`
		Status             string `json:"status"`
		ObservedGeneration int64  `json:"observedGeneration"`
		Errors             []struct {
			Type    string `json:"type"`
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"errors"`
	} `json:"conditions"`
}
