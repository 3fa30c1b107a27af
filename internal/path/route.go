package path

import (
	"strconv"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// Comparison says how a rule's path is compared with a request's.
type Comparison string

// The ways to compare.
const (
	Exact  Comparison = "Exact"
	Prefix Comparison = "Prefix" // element by element: /a matches /a and /a/b, not /ab
	// ImplementationSpecific is what the proxy makes of it: a plain string prefix, or a regular
	// expression where the path is one.
	ImplementationSpecific Comparison = "ImplementationSpecific"
	RegularExpression      Comparison = "RegularExpression"
)

// Route is one rule's way to its backends. A rule with several hosts or matches is several Routes.
type Route struct {
	Object   model.Ref // the Ingress or HTTPRoute
	Rule     string    // field path in Object: spec.rules[0].http.paths[1], spec.rules[0], spec.defaultBackend
	Host     string    // empty: any; may start with "*."
	Path     string    // starts with a slash
	PathType Comparison
	// Method, Headers and Queries are further conditions of an HTTPRoute's match.
	Method  string
	Headers map[string]string
	Queries map[string]string
	// Class names the IngressClass or GatewayClass, Controller what its object says runs it, and
	// Proxy the engine; each is empty where it is not known.
	Class      string
	Controller string
	Proxy      string
	Gateway    model.Ref // the Gateway that an HTTPRoute attaches to; zero for an Ingress
	Listener   string    // name of the listener, empty for an Ingress
	Backends   []Backend
	// Fixed is the status that the rule itself answers (a redirect); 0 if it forwards.
	Fixed int
	// Faults are reasons why no proxy serves the rule as written.
	Faults []Fault
}

// Backend is one backend reference of a rule.
type Backend struct {
	Service    model.Ref // of another kind than Service where the reference is to something else
	Field      string    // field path of the reference in the route
	PortField  string    // field path of the port in the route
	PortNumber int32     // 0 if the port is named by PortName
	PortName   string
	Weight     int32 // share of requests; an Ingress has one backend of weight 1
}

// Port is the port as the route writes it.
func (b Backend) Port() string {
	if b.PortName != "" {
		return b.PortName
	}
	if b.PortNumber == 0 {
		return ""
	}
	return strconv.Itoa(int(b.PortNumber))
}

// FaultKind says why a rule is not served.
type FaultKind string

// The kinds of faults.
const (
	ClassMissing       FaultKind = "class-missing"       // the Ingress's class does not exist, or nothing claims it
	GatewayMissing     FaultKind = "gateway-missing"     // parentRef to a Gateway that does not exist
	ListenerUnattached FaultKind = "listener-unattached" // no listener takes the route
	NotProgrammed      FaultKind = "not-programmed"      // the Gateway itself is not accepted or programmed
	GrantMissing       FaultKind = "grant-missing"       // a cross-namespace backend without a ReferenceGrant
	CannotKnow         FaultKind = "cannot-know"         // something that decides it could not be read
)

// Fault is one reason why a rule is not served as written.
type Fault struct {
	Kind   FaultKind
	Object model.FieldRef // where it would be mended
	Why    string
	Wanted string // the value that would mend it, as JSON, where one is known
}

// String reads "shop.example.com/cart", with an asterisk for any host.
func (r Route) String() string {
	host := r.Host
	if host == "" {
		host = "*"
	}
	return host + r.Path
}

// Request is a request that the rule matches.
func (r Route) Request() model.Request {
	req := model.Request{Method: r.Method, Host: r.Host, Path: r.Path, Headers: r.Headers}
	if rest, ok := strings.CutPrefix(req.Host, "*."); ok {
		req.Host = "any." + rest
	}
	return req
}

// Served reports whether nothing is known that keeps the rule from being served.
func (r Route) Served() bool { return len(r.Faults) == 0 }
