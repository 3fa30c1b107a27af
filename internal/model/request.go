package model

// Request is what a client asks of a gateway, as far as routing looks at it.
type Request struct {
	Scheme  string            `json:"scheme,omitempty"` // http or https; empty means either
	Method  string            `json:"method,omitempty"` // empty means GET
	Host    string            `json:"host,omitempty"`   // without port; empty means any
	Port    int32             `json:"port,omitempty"`   // of the listener; 0 means the scheme's
	Path    string            `json:"path"`             // starts with a slash, without query
	Headers map[string]string `json:"headers,omitempty"`
}

// String reads "shop.example.com/cart".
func (r Request) String() string {
	host := r.Host
	if host == "" {
		host = "*"
	}
	return host + r.Path
}
