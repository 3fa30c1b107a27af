package model

// Loaded is what a proxy really has loaded of one backend, as it says itself.
type Loaded struct {
	Gateway   Ref      `json:"gateway"` // the pod
	Source    string   `json:"source"`  // where it was read: "Envoy /clusters", "nginx -T"
	Backend   string   `json:"backend"` // as the proxy calls it
	Namespace string   `json:"namespace,omitempty"`
	Service   string   `json:"service,omitempty"` // empty where the proxy's name for it does not tell
	Port      string   `json:"port,omitempty"`    // number or name
	Addresses []string `json:"addresses"`         // ip:port, sorted, each once
}
