package proxy

import (
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Knob is something that an object can tell a proxy about a route or its backend, whatever the
// controller calls it.
type Knob string

// The knobs. The comment says which part of a [Setting] holds the value besides Value.
const (
	Protocol       Knob = "protocol"        // Value: what the proxy speaks to the backend: HTTP, HTTPS, H2 (over TLS), H2C, GRPC, GRPCS, FCGI, AUTO_HTTP, TCP
	ServerName     Knob = "server-name"     // the name sent in the TLS handshake (SNI) with the backend
	VerifyBackend  Knob = "verify-backend"  // Yes: the backend's certificate is checked
	BackendCA      Knob = "backend-ca"      // the Secret or ConfigMap with the authority against which it is checked
	ClientSecret   Knob = "client-secret"   // the Secret with the certificate that the proxy shows the backend
	UpstreamHost   Knob = "upstream-host"   // the Host header sent to the backend
	Rewrite        Knob = "rewrite"         // the path sent to the backend
	AppRoot        Knob = "app-root"        // requests for / are redirected to it
	Redirect       Knob = "redirect"        // where requests are sent instead; Size: the status
	DirectAnswer   Knob = "direct-answer"   // Size: the status that is answered without asking anybody
	Abort          Knob = "abort"           // Size: the status with which a share of requests is refused on purpose; Value: percent
	Delay          Knob = "delay"           // Time by which a share of requests is held back on purpose; Value: percent
	MeshTLS        Knob = "mesh-tls"        // Value: how the mesh connects: DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL
	ForceTLS       Knob = "force-tls"       // Yes: plain requests are redirected to https
	Passthrough    Knob = "passthrough"     // Yes: TLS is not ended at the proxy, paths mean nothing
	ServiceAddress Knob = "service-address" // Yes: the proxy dials the Service's address instead of its endpoints
	UseRegex       Knob = "use-regex"       // Yes: paths are regular expressions; Value may say of which kind
	StripPrefix    Knob = "strip-prefix"    // Yes: the rule's path is cut off before the request is sent on
	ConnectTimeout Knob = "connect-timeout" // Time
	ReadTimeout    Knob = "read-timeout"    // Time: between two reads of the answer
	SendTimeout    Knob = "send-timeout"    // Time: between two writes of the request
	RequestTimeout Knob = "request-timeout" // Time: for the whole request; 0 is none
	TryTimeout     Knob = "try-timeout"     // Time: for one try; 0 is none
	IdleTimeout    Knob = "idle-timeout"    // Time: of a connection to the backend
	KeepAlive      Knob = "keep-alive"      // Time: how long idle connections to the backend are kept
	HeaderBuffer   Knob = "header-buffer"   // Size: bytes for an answer's header
	BodyLimit      Knob = "body-limit"      // Size: bytes of a request's body; 0 is no limit
	Buffering      Knob = "buffering"       // Yes: answers are read whole before they are sent on
	Retries        Knob = "retries"         // Value: on what; Size: how often
	Canary         Knob = "canary"          // Yes: the route takes a share of another one's requests
	CanaryWeight   Knob = "canary-weight"   // Size
	CanaryTotal    Knob = "canary-total"    // Size: the weight that stands for all requests, 100 if it is not set
	CanaryHeader   Knob = "canary-header"   // Value: the header's name
	CanaryValue    Knob = "canary-value"    // Value: the header's value, or a pattern
	CanaryCookie   Knob = "canary-cookie"   // Value: the cookie's name
	Mirror         Knob = "mirror"          // Value: where a copy of each request goes
	AuthURL        Knob = "auth-url"        // Value: who is asked whether a request may pass
	AuthSecret     Knob = "auth-secret"     // Value: the Secret with users or keys
	ClientCA       Knob = "client-ca"       // Value: the Secret with the authority that clients must show
	Snippet        Knob = "snippet"         // Value: raw configuration for the proxy
	Sources        Knob = "sources"         // Value: addresses from which requests are taken
	RateLimit      Knob = "rate-limit"      // Size: requests in a second, or connections
	DefaultBackend Knob = "default-backend" // Value: the Service for what nothing else answers
	ErrorCodes     Knob = "error-codes"     // Value: the statuses that the default backend answers instead
	ProxyProtocol  Knob = "proxy-protocol"  // Value: the version that the proxy speaks to the backend
	HealthPath     Knob = "health-path"     // Value: the path that the proxy's or load balancer's own check asks
	HealthPort     Knob = "health-port"     // Value: number or traffic-port
	HealthScheme   Knob = "health-scheme"   // Value
	HealthCodes    Knob = "health-codes"    // Value: the statuses that pass
	HealthInterval Knob = "health-interval" // Time
	HealthTimeout  Knob = "health-timeout"  // Time
	TargetType     Knob = "target-type"     // Value: ip or instance
	Certificate    Knob = "certificate"     // Value: what the load balancer shows its clients
	Middleware     Knob = "middleware"      // Value: NAMESPACE/NAME of what stands before the backend
	Affinity       Knob = "affinity"        // Value: how clients are kept at one endpoint
	Merges         Knob = "merges"          // Yes: the object shares its hosts with others of its controller
	SetHeader      Knob = "set-header"      // Value: the names of headers that are set, added or removed
	Extension      Knob = "extension"       // Value: KIND/NAME of a filter of the controller's own
	Elsewhere      Knob = "elsewhere"       // Value: an annotation of another controller, which this one does not read
)

// Setting is one value that an object gives a knob, and where.
type Setting struct {
	Knob  Knob
	Value string // as written, or in the form that the knob names
	Yes   bool
	Time  time.Duration
	Size  int64
	At    model.FieldRef
	// Default is set for what holds where nothing is written; At is then the place to write it.
	Default bool
	// Service is set where the value holds for one backend of the route only.
	Service string
	// Wrong says why the controller does not take the value; it then counts as not written.
	Wrong string
}

// Settings are the values that hold for a route or backend, most specific first.
type Settings []Setting

// Get returns the setting of a knob that holds, or the controller's default. Of a route's settings
// those for one backend only are left out; a leg's have them.
func (s Settings) Get(k Knob) (Setting, bool) {
	for _, v := range s {
		if v.Knob == k && v.Service == "" && v.Wrong == "" {
			return v, true
		}
	}
	return Setting{}, false
}

// Written returns the setting of a knob if an object says it.
func (s Settings) Written(k Knob) (Setting, bool) {
	v, ok := s.Get(k)
	return v, ok && !v.Default
}

// For returns the settings that hold for one backend of a route.
func (s Settings) For(service string) Settings {
	var out, rest Settings
	for _, v := range s {
		switch v.Service {
		case "":
			rest = append(rest, v)
		case service:
			v.Service = ""
			out = append(out, v)
		}
	}
	return append(out, rest...)
}

// All returns every setting of a knob that may be given more than once.
func (s Settings) All(k Knob) Settings {
	var out Settings
	for _, v := range s {
		if v.Knob == k {
			out = append(out, v)
		}
	}
	return out
}

// Wrong returns what is written and not taken.
func (s Settings) Wrong() Settings {
	var out Settings
	for _, v := range s {
		if v.Wrong != "" {
			out = append(out, v)
		}
	}
	return out
}

// Yes reports whether a knob is turned on.
func (s Settings) Yes(k Knob) bool {
	v, ok := s.Get(k)
	return ok && v.Yes
}

// SpeaksTLS reports whether a value of [Protocol], in any case, is one over TLS.
func SpeaksTLS(protocol string) bool {
	return slices.Contains([]string{"HTTPS", "H2", "GRPCS"}, strings.ToUpper(protocol))
}

// SpeaksHTTP2 reports whether a value of [Protocol], in any case, is HTTP/2.
func SpeaksHTTP2(protocol string) bool {
	return slices.Contains([]string{"H2", "H2C", "GRPC", "GRPCS"}, strings.ToUpper(protocol))
}
